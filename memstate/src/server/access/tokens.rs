//! Tokens of the server's own: 256 random bits, of which a file has the hash.
//!
//! What is hashed is random, so nobody finds it by trying, however fast the hash is; a slow hash such as those for passwords would only
//! be a way to keep the server busy. That is why no token is accepted that was not made here, in its form.

use std::{collections::HashMap, path::Path, sync::Arc, time::SystemTime};

use figment::{
    Figment,
    providers::{Format, Toml},
};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::{Identity, NotKnown, roles::Roles};
use crate::Timestamp;

/// What every token begins with.
pub(crate) const PREFIX: &str = "mst_";
/// What every hash begins with: another one may come.
const SCHEME: &str = "blake3:";
/// Makes the hash one of tokens: the same bytes have another hash elsewhere.
const CONTEXT: &str = "memstate 2026 tokens of servers";
const SECRET_BYTES: usize = 32;

/// The hash of a token; `None` if it has not their form.
fn hash(token: &str) -> Option<blake3::Hash> {
    let digits = token.strip_prefix(PREFIX)?;
    let is_one = digits.len() == 2 * SECRET_BYTES
        && digits.bytes().all(|digit| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit));
    is_one.then(|| blake3::Hash::from_bytes(blake3::derive_key(CONTEXT, digits.as_bytes())))
}

/// A new token, and the lines for the file.
pub(crate) struct New {
    pub(crate) token: String,
    pub(crate) lines: String,
}

impl New {
    /// # Errors
    ///
    /// If the system has no random numbers.
    pub(crate) fn of(name: &str, roles: &[String], expires: Option<Timestamp>) -> Result<Self, String> {
        let mut secret = [0; SECRET_BYTES];
        getrandom::fill(&mut secret).map_err(|error| format!("there are no random numbers: {error}"))?;
        let digits = blake3::Hash::from_bytes(secret).to_hex();
        let token = format!("{PREFIX}{digits}");
        let hash = hash(&token).expect("it has the form of one");
        let text = |text: &str| serde_json::to_string(text).expect("text can be written");
        let roles: Vec<_> = roles.iter().map(|role| text(role)).collect();
        let mut lines = format!(
            "[[token]]\nname = {}\nhash = \"{SCHEME}{}\"\nroles = [{}]\n",
            text(name),
            hash.to_hex(),
            roles.join(", ")
        );
        if let Some(expires) = expires {
            lines.push_str(&format!("expires = \"{expires}\"\n"));
        }
        Ok(New { token, lines })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    token: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    hash: String,
    roles: Vec<String>,
    expires: Option<String>,
}

/// The tokens of a file.
#[derive(Default)]
pub(super) struct Tokens {
    /// By the first bytes of their hashes. Which of these are looked at tells of the token that was sent, and nothing of those that are
    /// here: nobody can choose a token by its hash.
    by_hash: HashMap<[u8; 8], Vec<(blake3::Hash, Arc<Identity>)>>,
}

fn bucket(hash: &blake3::Hash) -> [u8; 8] {
    *hash.as_bytes().first_chunk().expect("a hash is longer")
}

impl Tokens {
    pub(super) fn read(path: &Path, roles: &Roles, outdated: &CancellationToken) -> Result<Self, String> {
        let shown = path.display();
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("the tokens (`auth.tokens`) cannot be read: {shown}: {error}"))?;
        let file: File = Figment::from(Toml::string(&text)).extract().map_err(|error| {
            let key =
                if error.path.is_empty() { String::new() } else { format!("`{}`: ", error.path.join(".")) };
            format!("{shown} is no file of tokens: {key}{}", error.kind)
        })?;
        let mut tokens = Tokens::default();
        for (index, entry) in file.token.into_iter().enumerate() {
            let wrong = |what: String| format!("{shown}: token {} (`{}`): {what}", index + 1, entry.name);
            let (hash, identity) = entry.read(roles, outdated).map_err(wrong)?;
            let others = tokens.by_hash.entry(bucket(&hash)).or_default();
            if others.iter().any(|(other, _)| *other == hash) {
                return Err(wrong("another one has this hash".to_owned()));
            }
            others.push((hash, identity));
        }
        Ok(tokens)
    }

    pub(super) fn find(&self, token: &str, now: SystemTime) -> Result<Arc<Identity>, NotKnown> {
        let hash = hash(token).ok_or(NotKnown::Wrong)?;
        let near = self.by_hash.get(&bucket(&hash)).ok_or(NotKnown::Wrong)?;
        // blake3 compares hashes in constant time.
        let (_, identity) = near.iter().find(|(other, _)| *other == hash).ok_or(NotKnown::Wrong)?;
        match identity.expires {
            Some(expires) if expires <= now => Err(NotKnown::Expired),
            _ => Ok(Arc::clone(identity)),
        }
    }
}

impl Entry {
    fn read(
        &self,
        roles: &Roles,
        outdated: &CancellationToken,
    ) -> Result<(blake3::Hash, Arc<Identity>), String> {
        if self.name.is_empty() || self.name.len() > crate::engine::CALLER_BYTES_MAX {
            return Err(
                "the name has to have from 1 through 1,024 bytes: it stands in the journal".to_owned()
            );
        }
        if self.hash.starts_with(PREFIX) {
            return Err(
                "`hash` is a token; only its hash may stand here. Make a new one with `token new`".to_owned()
            );
        }
        let digits = self.hash.strip_prefix(SCHEME);
        let hash = digits.and_then(|digits| blake3::Hash::from_hex(digits).ok()).ok_or_else(|| {
            format!(
                "`hash` is none; wanted is what `token new` prints, \"{SCHEME}\" and 64 hexadecimal digits"
            )
        })?;
        let rights = roles.together(&self.roles)?;
        let expires = match &self.expires {
            Some(text) => Some(text.parse::<Timestamp>().map_err(|error| format!("`expires`: {error}"))?),
            None => None,
        };
        let identity = Identity {
            name: Some(self.name.as_str().into()),
            rights,
            expires: expires.map(SystemTime::from),
            outdated: outdated.clone(),
        };
        Ok((hash, Arc::new(identity)))
    }
}
