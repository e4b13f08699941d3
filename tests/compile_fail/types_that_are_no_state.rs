use std::{cell::RefCell, sync::Mutex};

#[memstate::model]
pub struct Bank {
    accounts: std::collections::HashMap<u64, u64>,
    cache: RefCell<Vec<u64>>,
    lock: Option<Mutex<u64>>,
    count: std::sync::atomic::AtomicU64,
    opened: std::time::Instant,
    shared: std::rc::Rc<u64>,
    many: std::sync::Arc<u64>,
    address: *const u8,
    log: std::fs::File,
}

#[memstate::model]
impl Bank {
    pub fn balance(&self, account: u64) -> Option<u64> {
        self.cache.borrow_mut().push(account);
        self.accounts.get(&account).copied()
    }
}

async fn client(bank: BankClient) {
    let _: Result<Option<u64>, _> = bank.balance(3).await;
}

fn main() {}
