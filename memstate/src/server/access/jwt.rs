//! JWTs of an issuer that is trusted.

use std::{
    fs,
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

use jsonwebtoken::{DecodingKey, Validation, errors::ErrorKind};
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use super::{Identity, Known, NotKnown, roles::Roles};
use crate::server::settings::{Algorithm, Jwt};

/// A shorter secret of HS256 can be found by trying.
const SECRET_BYTES_MIN: usize = 32;

/// What JWTs are verified with.
pub(super) struct Jwts {
    key: DecodingKey,
    validation: Validation,
    roles_claim: String,
    leeway: Duration,
    /// By a hash of the whole: a signature takes far longer to verify.
    pub(super) known: Known<[u8; 32]>,
}

impl Jwts {
    pub(super) fn of(settings: &Jwt) -> Result<Option<Self>, String> {
        let Some(path) = &settings.key else { return Ok(None) };
        let (key, algorithm) = read_key(path, settings.algorithm)?;
        // The algorithm is that of the settings, and never the one that a token asks for.
        let mut validation = Validation::new(algorithm);
        let mut required = vec!["exp", "sub"];
        validation.leeway = settings.leeway.as_secs();
        validation.validate_nbf = true;
        if let Some(issuer) = &settings.issuer {
            validation.set_issuer(&[issuer]);
            required.push("iss");
        }
        if let Some(audience) = &settings.audience {
            validation.set_audience(&[audience]);
            required.push("aud");
        }
        validation.set_required_spec_claims(&required);
        let (roles_claim, leeway) = (settings.roles_claim.clone(), settings.leeway);
        Ok(Some(Jwts { key, validation, roles_claim, leeway, known: Known::new() }))
    }

    pub(super) fn find(
        &self,
        token: &str,
        roles: &Roles,
        outdated: &CancellationToken,
        now: SystemTime,
    ) -> Result<Arc<Identity>, NotKnown> {
        let hash = *blake3::hash(token.as_bytes()).as_bytes();
        if let Some(known) = self.known.get(&hash, now) {
            return Ok(known);
        }
        let read = jsonwebtoken::decode::<Map<String, Value>>(token, &self.key, &self.validation);
        let claims = read.map_err(|error| match error.kind() {
            ErrorKind::ExpiredSignature => NotKnown::Expired,
            _ => NotKnown::Wrong,
        })?;
        let claims = claims.claims;
        let name = claims.get("sub").and_then(Value::as_str).ok_or(NotKnown::Wrong)?;
        if name.is_empty() || name.len() > crate::engine::CALLER_BYTES_MAX {
            return Err(NotKnown::Wrong);
        }
        let expires = claims.get("exp").and_then(Value::as_f64).ok_or(NotKnown::Wrong)?;
        let expires =
            Duration::try_from_secs_f64(expires).ok().map(|since| since.saturating_add(self.leeway));
        let identity = Arc::new(Identity {
            name: Some(name.into()),
            rights: roles.of_known(claimed(&claims, &self.roles_claim)),
            // One that is later than the clock can say never comes.
            expires: expires.and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since)),
            outdated: outdated.clone(),
        });
        self.known.keep(hash, &identity);
        Ok(identity)
    }
}

/// The roles in a claim: a list, or a text with spaces between. A dot leads into an object, unless it is a part of a name.
fn claimed<'a>(claims: &'a Map<String, Value>, name: &str) -> Vec<&'a str> {
    let found = claims.get(name).or_else(|| {
        let (first, rest) = name.split_once('.')?;
        rest.split('.').try_fold(claims.get(first)?, |value, name| value.get(name))
    });
    match found {
        Some(Value::String(text)) => text.split_whitespace().collect(),
        Some(Value::Array(values)) => values.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn read_key(path: &Path, algorithm: Algorithm) -> Result<(DecodingKey, jsonwebtoken::Algorithm), String> {
    let shown = path.display();
    let bytes = fs::read(path)
        .map_err(|error| format!("the key of JWTs (`auth.jwt.key`) cannot be read: {shown}: {error}"))?;
    let (key, algorithm) = match algorithm {
        Algorithm::HS256 => {
            let secret = bytes.trim_ascii_end();
            if secret.len() < SECRET_BYTES_MIN {
                return Err(format!(
                    "{shown}: the secret of HS256 has {} bytes, and has to have {SECRET_BYTES_MIN} at least; \
                     `openssl rand -hex 32` makes one",
                    secret.len()
                ));
            }
            if secret.starts_with(b"-----BEGIN") {
                return Err(format!(
                    "{shown} is a key in PEM, and HS256 wants a secret; a public key as a secret lets everybody sign. \
                     Set `auth.jwt.algorithm` to \"RS256\" or \"ES256\""
                ));
            }
            return Ok((DecodingKey::from_secret(secret), jsonwebtoken::Algorithm::HS256));
        }
        Algorithm::RS256 => (DecodingKey::from_rsa_pem(&bytes), jsonwebtoken::Algorithm::RS256),
        Algorithm::ES256 => (DecodingKey::from_ec_pem(&bytes), jsonwebtoken::Algorithm::ES256),
    };
    let wanted = format!("{shown}: wanted is a public key in PEM for {algorithm:?} (`auth.jwt.algorithm`)");
    if bytes.windows(11).any(|window| window == b"PRIVATE KEY") {
        return Err(format!("{wanted}, and this is a private one; it belongs to the issuer alone"));
    }
    key.map(|key| (key, algorithm)).map_err(|error| format!("{wanted}: {error}"))
}
