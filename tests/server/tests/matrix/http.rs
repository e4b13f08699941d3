//! Every route, by every credential. A route without a row here does not compile.

use std::collections::BTreeSet;

use memstate::server::__ROUTES;
use serde_json::Value as Json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use crate::place::{Held, LONG, NAME, Place, Roles, Shown};

/// What a caller has to be allowed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Needs {
    Nothing,
    Command,
    Query,
    Events,
    History,
    Describe,
    Metrics,
}

/// A route, and a query string with which it works for whoever is allowed just this.
struct Row {
    method: &'static str,
    path: &'static str,
    needs: Needs,
    query: &'static str,
}

const fn row(method: &'static str, path: &'static str, needs: Needs, query: &'static str) -> Row {
    Row { method, path, needs, query }
}

const ROWS: [Row; 13] = [
    row("POST", "/commands/{name}", Needs::Command, ""),
    row("GET", "/queries/{name}", Needs::Query, ""),
    row("POST", "/queries/{name}", Needs::Query, ""),
    row("GET", "/watch/{name}", Needs::Query, ""),
    row("GET", "/events", Needs::Events, "from=0"),
    row("GET", "/history", Needs::History, "events=false"),
    row("GET", "/diff", Needs::History, "from=0&to=1"),
    row("GET", "/openapi.json", Needs::Describe, ""),
    row("GET", "/metrics", Needs::Metrics, ""),
    row("GET", "/", Needs::Nothing, ""),
    row("GET", "/docs", Needs::Nothing, ""),
    row("GET", "/healthz", Needs::Nothing, ""),
    row("GET", "/readyz", Needs::Nothing, ""),
];

const fn same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}

const _: () = {
    let mut route = 0;
    while route < __ROUTES.len() {
        let (method, path) = __ROUTES[route];
        let (mut row, mut rows) = (0, 0);
        while row < ROWS.len() {
            rows += (same(ROWS[row].method, method) && same(ROWS[row].path, path)) as usize;
            row += 1;
        }
        assert!(rows == 1, "a route of the server has no row in ROWS, which says who may use it");
        route += 1;
    }
    assert!(ROWS.len() == __ROUTES.len(), "a row in ROWS is of a route that there is not");
};

