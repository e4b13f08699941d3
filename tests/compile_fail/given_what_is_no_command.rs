use memstate::testing::{assert_deterministic, given};

#[memstate::model]
#[derive(Default)]
pub struct Bank {
    balance: u64,
}

#[memstate::model]
impl Bank {
    pub fn pay(&mut self, amount: u64) -> u64 {
        self.balance += amount;
        self.balance
    }

    pub fn balance(&self) -> u64 {
        self.balance
    }
}

fn main() {
    given::<Bank>([BankQuery::Balance]).then_query(BankQuery::Balance, BankReply::Balance(0));
    assert_deterministic::<Bank>([3]);
    given::<Bank>([BankCommand::Pay { amount: 1 }]).then_query(BankQuery::Balance, BankReply::Balance(1));
}
