#[memstate::model]
pub enum Bank {
    One,
}

#[memstate::model]
pub union Both {
    a: u8,
    b: u8,
}

#[memstate::model]
pub fn pay() {}

#[memstate::data]
pub fn data() {}

#[memstate::data]
pub union Neither {
    a: u8,
}

fn main() {
    let _ = Bank::One;
    pay();
    data();
}
