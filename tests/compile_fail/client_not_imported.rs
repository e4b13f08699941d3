mod bank {
    #[memstate::model]
    #[derive(Default)]
    pub struct Bank {
        pub(crate) total: u64,
    }
}

mod methods {
    use super::bank::Bank;

    #[memstate::model]
    impl Bank {
        pub fn pay(&mut self, amount: u64) {
            self.total += amount;
        }
    }
}

fn main() {}
