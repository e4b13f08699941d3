#![deny(warnings)]

use std::time::SystemTime;

#[memstate::model]
#[derive(Default)]
pub struct Bank {
    last: Option<u64>,
}

#[memstate::model]
impl Bank {
    pub fn pay(&mut self) {
        self.last = self.stamp();
    }

    fn stamp(&self) -> Option<u64> {
        Self::now()
    }

    fn now() -> Option<u64> {
        Some(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs())
    }

    /// No command calls this one.
    pub fn age(&self) -> Option<u64> {
        Some(self.of_today()? - self.last?)
    }

    fn of_today(&self) -> Option<u64> {
        Some(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs())
    }
}

async fn client(bank: BankClient) {
    let _ = bank.pay().await;
    let _ = bank.age().await;
    let _ = BankCommand::Pay;
}

fn main() {}
