use serde::{Deserialize, Deserializer, Serializer};

#[derive(Clone, serde::Serialize, serde::Deserialize)]
pub struct Text(String);

impl From<Money> for Text {
    fn from(money: Money) -> Self {
        Text(money.0.to_string())
    }
}

impl From<Text> for Price {
    fn from(text: Text) -> Self {
        Price(text.0.len() as u64)
    }
}

impl TryFrom<Text> for Weight {
    type Error = std::num::ParseIntError;
    fn try_from(text: Text) -> Result<Self, Self::Error> {
        text.0.parse().map(Weight)
    }
}

#[memstate::data]
#[serde(try_from = "Text")]
pub struct Weight(u64);

#[memstate::data]
#[serde(into = "Text")]
pub struct Money(u64);

#[memstate::data]
#[serde(from = "Text")]
pub struct Price(u64);

#[memstate::data]
#[serde(rename_all(serialize = "lowercase"))]
pub enum Status {
    Open,
    #[serde(skip)]
    Hidden,
    #[serde(rename(serialize = "Gone", deserialize = "Closed"))]
    Closed,
}

fn as_text<S: Serializer>(value: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&value.to_string())
}

fn of_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    Ok(Text::deserialize(deserializer)?.0.len() as u64)
}

#[memstate::data]
#[serde(rename_all_fields(deserialize = "UPPERCASE"))]
pub enum Kind {
    One { field: u8 },
}

#[memstate::model]
pub struct Bank {
    #[serde(serialize_with = "as_text")]
    total: u64,
    #[serde(deserialize_with = "of_text")]
    count: u64,
    status: Status,
}

#[memstate::model]
impl Bank {
    pub fn pay(&mut self, money: Money, price: Price) {
        self.total += money.0 + price.0;
    }
}

async fn client(bank: BankClient) {
    let _: Result<(), _> = bank.pay(Money(1), Price(1)).await;
}

fn main() {}
