#[memstate::model]
#[derive(Default)]
pub struct Bank {
    total: u64,
}

pub struct Report;

#[memstate::model]
impl Bank {
    pub fn pay(&mut self) -> Report {
        Report
    }
    pub fn pay_all(&mut self) -> Option<Report> {
        None
    }
    pub fn report(&self) -> Report {
        Report
    }
}

async fn client(bank: BankClient) {
    let _: Result<Report, memstate::Error> = bank.pay().await;
    let _ = bank.pay_all().with_position().await;
    let _: Result<Report, memstate::Error> = bank.report().await;
    let _ = bank.execute(BankCommand::Pay).await;
}

fn main() {}
