#[memstate::model]
pub fn pay() {}

#[memstate::data]
pub fn data() {}

#[memstate::data]
pub union Neither {
    a: u8,
}

fn main() {
    pay();
    data();
}
