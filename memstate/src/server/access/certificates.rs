//! Clients that are known by their certificates.

use std::{collections::BTreeMap, sync::Arc, time::SystemTime};

use tokio_util::sync::CancellationToken;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::{
    Identity, NotKnown,
    roles::{Rights, Roles},
};

/// Names in certificates, with what they may.
pub(super) struct Mapped {
    by_name: BTreeMap<String, (Arc<str>, Arc<Rights>)>,
}

impl Mapped {
    pub(super) fn of(names: &BTreeMap<String, Vec<String>>, roles: &Roles) -> Result<Self, String> {
        let by_name = names.iter().map(|(name, wanted)| {
            let rights =
                roles.together(wanted).map_err(|what| format!("`auth.certificates.{name}`: {what}"))?;
            Ok::<_, String>((name.clone(), (Arc::from(name.as_str()), rights)))
        });
        Ok(Mapped { by_name: by_name.collect::<Result<_, _>>()? })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// Who has a certificate, the signatures of which were verified with the connection.
    pub(super) fn find(
        &self,
        der: &[u8],
        outdated: &CancellationToken,
        now: SystemTime,
    ) -> Result<Arc<Identity>, NotKnown> {
        let (_, certificate) = X509Certificate::from_der(der).map_err(|_| NotKnown::Wrong)?;
        let names = names(&certificate);
        let known = names.iter().find_map(|name| self.by_name.get(*name));
        let (name, rights) = known.ok_or(NotKnown::Wrong)?;
        // A connection may be older than the end of its certificate.
        let expires = u64::try_from(certificate.validity().not_after.timestamp()).unwrap_or(0);
        let expires = SystemTime::UNIX_EPOCH.checked_add(std::time::Duration::from_secs(expires));
        if expires.is_some_and(|expires| expires <= now) {
            return Err(NotKnown::Expired);
        }
        Ok(Arc::new(Identity {
            name: Some(Arc::clone(name)),
            rights: Arc::clone(rights),
            expires,
            outdated: outdated.clone(),
        }))
    }
}

/// The alternative names of a certificate, and then the common name of its subject.
fn names<'a>(certificate: &'a X509Certificate<'_>) -> Vec<&'a str> {
    let alternative = certificate.subject_alternative_name().ok().flatten();
    let alternative = alternative.into_iter().flat_map(|extension| &extension.value.general_names);
    let alternative = alternative.filter_map(|name| match name {
        GeneralName::DNSName(name) | GeneralName::RFC822Name(name) | GeneralName::URI(name) => Some(*name),
        _ => None,
    });
    let common = certificate.subject().iter_common_name().filter_map(|name| name.as_str().ok());
    alternative.chain(common).collect()
}
