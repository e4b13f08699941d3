//! A guest book that is still there at the next run.
//!
//! cargo run --example hello -- Ann

use memstate::collections::HashMap;

/// Who came, and how often.
#[memstate::model]
#[derive(Default)]
pub struct GuestBook {
    visits: HashMap<String, u32>,
}

#[memstate::model]
impl GuestBook {
    /// Notes a visit and returns how many this guest has made.
    pub fn visit(&mut self, guest: String) -> u32 {
        let visits = self.visits.entry(guest).or_default();
        *visits += 1;
        *visits
    }

    /// How many guests there have been.
    pub fn guests(&self) -> u64 {
        self.visits.len() as u64
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let book = memstate::open::<GuestBook>("data/hello").await?;
    let guest = std::env::args().nth(1).unwrap_or_else(|| "world".to_owned());
    let visits = book.visit(&guest).await?;
    println!("Hello {guest}, this is your visit number {visits}. Guests so far: {}.", book.guests().await?);
    book.close().await?;
    Ok(())
}
