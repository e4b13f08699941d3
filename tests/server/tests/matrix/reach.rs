//! Listening beyond loopback: every combination of what is missing.

use memstate::server::{Role, ServeError, Settings};
use memstate_server_tests::Bank;

use crate::place::pem;

/// What says who callers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    Nobody,
    /// A role for everybody is no authentication.
    Anonymous,
    Tokens,
    Jwts,
    Certificates,
}

fn settings(folder: &std::path::Path, is_secure: bool, known: Known) -> Settings {
    let mut settings = Settings::default();
    (settings.listen, settings.http) = ("127.0.0.1:0".parse().ok(), "127.0.0.1:0".parse().ok());
    if is_secure {
        settings.tls.certificate = Some(pem("server.pem"));
        settings.tls.key = Some(pem("server.key"));
    }
    let role = if known == Known::Anonymous { "anonymous" } else { "teller" };
    if known != Known::Nobody {
        settings.roles = [(role.to_owned(), Role::default())].into();
    }
    match known {
        Known::Nobody | Known::Anonymous => {}
        Known::Tokens => settings.auth.tokens = Some(folder.join("tokens.toml")),
        Known::Jwts => {
            settings.auth.jwt.key = Some(folder.join("jwt.key"));
            settings.auth.jwt.algorithm = memstate::server::Algorithm::HS256;
        }
        Known::Certificates => {
            settings.tls.client_ca = Some(pem("ca.pem"));
            settings.auth.certificates = [("ann".to_owned(), vec![role.to_owned()])].into();
        }
    }
    settings
}

#[tokio::test]
async fn it_listens_beyond_loopback_only_with_tls_and_authentication_or_when_told() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("tokens.toml"), "").expect("it can be written");
    std::fs::write(folder.path().join("jwt.key"), "0123456789abcdef0123456789abcdef").expect("likewise");
    let bank = memstate::open::<Bank>("memory:").await.expect("it opens");
    // The first two are any address of this machine, and the others of no machine: whoever may listen there, cannot.
    let beyond = ["0.0.0.0:0", "[::]:0", "192.0.2.1:0", "[2001:db8::1]:0", "[::ffff:192.0.2.1]:0"];
    let known = [Known::Nobody, Known::Anonymous, Known::Tokens, Known::Jwts, Known::Certificates];
    for (is_secure, known) in [false, true].into_iter().flat_map(|tls| known.map(|known| (tls, known))) {
        // There are no certificates of clients without TLS.
        if known == Known::Certificates && !is_secure {
            continue;
        }
        let settings = settings(folder.path(), is_secure, known);
        let serving = memstate::serve(&bank, settings.clone()).await;
        serving.unwrap_or_else(|error| panic!("{known:?}: {error}")).stop().await;
        let is_known = !matches!(known, Known::Nobody | Known::Anonymous);
        for (address, is_http, told) in beyond.into_iter().flat_map(|address| {
            [(address, false, false), (address, true, false), (address, false, true), (address, true, true)]
        }) {
            let mut settings = settings.clone();
            settings.insecure_listen_beyond_loopback = told;
            match is_http {
                true => settings.http = address.parse().ok(),
                false => settings.listen = address.parse().ok(),
            }
            let what = format!("{address} {is_http} {is_secure} {known:?} {told}");
            let may = told || (is_secure && is_known);
            if may && (address.ends_with("0.0:0") || address.starts_with("[::]")) {
                continue;
            }
            let error = memstate::serve(&bank, settings).await.expect_err(&what);
            match error {
                ServeError::Listen { .. } => assert!(may, "{what}: {error}"),
                error => {
                    assert!(!may, "{what}: {error}");
                    let text = error.to_string();
                    assert!(text.contains("--insecure-listen-beyond-loopback"), "{what}: {text}");
                    assert_eq!(text.contains("TLS (`tls.certificate`"), !is_secure, "{what}: {text}");
                    assert_eq!(text.contains("authentication (`auth.tokens`"), !is_known, "{what}: {text}");
                }
            }
        }
    }
}
