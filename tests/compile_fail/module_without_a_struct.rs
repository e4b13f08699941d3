#[memstate::model]
mod bank_account {
    pub fn open() {}
}

#[memstate::model]
mod bank {
    #[memstate::data]
    pub struct Account {
        pub total: u64,
    }
}

#[memstate::model]
mod other {
    #[memstate(skip)]
    pub fn stray() {}
}

fn main() {
    bank_account::open();
    let _ = bank::Account { total: 1 }.total;
    other::stray();
}
