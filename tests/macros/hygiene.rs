//! Names, lints and places that a macro could stumble over.

use memstate::{Ctx, Model, Timestamp, model::Operation};

/// Everything that an expansion might name, taken away.
#[deny(warnings, missing_docs, clippy::pedantic)]
#[allow(clippy::module_name_repetitions)]
mod bare {
    #![no_implicit_prelude]

    /// What happened.
    #[::memstate::data]
    pub enum Happened {
        /// This.
        This(u8),
    }

    /// Why not.
    #[::memstate::data(error)]
    pub enum Refusal {
        /// Because.
        Because(::std::string::String),
        /// For this.
        Of {
            /// A number.
            number: u8,
        },
    }

    /// A model without a prelude.
    #[::memstate::model]
    pub struct Plain {
        count: u8,
        note: ::std::option::Option<::std::string::String>,
    }

    #[::memstate::model(events = Happened, crate = ::memstate)]
    impl Plain {
        /// Adds.
        pub fn add(
            &mut self,
            ctx: &mut ::memstate::Ctx<Happened>,
            number: u8,
            name: &str,
            owner: ::std::string::String,
            list: &[u8],
        ) -> ::std::result::Result<u8, Refusal> {
            ctx.emit(Happened::This(number));
            if number == 0 {
                return ::std::result::Result::Err(Refusal::Of { number });
            }
            let _ = (name, list);
            self.note = ::std::option::Option::Some(owner);
            self.count += number;
            ::std::result::Result::Ok(self.count)
        }

        /// Counts.
        #[must_use]
        pub fn count(&self) -> u8 {
            self.count
        }
    }
}

#[test]
fn without_a_prelude() {
    let _ = bare::PlainCommand::Add { number: 1, name: "a".into(), owner: "b".into(), list: vec![] };
}

/// Under another name.
mod other {
    pub use memstate as renamed;
}

#[memstate::data(crate = other::renamed)]
pub struct Renamed(u8);

#[memstate::model(crate = other::renamed)]
pub struct Elsewhere {
    renamed: Renamed,
}

#[memstate::model(crate = other::renamed)]
impl Elsewhere {
    pub fn get(&self) -> u8 {
        self.renamed.0
    }
}

#[memstate::model]
#[derive(Default)]
pub struct Names {
    total: u64,
}

/// A user's own type with the name of std's.
#[memstate::data]
#[derive(Debug, PartialEq)]
pub struct Result<T, E>(T, E);

type Aliased = std::result::Result<u8, u8>;

#[memstate::model]
impl Names {
    #[allow(clippy::too_many_arguments)]
    pub fn locals(
        &mut self,
        bytes: u64,
        self_: u64,
        method: &str,
        client: Vec<u8>,
        reply: u8,
        command: u8,
        w: u8,
        mut r: u8,
        ctx: String,
        argument0: u8,
        model: u8,
        verdict: u8,
        number: u8,
        f: u8,
    ) -> u64 {
        r += 1;
        let _ = (self_, method, client, reply, command, w, r, ctx, argument0, model, verdict, number, f);
        self.total += bytes;
        bytes
    }

    #[memstate(client = "query_it")]
    pub fn query(&self, model: u64, method: u64, query: u64, left0: u64, other: u64) -> u64 {
        model + method + query + left0 + other
    }

    pub fn r#type(&mut self, r#fn: u64, r#match: &str) -> u64 {
        let _ = r#match;
        r#fn
    }

    pub fn self_(&mut self) {}

    #[allow(non_snake_case)]
    pub fn Self_x(&self) -> u8 {
        1
    }

    pub fn _hidden(&mut self) -> Aliased {
        Err(1)
    }

    pub fn own(&mut self) -> Result<u8, u8> {
        Result(1, 2)
    }

    pub fn maybe(&mut self) -> Option<u8> {
        None
    }

    /// The names of the client's own methods, which the client calls otherwise.
    #[memstate(client = "read_it")]
    pub fn read(&self) -> u8 {
        1
    }
    #[memstate(client = "clone_it")]
    pub fn clone(&self) -> u8 {
        1
    }
    #[memstate(client = "deref_it")]
    pub fn deref(&self) -> u8 {
        1
    }
    #[memstate(client = "from_it")]
    pub fn from(&mut self) -> u8 {
        1
    }
    #[memstate(client = "execute_it")]
    pub fn execute(&mut self) -> u8 {
        1
    }
    pub fn put(&mut self) -> u8 {
        1
    }

    #[cfg(any())]
    pub fn never(&mut self, of: NoSuchType) -> NoSuchResult {
        of
    }

    #[cfg(not(target_os = "none"))]
    pub fn always(&mut self, of: u8) -> u8 {
        of
    }

    #[cfg(any())]
    pub fn either(&self) -> u8 {
        1
    }
    #[cfg(not(any()))]
    pub fn either(&self) -> u16 {
        2
    }

    #[deprecated]
    pub fn old(&mut self) {}

    pub(crate) fn crate_wide(&mut self, by_ref: &Vec<u8>, date: &(u8, u8)) {
        let _ = (by_ref, date);
    }
}

