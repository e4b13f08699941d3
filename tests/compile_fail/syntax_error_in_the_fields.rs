#[memstate::model]
#[derive(Default)]
pub struct Bank {
    total u64,
    kinds: memstate::collections::Vec<Kind>,
}

#[memstate::data(error)]
pub enum Kind {
    One u8,
    Two { of: u64 },
}

#[memstate::model]
impl Bank {
    pub fn pay(&mut self, kind: Kind) -> Result<u64, Kind> {
        self.kinds.push(kind);
        Ok(self.total)
    }
    pub fn kinds(&self) -> usize {
        self.kinds.len()
    }
}

async fn client(bank: BankClient, kind: Kind) {
    println!("{kind} {kind:?}");
    let _ = BankCommand::Pay { kind: kind.clone() };
    let _ = bank.pay(kind).await;
    let _: Result<usize, _> = bank.kinds().await;
}

fn main() {}
