use std::{borrow::Cow, error::Error, rc::Rc};

#[memstate::model]
#[derive(Default)]
pub struct Bank {
    name: String,
}

#[memstate::model]
impl Bank {
    pub fn any_error(&mut self) -> Result<(), Box<dyn Error>> {
        Ok(())
    }
    pub fn some_error(&mut self) -> Result<(), impl Error + use<>> {
        Err::<(), _>(std::fmt::Error)
    }
    pub fn io(&mut self) -> std::io::Result<u64> {
        Ok(3)
    }
    pub fn text(&mut self) -> Result<u64, &'static str> {
        Err("no")
    }
    pub fn never(&mut self) -> ! {
        panic!()
    }
    pub fn cow(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.name)
    }
    pub fn shared(&self) -> Option<Rc<str>> {
        None
    }
    pub fn long(&self) -> [u8; 64] {
        [0; 64]
    }
    pub fn some(&self) -> impl Sized + use<> {
        3
    }
}

async fn client(bank: BankClient) {
    let _ = bank.any_error().await;
    let _ = bank.some_error().await;
    let _ = bank.io().await;
    let _ = bank.text().await;
    let _ = bank.never().await;
    let _ = bank.cow().await;
    let _ = bank.shared().await;
    let _ = bank.long().await;
    let _ = bank.some().await;
}

fn main() {}
