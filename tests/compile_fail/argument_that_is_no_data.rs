#[memstate::model]
#[derive(Default)]
pub struct Bank {
    total: u64,
}

pub trait Rule {}

#[memstate::model]
impl Bank {
    pub fn fill(&mut self, out: &mut Vec<u64>) {
        out.push(self.total);
    }
    pub fn apply(&mut self, change: impl Fn(u64) -> u64) {
        self.total = change(self.total);
    }
    pub fn enforce(&mut self, rule: Box<dyn Rule>) {
        let _ = rule;
    }
    pub fn enforce_lent(&mut self, rule: &dyn Rule) {
        let _ = rule;
    }
    pub fn call(&mut self, change: fn(u64) -> u64) {
        self.total = change(self.total);
    }
    pub fn names(&mut self, names: Vec<&str>) {
        let _ = names;
    }
    pub fn forever(&mut self, name: &'static str) {
        let _ = name;
    }
    pub fn cow<'a>(&mut self, name: std::borrow::Cow<'a, str>) {
        let _ = name;
    }
    pub fn poke(&mut self, at: *const u8) {
        let _ = at;
    }
    pub fn fine(&mut self, name: std::borrow::Cow<'static, str>) {
        let _ = name;
    }
}

fn twice(total: u64) -> u64 {
    2 * total
}

async fn client(bank: BankClient) {
    let _: Result<(), _> = bank.fill(&mut vec![1u64]).await;
    let _: Result<(), _> = bank.apply(twice).await;
    let _: Result<(), _> = bank.call(twice).await;
    let _: Result<(), _> = bank.names(vec!["a"]).await;
    let _: Result<(), _> = bank.forever("a").await;
    let _: Result<(), _> = bank.fine("a".into()).await;
}

fn main() {}
