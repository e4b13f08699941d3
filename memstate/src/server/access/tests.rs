//! Who may do what, over all acts, all kinds of credentials and what may be wrong with one.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_rustls::rustls::pki_types::{CertificateDer, pem::PemObject};

use super::*;
use crate::{
    Timestamp,
    server::settings::{Algorithm, Role},
};

#[memstate::model]
#[derive(Default)]
pub struct Wires {
    sent: u64,
}

#[memstate::model]
impl Wires {
    pub fn send(&mut self, amount: u64) {
        self.sent += amount;
    }

    pub fn cancel(&mut self) {
        self.sent = 0;
    }

    pub fn sent(&self) -> u64 {
        self.sent
    }
}

#[memstate::model]
#[derive(Default)]
pub struct Bank {
    #[memstate(model)]
    wire: Wires,
    total: u64,
}

#[memstate::model]
impl Bank {
    pub fn deposit(&mut self, amount: u64) {
        self.total += amount;
    }

    pub fn seize(&mut self) {
        self.total = 0;
    }

    pub fn total(&self) -> u64 {
        self.total
    }

    pub fn books(&self) -> u64 {
        self.total + self.wire.sent
    }
}

/// What each role of [`roles`] may. A method or an act without a row fails.
const ROWS: [(&str, &[&str]); 13] = [
    ("command deposit", &["teller", "root"]),
    ("command seize", &["root"]),
    ("command wire.cancel", &["teller", "root"]),
    ("command wire.send", &["teller", "root"]),
    ("query books", &["auditor", "root"]),
    ("query total", &["teller", "auditor", "root"]),
    ("query wire.sent", &["auditor", "root"]),
    ("events", &["auditor", "root"]),
    ("history", &["auditor"]),
    ("describe", &["teller"]),
    ("snapshot", &["root"]),
    ("metrics", &["auditor"]),
    ("as_caller", &["root"]),
];

const NAMES: [&str; 3] = ["teller", "auditor", "root"];

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn roles() -> BTreeMap<String, Role> {
    let teller = Role {
        commands: texts(&["deposit", "wire.*"]),
        queries: texts(&["total"]),
        describe: true,
        ..Role::default()
    };
    let auditor =
        Role { queries: texts(&["*"]), events: true, history: true, metrics: true, ..Role::default() };
    let root = Role {
        commands: texts(&["*"]),
        queries: texts(&["*"]),
        events: true,
        snapshot: true,
        as_caller: true,
        ..Role::default()
    };
    [("teller", teller), ("auditor", auditor), ("root", root)]
        .into_iter()
        .map(|(name, role)| (name.to_owned(), role))
        .collect()
}

fn described() -> Described {
    Described::of::<Bank>()
}

fn acts(described: &Described) -> Vec<Act> {
    let commands = described.commands.all().map(|method| Act::Command(method.number));
    let queries = described.queries.all().map(|method| Act::Query(method.number));
    let others = [Act::Events, Act::History, Act::Describe, Act::Snapshot, Act::Metrics, Act::AsCaller];
    commands.chain(queries).chain(others).collect()
}

/// What an act is called in [`ROWS`]. One that is new does not compile here: it goes into [`acts`] too.
fn name(described: &Described, act: Act) -> String {
    let method = |methods: &crate::cli::program::methods::Methods, number| {
        methods.all().find(|method| method.number == number).expect("it is one").command.name.clone()
    };
    match act {
        Act::Command(number) => format!("command {}", method(&described.commands, number)),
        Act::Query(number) => format!("query {}", method(&described.queries, number)),
        Act::Events => "events".to_owned(),
        Act::History => "history".to_owned(),
        Act::Describe => "describe".to_owned(),
        Act::Snapshot => "snapshot".to_owned(),
        Act::Metrics => "metrics".to_owned(),
        Act::AsCaller => "as_caller".to_owned(),
    }
}

