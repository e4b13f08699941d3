//! A derive that stands above has run when ours runs, and is no more to be seen there.

#[derive(Clone, Debug, PartialEq)]
#[memstate::data]
pub enum Kind {
    One,
    Two { of: u64 },
}

/// As many write it.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[derive(PartialEq)] // and more
/// Between.
#[memstate::data(error)]
pub struct Full {
    pub kinds: memstate::collections::Vec<Kind>,
    #[memstate(clone)]
    #[serde(default)]
    pub at: Option<u64>,
}

#[derive(Default, serde::Serialize)]
#[memstate::model]
pub struct Bank {
    kinds: memstate::collections::Vec<Kind>,
    #[cfg(all())]
    last: Option<Kind>,
}

#[memstate::model]
impl Bank {
    pub fn pay(&mut self, kind: Kind) -> Result<usize, Full> {
        self.kinds.push(kind);
        Ok(self.kinds.len())
    }
}

/// These do not meet.
#[derive(Debug, PartialEq)]
#[memstate::data]
pub struct Coin(u8);

async fn client(bank: BankClient, full: Full) {
    let _: Result<usize, _> = bank.pay(Kind::One).await;
    let _ = BankCommand::Pay { kind: Kind::One };
    assert_eq!(full.clone(), full);
    println!("{full}, {full:?}");
}

fn main() {}