/// What works as the arguments of a method: for a query string, and as a body.
fn arguments(name: &str) -> (&'static str, &'static str) {
    match name {
        "open" => ("", r#"{"account":1,"owner":"Ann"}"#),
        "deposit" => ("", r#"{"account":1,"amount":1}"#),
        "transfer" => ("", r#"{"from":1,"to":1,"amount":0}"#),
        "curse" => ("", r#"{"account":1}"#),
        "balance" => ("account=1", r#"{"account":1}"#),
        "account" => ("number=1", r#"{"number":1}"#),
        "accounts" | "total" | "last_caller" => ("", "{}"),
        other => panic!("the matrix has no arguments for `{other}`"),
    }
}

/// Something to ask for.
struct Target {
    row: &'static Row,
    /// The method that the path names.
    name: Option<String>,
}

impl Target {
    fn path(&self) -> String {
        self.row.path.replace("{name}", self.name.as_deref().unwrap_or_default())
    }

    fn roles(&self) -> Roles {
        let name = self.name.as_deref().unwrap_or_default();
        match self.row.needs {
            Needs::Nothing => Roles::of(|_| {}, |role| *role = Default::default()),
            Needs::Command => Roles::of_command(name),
            Needs::Query => Roles::of_query(name),
            Needs::Events => Roles::of(|role| role.events = true, |role| role.events = false),
            Needs::History => Roles::of(|role| role.history = true, |role| role.history = false),
            Needs::Describe => Roles::of(|role| role.describe = true, |role| role.describe = false),
            Needs::Metrics => Roles::of(|role| role.metrics = true, |role| role.metrics = false),
        }
    }

    /// A request that works if it is allowed.
    fn right(&self, place: &Place, shown: Shown) -> Vec<u8> {
        let (query, body) = self.name.as_deref().map_or((self.row.query, ""), arguments);
        let query = if self.row.method == "GET" { query } else { "" };
        let path = if query.is_empty() { self.path() } else { format!("{}?{query}", self.path()) };
        let mut head = head(self.row.method, &path, place, shown);
        match self.row.method {
            "POST" => head.push_str(&format!(
                "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )),
            _ => head.push_str("\r\n"),
        }
        head.into()
    }

    /// A request that could never be read, and never ends.
    fn hopeless(&self, place: &Place, shown: Shown) -> Vec<u8> {
        let path = format!("{}?account=%ff&account&at=never&%00&from=x", self.path());
        let mut request = head(self.row.method, &path, place, shown);
        request.push_str(
            "Content-Type: text/nothing\r\nIdempotency-Key: \r\nTransfer-Encoding: chunked\r\n\r\n",
        );
        let mut request = request.into_bytes();
        request.extend(b"4\r\n\xff{]\"\r\nffff\r\n");
        request
    }
}

fn head(method: &str, path: &str, place: &Place, shown: Shown) -> String {
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n");
    match place.text(shown) {
        Some(_) if shown == Shown::Malformed => head.push_str("Authorization: Basic YTpi\r\n"),
        Some(text) => head.push_str(&format!("Authorization: Bearer {text}\r\n")),
        None => {}
    }
    head
}

struct Reply {
    status: u16,
    head: String,
    body: String,
}

/// Sends a request on a connection of its own, and never more than that. Of a body that has no length only the head is waited for.
async fn ask(place: &Place, request: &[u8], shown: Shown) -> Reply {
    let mut bytes = place.bytes(true, shown.is_certificate()).await;
    bytes.write_all(request).await.expect("it is sent");
    bytes.flush().await.expect("it is sent");
    let mut read = Vec::new();
    let reading = async {
        loop {
            let end = read.windows(4).position(|four| four == b"\r\n\r\n");
            if let Some(end) = end {
                let head = String::from_utf8_lossy(&read[..end]).to_ascii_lowercase();
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                let length = length.map_or(0, |length| length.parse().expect("a length"));
                if request.starts_with(b"HEAD") || read.len() >= end + 4 + length {
                    let body = String::from_utf8_lossy(&read[end + 4..]).into_owned();
                    let status = head.split(' ').nth(1).expect("a status").parse().expect("a status");
                    return Reply { status, head, body };
                }
            }
            assert!(bytes.read_buf(&mut read).await.expect("an answer") > 0, "it ended within the answer");
        }
    };
    let shown_request = String::from_utf8_lossy(request);
    timeout(LONG, reading).await.unwrap_or_else(|_| panic!("nothing came to {shown_request}"))
}

/// Everything that there is to be asked for, by what the server says of itself.
async fn targets(place: &mut Place) -> Vec<Target> {
    let describe = Roles::of(|role| role.describe = true, |_| {});
    place.set(&describe, None, Held::Right);
    let shown = Shown::Token(Held::Right);
    let request = head("GET", "/openapi.json", place, shown) + "\r\n";
    let described: Json =
        serde_json::from_str(&ask(place, request.as_bytes(), shown).await.body).expect("it is JSON");
    let mut targets = Vec::new();
    let mut met = BTreeSet::new();
    for (path, methods) in described["paths"].as_object().expect("there are paths") {
        for method in methods.as_object().expect("there are methods").keys() {
            let method = method.to_uppercase();
            if !matches!(&*method, "GET" | "POST" | "PUT" | "DELETE" | "PATCH") {
                continue;
            }
            let found = ROWS.iter().enumerate().find_map(|(number, row)| {
                let name = match row.path.strip_suffix("{name}") {
                    Some(prefix) => path.strip_prefix(prefix)?.to_owned().into(),
                    None if row.path == path => None,
                    None => return None,
                };
                (row.method == method).then_some((number, Target { row, name }))
            });
            let (number, target) =
                found.unwrap_or_else(|| panic!("{method} {path} is described and no route"));
            met.insert(number);
            targets.push(target);
        }
    }
    for (number, row) in ROWS.iter().enumerate().filter(|(number, _)| !met.contains(number)) {
        assert!(!row.path.contains("{name}"), "{} {} is not described", row.method, row.path);
        let _ = number;
        targets.push(Target { row, name: None });
    }
    targets
}

/// That an answer to who is not known, or may not, says no more than that.
fn says_nothing(target: &Target, reply: &Reply, status: u16, what: &str) {
    assert_eq!(reply.status, status, "{what}: {}", reply.body);
    let kind = if status == 401 { "not-known" } else { "not-allowed" };
    let problem: Json = serde_json::from_str(&reply.body).expect("a problem");
    assert_eq!(problem["type"], format!("/docs#{kind}"), "{what}");
    assert_eq!(reply.head.contains("www-authenticate: bearer"), status == 401, "{what}");
    assert!(!reply.head.contains("memstate-position"), "{what}: {}", reply.head);
    if let Some(name) = &target.name {
        let said = [format!("`{name}`"), format!("\"{name}\"")];
        assert!(!said.iter().any(|name| reply.body.contains(name)), "{what}: {}", reply.body);
    }
    if status == 401 {
        assert!(!reply.body.contains("Bank") && problem.get("near").is_none(), "{what}: {}", reply.body);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_is_answered_to_those_who_may_and_tells_others_nothing() {
    let mut place = Place::new(true, |_| {}).await;
    for target in targets(&mut place).await {
        let roles = target.roles();
        for anonymous in [None, Some(Held::Other), Some(Held::Right)] {
            for held in [Held::Other, Held::Right] {
                place.set(&roles, anonymous, held);
                for shown in Shown::ALL {
                    // What depends on neither of the two is tried once.
                    let is_of_certificate = shown == Shown::Certificate(held);
                    let is_of_anonymous =
                        matches!(shown, Shown::Nothing | Shown::WrongToken | Shown::ExpiredJwt);
                    let is_tried = match shown {
                        Shown::Certificate(_) => is_of_certificate && anonymous.is_none(),
                        _ => held == Held::Other && (anonymous.is_none() || is_of_anonymous),
                    };
                    if is_tried {
                        let what = format!("{} {} {shown:?} {anonymous:?}", target.row.method, target.path());
                        tried(&place, &target, shown, anonymous, &what).await;
                    }
                }
            }
        }
    }
    place.stop().await;
}

async fn tried(place: &Place, target: &Target, shown: Shown, anonymous: Option<Held>, what: &str) {
    let before = place.bank.position();
    let is_open = target.row.needs == Needs::Nothing;
    let status = match shown.held(anonymous) {
        _ if is_open => 200,
        None => 401,
        Some(Held::Other) => 403,
        Some(Held::Right) => 200,
    };
    let reply = ask(place, &target.right(place, shown), shown).await;
    if status != 200 {
        says_nothing(target, &reply, status, what);
        let hopeless = ask(place, &target.hopeless(place, shown), shown).await;
        says_nothing(target, &hopeless, status, what);
        assert_eq!(hopeless.body, reply.body, "{what}: what was sent is not looked at");
        if target.row.method == "GET" {
            let head = head("HEAD", &target.path(), place, shown) + "\r\n";
            assert_eq!(ask(place, head.as_bytes(), shown).await.status, status, "{what}");
        }
        assert_eq!(place.bank.position(), before, "{what}: nothing has happened");
        return;
    }
    // An account that is there cannot be opened again: that is an answer of the model.
    let is_refusal = target.name.as_deref() == Some("open") && reply.status == 409;
    assert!(reply.status == 200 || is_refusal, "{what}: {} {}", reply.status, reply.body);
    if target.row.needs == Needs::Command {
        assert_eq!(place.bank.position().get(), before.get() + 1, "{what}");
        let mut records = place.bank.history(place.bank.position()..);
        let record = records.next().await.expect("a record").expect("it is read");
        let name = (shown != Shown::Nothing).then_some(NAME);
        assert_eq!(record.caller.as_deref(), name, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_call_a_method_does_not_learn_whether_there_is_one() {
    let mut place = Place::new(false, |_| {}).await;
    let shown = Shown::Token(Held::Right);
    for (method, folder, there, not_there) in [
        ("POST", "commands", "transfer", "transform"),
        ("GET", "queries", "last_caller", "lost_cellar"),
        ("POST", "queries", "last_caller", "lost_cellar"),
        ("GET", "watch", "last_caller", "lost_cellar"),
    ] {
        place.set(&Roles::of_command("open"), None, Held::Right);
        let request = |name: &str| head(method, &format!("/{folder}/{name}"), &place, shown) + "\r\n";
        let [known, unknown] = [request(there), request(not_there)];
        let [known, unknown] =
            [ask(&place, known.as_bytes(), shown).await, ask(&place, unknown.as_bytes(), shown).await];
        assert_eq!((known.status, unknown.status), (403, 403), "{folder}: {}", unknown.body);
        assert_eq!(known.body, unknown.body);
        // Those who may know which there are are told.
        let may_all =
            Roles::of(|role| (role.commands, role.queries) = (vec!["*".into()], vec!["*".into()]), |_| {});
        for roles in [Roles::of(|role| role.describe = true, |_| {}), may_all] {
            place.set(&roles, None, Held::Right);
            let request = head(method, &format!("/{folder}/{not_there}"), &place, shown) + "\r\n";
            assert_eq!(ask(&place, request.as_bytes(), shown).await.status, 404);
        }
    }
    // A caller who mistypes is helped with what it may call.
    place.set(&Roles::of_command("deposit"), None, Held::Right);
    let request = head("POST", "/commands/depositt", &place, shown) + "\r\n";
    let reply = ask(&place, request.as_bytes(), shown).await;
    assert!(reply.status == 403 && reply.body.contains("did you mean `deposit`?"), "{}", reply.body);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_history_shows_events_to_those_who_may_see_events() {
    let mut place = Place::new(false, |_| {}).await;
    let both = Roles::of(|role| (role.history, role.events) = (true, true), |role| role.events = false);
    place.set(&both, None, Held::Right);
    for (shown, query, status) in [
        (Shown::Token(Held::Right), "", 200),
        (Shown::Token(Held::Other), "", 403),
        (Shown::Token(Held::Other), "?events=true", 403),
        (Shown::Token(Held::Other), "?events=false", 200),
    ] {
        let request = head("GET", &format!("/history{query}"), &place, shown) + "\r\n";
        let reply = ask(&place, request.as_bytes(), shown).await;
        assert_eq!(reply.status, status, "{shown:?} {query}: {}", reply.body);
    }
    place.stop().await;
}