fn from_now(seconds: i64) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later").as_secs();
    now.checked_add_signed(seconds).expect("it is near")
}

const SECRET: &[u8] = b"a secret of the tests that is long enough";

/// Files in a folder of their own, and settings that name them.
struct Place {
    folder: TempDir,
    settings: Settings,
}

impl Place {
    fn new() -> Self {
        let settings = Settings { roles: roles(), ..Settings::default() };
        Place { folder: tempfile::tempdir().expect("a folder"), settings }
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, bytes).expect("it can be written");
        path
    }

    fn tokens(mut self, lines: &str) -> Self {
        self.settings.auth.tokens = Some(self.file("tokens.toml", lines));
        self
    }

    fn jwt(mut self, algorithm: Algorithm, key: &[u8]) -> Self {
        self.settings.auth.jwt.key = Some(self.file("jwt.key", key));
        self.settings.auth.jwt.algorithm = algorithm;
        self
    }

    fn certificates(mut self) -> Self {
        self.settings.tls.client_ca = Some("ca.pem".into());
        self.settings.auth.certificates = [
            ("teller".to_owned(), texts(&["teller"])),
            ("auditor.example.org".to_owned(), texts(&["auditor"])),
            ("root@example.org".to_owned(), texts(&["root"])),
        ]
        .into();
        self
    }

    fn access(&self) -> Access {
        self.try_access().unwrap_or_else(|why| panic!("{why}"))
    }

    fn try_access(&self) -> Result<Access, String> {
        Access::load(&described(), &self.settings)
    }
}

fn signed(algorithm: jsonwebtoken::Algorithm, key: &EncodingKey, claims: &Value) -> String {
    encode(&Header::new(algorithm), claims, key).expect("it can be signed")
}

fn hs256(claims: &Value) -> String {
    signed(jsonwebtoken::Algorithm::HS256, &EncodingKey::from_secret(SECRET), claims)
}

fn certificates() -> Vec<Vec<u8>> {
    let read = CertificateDer::pem_slice_iter(include_bytes!("tests/certificates.pem"));
    read.map(|one| one.expect("it is one").to_vec()).collect()
}

/// What a caller shows, as bytes that live as long as they are needed.
enum Shown {
    Text(String),
    Der(Vec<u8>),
}

impl Shown {
    fn credential(&self) -> Credential<'_> {
        match self {
            Shown::Text(text) => Credential::Bearer(text),
            Shown::Der(der) => Credential::Certificate(der),
        }
    }
}

/// One kind of credential: the right ones by role, one that has expired and would be right for everything, and bad ones.
struct Kind {
    name: &'static str,
    of_role: BTreeMap<&'static str, Shown>,
    expired: Shown,
    bad: Vec<Shown>,
}

