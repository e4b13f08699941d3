//! The engine through its public interface: these tests would survive the whole inside being replaced.

mod atomically;
mod bad_input;
mod calls;
mod durability;
mod events;
mod metrics;
mod poison;
mod recovery;
mod requests;
mod snapshots;
mod time;
mod time_limit;

use std::path::Path;

use memstate_tests::bank::{Bank, BankClient};

/// A bank on files, without a snapshot when it is closed, so that opening it again replays all of its journal.
async fn replayed(dir: &Path) -> BankClient {
    memstate::open::<Bank>(dir).no_snapshot_on_close().await.expect("it opens")
}

/// The whole state as text, with the order of everything in it.
fn shape(bank: &BankClient) -> String {
    bank.read(|bank| format!("{bank:?}"))
}
