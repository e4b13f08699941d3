//! Addresses, TCP and TLS, on the side of the client.

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    },
};

use super::ConnectError;

/// The port where typed clients are answered.
pub(crate) const PORT: u16 = 7117;

/// How a server is reached.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) address: String,
    pub(crate) token: Option<String>,
    pub(crate) authorities: Option<PathBuf>,
    pub(crate) certificate: Option<(PathBuf, PathBuf)>,
    pub(crate) server_name: Option<String>,
    pub(crate) give_up_after: Duration,
}

/// An address that was understood.
pub(super) struct Dial {
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

pub(super) type Reading = Box<dyn AsyncRead + Send + Unpin>;
pub(super) type Writing = Box<dyn AsyncWrite + Send + Unpin>;

impl Options {
    fn invalid(&self, why: impl Into<String>) -> ConnectError {
        ConnectError::Invalid { address: self.address.clone(), why: why.into() }
    }

    /// Understands the address, and reads the files.
    pub(super) fn dial(&self) -> Result<Dial, ConnectError> {
        let (scheme, rest) = self.address.split_once("://").ok_or_else(|| {
            self.invalid(
                "write `memstate://HOST:PORT`, or `memstate+tls://HOST:PORT` for a connection under TLS",
            )
        })?;
        let secure = match scheme {
            "memstate" => false,
            "memstate+tls" => true,
            other => {
                return Err(self.invalid(format!(
                    "the scheme `{other}` is not known: it is `memstate`, or `memstate+tls` for a connection under TLS"
                )));
            }
        };
        let rest = rest.trim_end_matches('/');
        if rest.contains(['/', '?', '#', '@']) {
            return Err(self.invalid("there is more in it than a host and a port"));
        }
        let (host, port) = match rest.rsplit_once(':') {
            // The colons of an IPv6 address stand in brackets.
            Some((host, port)) if !port.contains(']') => {
                let port = port.parse().map_err(|_| self.invalid(format!("`{port}` is not a port")))?;
                (host, port)
            }
            _ => (rest, PORT),
        };
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if host.is_empty() {
            return Err(self.invalid("the host is missing"));
        }
        let is_for_tls =
            self.authorities.is_some() || self.certificate.is_some() || self.server_name.is_some();
        if !secure && is_for_tls {
            return Err(self.invalid("certificates are for TLS: write `memstate+tls://`"));
        }
        let tls = secure.then(|| self.tls(host)).transpose()?;
        Ok(Dial { host: host.to_owned(), port, tls })
    }

    fn tls(&self, host: &str) -> Result<(TlsConnector, ServerName<'static>), ConnectError> {
        let in_file = |what: &str, path: &PathBuf, why: &dyn std::fmt::Display| {
            self.invalid(format!("{what} in {}: {why}", path.display()))
        };
        let mut roots = RootCertStore::empty();
        match &self.authorities {
            Some(path) => {
                let certificates = CertificateDer::pem_file_iter(path)
                    .and_then(Iterator::collect::<Result<Vec<_>, _>>)
                    .map_err(|error| in_file("the certificates of authorities", path, &error))?;
                for certificate in certificates {
                    roots
                        .add(certificate)
                        .map_err(|error| in_file("the certificates of authorities", path, &error))?;
                }
                if roots.is_empty() {
                    return Err(in_file("the certificates of authorities", path, &"there are none"));
                }
            }
            None => {
                let found = rustls_native_certs::load_native_certs();
                roots.add_parsable_certificates(found.certs);
                if roots.is_empty() {
                    return Err(self.invalid(
                        "the system has no certificates of authorities: name a file of them, `certificate_authorities`",
                    ));
                }
            }
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| self.invalid(error.to_string()))?
            .with_root_certificates(roots);
        let config = match &self.certificate {
            None => config.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain = CertificateDer::pem_file_iter(certificate)
                    .and_then(Iterator::collect::<Result<Vec<_>, _>>)
                    .map_err(|error| in_file("the client's certificate", certificate, &error))?;
                let private = PrivateKeyDer::from_pem_file(key)
                    .map_err(|error| in_file("the client's key", key, &error))?;
                config
                    .with_client_auth_cert(chain, private)
                    .map_err(|error| in_file("the client's certificate and key", certificate, &error))?
            }
        };
        let name = self.server_name.as_deref().unwrap_or(host);
        let name = ServerName::try_from(name.to_owned())
            .map_err(|_| self.invalid(format!("`{name}` cannot be the name in a certificate")))?;
        Ok((TlsConnector::from(Arc::new(config)), name))
    }
}

impl Dial {
    /// Makes a connection.
    pub(super) async fn connect(&self) -> io::Result<(Reading, Writing)> {
        let tcp = TcpStream::connect((self.host.as_str(), self.port)).await?;
        tcp.set_nodelay(true)?;
        Ok(match &self.tls {
            None => {
                let (read, write) = tcp.into_split();
                (Box::new(read), Box::new(write))
            }
            Some((connector, name)) => {
                let (read, write) = tokio::io::split(connector.connect(name.clone(), tcp).await?);
                (Box::new(read), Box::new(write))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(address: &str) -> Options {
        Options {
            address: address.to_owned(),
            token: None,
            authorities: None,
            certificate: None,
            server_name: None,
            give_up_after: Duration::from_secs(1),
        }
    }

    #[test]
    fn addresses_are_understood() {
        for (address, host, port) in [
            ("memstate://127.0.0.1:7000", "127.0.0.1", 7000),
            ("memstate://bank.example", "bank.example", PORT),
            ("memstate://[::1]:7000/", "::1", 7000),
            ("memstate://[::1]", "::1", PORT),
        ] {
            let dial = options(address).dial().unwrap();
            assert_eq!((dial.host.as_str(), dial.port), (host, port), "{address}");
        }
    }

    #[test]
    fn others_are_refused_with_what_is_wrong() {
        for (address, why) in [
            ("127.0.0.1:7117", "write `memstate://HOST:PORT`"),
            ("http://127.0.0.1", "the scheme `http` is not known"),
            ("memstate://", "the host is missing"),
            ("memstate://a:b", "`b` is not a port"),
            ("memstate://a:70000", "`70000` is not a port"),
            ("memstate://a/b", "more in it than a host and a port"),
            ("memstate://token@a", "more in it than a host and a port"),
        ] {
            let error = options(address).dial().map(|_| ()).unwrap_err().to_string();
            assert!(error.contains(why), "{address}: {error}");
        }
        let mut with_ca = options("memstate://a");
        with_ca.authorities = Some("ca.pem".into());
        assert!(with_ca.dial().map(|_| ()).unwrap_err().to_string().contains("memstate+tls://"));
    }
}