/// Access that takes all kinds of credentials, and these.
fn all_kinds() -> (Place, Vec<Kind>) {
    let mut lines = String::new();
    let of_role = NAMES.map(|role| {
        let new = tokens::New::of(&format!("{role} by token"), &texts(&[role]), None).expect("a token");
        lines.push_str(&new.lines);
        (role, Shown::Text(new.token))
    });
    let past = Timestamp::from(SystemTime::now() - Duration::from_secs(1));
    let expired = tokens::New::of("late", &texts(&NAMES), Some(past)).expect("a token");
    lines.push_str(&expired.lines);
    let stranger = tokens::New::of("stranger", &texts(&NAMES), None).expect("a token").token;
    let by_token = Kind {
        name: "token",
        of_role: of_role.into(),
        expired: Shown::Text(expired.token.clone()),
        bad: [
            stranger,
            String::new(),
            "mst_".to_owned(),
            expired.token.to_uppercase(),
            format!("{} ", expired.token),
            expired.token[..expired.token.len() - 1].to_owned(),
            "root".to_owned(),
        ]
        .map(Shown::Text)
        .into(),
    };
    let claims = |role: &str| json!({"sub": format!("{role} by jwt"), "exp": from_now(600), "iss": "the issuer", "roles": [role]});
    let with = |key: &str, value: Value| {
        let mut claims = claims("root");
        claims[key] = value;
        hs256(&claims)
    };
    let without = |key: &str| {
        let mut claims = claims("root");
        claims.as_object_mut().expect("it is one").remove(key);
        hs256(&claims)
    };
    let other_key = EncodingKey::from_secret(b"another secret that is long enough too, or longer");
    let unsigned = {
        let whole = hs256(&claims("root"));
        let mut parts = whole.split('.');
        parts.next();
        // {"alg":"none","typ":"JWT"}
        format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{}.", parts.next().expect("it has claims"))
    };
    let by_jwt = Kind {
        name: "jwt",
        of_role: NAMES.map(|role| (role, Shown::Text(hs256(&claims(role))))).into(),
        expired: Shown::Text(with("exp", json!(from_now(-600)))),
        bad: [
            signed(jsonwebtoken::Algorithm::HS256, &other_key, &claims("root")),
            signed(jsonwebtoken::Algorithm::HS512, &EncodingKey::from_secret(SECRET), &claims("root")),
            unsigned,
            with("nbf", json!(from_now(600))),
            with("iss", json!("somebody else")),
            with("aud", json!("another server")),
            with("sub", json!("")),
            with("sub", json!("x".repeat(1025))),
            without("sub"),
            without("exp"),
            without("iss"),
            "a.b.c".to_owned(),
        ]
        .map(Shown::Text)
        .into(),
    };
    let ders: [Vec<u8>; 5] = certificates().try_into().expect("five");
    let [teller, auditor, root, expired, stranger] = ders.map(Shown::Der);
    let by_certificate = Kind {
        name: "certificate",
        of_role: [("teller", teller), ("auditor", auditor), ("root", root)].into(),
        expired,
        bad: vec![stranger, Shown::Der(Vec::new()), Shown::Der(b"certificate".to_vec())],
    };
    let mut place = Place::new().tokens(&lines).jwt(Algorithm::HS256, SECRET).certificates();
    place.settings.auth.jwt.issuer = Some("the issuer".to_owned());
    (place, vec![by_token, by_jwt, by_certificate])
}

#[test]
fn every_act_has_a_row_and_every_credential_may_what_its_row_says() {
    let described = described();
    let (place, kinds) = all_kinds();
    let access = place.access();
    let rows: BTreeMap<_, _> = ROWS.into();
    for kind in &kinds {
        for bad in &kind.bad {
            let why = access.identify(bad.credential()).expect_err("it is bad");
            assert_eq!(why, NotKnown::Wrong, "{}", kind.name);
        }
        let why = access.identify(kind.expired.credential()).expect_err("it has expired");
        assert_eq!(why, NotKnown::Expired, "{}", kind.name);
    }
    assert_eq!(access.identify(Credential::None).expect_err("there is none"), NotKnown::Missing);
    let mut tried = 0;
    let mut seen = Vec::new();
    for act in acts(&described) {
        let name = name(&described, act);
        let allowed = rows.get(name.as_str()).unwrap_or_else(|| panic!("`{name}` has no row"));
        let (mut right, mut wrong) = (0, 0);
        for kind in &kinds {
            for (role, shown) in &kind.of_role {
                let identity = access.identify(shown.credential()).expect("it is known");
                let may = allowed.contains(role);
                assert_eq!(identity.may(act), may, "{name}, {role} by {}", kind.name);
                if may {
                    right += 1
                } else {
                    wrong += 1
                }
                tried += 1;
            }
        }
        assert!(right > 0 && (wrong > 0 || name == "query total"), "{name}: {right} may, {wrong} may not");
        seen.push(name);
    }
    let stale: Vec<_> = rows.keys().filter(|row| !seen.iter().any(|name| name == *row)).collect();
    assert!(stale.is_empty(), "rows of what is not there: {stale:?}");
    assert_eq!(tried, seen.len() * kinds.len() * NAMES.len());
}

