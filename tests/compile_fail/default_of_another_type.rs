#[memstate::data]
pub struct Reason(u8);

#[memstate::model]
#[derive(Default)]
pub struct Bank {
    total: u64,
}

#[memstate::model]
impl Bank {
    pub fn shut(
        &mut self,
        #[memstate(default)] why: Reason,
        #[memstate(default = "none")] note: String,
        #[memstate(default = Reason(nought))] then: Reason,
    ) {
        self.total = u64::from(why.0 + then.0) + note.len() as u64;
    }
}

async fn client(bank: BankClient) {
    let _: Result<(), _> = bank.shut(Reason(1), "", Reason(2)).await;
}

fn main() {}
