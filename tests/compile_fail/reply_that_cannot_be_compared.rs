use memstate::testing::given;

#[memstate::data(error)]
pub enum BankError {
    NoAccount,
}

#[memstate::model]
#[derive(Default)]
pub struct Bank {
    balance: u64,
}

#[memstate::model]
impl Bank {
    pub fn pay(&mut self, amount: u64) -> Result<u64, BankError> {
        self.balance += amount;
        match self.balance {
            0 => Err(BankError::NoAccount),
            balance => Ok(balance),
        }
    }
}

fn main() {
    let _ = given([BankCommand::Pay { amount: 1 }]).when(BankCommand::Pay { amount: 2 }).then(BankReply::Pay(Ok(3)));
}
