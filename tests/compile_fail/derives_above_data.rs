#[derive(Clone, PartialEq)]
#[memstate::data]
pub enum Kind {
    One,
    Two { of: u64 },
}

#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[memstate::data(error)]
pub struct Refused {
    kind: Kind,
}

#[memstate::model]
#[derive(Default)]
pub struct Bank {
    kinds: memstate::collections::Vec<Kind>,
}

#[memstate::model]
impl Bank {
    pub fn pay(&mut self, kind: Kind) -> Result<u64, Refused> {
        Err(Refused { kind })
    }
}

async fn client(bank: BankClient) {
    let _: Result<u64, memstate::Error<Refused>> = bank.pay(Kind::One).await;
}

fn main() {}
