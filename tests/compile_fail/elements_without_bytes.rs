use memstate::collections;

#[memstate::data]
#[derive(PartialEq)]
pub struct Unit;

/// Has no size in memory, but is written.
#[memstate::data]
pub enum Single {
    One,
}

#[memstate::data]
pub struct Marks {
    marks: Option<Vec<Unit>>,
}

#[memstate::model]
#[derive(Default)]
pub struct Bank {
    units: collections::Vec<Unit>,
    singles: collections::Vec<Single>,
    named: collections::HashMap<u8, Unit>,
}

#[memstate::model]
impl Bank {
    pub fn fill(&mut self, units: Vec<Unit>, singles: Vec<Single>) -> usize {
        units.len() + singles.len()
    }

    pub fn lend(&mut self, units: &[()]) -> Vec<u8> {
        vec![units.len() as u8]
    }

    pub fn units(&self) -> Result<Vec<[u8; 0]>, String> {
        Ok(Vec::new())
    }
}

async fn client(bank: BankClient) {
    let _: Result<usize, _> = bank.fill(vec![Unit], vec![Single::One]).await;
    let _ = (bank.lend(&[()]).await, bank.units().await);
    let _ = BankCommand::Fill { units: vec![Unit], singles: Vec::new() };
}

fn main() {}
