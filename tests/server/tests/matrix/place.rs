//! A bank that is served, with one credential of each kind.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use jsonwebtoken::{EncodingKey, Header};
use memstate::server::{Algorithm, Clients, Role, Serving, Settings};
use memstate_server_tests::{Bank, BankClient};
use serde_json::json;
use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    },
};

/// Longer than anything takes that does not hang.
pub const LONG: Duration = Duration::from_secs(60);
/// Who has the right credentials, and the others.
pub const NAME: &str = "ann";
const SECRET: &str = "0123456789abcdef0123456789abcdef";

pub const COMMANDS: [&str; 4] = ["open", "deposit", "transfer", "curse"];
pub const QUERIES: [&str; 5] = ["balance", "account", "accounts", "total", "last_caller"];

/// Certificates and keys of the tests.
pub fn pem(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../memstate/src/server/listen/tests").join(name)
}

/// Which role somebody has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// It allows one thing, the one that is tried.
    Right,
    /// It allows everything but that.
    Other,
}

/// What a caller shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    Nothing,
    /// No credential at all by its form.
    Malformed,
    /// A token that was never given out.
    WrongToken,
    ExpiredToken,
    /// Signed with another key.
    WrongJwt,
    /// Not signed, as it says.
    UnsignedJwt,
    ExpiredJwt,
    Token(Held),
    Jwt(Held),
    Certificate(Held),
}

impl Shown {
    pub const ALL: [Shown; 13] = [
        Shown::Nothing,
        Shown::Malformed,
        Shown::WrongToken,
        Shown::ExpiredToken,
        Shown::WrongJwt,
        Shown::UnsignedJwt,
        Shown::ExpiredJwt,
        Shown::Token(Held::Other),
        Shown::Jwt(Held::Other),
        Shown::Certificate(Held::Other),
        Shown::Token(Held::Right),
        Shown::Jwt(Held::Right),
        Shown::Certificate(Held::Right),
    ];

    /// The role that it gives; `None` if it is not known who calls.
    pub fn held(self, anonymous: Option<Held>) -> Option<Held> {
        match self {
            Shown::Nothing => anonymous,
            Shown::Token(held) | Shown::Jwt(held) | Shown::Certificate(held) => Some(held),
            Shown::Malformed
            | Shown::WrongToken
            | Shown::ExpiredToken
            | Shown::WrongJwt
            | Shown::UnsignedJwt
            | Shown::ExpiredJwt => None,
        }
    }

    pub fn is_certificate(self) -> bool {
        matches!(self, Shown::Certificate(_))
    }
}

/// A role that allows one thing, and one that allows everything else.
#[derive(Clone)]
pub struct Roles {
    pub right: Role,
    pub other: Role,
}

/// A role that allows everything.
pub fn all() -> Role {
    let mut role = Role::default();
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    (role.commands, role.queries) = (owned(&COMMANDS), owned(&QUERIES));
    (role.events, role.history, role.describe) = (true, true, true);
    (role.snapshot, role.metrics, role.as_caller) = (true, true, true);
    role
}

impl Roles {
    /// By what is done to a role to allow it, and to forbid it.
    pub fn of(allow: impl FnOnce(&mut Role), forbid: impl FnOnce(&mut Role)) -> Self {
        let (mut right, mut other) = (Role::default(), all());
        allow(&mut right);
        forbid(&mut other);
        Roles { right, other }
    }

    pub fn of_command(name: &str) -> Self {
        Roles::of(
            |role| role.commands.push(name.to_owned()),
            |role| role.commands.retain(|other| other != name),
        )
    }

    pub fn of_query(name: &str) -> Self {
        Roles::of(
            |role| role.queries.push(name.to_owned()),
            |role| role.queries.retain(|other| other != name),
        )
    }
}

/// A token as `token new` makes it, and the lines of the file.
fn token(name: &str, role: &str, extra: &[&str]) -> (String, String) {
    let made = std::process::Command::new(env!("CARGO_BIN_EXE_bank-server"))
        .args(["token", "new", name, "--role", role])
        .args(extra)
        .output()
        .expect("it can be started");
    let out = String::from_utf8(made.stdout).expect("it is text");
    let token = out.lines().find(|line| line.starts_with("mst_")).expect("a token").to_owned();
    let (_, lines) = out.split_once("[[token]]").expect("lines");
    (token, format!("[[token]]{lines}"))
}

/// A JWT that is right for so many seconds from now on.
pub fn jwt(role: &str, secret: &str, seconds: i64) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is after 1970");
    let exp = i64::try_from(now.as_secs()).expect("a time") + seconds;
    let claims = json!({ "sub": NAME, "exp": exp, "roles": [role] });
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::new(jsonwebtoken::Algorithm::HS256), &claims, &key).expect("it is signed")
}

/// A JWT of the right role that was signed as it should be.
pub fn jwt_for(seconds: i64) -> String {
    jwt("right", SECRET, seconds)
}

pub trait Bytes: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Bytes for T {}

pub struct Place {
    pub bank: BankClient,
    pub serving: Serving,
    settings: Settings,
    texts: Vec<(Shown, String)>,
    is_secure: bool,
    tls: [TlsConnector; 2],
    _folder: TempDir,
}