#[test]
fn a_caller_is_called_what_the_credential_says() {
    let (place, kinds) = all_kinds();
    let access = place.access();
    let names: Vec<_> = kinds
        .iter()
        .map(|kind| access.identify(kind.of_role["auditor"].credential()).expect("it is known"))
        .map(|identity| identity.name.clone().expect("it has a name").to_string())
        .collect();
    assert_eq!(names, ["auditor by token", "auditor by jwt", "auditor.example.org"]);
}

#[test]
fn what_the_model_does_not_have_is_nobodys_right() {
    let (place, kinds) = all_kinds();
    let root = place.access().identify(kinds[0].of_role["root"].credential()).expect("it is known");
    for number in [4, 5, 63, 64, u16::MAX] {
        assert!(!root.may(Act::Command(number)), "{number}");
    }
}

#[test]
fn without_authentication_everybody_may_everything_and_with_any_nobody_may_anything() {
    let described = described();
    let open = Access::open(&described).identify(Credential::None).expect("it is open");
    assert!(acts(&described).into_iter().all(|act| open.may(act)));
    assert_eq!(open.name, None);
    let only_tokens = Place { settings: Settings::default(), ..Place::new() }.tokens("").access();
    let why = only_tokens.identify(Credential::None).expect_err("nobody is known");
    assert_eq!(why, NotKnown::Missing);
    let jwt = hs256(&json!({"sub": "ann", "exp": from_now(600), "roles": "root"}));
    assert_eq!(only_tokens.identify(Credential::Bearer(&jwt)).expect_err("no JWTs"), NotKnown::Wrong);
    // A certificate that nothing is mapped to proves nothing.
    let why = only_tokens.identify(Credential::Certificate(&certificates()[0])).expect_err("not mapped");
    assert_eq!(why, NotKnown::Missing);
}

#[test]
fn those_without_a_credential_have_the_role_anonymous() {
    let mut place = Place::new().tokens("");
    let role = Role { queries: texts(&["total"]), ..Role::default() };
    place.settings.roles.insert(ANONYMOUS.to_owned(), role);
    let described = described();
    let nobody = place.access().identify(Credential::None).expect("it is let in");
    let may: Vec<_> = acts(&described).into_iter().filter(|act| nobody.may(*act)).collect();
    let may: Vec<_> = may.into_iter().map(|act| name(&described, act)).collect();
    assert_eq!((may, nobody.name.clone()), (vec!["query total".to_owned()], None));
    let bad = place.access().identify(Credential::Bearer("mst_0")).expect_err("it is bad");
    assert_eq!(bad, NotKnown::Wrong, "a bad credential is not none");
}

#[test]
fn jwts_are_verified_by_the_algorithm_of_the_settings_alone() {
    let claims = json!({"sub": "ann", "exp": from_now(600), "scope": {"memstate": "teller nonsense"}});
    let rsa = include_bytes!("tests/rsa.pub");
    let (rsa_key, ec_key) = (include_bytes!("tests/rsa.key"), include_bytes!("tests/ec.key"));
    let of_rsa = EncodingKey::from_rsa_pem(rsa_key).expect("a key");
    let of_ec = EncodingKey::from_ec_pem(ec_key).expect("a key");
    let by_rsa = signed(jsonwebtoken::Algorithm::RS256, &of_rsa, &claims);
    let by_ec = signed(jsonwebtoken::Algorithm::ES256, &of_ec, &claims);
    // The public key is known to everybody; as a secret it proves nothing.
    let confused = signed(jsonwebtoken::Algorithm::HS256, &EncodingKey::from_secret(rsa), &claims);
    let stronger = signed(jsonwebtoken::Algorithm::RS512, &of_rsa, &claims);
    for (algorithm, key, right) in
        [(Algorithm::RS256, &rsa[..], &by_rsa), (Algorithm::ES256, include_bytes!("tests/ec.pub"), &by_ec)]
    {
        let mut place = Place::new().jwt(algorithm, key);
        place.settings.auth.jwt.roles_claim = "scope.memstate".to_owned();
        let access = place.access();
        for token in [&by_rsa, &by_ec, &confused, &stronger] {
            for _ in 0..2 {
                let found = access.identify(Credential::Bearer(token));
                assert_eq!(found.is_ok(), token == right, "{algorithm:?}: {token}");
                if let Ok(ann) = found {
                    assert_eq!(ann.name.as_deref(), Some("ann"));
                    assert!(ann.may(Act::Describe) && !ann.may(Act::Events), "a teller");
                }
            }
        }
    }
}

