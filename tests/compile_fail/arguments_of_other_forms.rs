use std::{borrow::Cow, path::Path, sync::Arc};

#[memstate::model]
#[derive(Default)]
pub struct Bank {
    total: u64,
}

#[derive(Debug)]
pub struct Money(u64);

#[memstate::model]
impl Bank {
    pub fn name(&mut self, name: impl Into<String>) {
        let _: String = name.into();
    }
    pub fn path(&mut self, path: impl AsRef<Path>) {
        let _ = path.as_ref();
    }
    pub fn limit(&mut self, limit: impl Into<Option<u64>>) {
        self.total = limit.into().unwrap_or_default();
    }
    pub fn all<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) {
        self.total += names.into_iter().count() as u64;
    }
    pub fn slices(&mut self, names: &[&str]) {
        self.total += names.len() as u64;
    }
    pub fn pair(&mut self, pair: (&str, u8)) {
        self.total += u64::from(pair.1);
    }
    pub fn deep(&mut self, name: Option<Option<&str>>) {
        let _ = name;
    }
    pub fn lent(&mut self, name: &Option<&str>) {
        let _ = name;
    }
    pub fn elided(&mut self, name: Option<Cow<'_, str>>) {
        let _ = name;
    }
    pub fn back(&mut self, name: Option<&mut String>) {
        let _ = name;
    }
    pub fn forever(&mut self, name: Option<&'static str>) {
        let _ = name;
    }
    pub fn shared(&mut self, name: Arc<str>) {
        let _ = name;
    }
    pub fn foreign(&mut self, money: Option<&Money>) {
        let _ = money;
    }
    pub fn foreign_slice(&mut self, money: Option<&[Money]>) {
        let _ = money;
    }
    pub fn total(&self, with: Option<&Money>) -> u64 {
        self.total + with.map_or(0, |money| money.0)
    }
}

async fn client(bank: BankClient) {
    let _: Result<(), _> = bank.name("a").await;
    let _: Result<(), _> = bank.all(["a"]).await;
    let _: Result<(), _> = bank.deep(Some(Some("a"))).await;
    let _: Result<(), _> = bank.shared("a".into()).await;
    let _: Result<(), _> = bank.foreign(Some(&Money(1))).await;
    let _: Result<u64, _> = bank.total(None).await;
    let _ = BankCommand::ForeignSlice { money: None };
}

fn main() {}
