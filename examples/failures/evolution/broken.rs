//! The next version of the shop, by somebody who has not thought of the journal.

use memstate::collections::BTreeMap;

/// What somebody wants.
#[memstate::data]
pub struct Order {
    customer: String,
    lines: Vec<Line>,
}

/// How many of what. New: in which unit.
#[memstate::data]
pub struct Line {
    article: String,
    pieces: u32,
    unit: String,
}

/// How an order is paid. Nobody has cheques any more.
#[memstate::data]
pub enum Payment {
    Cash,
    Card { number: String },
}

/// A shop. New: whether it is open.
#[memstate::model]
#[derive(Default)]
pub struct Shop {
    prices: BTreeMap<String, String>,
    pieces: BTreeMap<String, u16>,
    customers: BTreeMap<u64, String>,
    paid: u64,
    orders: u64,
    notes: memstate::collections::Vec<String>,
    is_open: bool,
}

#[memstate::model]
impl Shop {
    /// An article has a price, which is a text now.
    pub fn price(&mut self, article: String, price: String) {
        self.prices.insert(article, price);
    }

    /// There are so many of an article, and never more than 65,535.
    pub fn stock(&mut self, article: String, pieces: u16) {
        self.pieces.insert(article, pieces);
        self.is_open = true;
    }

    /// Takes an order and returns its number.
    pub fn order(&mut self, order: Order) -> u64 {
        self.orders += 1;
        self.customers.insert(self.orders, order.customer);
        for line in order.lines {
            let pieces = self.pieces.entry(format!("{} {}", line.unit, line.article)).or_default();
            *pieces = pieces.saturating_sub(line.pieces.try_into().unwrap_or(u16::MAX));
        }
        self.orders
    }

    /// An order is paid.
    pub fn pay(&mut self, order: u64, payment: Payment) {
        match payment {
            Payment::Cash | Payment::Card { .. } => {
                self.paid += u64::from(self.customers.contains_key(&order));
            }
        }
    }

    /// An order is not wanted any more, for a reason.
    pub fn cancel(&mut self, order: u64, reason: String) {
        self.customers.remove(&order);
        self.notes.push(reason);
    }
}