#[test]
fn a_jwt_that_is_known_expires_all_the_same() {
    let place = Place::new().jwt(Algorithm::HS256, SECRET);
    let access = place.access();
    let token = hs256(&json!({"sub": "ann", "exp": from_now(600)}));
    access.identify(Credential::Bearer(&token)).expect("it is known");
    let loaded = access.loaded.load();
    let Some(jwts) = &loaded.jwts else { panic!("there are JWTs") };
    let hash = *blake3::hash(token.as_bytes()).as_bytes();
    assert!(jwts.known.get(&hash, SystemTime::now()).is_some());
    let later = SystemTime::now() + Duration::from_secs(700);
    assert!(jwts.known.get(&hash, later).is_none());
}

#[test]
fn several_roles_are_all_that_each_allows() {
    let new = tokens::New::of("ann", &texts(&["teller", "auditor"]), None).expect("a token");
    let ann = Place::new().tokens(&new.lines).access();
    let ann = ann.identify(Credential::Bearer(&new.token)).expect("it is known");
    let described = described();
    let may: Vec<_> = acts(&described).into_iter().filter(|act| ann.may(*act)).collect();
    let wanted = |act: &Act| {
        let name = name(&described, *act);
        ROWS.iter().any(|(row, who)| *row == name && who.iter().any(|role| *role != "root"))
    };
    assert_eq!(may, acts(&described).into_iter().filter(wanted).collect::<Vec<_>>());
}

#[test]
fn what_is_wrong_in_the_files_is_said_with_its_place() {
    let hash = format!("blake3:{}", "0".repeat(64));
    let new = tokens::New::of("ann", &texts(&["teller"]), None).expect("a token");
    for (lines, said) in [
        (
            format!("[[token]]\nname = \"ann\"\nhash = \"{hash}\"\nroles = [\"tellr\"]"),
            "token 1 (`ann`): there is no role `tellr`; did you mean `teller`?",
        ),
        (format!("[[token]]\nname = \"ann\"\nhash = \"{}\"\nroles = []", new.token), "`hash` is a token"),
        ("[[token]]\nname = \"ann\"\nhash = \"sha1:00\"\nroles = []".to_owned(), "`hash` is none"),
        (format!("[[token]]\nname = \"\"\nhash = \"{hash}\"\nroles = []"), "the name"),
        (
            format!("[[token]]\nname = \"ann\"\nhash = \"{hash}\"\nroles = []\nexpires = \"soon\""),
            "`expires`",
        ),
        (format!("[[token]]\nname = \"ann\"\nhash = \"{hash}\"\nrole = \"teller\""), "role"),
        (new.lines.repeat(2), "token 2 (`ann`): another one has this hash"),
        ("[[token]".to_owned(), "is no file of tokens"),
    ] {
        let Err(why) = Place::new().tokens(&lines).try_access() else { panic!("{lines}") };
        assert!(why.contains(said) && why.contains("tokens.toml"), "{why}\nshould say: {said}");
    }
    let mut place = Place::new();
    place.settings.auth.tokens = Some("/nowhere/tokens.toml".into());
    assert!(place.try_access().err().expect("none").contains("/nowhere/tokens.toml"));
    for (algorithm, key, said) in [
        (Algorithm::HS256, &b"too short\n"[..], "32 at least"),
        (Algorithm::HS256, include_bytes!("tests/rsa.pub"), "lets everybody sign"),
        (Algorithm::RS256, include_bytes!("tests/rsa.key"), "private"),
        (Algorithm::RS256, include_bytes!("tests/ec.pub"), "RS256"),
        (Algorithm::ES256, b"", "ES256"),
    ] {
        let Err(why) = Place::new().jwt(algorithm, key).try_access() else { panic!("{algorithm:?}") };
        assert!(why.contains(said) && why.contains("jwt.key"), "{why}");
    }
}

