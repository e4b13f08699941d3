//! The entrances for bytes that nobody of memstate wrote: what a fuzzer, and the tests of hostile bytes, go in by.
//!
//! Each function reads its bytes in every way in which memstate reads such bytes: takes them apart, carries them over
//! into another schema, shows them, compares them. It panics where a promise does not hold:
//!
//! - what was read and is written again is read as the same;
//! - two ways to read the same bytes agree;
//! - what is written is what the format says, byte for byte.
//!
//! How much memory is taken, and how deep the stack gets, is for the caller to measure. What comes back says
//! whether the bytes were accepted, so that a test knows whether it gets behind the first check at all.
//!
//! This is no part of the public interface.

mod batch;
mod bombs;
mod files;
mod types;

pub use batch::{batch, payload, record, records};
pub use bombs::{chained, long_name, units};
pub use files::{
    attempt, build_segment, preamble_of_segment, seal_segment, seal_snapshot, segment, snapshot,
    snapshot_content,
};
#[cfg(feature = "cli")]
pub use types::typed;
pub use types::{arguments, carried, preamble, schema, state};

use std::fmt::Display;

use crate::{Position, RequestId, Timestamp, When};

/// Everything that is read from a text: request ids, positions, times.
pub fn text(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let id = text.parse::<RequestId>().map_err(|error| error.to_string());
    let time = text.parse::<Timestamp>().map_err(|error| error.to_string());
    let when = text.parse::<When>().map_err(|error| error.to_string());
    let accepted = id.is_ok() || when.is_ok();
    if let Ok(id) = id {
        assert_eq!(id.to_string().parse(), Ok(id), "a request id is read back");
    }
    if let Ok(time) = time {
        reads_back(time);
    }
    match when {
        Ok(When::Position(position)) => {
            assert_eq!(When::from(position.to_string().as_str()), When::Position(position));
            let _ = Position::new(position.get()).next();
        }
        Ok(When::Day(day)) => {
            assert_eq!(day.as_micros().rem_euclid(86_400_000_000), 0, "a day begins at midnight");
            let _ = crate::when::end_of_day(day);
        }
        Ok(When::Time(time)) => reads_back(time),
        Ok(When::Unknown(_)) | Err(_) => {}
    }
    // The other way round: the bytes are a time, which has a text.
    if let Some((micros, _)) = bytes.split_first_chunk() {
        let time = Timestamp::from_micros(i64::from_le_bytes(*micros));
        assert!(!shown(time).is_empty());
        let _ = crate::when::just_before(time);
    }
    accepted
}

/// A time that was read from a text is one that is shown as a text that is read.
fn reads_back(time: Timestamp) {
    assert_eq!(shown(time).parse(), Ok(time), "a time is read back");
}

fn shown(what: impl Display) -> String {
    what.to_string()
}
