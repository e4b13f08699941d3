//! What connections are secured with, from files.

use std::{fs, io, path::Path, sync::Arc, time::SystemTime};

use tokio_rustls::rustls::{
    self, RootCertStore, ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject},
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
    version::{TLS12, TLS13},
};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::server::settings::{Clients, Tls};

/// From how many days before a certificate ends it is mentioned.
const SOON_DAYS: i64 = 14;

/// What connections are secured with, and what is odd about its files.
pub(crate) type Read = (Arc<ServerConfig>, Vec<String>);

/// TLS as of one moment, and what is odd about its files; `None` if the settings have none.
///
/// # Errors
///
/// With the file, and what is wrong with it.
pub(crate) fn load(settings: &Tls) -> Result<Option<Read>, String> {
    let (Some(certificate), Some(key)) = (&settings.certificate, &settings.key) else { return Ok(None) };
    let chain = certificates("tls.certificate", certificate)?;
    let warnings = chain.first().and_then(|own| oddity(certificate, own)).into_iter().collect();
    let key_file = key;
    let key = read("tls.key", key).and_then(|text| {
        PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
            pem::Error::NoItemsFound => {
                format!("{} (`tls.key`) has no private key in PEM", key_file.display())
            }
            error => format!("{} (`tls.key`): {error}", key_file.display()),
        })
    })?;
    // Said explicitly, because a program may have another for itself.
    let provider = Arc::new(ring::default_provider());
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(|error| format!("TLS cannot be used: {error}"))?;
    let config = match &settings.client_ca {
        Some(file) => config.with_client_cert_verifier(verifier(file, settings.clients, provider)?),
        None => config.with_no_client_auth(),
    };
    let config = config.with_single_cert(chain, key).map_err(|error| {
        let (certificate, key) = (certificate.display(), key_file.display());
        match error {
            rustls::Error::InconsistentKeys(_) => {
                format!("{key} (`tls.key`) is not the key of {certificate} (`tls.certificate`)")
            }
            error => {
                format!("{certificate} (`tls.certificate`) and {key} (`tls.key`) cannot be used: {error}")
            }
        }
    })?;
    Ok(Some((Arc::new(config), warnings)))
}

fn verifier(
    file: &Path,
    clients: Clients,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, String> {
    let wrong = |error: &dyn std::fmt::Display| format!("{} (`tls.client_ca`): {error}", file.display());
    let mut roots = RootCertStore::empty();
    for certificate in certificates("tls.client_ca", file)? {
        roots.add(certificate).map_err(|error| wrong(&error))?;
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let verifier = match clients {
        Clients::Required => verifier,
        Clients::Optional => verifier.allow_unauthenticated(),
    };
    verifier.build().map_err(|error| wrong(&error))
}

fn read(key: &str, file: &Path) -> Result<Vec<u8>, String> {
    let bytes = fs::read(file).map_err(|error| {
        let help = match error.kind() {
            io::ErrorKind::PermissionDenied => "; it has to be readable for the user that the server runs as",
            _ => "",
        };
        format!("{} (`{key}`) cannot be read: {error}{help}", file.display())
    })?;
    match bytes.trim_ascii().is_empty() {
        true => Err(format!("{} (`{key}`) is empty", file.display())),
        false => Ok(bytes),
    }
}

fn certificates(key: &str, file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let bytes = read(key, file)?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match read {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(format!("{} (`{key}`) has no certificate in PEM", file.display())),
        Err(error) => Err(format!("{} (`{key}`): {error}", file.display())),
    }
}

/// What clients will say of a certificate, or soon.
fn oddity(file: &Path, certificate: &CertificateDer<'_>) -> Option<String> {
    let (_, read) = X509Certificate::from_der(certificate).ok()?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()?;
    let now = i64::try_from(now.as_secs()).ok()?;
    let (start, end) = (read.validity().not_before, read.validity().not_after);
    let days_left = (end.timestamp() - now) / 86_400;
    let what = if end.timestamp() <= now {
        format!("has expired at {end}, and clients will refuse it")
    } else if start.timestamp() > now {
        format!("holds from {start} on, and clients will refuse it until then")
    } else if days_left < SOON_DAYS {
        format!("expires at {end}; put a new one there, and send SIGHUP")
    } else {
        return None;
    };
    Some(format!("the certificate in {} {what}", file.display()))
}
