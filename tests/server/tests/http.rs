//! HTTP over sockets: every route, every error, and whoever does not keep to the rules.

#[path = "http/client.rs"]
mod client;

use std::{net::SocketAddr, time::Duration};

use memstate::{
    Client,
    server::{Serving, Settings},
};
use memstate_server_tests::{Bank, shapes::Shapes};
use serde_json::{Value as Json, json};
use tokio::time::timeout;

use crate::client::{LONG, Web};

/// A model that is answered over HTTP.
struct Served<M: memstate::Model> {
    client: M::Client,
    serving: Serving,
    address: SocketAddr,
}

impl<M> Served<M>
where
    M: memstate::Model + Default,
    M::Client: std::ops::Deref<Target = Client<M>>,
{
    async fn with(set: impl FnOnce(&mut Settings)) -> Self {
        let client = memstate::open::<M>("memory:").await.expect("it opens");
        let mut settings = Settings::default();
        settings.listen = None;
        settings.http = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
        set(&mut settings);
        let serving = memstate::serve(&client, settings).await.expect("it is served");
        let address = serving.http_address().expect("HTTP is answered");
        Served { client, serving, address }
    }

    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn web(&self) -> Web {
        Web::to(self.address).await
    }

    async fn stop(self) {
        timeout(LONG, self.serving.stop()).await.expect("it stops");
    }
}

async fn open(web: &mut Web, account: u64, owner: &str) {
    let body = json!({ "account": account, "owner": owner }).to_string();
    assert_eq!(web.post("/commands/open", &body).await.value(), Json::Null);
}

