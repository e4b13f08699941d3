#[memstate::data]
pub enum Status {
    Free,
    #[serde(skip)]
    Lost,
    #[serde(skip_serializing)]
    Sold,
    #[serde(skip_deserializing)]
    Lent,
}

#[memstate::data]
pub enum Outer {
    A,
    #[cfg_attr(all(), serde(skip))]
    B,
}

fn main() {}