fn verdict(command: NamesCommand) -> memstate::model::Verdict {
    let mut ctx = Ctx::for_test(Timestamp::default());
    Model::execute(&mut Names::default(), command, &mut ctx, &mut Vec::new()).unwrap()
}

#[test]
fn results_are_known_by_type() {
    use memstate::model::Verdict;
    assert_eq!(verdict(NamesCommand::Hidden), Verdict::Rejected);
    assert_eq!(verdict(NamesCommand::Own), Verdict::Accepted);
    assert_eq!(verdict(NamesCommand::Maybe), Verdict::Accepted);
}

#[test]
fn keywords_are_no_hindrance() {
    let command = NamesCommand::Type { r#fn: 1, r#match: "a".into() };
    assert_eq!(NamesCommand::decode(&command.encode().unwrap()).unwrap(), command);
    assert_eq!(format!("{command:?}"), "Type { fn: 1, match: \"a\" }");
    let _ = (NamesCommand::Self_, NamesQuery::SelfX);
    assert_eq!(NamesCommand::METHODS[1].name, "type");
    assert_eq!(NamesCommand::METHODS[1].arguments[0].name, "fn");
}

#[test]
fn methods_are_numbered_without_those_that_are_not_there() {
    let names: Vec<_> = NamesCommand::METHODS.iter().map(|method| method.name).collect();
    assert!(!names.contains(&"never") && names.contains(&"always"));
    let command = NamesCommand::Always { of: 3 };
    assert_eq!(names[usize::from(command.method())], "always");
    assert_eq!(NamesCommand::decode(&command.encode().unwrap()).unwrap(), command);
    let NamesReply::Either(2u16) = Names::default().answer(NamesQuery::Either) else { panic!() };
}

#[test]
fn models_stand_anywhere() {
    #[memstate::model]
    #[derive(Default)]
    struct Local {
        count: u8,
    }

    #[memstate::model]
    impl Local {
        pub fn add(&mut self, to: u8) {
            self.count += to;
        }
    }

    let command = LocalCommand::Add { to: 3 };
    let mut local = Local::default();
    local.execute(command, &mut Ctx::for_test(Timestamp::default()), &mut Vec::new()).unwrap();
    assert_eq!(local.count, 3);
    let _ = |client: LocalClient| client.add(3);
}

mod apart {
    use super::{Apart, ApartClient};

    #[memstate::model]
    impl Apart {
        pub fn add(&mut self, to: u8) {
            self.0 += to;
        }
    }
}

mod by_path {
    #[memstate::model]
    impl super::ByPath {
        pub(super) fn get(&self) -> u8 {
            1
        }
    }
}

#[memstate::model]
pub struct Apart(u8);

#[memstate::model]
struct ByPath;

#[test]
fn the_block_may_stand_in_another_module() {
    let _ = (
        ApartCommand::Add { to: 3 },
        |client: ApartClient| client.add(1),
        |client: ByPathClient| client.get(),
    );
}

macro_rules! model {
    ($name:ident, $method:ident, $argument:ident: $ty:ty) => {
        #[memstate::model]
        pub struct $name {
            inner: $ty,
        }

        #[memstate::model]
        impl $name {
            pub fn $method(&mut self, bytes: u8, $argument: $ty) -> Option<$ty> {
                let _ = bytes;
                Some(std::mem::replace(&mut self.inner, $argument))
            }
        }
    };
}
model!(Made, exchange, bytes_: String);

#[test]
fn models_may_come_out_of_macros() {
    let _ = MadeCommand::Exchange { bytes: 1, bytes_: String::new() };
}

/// Types of the user's with the name of the client's own parameter.
mod parameter {
    #[memstate::data]
    #[derive(Debug, PartialEq)]
    pub struct Client(u8);

    #[memstate::model]
    pub struct C {
        client: Client,
    }

    #[memstate::model]
    impl C {
        pub fn put(&mut self, client: Client, #[memstate(default)] past: Option<Box<Client>>) -> Client {
            let _ = past;
            std::mem::replace(&mut self.client, client)
        }

        pub fn is(&self, client: Client) -> bool {
            self.client == client
        }
    }

    #[memstate::model]
    struct Holder(u8);

    #[memstate::model]
    impl Holder {
        pub fn take(&self, c: Option<C>) -> Option<u8> {
            c.map(|c| c.client.0 + self.0)
        }
    }

    #[allow(dead_code)]
    fn clients(one: CClient, two: HolderClient, client: Client) {
        let _ = (one.put(client, None), two.take(None));
    }
}
