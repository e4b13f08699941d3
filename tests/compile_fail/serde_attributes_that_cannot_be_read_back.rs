#[memstate::data]
#[serde(untagged)]
pub enum Untagged {
    A(u8),
}

#[memstate::data]
#[serde(tag = "kind", content = "of", rename_all = "lowercase")]
pub enum Tagged {
    A(u8),
}

#[memstate::data]
#[serde(variant_identifier)]
pub enum Name {
    A,
    #[serde(untagged)]
    B(u8),
}

#[memstate::data]
#[serde(field_identifier, rename_all = "lowercase")]
pub enum Field {
    A,
}

#[memstate::data]
pub struct Inner {
    a: u8,
}

#[memstate::model]
pub struct Bank {
    #[serde(flatten)]
    inner: Inner,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    #[serde(skip_deserializing)]
    cache: u8,
    #[serde(skip)]
    forgotten: u8,
    #[serde(skip_serializing)]
    secret: u8,
    #[serde(getter = "Inner::a")]
    got: u8,
    #[cfg_attr(all(), serde(skip))]
    sometimes: u8,
}

#[memstate::model]
impl Bank {
    pub fn put(&mut self, a: Untagged, b: Tagged) {
        let _ = (a, b);
    }
}

async fn client(bank: BankClient) {
    let _: Result<(), _> = bank.put(Untagged::A(1), Tagged::A(1)).await;
}

fn main() {}
