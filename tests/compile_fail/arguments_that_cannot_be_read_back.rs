use std::{rc::Rc, sync::Arc};

#[memstate::model]
#[derive(Default)]
pub struct Bank {
    total: u64,
}

#[memstate::model]
impl Bank {
    pub fn twice(&mut self, name: &&str) {
        self.total += name.len() as u64;
    }
    pub fn slices(&mut self, parts: &&[u8], rest: &mut [u8]) {
        self.total += parts.len() as u64 + rest.len() as u64;
    }
    pub fn shared(&mut self, name: Rc<str>, parts: &[Rc<[u8]>], of: std::sync::Weak<u64>) {
        self.total += name.len() as u64 + parts.len() as u64 + of.strong_count() as u64;
    }
    pub fn long(&mut self, digest: [u8; 64], other: &[u8; 33]) {
        self.total += digest.len() as u64 + other.len() as u64;
    }
    pub fn sent(&mut self, name: Arc<str>) {
        self.total += name.len() as u64;
    }
    pub fn unsized_(&mut self, name: str) {
        self.total += name.len() as u64;
    }
}

async fn client(bank: BankClient) {
    let _ = bank.twice(&"a").await;
    let _ = bank.slices(&[1], &mut [2]).await;
    let (name, parts): (Rc<str>, [Rc<[u8]>; 0]) = (Rc::from("a"), []);
    let _ = bank.shared(name, &parts, std::sync::Weak::<u64>::new()).await;
    let _ = bank.long([0; 64], &[0; 33]).await;
    let _ = bank.sent(Arc::from("a")).await;
}

fn main() {}
