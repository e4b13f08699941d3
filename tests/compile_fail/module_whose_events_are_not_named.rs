#[memstate::model]
mod bank {
    use memstate::Ctx;

    #[memstate::data]
    pub enum BankEvent {
        Paid(u64),
    }

    #[derive(Default)]
    pub struct Bank {
        total: u64,
    }

    impl Bank {
        pub fn total(&self) -> u64 {
            self.total
        }
    }

    impl Bank {
        pub fn pay(&mut self, ctx: &mut Ctx<BankEvent>, amount: u64) {
            self.total += amount;
            ctx.emit(BankEvent::Paid(amount));
        }
    }
}

async fn client(bank: bank::BankClient) {
    let _: Result<(), _> = bank.pay(3).await;
    let _: Result<u64, _> = bank.total().await;
    let _ = bank::BankCommand::Pay { amount: 3 };
}

fn main() {}
