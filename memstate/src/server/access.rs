//! Who calls, and what they may.
//!
//! A credential is looked at once for a connection or a request, and becomes an [`Identity`]: a name, and a bit for each thing that
//! somebody may do, so that [`Identity::may`] costs next to nothing at every call. What is not allowed in so many words is forbidden.
//! Here nothing is known of connections, nor of what a call is.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use self::{
    jwt::Jwts,
    roles::{Names, Rights, Roles},
    tokens::Tokens,
};
use super::settings::{ANONYMOUS, Settings};
use crate::service::Described;

mod certificates;
mod jwt;
mod roles;
#[cfg(test)]
mod tests;
pub(crate) mod tokens;

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
    rights: Arc<Rights>,
    expires: Option<SystemTime>,
    /// Is cancelled when something else was loaded.
    outdated: CancellationToken,
}

impl Identity {
    #[inline]
    pub(crate) fn may(&self, act: Act) -> bool {
        self.rights.has(act)
    }

    /// Whether the caller may ask any query at all.
    pub(crate) fn may_ask(&self) -> bool {
        self.rights.has_query()
    }

    /// Comes back when the credential has expired, or what was loaded may say something else of it. Then whoever keeps an identity
    /// asks anew with the credential, or lets the caller go.
    pub(crate) async fn is_over(&self) {
        let Some(expires) = self.expires else { return self.outdated.cancelled().await };
        let expired = async {
            // The clock may be set meanwhile, so it is asked again now and then.
            while let Ok(left) = expires.duration_since(SystemTime::now()) {
                tokio::time::sleep(left.min(Duration::from_secs(60)).max(Duration::from_millis(1))).await;
            }
        };
        tokio::select! {
            () = expired => {}
            () = self.outdated.cancelled() => {}
        }
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
pub(crate) struct Access {
    names: Names,
    loaded: ArcSwap<Loaded>,
}

/// What the settings and their files say, as of one moment.
struct Loaded {
    roles: Roles,
    tokens: Tokens,
    jwts: Option<Jwts>,
    certificates: certificates::Mapped,
    /// Those who show nothing, if they are let in.
    nobody: Option<Arc<Identity>>,
    /// Whether nobody has to show anything.
    is_open: bool,
    outdated: CancellationToken,
    /// Is another when anything here may be.
    fingerprint: blake3::Hash,
}

/// Becomes the [`Loaded`] of an [`Access`].
pub(crate) struct Prepared(Loaded);

impl Access {
    /// Everybody may do everything, and nobody has to say who they are.
    #[cfg(test)]
    pub(crate) fn open(described: &Described) -> Self {
        Access::load(described, &Settings::default()).expect("nothing is read")
    }

    /// What the settings say. Their files are read.
    ///
    /// # Errors
    ///
    /// With the file or the setting, and what is wrong with it.
    pub(crate) fn load(described: &Described, settings: &Settings) -> Result<Self, String> {
        let names = Names::of(described);
        let loaded = Loaded::read(&names, settings)?;
        Ok(Access { names, loaded: ArcSwap::from_pointee(loaded) })
    }

    /// Reads everything again, and changes nothing yet.
    ///
    /// # Errors
    ///
    /// As for [`load`](Access::load).
    pub(crate) fn prepare(&self, settings: &Settings) -> Result<Prepared, String> {
        Loaded::read(&self.names, settings).map(Prepared)
    }

    /// From now on it is as prepared, at once for all. Where that is as it was, nobody has to be asked again.
    pub(crate) fn replace(&self, prepared: Prepared) {
        if self.loaded.load().fingerprint != prepared.0.fingerprint {
            self.loaded.swap(Arc::new(prepared.0)).outdated.cancel();
        }
    }

    pub(crate) fn identify(&self, credential: Credential<'_>) -> Result<Arc<Identity>, NotKnown> {
        self.loaded.load().identify(credential, SystemTime::now())
    }
}

impl Loaded {
    fn read(names: &Names, settings: &Settings) -> Result<Self, String> {
        let outdated = CancellationToken::new();
        // Before the files are read: if one changes in between, it is another the next time.
        let fingerprint = fingerprint(settings);
        let roles = Roles::of(names, &settings.roles)?;
        let is_open =
            !settings.authenticates() && settings.roles.is_empty() && settings.tls.client_ca.is_none();
        let rights_of_nobody = match is_open {
            true => Some(Arc::new(Rights::all(names))),
            false => roles.get(ANONYMOUS).cloned(),
        };
        let nobody = rights_of_nobody.map(|rights| {
            Arc::new(Identity { name: None, rights, expires: None, outdated: outdated.clone() })
        });
        let tokens = match &settings.auth.tokens {
            Some(path) => Tokens::read(path, &roles, &outdated)?,
            None => Tokens::default(),
        };
        let jwts = Jwts::of(&settings.auth.jwt)?;
        let certificates = certificates::Mapped::of(&settings.auth.certificates, &roles)?;
        Ok(Loaded { roles, tokens, jwts, certificates, nobody, is_open, outdated, fingerprint })
    }

    fn identify(&self, credential: Credential<'_>, now: SystemTime) -> Result<Arc<Identity>, NotKnown> {
        if self.is_open {
            return self.nobody.clone().ok_or(NotKnown::Missing);
        }
        match credential {
            Credential::None => self.nobody.clone().ok_or(NotKnown::Missing),
            Credential::Bearer(text) if text.starts_with(tokens::PREFIX) => self.tokens.find(text, now),
            Credential::Bearer(text) => {
                self.jwts.as_ref().ok_or(NotKnown::Wrong)?.find(text, &self.roles, &self.outdated, now)
            }
            // It proves nothing here but that the connection may be there.
            Credential::Certificate(_) if self.certificates.is_empty() => {
                self.identify(Credential::None, now)
            }
            Credential::Certificate(der) => self.certificates.find(der, &self.outdated, now),
        }
    }
}

/// A hash of everything that says who may do what.
fn fingerprint(settings: &Settings) -> blake3::Hash {
    let Settings { tls, auth, roles, .. } = settings;
    let mut hasher = blake3::Hasher::new();
    hasher.update(format!("{auth:?} {roles:?} {:?} {:?}", tls.client_ca, tls.clients).as_bytes());
    for file in [&auth.tokens, &auth.jwt.key, &tls.client_ca].into_iter().flatten() {
        // What cannot be read is told where it is needed.
        hasher.update(blake3::hash(&std::fs::read(file).unwrap_or_default()).as_bytes());
    }
    hasher.finalize()
}

/// Identities that took some work to find out, for those who ask with every request.
struct Known<K> {
    kept: Mutex<std::collections::HashMap<K, Arc<Identity>>>,
}

impl<K: std::hash::Hash + Eq> Known<K> {
    const AT_MOST: usize = 1024;

    fn new() -> Self {
        Known { kept: Mutex::default() }
    }

    /// One that has not expired.
    fn get(&self, key: &K, now: SystemTime) -> Option<Arc<Identity>> {
        let found = self.kept.lock().get(key).cloned()?;
        found.expires.is_none_or(|expires| now < expires).then_some(found)
    }

    fn keep(&self, key: K, identity: &Arc<Identity>) {
        let mut kept = self.kept.lock();
        if kept.len() >= Self::AT_MOST {
            // Whoever comes back is found out again.
            kept.clear();
        }
        kept.insert(key, Arc::clone(identity));
    }
}
