//! A module whose types and modules are called like primitives, like those of the standard library, and like memstate.
//!
//! Those that serde's own derives write (`str`, `u8`, `usize`) cannot be taken.

#![allow(clippy::non_minimal_cfg, reason = "a condition that is always true")]
#![allow(non_camel_case_types, dead_code)]

use ::memstate::{State as _, model::Operation as _};

#[::memstate::data]
#[derive(Debug, PartialEq)]
pub struct u16(pub i64);
#[::memstate::data]
#[derive(Debug, PartialEq)]
pub struct u32 {
    pub x: i64,
}
#[::memstate::data]
#[derive(Debug, PartialEq)]
pub struct bool;
#[::memstate::data]
#[derive(Debug, PartialEq, Default)]
pub struct Vec;
#[::memstate::data]
#[derive(Debug, PartialEq, Default)]
pub struct String;
#[::memstate::data]
#[derive(Debug, PartialEq)]
pub struct Result;
#[::memstate::data]
#[derive(Debug, PartialEq)]
pub enum Option {
    A(u16),
    B { x: u32 },
}
#[::memstate::data(error)]
#[derive(PartialEq)]
pub struct Box<T> {
    of: T,
}
pub struct Send;
pub struct Sized;
pub mod std {}
pub mod core {}
pub mod alloc {}
pub mod memstate {}
pub mod serde {}

impl ::std::default::Default for u16 {
    fn default() -> Self {
        u16(1)
    }
}

#[::memstate::model]
#[derive(Default)]
pub struct Bank {
    number: u16,
    all: Vec,
    name: String,
}

#[::memstate::model]
impl Bank {
    pub fn put(&mut self, number: u16, all: Vec, name: String, option: Option, flag: bool) -> u16 {
        (self.all, self.name) = (all, name);
        let _ = (option, flag);
        ::std::mem::replace(&mut self.number, number)
    }
    pub fn fail(&mut self, number: &u16, rest: &[u32]) -> ::std::result::Result<u8, Box<u8>> {
        self.number = number.clone();
        Err(Box { of: rest.len() as u8 })
    }
    #[cfg(all())]
    pub fn result(&mut self) -> Result {
        Result
    }
    pub fn number(&self) -> u16 {
        self.number.clone()
    }
    pub fn all(&self) -> impl Iterator<Item = u32> {
        ::std::iter::once(u32 { x: self.number.0 })
    }
    pub fn option(&self, text: &str) -> Option {
        if text.is_empty() { Option::A(u16(2)) } else { Option::B { x: u32 { x: 3 } } }
    }
}

#[tokio::test]
async fn types_and_modules_may_be_called_like_those_of_the_language() {
    let bank = ::memstate::open::<Bank>("memory:").await.unwrap();
    assert_eq!(bank.put(u16(5), Vec, String, Option::A(u16(0)), bool).await.unwrap(), u16(1));
    let refused = bank.fail(&u16(6), &[u32 { x: 1 }]).await.unwrap_err();
    assert!(matches!(refused, ::memstate::Error::Rejected(Box { of: 1 })));
    assert_eq!(bank.result().await.unwrap(), Result);
    assert_eq!(bank.number().await.unwrap(), u16(5));
    assert_eq!(bank.all().await.unwrap(), [u32 { x: 5 }]);
    assert_eq!(bank.option("x").await.unwrap(), Option::B { x: u32 { x: 3 } });
    assert_eq!(BankCommand::METHODS.len(), 3);
    assert_eq!(u32::restore(u32 { x: 3 }.save()), u32 { x: 3 });
}
