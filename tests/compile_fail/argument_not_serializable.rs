#[memstate::model]
#[derive(Default)]
pub struct Bank {
    total: u64,
}

pub struct Money(u64);

#[memstate::model]
impl Bank {
    pub fn pay(&mut self, amount: Money) {
        self.total += amount.0;
    }
    pub fn pay_all(&mut self, amounts: Vec<Money>) {
        let _ = amounts;
    }
    pub fn pay_each(&mut self, amounts: &[Money]) {
        let _ = amounts;
    }
    pub fn pay_lent(&mut self, amount: &Money) {
        self.total += amount.0;
    }
    pub fn covers(&self, amount: Money) -> bool {
        self.total >= amount.0
    }
}

async fn client(bank: BankClient) {
    let _: Result<(), _> = bank.pay(Money(3)).await;
    let _ = bank.pay_each(&[Money(3)]).await;
    let _ = bank.pay_lent(&Money(3)).await;
    let _: Result<bool, _> = bank.covers(Money(3)).await;
    let _ = bank.execute(BankCommand::Pay { amount: Money(3) }).await;
}

fn main() {}
