use std::{cell::RefCell, rc::Rc, sync::Mutex, time::SystemTime};

#[memstate::model]
#[derive(Default)]
pub struct Bank {
    cached: RefCell<u64>,
    locked: Mutex<u64>,
    opened: Option<SystemTime>,
    shared: Rc<u64>,
}

#[memstate::model]
impl Bank {
    pub fn pay(&mut self) -> u64 {
        *self.cached.borrow()
    }
}

async fn client(bank: BankClient) {
    let _: Result<u64, _> = bank.pay().await;
    let _ = BankCommand::Pay;
}

fn main() {}
