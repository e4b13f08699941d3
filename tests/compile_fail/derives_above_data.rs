//! A derive that stands above has run when `#[memstate::data]` runs, and is no more to be seen there.

#[derive(Clone, PartialEq)]
#[memstate::data]
pub enum Kind {
    One,
    Two { of: u64 },
}

#[memstate::model]
#[derive(Default)]
pub struct Bank {
    kinds: memstate::collections::Vec<Kind>,
}

#[memstate::model]
impl Bank {
    pub fn pay(&mut self, kind: Kind) -> usize {
        self.kinds.push(kind);
        self.kinds.len()
    }
}

async fn client(bank: BankClient) {
    let _: Result<usize, _> = bank.pay(Kind::One).await;
    let _ = BankCommand::Pay { kind: Kind::One };
}

fn main() {}
