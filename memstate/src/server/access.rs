//! Who calls, and what they may.

use std::sync::Arc;

use crate::service::Described;

/// What a caller shows.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Credential<'a> {
    None,
    /// A token of the server's own, or a JWT.
    Bearer(&'a str),
    /// The certificate of the other end of a TLS connection, whose chain was verified, as DER.
    Certificate(&'a [u8]),
}

/// Something that somebody may be allowed to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// The command of this number.
    Command(u16),
    /// The query of this number.
    Query(u16),
    /// Events of the present and of the past.
    Events,
    /// The records of the journal, and what differs between two moments.
    History,
    /// The description of the model: `/openapi.json`, the docs page.
    Describe,
    /// A snapshot.
    Snapshot,
    /// `/metrics`.
    Metrics,
    /// Commands in another's name.
    AsCaller,
}

/// A caller that is known, with what it may. An identity is of one moment: what was loaded anew since is in the next.
#[derive(Debug)]
pub(crate) struct Identity {
    /// Is journaled, and is `Ctx::caller()`; `None` where nobody has to say who they are.
    pub(crate) name: Option<Arc<str>>,
}

impl Identity {
    pub(crate) fn may(&self, act: Act) -> bool {
        let _ = act;
        true
    }
}

/// Why somebody is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotKnown {
    #[error("a credential is wanted: a token, or a certificate of the client")]
    Missing,
    #[error("the credential is not known here")]
    Wrong,
    #[error("the credential has expired")]
    Expired,
}

/// Decides who calls.
pub(crate) struct Access {}

impl Access {
    /// Everybody may do everything, and nobody has to say who they are.
    pub(crate) fn open(described: &Described) -> Self {
        let _ = described;
        Access {}
    }

    pub(crate) fn identify(&self, credential: Credential<'_>) -> Result<Arc<Identity>, NotKnown> {
        let _ = credential;
        Ok(Arc::new(Identity { name: None }))
    }
}
