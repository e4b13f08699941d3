//! Who may do what, for typed clients of a server: each role by each kind of credential, over sockets and TLS.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use memstate::{
    Error,
    server::{Role, ServeError, Serving, Settings},
};
use memstate_server_tests::{Bank, BankClient};
use tempfile::TempDir;

const LONG: Duration = Duration::from_secs(60);

/// Certificates and keys of the tests.
fn pem(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../memstate/src/server/listen/tests").join(name)
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

struct Place {
    folder: TempDir,
    settings: Settings,
}

impl Place {
    fn new() -> Self {
        let mut settings = Settings::default();
        (settings.listen, settings.http) = ("127.0.0.1:0".parse().ok(), None);
        let mut teller = Role::default();
        (teller.commands, teller.queries) = (vec!["open".into(), "dep*".into()], vec!["total".into()]);
        let mut auditor = Role::default();
        auditor.queries = vec!["*".into()];
        settings.roles = [("teller".into(), teller), ("auditor".into(), auditor)].into();
        Place { folder: tempfile::tempdir().expect("a folder"), settings }
    }

    fn tokens(&mut self, lines: &str) {
        let path = self.folder.path().join("tokens.toml");
        fs::write(&path, lines).expect("it can be written");
        self.settings.auth.tokens = Some(path);
    }

    fn tls(&mut self) {
        self.settings.tls.certificate = Some(pem("server.pem"));
        self.settings.tls.key = Some(pem("server.key"));
    }

    async fn serve(&self) -> Serving {
        let bank = memstate::open::<Bank>("memory:").await.expect("it opens");
        memstate::serve(&bank, self.settings.clone()).await.expect("it serves")
    }
}

fn is_denied<T: std::fmt::Debug, E: std::fmt::Debug>(answer: Result<T, Error<E>>) -> bool {
    let text = format!("{answer:?}");
    match answer {
        Ok(_) => false,
        Err(_) => text.contains("Denied") || text.contains("may not"),
    }
}

async fn is_a_teller(bank: &BankClient) {
    bank.open(1, "ann").await.expect("a teller may");
    assert_eq!(bank.deposit(1, 5).await.expect("a teller may"), 5);
    assert_eq!(bank.total().await.expect("a teller may"), 5);
    assert!(is_denied(bank.transfer(1, 1, 1).await));
    assert!(is_denied(bank.account(1).await));
}

#[tokio::test]
async fn a_role_may_what_it_says_by_token_over_tls_and_nobody_else_is_let_in() {
    let mut place = Place::new();
    let ((ann, teller), (late, expired)) =
        (token("ann", "teller", &[]), token("late", "teller", &["--expires", "1ms"]));
    place.tokens(&(teller + &expired));
    place.tls();
    let serving = place.serve().await;
    let address = format!("memstate+tls://{}", serving.address().expect("it listens"));
    let connect = || {
        memstate::connect::<Bank>(address.clone()).certificate_authorities(pem("ca.pem")).give_up_after(LONG)
    };
    is_a_teller(&connect().token(&ann).await.expect("it is known")).await;
    let caller = connect().token(&ann).await.expect("it is known");
    assert_eq!(caller.total().await.expect("it may"), 5);
    for (bad, said) in [(ann.replace("mst_", "mst_0"), "not known"), (late, "expired")] {
        let why = connect().token(bad).await.expect_err("it is bad").to_string();
        assert!(why.contains(said), "{why}");
    }
    let why = connect().await.expect_err("nobody").to_string();
    assert!(why.contains("credential is wanted"), "{why}");
    // Who does not speak TLS is not answered.
    let plain = address.replace("+tls", "");
    memstate::connect::<Bank>(plain).token(&ann).await.expect_err("no TLS");
    serving.stop().await;
}

#[tokio::test]
async fn a_role_may_what_it_says_by_certificate() {
    let mut place = Place::new();
    place.tls();
    place.settings.tls.client_ca = Some(pem("ca.pem"));
    place.settings.auth.certificates = [("ann".into(), vec!["teller".into()])].into();
    let serving = place.serve().await;
    let address = format!("memstate+tls://{}", serving.address().expect("it listens"));
    let connect = || memstate::connect::<Bank>(address.clone()).certificate_authorities(pem("ca.pem"));
    let ann = connect().client_certificate(pem("client.pem"), pem("client.key")).await.expect("it is known");
    is_a_teller(&ann).await;
    connect().await.expect_err("a certificate is required");
    serving.stop().await;
}

#[tokio::test]
async fn who_is_not_known_any_more_is_let_go_and_who_is_goes_on() {
    let mut place = Place::new();
    let ((ann, of_ann), (bob, of_bob)) = (token("ann", "teller", &[]), token("bob", "teller", &[]));
    place.tokens(&(of_ann.clone() + &of_bob));
    let serving = place.serve().await;
    let address = format!("memstate://{}", serving.address().expect("it listens"));
    let connect = |token: &str| memstate::connect::<Bank>(address.clone()).token(token).give_up_after(LONG);
    let (ann, bob) = (connect(&ann).await.expect("known"), connect(&bob).await.expect("known"));
    is_a_teller(&ann).await;
    assert_eq!(bob.total().await.expect("he may"), 5);
    place.tokens("[[token]]\nname = 7");
    let error = serving.reload(&place.settings).expect_err("it is wrong");
    assert!(matches!(&error, ServeError::Settings(why) if why.contains("tokens.toml")), "{error}");
    assert_eq!(bob.total().await.expect("he may as before"), 5);
    place.tokens(&of_ann);
    place.settings.roles.get_mut("teller").expect("there is one").queries = vec!["account".into()];
    serving.reload(&place.settings).expect("it is right");
    bob.total().await.expect_err("he is not known any more");
    // She is asked again, and may something else now.
    let wait = async {
        while !is_denied(ann.total().await) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LONG, wait).await.expect("it is denied");
    assert_eq!(ann.account(1).await.expect("she may").map(|account| account.balance), Some(5));
    assert_eq!(ann.deposit(1, 1).await.expect("she may as before"), 6);
    serving.stop().await;
}

#[tokio::test]
async fn a_server_is_not_begun_with_settings_that_cannot_be_used() {
    let bank = memstate::open::<Bank>("memory:").await.expect("it opens");
    type Change = fn(&mut Settings);
    let changes: [(Change, &str); 4] = [
        (|it| it.listen = "0.0.0.0:0".parse().ok(), "--insecure-listen-beyond-loopback"),
        (|it| it.tls.key = Some(pem("client.key")), "is not the key of"),
        (|it| it.auth.tokens = Some("/nowhere".into()), "/nowhere"),
        (
            |it| it.roles.get_mut("teller").expect("one").commands = vec!["depositt".into()],
            "did you mean `deposit`?",
        ),
    ];
    for (change, said) in changes {
        let mut place = Place::new();
        place.tokens("");
        place.tls();
        change(&mut place.settings);
        if said.starts_with("--") {
            (place.settings.tls.certificate, place.settings.tls.key) = (None, None);
        }
        let error = memstate::serve(&bank, place.settings).await.expect_err(said).to_string();
        assert!(error.contains(said), "{error}");
    }
}
