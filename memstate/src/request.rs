//! [`RequestId`]: what makes a retried command happen once.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Position,
    state::{State, by_copy},
};

/// The identity of one command, under which it may be sent any number of times and happens once.
///
/// Get one from [`Client::new_request`](crate::Client::new_request), keep it as long as the outcome is unknown, and send
/// the command through [`Client::with_request`](crate::Client::with_request). It can be stored as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RequestId {
    /// Who sends; random for each process.
    pub(crate) client: Uuid,
    /// The number of the command among those of its sender.
    pub(crate) sequence: u64,
    /// A position before which the command was certainly not sent: if everything since then is still remembered, a
    /// request that is not remembered never happened.
    pub(crate) since: Position,
}

by_copy!(RequestId);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}@{}", self.client, self.sequence, self.since)
    }
}

/// The text is not a request id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a request id, which looks like `6fa459ea-ee8a-4ca4-894e-db77e160355e/17@4211`")]
pub struct InvalidRequestId(String);

impl FromStr for RequestId {
    type Err = InvalidRequestId;

    fn from_str(text: &str) -> Result<Self, InvalidRequestId> {
        let parse = || {
            let (client, rest) = text.split_once('/')?;
            let (sequence, since) = rest.split_once('@')?;
            Some(RequestId {
                client: client.parse().ok()?,
                sequence: sequence.parse().ok()?,
                since: Position::new(since.parse().ok()?),
            })
        };
        parse().ok_or_else(|| InvalidRequestId(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_ids_survive_as_text() {
        let id = RequestId { client: Uuid::from_u128(7), sequence: 17, since: Position::new(4211) };
        assert_eq!(id.to_string().parse(), Ok(id));
        for wrong in
            ["", "x", "6fa459ea-ee8a-4ca4-894e-db77e160355e", "6fa459ea-ee8a-4ca4-894e-db77e160355e/1"]
        {
            assert!(wrong.parse::<RequestId>().is_err());
        }
    }
}