impl Place {
    /// A server, under TLS or not, with what else is to be set.
    pub async fn new(is_secure: bool, set: impl FnOnce(&mut Settings)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut settings = Settings::default();
        (settings.listen, settings.http) = ("127.0.0.1:0".parse().ok(), "127.0.0.1:0".parse().ok());
        let right = token(NAME, "right", &[]);
        let other = token(NAME, "other", &[]);
        let late = token(NAME, "right", &["--expires", "1ms"]);
        let (tokens, key) = (folder.path().join("tokens.toml"), folder.path().join("jwt.key"));
        fs::write(&tokens, [&*right.1, &other.1, &late.1].concat()).expect("it can be written");
        fs::write(&key, SECRET).expect("it can be written");
        settings.auth.tokens = Some(tokens);
        settings.auth.jwt.key = Some(key);
        settings.auth.jwt.algorithm = Algorithm::HS256;
        settings.auth.jwt.leeway = Duration::ZERO;
        settings.roles = [("right".into(), Role::default()), ("other".into(), all())].into();
        if is_secure {
            settings.tls.certificate = Some(pem("server.pem"));
            settings.tls.key = Some(pem("server.key"));
            settings.tls.client_ca = Some(pem("ca.pem"));
            settings.tls.clients = Clients::Optional;
        }
        set(&mut settings);
        let right_jwt = jwt_for(600);
        let (_, rest) = right_jwt.split_once('.').expect("three parts");
        let (claims, _) = rest.split_once('.').expect("three parts");
        // {"alg":"none"}
        let unsigned = format!("eyJhbGciOiJub25lIn0.{claims}.");
        let never = format!("mst_{}", "0123456789abcdef".repeat(4));
        let texts = vec![
            (Shown::Malformed, "mst_no token".to_owned()),
            (Shown::WrongToken, never),
            (Shown::ExpiredToken, late.0),
            (Shown::WrongJwt, jwt("right", &SECRET.replace('0', "1"), 600)),
            (Shown::UnsignedJwt, unsigned),
            (Shown::ExpiredJwt, jwt_for(-600)),
            (Shown::Token(Held::Other), other.0),
            (Shown::Jwt(Held::Other), jwt("other", SECRET, 600)),
            (Shown::Token(Held::Right), right.0),
            (Shown::Jwt(Held::Right), right_jwt),
        ];
        let bank = memstate::open::<Bank>("memory:").await.expect("it opens");
        bank.open(1, "Ann").await.expect("it is the first");
        let serving = memstate::serve(&bank, settings.clone()).await.expect("it serves");
        let tls = [connector(false), connector(true)];
        Place { bank, serving, settings, texts, is_secure, tls, _folder: folder }
    }

    /// From now on the roles are these, nobody at all has that of `anonymous`, and whoever has the certificate that of `certificate`.
    pub fn set(&mut self, roles: &Roles, anonymous: Option<Held>, certificate: Held) {
        let of = |held| match held {
            Held::Right => roles.right.clone(),
            Held::Other => roles.other.clone(),
        };
        self.settings.roles = [("right".into(), of(Held::Right)), ("other".into(), of(Held::Other))].into();
        if let Some(held) = anonymous {
            self.settings.roles.insert("anonymous".into(), of(held));
        }
        if self.is_secure {
            let held = if certificate == Held::Right { "right" } else { "other" };
            self.settings.auth.certificates = [(NAME.to_owned(), vec![held.to_owned()])].into();
        }
        self.serving.reload(&self.settings).expect("it is right");
    }

    /// The text of what is shown, if it is one.
    pub fn text(&self, shown: Shown) -> Option<&str> {
        self.texts.iter().find(|(one, _)| *one == shown).map(|(_, text)| text.as_str())
    }

    /// Bytes to the front of HTTP, or that of typed clients.
    pub async fn bytes(&self, is_http: bool, with_certificate: bool) -> Box<dyn Bytes> {
        let tcp = self.tcp(is_http).await;
        if !self.is_secure {
            return Box::new(tcp);
        }
        let name = ServerName::try_from("localhost").expect("a name");
        let connector = &self.tls[usize::from(with_certificate)];
        Box::new(connector.connect(name, tcp).await.expect("it is secured"))
    }

    pub async fn tcp(&self, is_http: bool) -> TcpStream {
        let address = if is_http { self.serving.http_address() } else { self.serving.address() };
        TcpStream::connect(address.expect("it is listened on")).await.expect("it is listened on")
    }

    pub async fn connect(&self, shown: Shown) -> Result<BankClient, memstate::ConnectError> {
        let scheme = if self.is_secure { "memstate+tls" } else { "memstate" };
        let address = format!("{scheme}://{}", self.serving.address().expect("it is listened on"));
        let mut connect = memstate::connect::<Bank>(address).give_up_after(LONG);
        if self.is_secure {
            connect = connect.certificate_authorities(pem("ca.pem"));
        }
        if shown.is_certificate() {
            connect = connect.client_certificate(pem("client.pem"), pem("client.key"));
        }
        if let Some(text) = self.text(shown) {
            connect = connect.token(text);
        }
        connect.await
    }

    pub async fn stop(self) {
        tokio::time::timeout(LONG, self.serving.stop()).await.expect("it stops");
    }
}

/// A client of TLS, with a certificate or without.
fn connector(with_certificate: bool) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    let ca = CertificateDer::from_pem_file(pem("ca.pem")).expect("a certificate");
    roots.add(ca).expect("it is one of an authority");
    let ring = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(ring)
        .with_safe_default_protocol_versions()
        .expect("there are versions")
        .with_root_certificates(roots);
    let config = match with_certificate {
        false => config.with_no_client_auth(),
        true => {
            let certificate = CertificateDer::from_pem_file(pem("client.pem")).expect("a certificate");
            let key = PrivateKeyDer::from_pem_file(pem("client.key")).expect("a key");
            config.with_client_auth_cert(vec![certificate], key).expect("they belong together")
        }
    };
    TlsConnector::from(Arc::new(config))
}
