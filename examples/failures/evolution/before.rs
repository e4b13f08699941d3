//! The shop as it was.

use memstate::collections::BTreeMap;

/// What somebody wants.
#[memstate::data]
pub struct Order {
    pub customer: String,
    pub lines: Vec<Line>,
}

/// How many of what.
#[memstate::data]
pub struct Line {
    pub article: String,
    pub pieces: u32,
}

/// How an order is paid.
#[memstate::data]
pub enum Payment {
    Cash,
    Cheque(u64),
    Card { number: String },
}

/// A shop.
#[memstate::model]
#[derive(Default)]
pub struct Shop {
    prices: BTreeMap<String, u32>,
    pieces: BTreeMap<String, u32>,
    customers: BTreeMap<u64, String>,
    paid: u64,
    orders: u64,
    notes: memstate::collections::Vec<String>,
}

#[memstate::model]
impl Shop {
    /// An article has a price, in cents.
    pub fn price(&mut self, article: String, price: u32) {
        self.prices.insert(article, price);
    }

    /// There are so many of an article.
    pub fn stock(&mut self, article: String, pieces: u32) {
        self.pieces.insert(article, pieces);
    }

    /// Takes an order and returns its number.
    pub fn order(&mut self, order: Order) -> u64 {
        self.orders += 1;
        self.customers.insert(self.orders, order.customer);
        for line in order.lines {
            *self.pieces.entry(line.article).or_default() -= line.pieces;
        }
        self.orders
    }

    /// An order is paid.
    pub fn pay(&mut self, order: u64, payment: Payment) {
        match payment {
            Payment::Cash | Payment::Cheque(_) | Payment::Card { .. } => {
                self.paid += u64::from(self.customers.contains_key(&order));
            }
        }
    }

    /// An order is not wanted any more.
    pub fn cancel(&mut self, order: u64) {
        self.customers.remove(&order);
    }

    /// Notes something.
    pub fn note(&mut self, text: String) {
        self.notes.push(text);
    }
}