#[tokio::test]
async fn a_command_changes_the_model_and_a_query_says_so() {
    let bank = Served::<Bank>::new().await;
    let mut web = bank.web().await;
    open(&mut web, 7, "Ann").await;
    let deposited = web.post("/commands/deposit", r#"{"amount": 30, "account": "7"}"#).await;
    assert_eq!(deposited.json(), json!({ "position": 2, "value": 30 }));
    assert!(deposited.header("memstate-request").contains('/'));
    assert_eq!(web.get("/queries/balance?account=7").await.value(), 30);
    assert_eq!(web.post("/queries/balance", r#"{"account": 7}"#).await.value(), 30);
    assert_eq!(web.get("/queries/account?number=8").await.value(), Json::Null);
    assert_eq!(web.get("/queries/account?number=7").await.value(), json!({ "owner": "Ann", "balance": 30 }));
    assert_eq!(web.call("POST", "/queries/total", &[], None).await.value(), 30, "without a body");
    let head = web.call("HEAD", "/queries/total", &[], None).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    bank.stop().await;
}

#[tokio::test]
async fn a_refusal_is_a_conflict_with_the_models_own_error() {
    let bank = Served::<Bank>::new().await;
    let mut web = bank.web().await;
    let refused = web.post("/commands/deposit", r#"{"account": 9, "amount": 1}"#).await;
    let problem = refused.problem(409, "rejected");
    assert_eq!(problem["error"], json!({ "NoAccount": { "account": 9 } }));
    assert_eq!(problem["position"], 1, "a refused command is journaled");
    assert_eq!(refused.header("memstate-position"), "1");
    let problem = web.get("/queries/balance?account=9").await.problem(409, "rejected");
    assert_eq!(problem["error"], json!({ "NoAccount": { "account": 9 } }));
    bank.stop().await;
}

#[tokio::test]
async fn wrong_arguments_are_told_with_the_place_that_is_wrong() {
    let shapes = Served::<Shapes>::new().await;
    let mut web = shapes.web().await;
    for (query, body, pointer) in [
        ("kind", json!({ "kind": "Plain" }), "/colour"),
        ("kind", json!({ "kind": "Plain", "colour": "Red", "color": "Red" }), "/color"),
        ("kind", json!({ "kind": { "Named": { "number": -1 } }, "colour": "Red" }), "/kind/Named/number"),
        ("kind", json!({ "kind": { "Pair": [1] }, "colour": "Red" }), "/kind/Pair"),
        ("kind", json!({ "kind": { "Pair": [300, ""] }, "colour": "Red" }), "/kind/Pair/0"),
        ("kind", json!({ "kind": "Wrapped", "colour": "Red" }), "/kind"),
        ("kind", json!({ "kind": { "Plain": null }, "colour": "Red" }), "/kind"),
        ("kind", json!({ "kind": "Nothing", "colour": "Red" }), "/kind"),
        (
            "tree",
            json!({ "tree": { "name": "a", "below": [{ "name": "b", "below": [7] }] } }),
            "/tree/below/0/below/0",
        ),
        ("tree", json!([]), ""),
        ("tree", json!(null), ""),
    ] {
        let reply = web.post(&format!("/queries/{query}"), &body.to_string()).await;
        let problem = reply.problem(422, "wrong-arguments");
        assert_eq!(problem["pointer"], pointer, "{body}: {problem}");
    }
    let problem = web.get("/queries/numbers?end=-1").await.problem(422, "wrong-arguments");
    assert_eq!(problem["parameter"], "end");
    for path in [
        "/queries/numbers?end=1&end=1",
        "/queries/numbers",
        "/queries/numbers?end=1&x=1",
        "/commands/step?x=1",
    ] {
        let method = if path.starts_with("/commands") { "POST" } else { "GET" };
        web.call(method, path, &[], None).await.problem(422, "wrong-arguments");
    }
    shapes.stop().await;
}

#[tokio::test]
async fn values_of_every_shape_come_back_as_they_were() {
    let shapes = Served::<Shapes>::new().await;
    let mut web = shapes.web().await;
    let everything = json!({
        "truth": true, "narrow": 0.5, "wide": -1e300, "letter": "é", "time": -1, "bytes": [0, 255],
        "pair": [7, null], "by_text": { "a/b": 1 }, "by_number": { "18446744073709551615": "x" },
        "by_colour": { "Red": null }, "by_pair": [[[1, true], { "Pair": [-128, "\u{0}"] }], [[2, false], "Plain"]],
    });
    let body = json!({ "everything": everything }).to_string();
    assert_eq!(web.post("/queries/everything", &body).await.value(), everything);
    let integers = json!({
        "tiny": -128, "small": 65535, "plain": i32::MIN, "large": u64::MAX, "signed": i64::MIN,
        "huge": u128::MAX.to_string(), "huge_signed": i128::MIN.to_string(),
    });
    let body = json!({ "integers": integers }).to_string();
    assert_eq!(web.post("/queries/integers", &body).await.value(), integers);
    // What JavaScript would round is taken as a text, and a number as whichever JSON says it.
    let body = r#"{"integers": {"tiny": 1e1, "small": 3.0, "plain": 1, "large": "18446744073709551615",
        "signed": "-9223372036854775808", "huge": 7, "huge_signed": "-7"}}"#;
    let value = web.post("/queries/integers", body).await.value();
    assert_eq!((&value["tiny"], &value["small"], &value["large"]), (&json!(10), &json!(3), &json!(u64::MAX)));
    for wrong in
        ["\"007\"", "\"+1\"", "1.5", "true", "18446744073709551616", "\"18446744073709551616\"", "-1"]
    {
        let body = format!(
            r#"{{"integers": {{"tiny": 1, "small": 1, "plain": 1, "large": {wrong}, "signed": 1, "huge": 1, "huge_signed": 1}}}}"#
        );
        let problem = web.post("/queries/integers", &body).await.problem(422, "wrong-arguments");
        assert_eq!(problem["pointer"], "/integers/large", "{wrong}");
    }
    let path = "/queries/plain?truth=true&number=-7&huge=340282366920938463463374607431768211455&wide=1e3&text=%22a%20b%22\
        &time=1970-01-01T00:00:01Z";
    let expected = json!([true, -7, u128::MAX.to_string(), 1000.0, "a b", 1_000_000]);
    assert_eq!(web.get(path).await.value(), expected);
    let path = "/queries/kind?kind=%7B%22Wrapped%22%3A7%7D&colour=Green";
    assert_eq!(web.get(path).await.value(), json!([{ "Wrapped": 7 }, "Green"]));
    // An argument that is called as a parameter of ours is the argument.
    assert_eq!(web.get("/queries/at_that?at=1&after=2").await.value(), 3);
    let problem = web.call("GET", "/queries/at_that?at=1&after=2", &[("Memstate-At", "9")], None).await;
    problem.problem(404, "no-such-position");
    shapes.stop().await;
}

#[tokio::test]
async fn bodies_that_are_no_json_are_refused_before_anything_happens() {
    let bank = Served::<Bank>::with(|settings| settings.limits.frame_bytes = 10_000).await;
    let mut web = bank.web().await;
    let deep = format!("{}{}", "[".repeat(4000), "]".repeat(4000));
    for body in [
        "{",
        "{\"account\": 1}x",
        "{\"account\": 1} {}",
        "nul",
        "{\"account\": 01}",
        "\u{feff}{}",
        "{\"account\"}",
    ] {
        web.post("/commands/curse", body).await.problem(400, "malformed");
    }
    for body in [r#"{"account": 1, "account": 1}"#, "[]", &deep] {
        let reply = web.post("/commands/curse", body).await;
        assert!(matches!(reply.status, 400 | 422), "{}", reply.text());
    }
    let mut request = b"POST /commands/curse HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 3\r\n\r\n".to_vec();
    request.extend(b"\"\xff\"");
    web.send(request).await;
    web.reply(false).await.problem(400, "malformed");
    let form = [("Content-Type", "text/plain")];
    let reply = web.call("POST", "/commands/curse", &form, Some(r#"{"account": 1}"#)).await;
    reply.problem(415, "wrong-media-type");
    assert_eq!(reply.header("connection"), "close", "what was not read cannot be skipped");
    assert_eq!(web.rest().await, b"");
    let large = format!(r#"{{"account": 1{}}}"#, " ".repeat(20_000));
    for declares_length in [true, false] {
        let mut web = bank.web().await;
        if declares_length {
            web.ask("POST", "/commands/curse", &[], Some(&large)).await;
        } else {
            let head = "POST /commands/curse HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
            web.send(format!("{head}{:x}\r\n{large}\r\n0\r\n\r\n", large.len())).await;
        }
        web.reply(false).await.problem(413, "too-large");
        assert_eq!(web.rest().await, b"");
    }
    assert_eq!(bank.client.position().get(), 0, "nothing has happened");
    bank.stop().await;
}

#[tokio::test]
async fn a_key_makes_a_command_happen_once_and_is_each_callers_own() {
    let bank = Served::<Bank>::new().await;
    let mut web = bank.web().await;
    open(&mut web, 7, "Ann").await;
    let body = r#"{"account": 7, "amount": 5}"#;
    let mut first = None;
    for key in ["k-1", "\"k-1\"", "k-1"] {
        let reply = web.call("POST", "/commands/deposit", &[("Idempotency-Key", key)], Some(body)).await;
        assert_eq!(reply.value(), 5, "once");
        let request = reply.header("memstate-request").split('@').next().map(str::to_owned);
        assert_eq!(
            first.get_or_insert_with(|| request.clone()),
            &request,
            "the identity is that of the first"
        );
    }
    let other = r#"{"account": 7, "amount": 6}"#;
    let reply = web.call("POST", "/commands/deposit", &[("Idempotency-Key", "k-1")], Some(other)).await;
    reply.problem(422, "key-reused");
    // An id of memstate's own is taken as it is.
    let request = bank.client.new_request().to_string();
    for _ in 0..2 {
        let key = [("Idempotency-Key", request.as_str())];
        let reply = web.call("POST", "/commands/deposit", &key, Some(body)).await;
        assert_eq!((reply.value(), reply.header("memstate-request")), (json!(10), request.as_str()));
    }
    // A refusal is remembered like everything else.
    let refused = r#"{"account": 8, "amount": 5}"#;
    for _ in 0..2 {
        let reply = web.call("POST", "/commands/deposit", &[("Idempotency-Key", "k-2")], Some(refused)).await;
        reply.problem(409, "rejected");
    }
    for wrong in ["", "a b", &"x".repeat(256)] {
        let reply = web.call("POST", "/commands/deposit", &[("Idempotency-Key", wrong)], None).await;
        reply.problem(400, "malformed");
    }
    assert_eq!(web.get("/queries/total").await.value(), 10);
    bank.stop().await;
}

#[tokio::test]
async fn the_past_is_asked_by_position_and_by_time() {
    let bank = Served::<Bank>::new().await;
    let mut web = bank.web().await;
    open(&mut web, 7, "Ann").await;
    for _ in 0..3 {
        web.post("/commands/deposit", r#"{"account": 7, "amount": 10}"#).await.value();
    }
    let then = web.get("/queries/balance?account=7&at=2").await;
    assert_eq!(then.json(), json!({ "position": 2, "value": 10 }));
    assert_eq!(web.post("/queries/balance?at=3", r#"{"account": 7}"#).await.value(), 20);
    assert_eq!(web.get("/queries/total?at=9999-01-01").await.value(), 30);
    assert_eq!(web.get("/queries/total?at=1971-01-01T00:00Z").await.value(), 0);
    let lines = web.call("GET", "/queries/accounts?at=2", &[("Accept", "application/x-ndjson")], None).await;
    assert_eq!(lines.text(), "{\"number\":7,\"account\":{\"owner\":\"Ann\",\"balance\":10}}\n");
    web.get("/queries/total?at=5").await.problem(404, "no-such-position");
    assert_eq!(
        web.get("/queries/total?at=yesterday").await.problem(422, "wrong-arguments")["parameter"],
        "at"
    );
    assert_eq!(web.get("/queries/total?after=4").await.value(), 30);
    web.get("/queries/total?after=5").await.problem(412, "not-yet");
    web.get("/queries/total?after=x").await.problem(422, "wrong-arguments");
    // It is waited for.
    let (answer, deposited) = tokio::join!(
        async { bank.web().await.call("GET", "/queries/total", &[("Memstate-After", "5")], None).await },
        bank.client.deposit(7, 1),
    );
    assert_eq!((answer.value(), deposited), (json!(31), Ok(31)));
    bank.stop().await;
}

#[tokio::test]
async fn a_query_that_gives_one_after_another_is_a_list_or_lines() {
    let shapes = Served::<Shapes>::with(|settings| settings.limits.answer_bytes = 400_000).await;
    let mut web = shapes.web().await;
    assert_eq!(web.get("/queries/numbers?end=3").await.value(), json!([0, 1, 2]));
    assert_eq!(web.get("/queries/numbers?end=0").await.value(), json!([]));
    let lines = [("Accept", "application/x-ndjson")];
    assert_eq!(web.call("GET", "/queries/numbers?end=3", &lines, None).await.text(), "0\n1\n2\n");
    assert_eq!(web.call("GET", "/queries/numbers?end=0", &lines, None).await.text(), "");
    let posted = web.call("POST", "/queries/numbers", &lines, Some(r#"{"end": 20000}"#)).await;
    assert_eq!(posted.header("content-type"), "application/x-ndjson");
    assert!(posted.text().lines().map(|line| line.parse::<u32>().expect("a number")).eq(0..20_000));
    web.get("/queries/numbers?end=1000000").await.problem(413, "answer-too-large");
    // What nobody takes is bounded, and the last line says so.
    web.ask("GET", "/queries/numbers?end=4000000000", &lines, None).await;
    let cut = web.reply(false).await.text();
    let last: Json = serde_json::from_str(cut.lines().last().expect("a line")).expect("JSON");
    assert_eq!(last["application/problem+json"]["type"], "/docs#answer-too-large", "{last}");
    shapes.stop().await;
}

#[tokio::test]
async fn what_is_not_there_is_told_with_what_may_be_meant() {
    let bank = Served::<Bank>::new().await;
    let mut web = bank.web().await;
    let problem = web.post("/commands/depositt", "{}").await.problem(404, "not-found");
    assert_eq!(problem["near"][0], "deposit");
    // What was not read cannot be skipped, so that connection is closed.
    assert_eq!(web.rest().await, b"");
    let mut web = bank.web().await;
    web.get("/queries/balanc").await.problem(404, "not-found");
    web.get("/nothing").await.problem(404, "not-found");
    web.get("/queries/").await.problem(404, "not-found");
    for (method, path, allow) in [
        ("GET", "/commands/open", "POST"),
        ("DELETE", "/queries/total", "GET,HEAD,POST"),
        ("PUT", "/events", "GET,HEAD"),
        ("POST", "/healthz", "GET,HEAD"),
    ] {
        let reply = web.call(method, path, &[], None).await;
        reply.problem(405, "wrong-method");
        assert_eq!(reply.header("allow"), allow, "{method} {path}");
    }
    bank.stop().await;
}

#[tokio::test]
async fn a_panic_is_told_and_the_server_goes_on() {
    let bank = Served::<Bank>::new().await;
    let mut web = bank.web().await;
    let problem = web.post("/commands/curse", r#"{"account": 13}"#).await.problem(500, "panicked");
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("thirteen")), "{problem}");
    web.post("/commands/curse", r#"{"account": 12}"#).await.value();
    bank.stop().await;
}

#[tokio::test]
async fn too_many_calls_are_told_to_come_again() {
    let bank = Served::<Bank>::with(|settings| settings.limits.calls_in_flight = 1).await;
    let mut web = bank.web().await;
    // One that waits, for a position that does not come.
    let mut waiting = bank.web().await;
    waiting.ask("GET", "/queries/total?after=1000", &[], None).await;
    let refused = loop {
        let reply = web.get("/queries/total").await;
        if reply.status != 200 {
            break reply;
        }
    };
    refused.problem(429, "overloaded");
    assert_eq!(refused.header("retry-after"), "1");
    waiting.reply(false).await.problem(412, "not-yet");
    web.get("/queries/total").await.value();
    bank.stop().await;
}

#[tokio::test]
async fn history_comes_in_pages_that_lead_to_each_other_and_in_lines() {
    let bank = Served::<Bank>::new().await;
    let mut web = bank.web().await;
    open(&mut web, 7, "Ann").await;
    for _ in 0..4 {
        web.post("/commands/deposit", r#"{"account": 7, "amount": 10}"#).await.value();
    }
    bank.client.as_caller("Bob").open(8, "Bob".to_owned()).await.expect("it opens");
    let mut next = "/history?limit=4&to=9999-12-31T00%3A00%3A00Z".to_owned();
    let mut records = Vec::new();
    loop {
        let page = web.get(&next).await;
        assert_eq!(page.status, 200, "{}", page.text());
        let json = page.json();
        records.extend(json["records"].as_array().expect("records").clone());
        let Some(link) = json["next"].as_str() else { break };
        assert_eq!(page.header("link"), format!("<{link}>; rel=\"next\""));
        next = link.to_owned();
    }
    let positions: Vec<_> =
        records.iter().map(|record| record["position"].as_u64().expect("a position")).collect();
    assert_eq!(positions, [1, 2, 3, 4, 5, 6]);
    assert_eq!(records[1]["command"], "deposit");
    assert_eq!(records[1]["arguments"], json!({ "account": 7, "amount": 10 }));
    assert_eq!(records[1]["events"], json!([{ "Deposited": { "account": 7, "amount": 10 } }]));
    assert_eq!((&records[5]["caller"], &records[5]["outcome"]), (&json!("Bob"), &json!("accepted")));
    let plain = web.get("/history?events=false&from=6").await.json();
    assert!(plain["records"][0]["events"].is_null() && plain["next"].is_null(), "{plain}");
    let lines = web.call("GET", "/history?from=2", &[("Accept", "application/x-ndjson")], None).await;
    let lines: Vec<Json> =
        lines.text().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines, records[1..]);
    for wrong in ["limit=0", "limit=1001", "limit=x", "events=maybe", "from=never", "x=1"] {
        web.get(&format!("/history?{wrong}")).await.problem(422, "wrong-arguments");
    }
    let changes = web.get("/diff?from=1&to=2").await.json();
    assert_eq!(changes["changes"][0], json!({ "path": "accounts[7].balance", "before": 0, "after": 10 }));
    web.get("/diff?from=1").await.problem(422, "wrong-arguments");
    web.get("/diff?from=1&to=99").await.problem(404, "no-such-position");
    bank.stop().await;
}

#[tokio::test]
async fn events_come_as_they_happen_and_go_on_where_they_were() {
    let bank = Served::<Bank>::new().await;
    let mut web = bank.web().await;
    open(&mut web, 7, "Ann").await;
    let mut live = bank.web().await;
    live.subscribe("/events", &[]).await;
    let mut all = bank.web().await;
    all.subscribe("/events?from=0", &[]).await;
    web.post("/commands/deposit", r#"{"account": 7, "amount": 10}"#).await.value();
    let opened =
        ("1.0".to_owned(), "Opened".to_owned(), json!({ "Opened": { "account": 7, "owner": "Ann" } }));
    let deposited =
        ("2.0".to_owned(), "Deposited".to_owned(), json!({ "Deposited": { "account": 7, "amount": 10 } }));
    assert_eq!(live.event().await, Some(deposited.clone()), "from now on");
    assert_eq!(all.event().await, Some(opened));
    assert_eq!(all.event().await, Some(deposited.clone()));
    // Who comes back has what it says.
    let mut again = bank.web().await;
    again.subscribe("/events?from=0", &[("Last-Event-ID", "1.0")]).await;
    assert_eq!(again.event().await, Some(deposited));
    // Only what is wanted, with the ids that they have among all.
    let mut large = bank.web().await;
    large.subscribe("/events?from=0&type=Deposited,Transferred&where=amount%20%3E%3D%20100", &[]).await;
    web.post("/commands/deposit", r#"{"account": 7, "amount": 100}"#).await.value();
    let (id, name, _) = large.event().await.expect("it comes");
    assert_eq!((id.as_str(), name.as_str()), ("3.0", "Deposited"));
    assert_eq!(
        web.get("/events?where=amount+%3E").await.problem(422, "wrong-arguments")["parameter"],
        "where"
    );
    assert_eq!(web.get("/events?type=Deposit").await.problem(422, "wrong-arguments")["parameter"], "type");
    let reply = web.call("GET", "/events", &[("Last-Event-ID", "x")], None).await;
    reply.problem(400, "malformed");
    web.get("/events?from=x").await.problem(422, "wrong-arguments");
    assert_eq!(live.event().await.map(|event| event.0), Some("3.0".to_owned()));
    bank.stop().await;
    assert_eq!(live.event().await, None, "the stream ends with the server");
}

#[tokio::test]
async fn a_watched_answer_is_told_now_and_when_it_changes() {
    let bank = Served::<Bank>::new().await;
    let mut web = bank.web().await;
    let mut watch = bank.web().await;
    watch.subscribe("/watch/balance?account=7", &[]).await;
    let (_, name, problem) = watch.event().await.expect("it is told at once");
    assert_eq!((name.as_str(), &problem["error"]), ("rejected", &json!({ "NoAccount": { "account": 7 } })));
    open(&mut web, 7, "Ann").await;
    let (id, name, answer) = watch.event().await.expect("it is told");
    assert_eq!((id.as_str(), name.as_str(), answer), ("1", "answer", json!({ "position": 1, "value": 0 })));
    // What changes nothing in the answer is not told.
    open(&mut web, 8, "Bob").await;
    web.post("/commands/deposit", r#"{"account": 7, "amount": 10}"#).await.value();
    assert_eq!(watch.event().await.expect("it is told").2["value"], 10);
    web.get("/watch/balance").await.problem(422, "wrong-arguments");
    web.get("/watch/balanc").await.problem(404, "not-found");
    bank.stop().await;
    assert_eq!(watch.event().await, None);
}

#[tokio::test]
async fn pages_of_other_origins_may_not_call_unless_the_settings_say_so() {
    let allowed = "https://bank.example";
    let bank = Served::<Bank>::with(|settings| settings.cors_origins = vec![allowed.to_owned()]).await;
    let mut web = bank.web().await;
    let evil = [("Origin", "https://evil.example")];
    web.call("POST", "/commands/curse", &evil, None).await.problem(403, "not-allowed");
    web.call("OPTIONS", "/commands/curse", &evil, None).await.problem(403, "not-allowed");
    web.call("GET", "/queries/total", &[("Origin", "null")], None).await.problem(403, "not-allowed");
    assert_eq!(web.call("GET", "/queries/total", &[("Origin", "http://localhost")], None).await.value(), 0);
    let reply = web.call("GET", "/queries/total", &[("Origin", allowed)], None).await;
    assert_eq!((reply.value(), reply.header("access-control-allow-origin")), (json!(0), allowed));
    let preflight = [("Origin", allowed), ("Access-Control-Request-Method", "POST")];
    let reply = web.call("OPTIONS", "/commands/curse", &preflight, None).await;
    assert_eq!((reply.status, reply.header("access-control-allow-origin")), (204, allowed));
    assert!(reply.header("access-control-allow-headers").contains("Idempotency-Key"));
    bank.stop().await;
}

#[tokio::test]
async fn the_description_the_docs_page_and_the_probes_are_there() {
    let bank = Served::<Bank>::new().await;
    let mut web = bank.web().await;
    let described = web.get("/openapi.json").await.json();
    assert_eq!((&described["openapi"], &described["info"]["title"]), (&json!("3.1.0"), &json!("Bank")));
    let deposit = &described["paths"]["/commands/deposit"]["post"];
    assert_eq!(deposit["summary"], "Puts money on an account, and says what is on it then.");
    let refusal = &deposit["responses"]["409"]["content"]["application/problem+json"]["schema"]["allOf"][1];
    assert_eq!(refusal["properties"]["error"]["$ref"], "#/components/schemas/BankError");
    let arguments = &deposit["requestBody"]["content"]["application/json"]["schema"];
    assert_eq!(arguments["required"], json!(["account", "amount"]));
    // Whatever refers to something refers to something that is there.
    let text = described.to_string();
    for (at, _) in text.match_indices("\"$ref\":\"#") {
        let pointer = text[at + 9..].split('"').next().unwrap_or_default();
        assert!(described.pointer(pointer).is_some(), "{pointer}");
    }
    let docs = web.get("/docs").await;
    assert_eq!(docs.header("content-type"), "text/html; charset=utf-8");
    let policy = docs.header("content-security-policy");
    let nonce = policy.split("'nonce-").nth(1).and_then(|rest| rest.split('\'').next()).expect("a nonce");
    assert_eq!(docs.text().matches(&format!("nonce=\"{nonce}\"")).count(), 2);
    for forbidden in ["src=\"", "http://", "https://", "{{", "Bank"] {
        assert!(
            !docs.text().contains(forbidden),
            "{forbidden}: the page is whole, and says nothing of the model"
        );
    }
    for (name, response) in described["components"]["responses"].as_object().expect("answers") {
        let told = response["description"].as_str().expect("a text");
        let kind = told.split('`').nth(1).expect("a kind");
        assert!(docs.text().contains(&format!("<tr id=\"{kind}\"><td>{name}</td>")), "{kind}");
    }
    let root = web.call("GET", "/", &[("Accept", "text/html")], None).await;
    assert_eq!((root.status, root.header("location")), (307, "/docs"));
    assert_eq!(web.get("/").await.json()["docs"], "/docs");
    assert_eq!(web.get("/healthz").await.json(), json!({ "status": "ok" }));
    assert_eq!(web.get("/readyz").await.json(), json!({ "status": "ok" }));
    assert!(web.get("/metrics").await.text().ends_with("# EOF\n"));
    bank.client.close().await.expect("it closes");
    web.get("/readyz").await.problem(503, "stopped");
    assert_eq!(web.get("/healthz").await.status, 200, "the process lives");
    web.post("/commands/curse", r#"{"account": 1}"#).await.problem(503, "stopped");
    bank.stop().await;
}

#[tokio::test]
async fn requests_in_pieces_and_in_heaps_are_answered_in_their_order() {
    let bank = Served::<Bank>::new().await;
    let mut web = bank.web().await;
    let request = "POST /commands/open HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 27\r\n\r\n{\"account\":1,\"owner\":\"Ann\"}";
    for byte in request.bytes() {
        web.send([byte]).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(web.reply(false).await.json(), json!({ "position": 1, "value": null }));
    let deposit = |amount: u32| {
        let body = format!("{{\"account\":1,\"amount\":{amount}}}");
        format!(
            "POST /commands/deposit HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let heap: String = (0..200).map(|_| deposit(1)).collect();
    web.send(heap).await;
    for balance in 1..=200 {
        assert_eq!(web.reply(false).await.value(), balance);
    }
    // In chunks, of which one ends within a name.
    web.send("POST /commands/deposit HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    web.send("5\r\n{\"acc\r\n").await;
    web.send("16;x=y\r\nount\":1,\"amount\":1000}\r\n0\r\n\r\n").await;
    assert_eq!(web.reply(false).await.value(), 1200);
    bank.stop().await;
}

#[tokio::test]
async fn whoever_breaks_the_rules_of_http_is_refused_and_nothing_happens() {
    let bank = Served::<Bank>::new().await;
    let rest = "Content-Type: application/json\r\n";
    let body = "{\"account\":1}";
    for (what, request) in [
        (
            "two lengths",
            format!(
                "POST /commands/curse HTTP/1.1\r\nHost: x\r\n{rest}Content-Length: 13\r\nContent-Length: 14\r\n\r\n{body}"
            ),
        ),
        (
            "a length with a sign",
            format!("POST /commands/curse HTTP/1.1\r\nHost: x\r\n{rest}Content-Length: +13\r\n\r\n{body}"),
        ),
        (
            "an unknown coding",
            format!(
                "POST /commands/curse HTTP/1.1\r\nHost: x\r\n{rest}Transfer-Encoding: gzip\r\n\r\n{body}"
            ),
        ),
        (
            "a coding after chunked",
            format!(
                "POST /commands/curse HTTP/1.1\r\nHost: x\r\n{rest}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"
            ),
        ),
        (
            "no size of a chunk",
            format!(
                "POST /commands/curse HTTP/1.1\r\nHost: x\r\n{rest}Transfer-Encoding: chunked\r\n\r\nzz\r\n{body}\r\n0\r\n\r\n"
            ),
        ),
        (
            "a huge chunk",
            format!(
                "POST /commands/curse HTTP/1.1\r\nHost: x\r\n{rest}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{body}"
            ),
        ),
        (
            "a space before the colon",
            format!("POST /commands/curse HTTP/1.1\r\nHost : x\r\n{rest}Content-Length: 13\r\n\r\n{body}"),
        ),
        (
            "a folded header",
            format!(
                "POST /commands/curse HTTP/1.1\r\nHost: x\r\n{rest}X: a\r\n b\r\nContent-Length: 13\r\n\r\n{body}"
            ),
        ),
        ("no host", format!("POST /commands/curse HTTP/1.1\r\n{rest}Content-Length: 13\r\n\r\n{body}")),
        (
            "two hosts",
            format!(
                "POST /commands/curse HTTP/1.1\r\nHost: x\r\nHost: y\r\n{rest}Content-Length: 13\r\n\r\n{body}"
            ),
        ),
        (
            "a header of 9000 bytes",
            format!("POST /commands/curse HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "a".repeat(9000)),
        ),
        (
            "headers of 5000 bytes",
            format!(
                "POST /commands/curse HTTP/1.1\r\nHost: x\r\n{}\r\n",
                "X: aaaaaa\r\n".repeat(90).repeat(5)
            ),
        ),
        ("a long path", format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(70_000))),
        ("another version", "GET / HTTP/3.0\r\nHost: x\r\n\r\n".to_owned()),
        ("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned()),
        ("TLS", "\x16\x03\x01\x02\x00\x01\x00\x01".to_owned()),
        ("no HTTP", "\0\0\0\0\r\n\r\n\r\n\r\n".to_owned()),
    ] {
        let mut web = bank.web().await;
        // It may be closed before all is sent.
        let _ = tokio::io::AsyncWriteExt::write_all(&mut web.stream, request.as_bytes()).await;
        let answer = String::from_utf8_lossy(&web.rest().await).into_owned();
        let is_refused =
            answer.is_empty() || answer.starts_with("HTTP/1.1 4") || answer.starts_with("HTTP/1.1 505");
        assert!(is_refused, "{what}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), usize::from(!answer.is_empty()), "{what}: {answer}");
    }
    // A length beside chunks is the classic of smuggling: what is behind the chunks must not be a request.
    let mut web = bank.web().await;
    web.send(format!("POST /commands/curse HTTP/1.1\r\nHost: x\r\n{rest}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")).await;
    let answer = String::from_utf8_lossy(
        &timeout(LONG, web.head()).await.map(|head| head.0.to_string()).expect("an answer").into_bytes(),
    )
    .into_owned();
    assert!(answer.starts_with('4'), "{answer}");
    assert_eq!(bank.client.position().get(), 0, "nothing has happened");
    bank.stop().await;
}

#[tokio::test]
async fn whoever_is_too_slow_is_cut_and_others_are_not() {
    let limit = Duration::from_millis(200);
    let bank = Served::<Bank>::with(|settings| {
        settings.limits.time_before_authentication = limit;
        settings.limits.idle = Duration::from_secs(60);
    })
    .await;
    let mut quiet = bank.web().await;
    let mut half = bank.web().await;
    half.send("GET /queries/total HTTP/1.1\r\nHo").await;
    let mut body = bank.web().await;
    body.send("POST /commands/curse HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n{").await;
    let mut idle = bank.web().await;
    idle.get("/queries/total").await.value();
    assert_eq!(quiet.rest().await, b"", "nothing was said");
    assert_eq!(half.rest().await, b"", "half a head");
    let late = body.reply(false).await;
    late.problem(408, "too-slow");
    assert_eq!(body.rest().await, b"");
    // Between two requests there is more time.
    tokio::time::sleep(limit * 2).await;
    idle.get("/queries/total").await.value();
    idle.send("G").await;
    assert_eq!(idle.rest().await, b"", "but not within a head");
    assert_eq!(bank.client.position().get(), 0);
    bank.stop().await;
}

#[tokio::test]
async fn stopping_finishes_what_is_in_flight() {
    let bank = Served::<Bank>::new().await;
    let mut idle = bank.web().await;
    idle.get("/queries/total").await.value();
    let mut waiting = bank.web().await;
    waiting.ask("POST", "/commands/open", &[], Some(r#"{"account": 1, "owner": "Ann"}"#)).await;
    let mut half = bank.web().await;
    half.send("POST /commands/curse HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n{\"account\"").await;
    // It has been taken.
    assert_eq!(bank.client.reached(memstate::Position::new(1)).await, Ok(()));
    tokio::time::sleep(Duration::from_millis(50)).await;
    let address = bank.address;
    let stopping = tokio::spawn(bank.stop());
    assert_eq!(waiting.reply(false).await.status, 200);
    assert_eq!(idle.rest().await, b"", "one that waits for nothing is closed");
    half.send(":1}").await;
    assert_eq!(half.reply(false).await.status, 200, "the request had begun");
    stopping.await.expect("it stops");
    assert!(tokio::net::TcpStream::connect(address).await.is_err(), "nothing is taken any more");
}
