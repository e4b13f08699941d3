//! The next version of the shop, by somebody who has read the report.

use memstate::collections::BTreeMap;

/// What somebody wants.
#[memstate::data]
pub struct Order {
    customer: String,
    lines: Vec<Line>,
}

/// How many of what.
#[memstate::data]
pub struct Line {
    article: String,
    pieces: u32,
    // Lines from before there were units have an empty one.
    #[serde(default)]
    unit: String,
}

/// How an order is paid.
#[memstate::data]
pub enum Payment {
    Cash,
    Card { number: String },
    // Cheques are not taken any more, but one was.
    Cheque(u64),
}

/// A shop.
// Version 1 of the state had cents for prices.
#[memstate::model(migrate = from_cents)]
#[derive(Default)]
pub struct Shop {
    prices: BTreeMap<String, String>,
    // There were more than 65,535 once, so it stays as wide as it was.
    pieces: BTreeMap<String, u32>,
    customers: BTreeMap<u64, String>,
    paid: u64,
    orders: u64,
    notes: memstate::collections::Vec<String>,
    is_open: bool,
}

/// The shop as it was.
#[derive(serde::Deserialize)]
pub struct ShopV1 {
    prices: BTreeMap<String, u32>,
    pieces: BTreeMap<String, u32>,
    customers: BTreeMap<u64, String>,
    paid: u64,
    orders: u64,
    notes: memstate::collections::Vec<String>,
}

/// The shop as it is.
fn from_cents(old: ShopV1) -> Shop {
    let prices = old.prices.iter().map(|(article, cents)| (article.clone(), in_words(*cents))).collect();
    let ShopV1 { pieces, customers, paid, orders, notes, .. } = old;
    // As the commands of today leave it: a snapshot of then has to come to the same as they do.
    let is_open = !pieces.is_empty();
    Shop { prices, pieces, customers, paid, orders, notes, is_open }
}

fn in_words(cents: u32) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// The arguments of `price` as they were.
#[derive(serde::Deserialize)]
pub struct PriceV1 {
    article: String,
    price: u32,
}

/// The arguments of `price` as they are.
fn price_as_text(old: PriceV1) -> (String, String) {
    (old.article, in_words(old.price))
}

#[memstate::model]
impl Shop {
    /// An article has a price.
    // Version 1 had cents: they become a text.
    #[memstate(upcast = price_as_text)]
    pub fn price(&mut self, article: String, price: String) {
        self.prices.insert(article, price);
    }

    /// There are so many of an article.
    // `u32` again.
    pub fn stock(&mut self, article: String, pieces: u32) {
        self.pieces.insert(article, pieces);
        self.is_open = true;
    }

    /// Takes an order and returns its number.
    pub fn order(&mut self, order: Order) -> u64 {
        self.orders += 1;
        self.customers.insert(self.orders, order.customer);
        for line in order.lines {
            let pieces = self.pieces.entry(format!("{}{}", line.unit, line.article)).or_default();
            *pieces = pieces.saturating_sub(line.pieces);
        }
        self.orders
    }

    /// An order is paid.
    pub fn pay(&mut self, order: u64, payment: Payment) {
        match payment {
            Payment::Cash | Payment::Card { .. } | Payment::Cheque(_) => {
                self.paid += u64::from(self.customers.contains_key(&order));
            }
        }
    }

    /// An order is not wanted any more, for a reason.
    // Records from before there were reasons get this one, and note nothing.
    pub fn cancel(&mut self, order: u64, #[memstate(default = String::new())] reason: String) {
        self.customers.remove(&order);
        if !reason.is_empty() {
            self.notes.push(reason);
        }
    }

    /// Noted something. The client does not have it any more; its records are still replayed.
    #[memstate(retired)]
    fn note(&mut self, text: String) {
        self.notes.push(text);
    }
}

impl Shop {
    /// All that there is, for the page.
    pub fn summary(&self) -> String {
        let list = |pairs: Vec<String>| pairs.join(", ");
        let prices = list(self.prices.iter().map(|(article, price)| format!("{article} {price}")).collect());
        let pieces =
            list(self.pieces.iter().map(|(article, pieces)| format!("{article} {pieces}")).collect());
        format!(
            "prices:   {prices}\nin stock: {pieces}\norders:   {}, of which {} paid\nnotes:    {}",
            self.customers.len(),
            self.paid,
            list(self.notes.iter().cloned().collect())
        )
    }
}
