#[memstate::data]
pub enum BankEvent {
    Paid,
}

#[memstate::model]
#[derive(Default)]
pub struct Bank {
    total: u64,
}

#[memstate::model]
impl Bank {
    pub fn pay(&mut self, ctx: &mut memstate::Ctx) -> u64 {
        ctx.emit(BankEvent::Paid);
        self.total
    }
}

async fn client(bank: BankClient) {
    let _: Result<u64, _> = bank.pay().await;
    let _ = BankCommand::Pay;
}

fn main() {}
