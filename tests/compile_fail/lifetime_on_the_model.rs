#[memstate::model]
pub struct Bank<'a> {
    name: &'a str,
}

#[memstate::model]
impl<'a> Bank<'a> {
    pub fn name(&self) -> String {
        self.name.to_owned()
    }
}

fn client(bank: BankClient) {
    let _ = bank;
}

fn main() {}
