//! The flights of 2013 as they were known on any day: the journal that the `flights` example writes, on the command line.
//!
//! cargo run --release --example flights                        # writes data/flights
//! cargo run --release --features cli --example flights_as_of -- as-of 2013-02-08 cancellations
//!
//! `--help` shows everything that can be asked. The whole program is `main`.

use std::process::ExitCode;

use crate::model::Flights;

#[path = "flights/clock.rs"]
#[allow(dead_code, reason = "the import uses more of it")]
mod clock;
#[path = "flights/code.rs"]
mod code;
#[path = "flights/model.rs"]
#[allow(dead_code, reason = "the import uses more of it")]
mod model;

fn main() -> ExitCode {
    memstate::main::<Flights>()
}