#[test]
fn a_role_that_names_what_there_is_not_is_an_error() {
    for (commands, queries, said) in [
        (
            &["depositt"][..],
            &[][..],
            "`roles.teller.commands`: `Bank` has no command `depositt`; did you mean `deposit`?",
        ),
        (&["wires.*"], &[], "no command of `Bank` is like `wires.*`"),
        (&[], &["deposit"], "`roles.teller.queries`: `Bank` has no query `deposit`"),
    ] {
        let mut place = Place::new();
        let role = Role { commands: texts(commands), queries: texts(queries), ..Role::default() };
        place.settings.roles.insert("teller".to_owned(), role);
        let why = place.try_access().err().expect("it is wrong");
        assert!(why.starts_with("`roles.teller.") && why.contains(said), "{why}");
    }
    let mut place = Place::new().certificates();
    place.settings.auth.certificates.insert("ann".to_owned(), texts(&["boss"]));
    let why = place.try_access().err().expect("it is wrong");
    assert_eq!(why, "`auth.certificates.ann`: there is no role `boss`");
}

#[tokio::test]
async fn what_is_loaded_anew_holds_at_once_and_an_error_keeps_what_was() {
    let new = tokens::New::of("ann", &texts(&["teller"]), None).expect("a token");
    let other = tokens::New::of("bob", &texts(&["teller"]), None).expect("a token");
    let mut place = Place::new().tokens(&new.lines);
    let access = place.access();
    let ann = access.identify(Credential::Bearer(&new.token)).expect("it is known");
    place.file("tokens.toml", "[[token]]\nname = 7");
    assert!(access.prepare(&place.settings).is_err());
    access.identify(Credential::Bearer(&new.token)).expect("it is known as before");
    place.file("tokens.toml", &new.lines);
    access.replace(access.prepare(&place.settings).expect("it can be read"));
    assert!(!ann.outdated.is_cancelled(), "nothing has changed, so nobody is asked again");
    place.file("tokens.toml", &other.lines);
    place.settings.roles.get_mut("teller").expect("a role").describe = false;
    let prepared = access.prepare(&place.settings).expect("it can be read");
    access.identify(Credential::Bearer(&new.token)).expect("nothing has changed yet");
    access.replace(prepared);
    assert_eq!(access.identify(Credential::Bearer(&new.token)).expect_err("not any more"), NotKnown::Wrong);
    assert!(!access.identify(Credential::Bearer(&other.token)).expect("it is known").may(Act::Describe));
    // Who was known before is asked again.
    ann.is_over().await;
}

#[tokio::test]
async fn an_identity_is_over_when_its_credential_expires() {
    let soon = Timestamp::from(SystemTime::now() + Duration::from_millis(50));
    let new = tokens::New::of("ann", &texts(&["teller"]), Some(soon)).expect("a token");
    let access = Place::new().tokens(&new.lines).access();
    if let Ok(ann) = access.identify(Credential::Bearer(&new.token)) {
        ann.is_over().await;
    }
    assert_eq!(access.identify(Credential::Bearer(&new.token)).expect_err("over"), NotKnown::Expired);
}
