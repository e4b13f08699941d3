#![deny(warnings)]

use std::time::{Instant, SystemTime};

use memstate::Ctx;

#[memstate::data]
pub enum BankEvent {
    Paid,
}

#[memstate::model]
#[derive(Default)]
pub struct Bank {
    total: u64,
    at: u64,
}

#[memstate::model(events = BankEvent)]
impl Bank {
    pub fn pay(&mut self, amount: u64) -> Result<u64, String> {
        self.at = SystemTime::now().elapsed().map_or(0, |age| age.as_secs());
        self.total += amount;
        Ok(self.total)
    }

    pub fn stamp(&mut self, moment: &mut Ctx<BankEvent>) {
        moment.emit(BankEvent::Paid);
        self.at = std::time::Instant::now().elapsed().as_secs();
    }

    pub fn remember(&mut self) {
        if let Ok(home) = std::env::var("HOME") {
            std::fs::write("bank.txt", home).ok();
        }
        self.later();
    }

    fn later(&mut self) {
        std::thread::sleep(std::time::Duration::from_secs(1));
    }

    #[memstate(skip)]
    pub fn dial(&mut self) {
        let _ = std::net::TcpStream::connect("bank.example:80");
    }

    #[memstate(deterministic)]
    pub fn measured(&mut self) {
        let _ = Instant::now();
    }

    pub fn total(&self) -> u64 {
        std::time::Instant::now().elapsed().as_secs() + self.total + self.at
    }
}

pub async fn client(bank: BankClient) {
    let _: Result<u64, memstate::Error<String>> = bank.pay(3).await;
    let _ = (bank.stamp().await, bank.remember().await, bank.total().await);
    let _ = [BankCommand::Pay { amount: 3 }, BankCommand::Stamp, BankCommand::Remember, BankCommand::Measured];
}

fn main() {}
