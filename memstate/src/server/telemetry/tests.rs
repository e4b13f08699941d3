//! What the guide, the dashboard and the alert rules name is in a real scrape, and calls leave the spans and lines that they should.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    ops::ControlFlow,
    sync::Arc,
};

use parking_lot::Mutex;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tracing::{Subscriber, span};
use tracing_subscriber::{Layer, fmt::MakeWriter, layer::SubscriberExt, registry::LookupSpan};

use super::{Front, Logs, Telemetry, incoming, logs::subscriber};
use crate::{
    Client, Position,
    server::{
        Context, Settings,
        access::{Access, Credential, Identity, NotKnown},
        calls::{self, Denied},
    },
    service::{Hosted, Sender, Service},
};

/// What an account announces.
#[crate::data]
pub enum Moved {
    /// So much came in.
    In(u64),
}

/// An account.
#[crate::model]
#[derive(Default)]
pub struct Account {
    balance: u64,
}

#[crate::model(events = Moved)]
impl Account {
    /// Pays in.
    pub fn pay(
        &mut self,
        ctx: &mut crate::Ctx<Moved>,
        amount: u64,
        reference: String,
    ) -> Result<u64, String> {
        let _ = reference;
        self.balance += amount;
        ctx.emit(Moved::In(amount));
        match amount {
            0 => Err("nothing is no payment".to_owned()),
            _ => Ok(self.balance),
        }
    }

    /// Panics.
    pub fn fall(&mut self) {
        panic!("on purpose");
    }

    /// What is there.
    pub fn balance(&self, reference: String) -> u64 {
        let _ = reference;
        let _look = tracing::info_span!("look").entered();
        tracing::info!("somebody looks");
        self.balance
    }

    /// One after another.
    pub fn ones(&self) -> impl Iterator<Item = u64> {
        0..self.balance
    }
}

const PAY: u16 = 0;
const FALL: u16 = 1;
const BALANCE: u16 = 0;
const ONES: u16 = 1;
/// What nobody may find in what is told.
const SECRET: &str = "open sesame";

struct Server {
    client: Client<Account>,
    context: Arc<Context>,
    who: Identity,
}

impl Server {
    async fn open(location: &str) -> Self {
        let client = crate::open::<Account>(location).await.unwrap();
        let service: Arc<dyn Service> = Arc::new(Hosted::new(&client).unwrap());
        let context = Arc::new(Context {
            access: Access::open(service.described()),
            telemetry: Telemetry::new(service.described()),
            service,
            settings: Settings::default(),
            stopping: CancellationToken::new(),
            cut: tokio_util::sync::CancellationToken::new(),
            pasts: calls::Pasts::default(),
            slow: calls::Slow::new(64),
        });
        // Somebody who may everything. What it was made by is gone, so nobody else has it.
        let found = Access::open(context.service.described()).identify(Credential::None).unwrap();
        let mut who = Arc::into_inner(found).unwrap();
        who.name = Some("ann".into());
        Server { client: Client::clone(&client), context, who }
    }

    async fn command(&self, front: Front, number: u16, arguments: &[u8]) {
        let sender =
            Sender { caller: self.who.name.clone(), request: Some(self.context.service.new_request()) };
        // What it comes to is counted.
        let _ = self.context.command(&self.who, front, number, arguments, &sender).unwrap().await;
    }

    async fn pay(&self, front: Front, amount: u64) {
        self.command(front, PAY, &postcard::to_stdvec(&(amount, SECRET)).unwrap()).await;
    }

    fn query(&self, front: Front, number: u16, arguments: &[u8]) {
        let asked: &dyn Service = &*self.context.service;
        let _ = self.context.query(&self.who, front, asked, number, arguments, &mut Vec::new()).unwrap();
    }

    fn balance(&self, front: Front) {
        self.query(front, BALANCE, &postcard::to_stdvec(SECRET).unwrap());
    }

    fn ones(&self, front: Front) -> Result<(), Denied> {
        let each = Box::new(|_: &[u8]| ControlFlow::Continue(()));
        let asked: &dyn Service = &*self.context.service;
        self.context.query_each(&self.who, front, asked, ONES, &[], each).map(|answer| answer.unwrap())
    }

    /// Some of everything.
    async fn load(&self) {
        for _ in 0..3 {
            self.pay(Front::Link, 5).await;
        }
        self.pay(Front::Http, 0).await;
        self.command(Front::Http, PAY, b"\xff").await;
        self.command(Front::Link, FALL, &[]).await;
        self.balance(Front::Http);
        self.query(Front::Link, BALANCE, b"\xff");
        self.ones(Front::Link).unwrap();
        self.client.snapshot().await.unwrap();
        let telemetry = &self.context.telemetry;
        telemetry.connected(Front::Link);
        telemetry.connected(Front::Link);
        telemetry.disconnected(Front::Link);
        telemetry.not_known(Front::Http, &NotKnown::Expired);
        telemetry.received(Front::Http, 100);
        telemetry.sent(Front::Http, 30);
        let subscribed = telemetry.subscribed(Front::Link);
        subscribed.sent(4);
        subscribed.missed(2);
        drop(telemetry.subscribed(Front::Link));
        std::mem::forget(subscribed);
    }

    fn scrape(&self) -> String {
        self.context.telemetry.render(&*self.context.service)
    }
}

async fn loaded() -> String {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::open(folder.path().to_str().unwrap()).await;
    server.load().await;
    let scrape = server.scrape();
    server.client.close().await.unwrap();
    scrape
}

/// The families of a scrape, as the guide lists them: name, kind and labels.
fn families(scrape: &str) -> BTreeSet<(String, String, BTreeSet<String>)> {
    let kinds = scrape.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let families = kinds.map(|(name, kind)| {
        let (shown, sample) = match kind {
            "counter" => (format!("{name}_total"), format!("{name}_total")),
            "info" => (format!("{name}_info"), format!("{name}_info")),
            "histogram" => (name.to_owned(), format!("{name}_bucket")),
            _ => (name.to_owned(), name.to_owned()),
        };
        let samples: Vec<_> = samples(scrape).filter(|(name, _)| *name == sample).collect();
        assert!(!samples.is_empty(), "{shown} has no sample");
        let labels = samples.into_iter().flat_map(|(_, labels)| labels.into_keys());
        (shown, kind.to_owned(), labels.filter(|label| label != "le").collect())
    });
    families.collect()
}

/// The samples of a scrape: their names, with their labels.
fn samples(scrape: &str) -> impl Iterator<Item = (&str, BTreeMap<String, String>)> {
    scrape.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let name = line.split(['{', ' ']).next().unwrap();
        let labels = line.split_once('{').map_or("", |(_, rest)| rest.rsplit_once('}').unwrap().0);
        let labels = labels.split("\",").filter_map(|label| label.trim_end_matches('"').split_once("=\""));
        (name, labels.map(|(label, value)| (label.to_owned(), value.to_owned())).collect())
    })
}

#[tokio::test]
async fn the_table_in_the_guide_is_what_a_scrape_shows() {
    let guide = include_str!("../../guide/observing.md");
    let rows = guide.lines().filter(|line| line.starts_with("| `"));
    let listed = rows.map(|row| {
        let cells: Vec<_> = row.split('|').map(|cell| cell.trim().to_owned()).collect();
        let labels = cells[3].split(',').map(|label| label.trim().trim_matches('`').to_owned());
        let labels = labels.filter(|label| !label.is_empty()).collect();
        (cells[1].trim_matches('`').to_owned(), cells[2].clone(), labels)
    });
    let listed: BTreeSet<_> = listed.filter(|(name, ..)| name.contains('_')).collect();
    let mut shown = families(&loaded().await);
    if !cfg!(target_os = "linux") {
        shown.insert(("process_resident_memory_bytes".to_owned(), "gauge".to_owned(), BTreeSet::new()));
    }
    let difference: Vec<_> = listed.symmetric_difference(&shown).collect();
    assert!(difference.is_empty(), "of the guide and the scrape, only one has {difference:#?}");
}

#[tokio::test]
async fn calls_are_counted_by_name_front_and_outcome() {
    let scrape = loaded().await;
    let count = |sample: &str| {
        let line = scrape.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {sample} in\n{scrape}")).parse::<f64>().unwrap()
    };
    for (sample, wanted) in [
        (r#"memstate_commands_total{method="pay",front="link",outcome="accepted"}"#, 3.0),
        (r#"memstate_commands_total{method="pay",front="http",outcome="rejected"}"#, 1.0),
        (r#"memstate_commands_total{method="pay",front="http",outcome="invalid"}"#, 1.0),
        (r#"memstate_commands_total{method="fall",front="link",outcome="panicked"}"#, 1.0),
        (r#"memstate_queries_total{method="balance",front="http",outcome="accepted"}"#, 1.0),
        (r#"memstate_queries_total{method="balance",front="link",outcome="invalid"}"#, 1.0),
        (r#"memstate_queries_total{method="ones",front="link",outcome="accepted"}"#, 1.0),
        (r#"memstate_command_duration_seconds_count{method="pay"}"#, 5.0),
        (r#"memstate_command_duration_seconds_bucket{le="+Inf",method="pay"}"#, 5.0),
        (r#"memstate_connections{front="link"}"#, 1.0),
        (r#"memstate_connections_opened_total{front="link"}"#, 2.0),
        (r#"memstate_authentication_failures_total{front="http",reason="expired"}"#, 1.0),
        (r#"memstate_received_bytes_total{front="http"}"#, 100.0),
        (r#"memstate_subscriptions{front="link"}"#, 1.0),
        (r#"memstate_events_sent_total{front="link"}"#, 4.0),
        (r#"memstate_events_missed_total{front="link"}"#, 2.0),
        (r#"memstate_engine_commands_total{outcome="accepted"}"#, 3.0),
        (r#"memstate_engine_commands_total{outcome="panicked"}"#, 1.0),
        ("memstate_undone_commands_total", 2.0),
        ("memstate_position", 5.0),
        ("memstate_apply_lag", 0.0),
        ("memstate_batch_commands_sum", 5.0),
        ("memstate_events_total", 3.0),
        ("memstate_snapshot_position", 5.0),
        (r#"memstate_snapshots_total{result="written"}"#, 1.0),
        ("memstate_running", 1.0),
    ] {
        assert_eq!(count(sample), wanted, "{sample}");
    }
    assert!(count("memstate_snapshot_size_bytes") > 32.0);
    assert!((0.0..3600.0).contains(&count("memstate_snapshot_age_seconds")));
    assert!(scrape.ends_with("# EOF\n"));
}

/// A caller that is denied is counted, and says nothing of how long its method takes.
#[tokio::test]
async fn what_was_denied_took_no_time() {
    let server = Server::open("memory:").await;
    let telemetry = &server.context.telemetry;
    telemetry.command(PAY, Front::Http, super::CallOutcome::Denied, std::time::Duration::from_secs(1));
    // Somebody made these numbers up.
    telemetry.command(u16::MAX, Front::Http, super::CallOutcome::Invalid, std::time::Duration::ZERO);
    telemetry.query(99, Front::Http, super::CallOutcome::Invalid, std::time::Duration::ZERO);
    let scrape = server.scrape();
    assert!(scrape.contains("memstate_commands_total{method=\"pay\",front=\"http\",outcome=\"denied\"} 1\n"));
    assert!(scrape.contains("memstate_command_duration_seconds_count{method=\"pay\"} 0\n"));
}

#[tokio::test]
async fn counts_of_all_threads_are_added_up() {
    let server = Server::open("memory:").await;
    let telemetry = &server.context.telemetry;
    std::thread::scope(|scope| {
        for _ in 0..2 * super::SHARDS {
            scope.spawn(|| {
                for _ in 0..1000 {
                    telemetry.query(
                        BALANCE,
                        Front::Link,
                        super::CallOutcome::Accepted,
                        std::time::Duration::from_micros(3),
                    );
                }
            });
        }
    });
    let scrape = server.scrape();
    for line in [
        "memstate_queries_total{method=\"balance\",front=\"link\",outcome=\"accepted\"} 16000\n",
        "memstate_query_duration_seconds_bucket{le=\"0.0000025\",method=\"balance\"} 0\n",
        "memstate_query_duration_seconds_bucket{le=\"0.000005\",method=\"balance\"} 16000\n",
        "memstate_query_duration_seconds_sum{method=\"balance\"} 0.048\n",
    ] {
        assert!(scrape.contains(line), "no {line} in\n{scrape}");
    }
}

/// The names in an expression of Prometheus that are metrics, and those that are labels.
fn names(expression: &str) -> (BTreeSet<&str>, BTreeSet<&str>) {
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let words = expression.split(|letter| !is_name(letter));
    let metrics = words.filter(|word| word.starts_with("memstate_") || word.starts_with("process_"));
    let mut labels = BTreeSet::new();
    for by in expression.split("by (").skip(1).chain(expression.split("on (").skip(1)) {
        labels.extend(by.split(')').next().unwrap().split(',').map(str::trim));
    }
    for selector in expression.split('{').skip(1) {
        let matchers = selector.split('}').next().unwrap().split("\",");
        labels.extend(matchers.filter_map(|matcher| matcher.split(['=', '!']).next()).map(str::trim));
    }
    (metrics.collect(), labels)
}

fn check_expression(expression: &str, scrape: &str) {
    let (metrics, labels) = names(expression);
    assert!(!metrics.is_empty(), "{expression} asks for nothing of ours");
    let mut known: BTreeSet<String> = ["job", "instance"].map(str::to_owned).into();
    for metric in metrics {
        let mut found = samples(scrape).filter(|(name, _)| *name == metric).peekable();
        assert!(found.peek().is_some(), "{metric}, in {expression}, is not in the scrape");
        found.for_each(|(_, labels)| known.extend(labels.into_keys()));
    }
    for label in labels {
        assert!(known.contains(label), "nothing in {expression} has the label {label}");
    }
}

fn deployed(file: &str) -> String {
    let path = format!("{}/../deploy/grafana/{file}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[tokio::test]
async fn the_dashboard_asks_for_what_is_there() {
    let scrape = loaded().await;
    let dashboard: Value = serde_json::from_str(&deployed("memstate.json")).unwrap();
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    assert_eq!(variables[0]["type"], "datasource");
    for variable in &variables[1..] {
        let (metrics, _) = names(variable["definition"].as_str().unwrap());
        assert!(metrics.iter().all(|metric| samples(&scrape).any(|(name, _)| name == *metric)));
    }
    let panels = dashboard["panels"].as_array().unwrap();
    let titles =
        panels.iter().filter(|panel| panel["type"] == "row").map(|row| row["title"].as_str().unwrap());
    assert!(titles.eq(["Traffic", "Latency", "Engine", "Journal", "Snapshots", "Connections"]));
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len());
    let mut taken = BTreeSet::new();
    for panel in panels {
        let at = |name: &str| panel["gridPos"][name].as_u64().unwrap();
        for place in
            (at("x")..at("x") + at("w")).flat_map(|x| (at("y")..at("y") + at("h")).map(move |y| (x, y)))
        {
            assert!(place.0 < 24 && taken.insert(place), "{} has no place of its own", panel["title"]);
        }
        if panel["type"] == "row" {
            continue;
        }
        assert_eq!(panel["datasource"]["uid"], "${datasource}");
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty());
        targets.iter().for_each(|target| check_expression(target["expr"].as_str().unwrap(), &scrape));
    }
}

#[tokio::test]
async fn alerts_ask_for_what_is_there() {
    let scrape = loaded().await;
    let alerts = deployed("alerts.yml");
    let expressions: Vec<_> = alerts.lines().filter_map(|line| line.trim().strip_prefix("expr: ")).collect();
    assert_eq!(expressions.len(), alerts.matches("- alert: ").count());
    assert!(expressions.len() >= 5);
    expressions.into_iter().for_each(|expression| check_expression(expression, &scrape));
}

#[test]
#[should_panic(expected = "memstate_gone, in rate(memstate_gone[5m]), is not in the scrape")]
fn an_expression_that_asks_for_what_is_gone_is_found() {
    check_expression("rate(memstate_gone[5m])", "memstate_here 1\n");
}

#[test]
#[should_panic(expected = "has the label color")]
fn an_expression_that_asks_for_a_label_that_is_gone_is_found() {
    check_expression("sum by (color) (memstate_here)", "memstate_here{size=\"1\"} 1\n");
}

/// Keeps what spans were recorded to have.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<Span>>>);

/// A span's name, and its fields.
type Span = (String, BTreeMap<String, String>);

struct Fields<'a>(&'a mut BTreeMap<String, String>);

impl tracing::field::Visit for Fields<'_> {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}").trim_matches('"').to_owned());
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Seen {
    fn on_new_span(
        &self,
        attributes: &span::Attributes<'_>,
        id: &span::Id,
        context: tracing_subscriber::layer::Context<'_, S>,
    ) {
        let mut fields = BTreeMap::from([("of".to_owned(), id.into_u64().to_string())]);
        attributes.record(&mut Fields(&mut fields));
        self.0.lock().push((context.span(id).unwrap().name().to_owned(), fields));
    }

    fn on_record(
        &self,
        id: &span::Id,
        values: &span::Record<'_>,
        _: tracing_subscriber::layer::Context<'_, S>,
    ) {
        let mut all = self.0.lock();
        let found = all.iter_mut().rev().find(|(_, fields)| fields["of"] == id.into_u64().to_string());
        values.record(&mut Fields(&mut found.unwrap().1));
    }
}

#[tokio::test]
async fn a_call_is_a_span_from_its_arrival_to_its_reply() {
    let seen = Seen::default();
    let of_calls =
        tracing_subscriber::filter::Targets::new().with_target("memstate::calls", tracing::Level::DEBUG);
    let subscriber = tracing_subscriber::registry().with(seen.clone().with_filter(of_calls));
    let server = Server::open("memory:").await;
    {
        // What makes spans is known to `tracing` before the subscriber is: a thread of another test that were the first to make one would
        // find no subscriber of its own, and with a single one in the process that is remembered for all threads.
        let other = Server::open("memory:").await;
        other.balance(Front::Http);
        other.pay(Front::Link, 0).await;
    }
    let guard = tracing::subscriber::set_default(subscriber);
    {
        let performing = {
            let _incoming = incoming("127.0.0.1:9".parse().unwrap(), Some("not a parent"));
            server.balance(Front::Http);
            let sender = Sender { caller: server.who.name.clone(), request: None };
            let arguments = postcard::to_stdvec(&(5_u64, SECRET)).unwrap();
            server.context.command(&server.who, Front::Link, PAY, &arguments, &sender).unwrap()
        };
        assert_eq!(performing.await.unwrap().position(), Position::new(1));
    }
    server.pay(Front::Link, 0).await;
    drop(guard);
    let seen = seen.0.lock();
    let of = |place: usize, name: &str| seen[place].1.get(name).map(String::as_str);
    assert_eq!(
        seen.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        ["query", "command", "command"]
    );
    for (name, wanted) in [
        ("method", "balance"),
        ("front", "http"),
        ("caller", "ann"),
        ("peer", "127.0.0.1:9"),
        ("position", "0"),
        ("outcome", "accepted"),
    ] {
        assert_eq!(of(0, name), Some(wanted), "{name}");
    }
    for (name, wanted) in [("method", "pay"), ("front", "link"), ("peer", "127.0.0.1:9"), ("position", "1")] {
        assert_eq!(of(1, name), Some(wanted), "{name}");
    }
    assert_eq!((of(1, "outcome"), of(1, "request")), (Some("accepted"), None));
    assert_eq!((of(2, "outcome"), of(2, "position"), of(2, "peer")), (Some("rejected"), Some("2"), None));
    assert!(of(2, "request").is_some());
    assert!(!format!("{seen:?}").contains(SECRET));
}

/// A place that log lines are written to.
#[derive(Clone, Default)]
pub(super) struct Page(Arc<Mutex<Vec<u8>>>);

impl Page {
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().clone()).unwrap()
    }
}

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Page {
    type Writer = Page;

    fn make_writer(&self) -> Page {
        self.clone()
    }
}

fn logs(filter: &str, json: bool) -> Logs {
    Logs { filter: filter.to_owned(), json, service: "account".to_owned(), traces: None }
}

async fn logged(filter: &str, json: bool) -> String {
    let page = Page::default();
    let server = Server::open("memory:").await;
    let (subscriber, telling) = subscriber(&logs(filter, json), false, page.clone()).unwrap();
    let guard = tracing::subscriber::set_default(subscriber);
    server.balance(Front::Http);
    server.pay(Front::Link, 5).await;
    drop(guard);
    telling.finish();
    let text = page.text();
    assert!(!text.contains(SECRET), "{text}");
    text
}

#[tokio::test]
async fn lines_of_json_have_time_level_target_fields_and_spans() {
    let text = logged("info,memstate::calls=debug", true).await;
    let line: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["fields"]["message"], "somebody looks");
    assert_eq!(line["target"], module_path!());
    assert!(line["timestamp"].as_str().unwrap().ends_with('Z'));
    let spans = line["spans"].as_array().unwrap();
    let spans: Vec<_> = spans.iter().map(|span| (&span["name"], &span["method"], &span["caller"])).collect();
    assert_eq!(spans[0], (&"query".into(), &"balance".into(), &"ann".into()));
    assert_eq!(spans[1].0, "look");
}

#[tokio::test]
async fn lines_of_text_are_plain_where_nobody_sees_colours() {
    let text = logged("info,memstate::calls=debug", false).await;
    assert!(text.contains("INFO query{method=\"balance\" front=\"http\" caller=\"ann\"}"), "{text}");
    assert!(text.contains("somebody looks") && !text.contains('\x1b'), "{text}");
    assert_eq!(logged("warn", false).await, "");
}

#[test]
fn a_filter_that_is_none_is_told_in_words() {
    let told = subscriber(&logs("memstate=loud=very", false), false, Page::default());
    let why = told.err().unwrap();
    assert!(why.contains("`memstate=loud=very` cannot be understood"), "{why}");
}

#[cfg(not(feature = "otel"))]
#[test]
fn an_export_that_is_not_built_in_is_told_in_words() {
    let wanted = Logs { traces: Some("http://localhost:4318".to_owned()), ..logs("info", false) };
    let why = subscriber(&wanted, false, Page::default()).err().unwrap();
    assert!(why.contains("feature `otel`"), "{why}");
}

#[cfg(feature = "otel")]
mod export {
    use std::{
        io::{BufRead, BufReader, Read},
        net::{TcpListener, TcpStream},
        thread::JoinHandle,
        time::{Duration, Instant},
    };

    use super::*;

    /// A span as it came.
    #[derive(Debug, Clone, Default)]
    struct Came {
        trace: Vec<u8>,
        id: Vec<u8>,
        parent: Vec<u8>,
        name: String,
        /// As they were written, to be searched.
        attributes: Vec<u8>,
    }

    /// The fields of a protobuf message whose values are bytes or messages.
    fn fields(mut message: &[u8]) -> Vec<(u64, &[u8])> {
        let mut found = Vec::new();
        fn number(message: &mut &[u8]) -> u64 {
            let (mut value, mut shift) = (0, 0);
            loop {
                let byte = message[0];
                *message = &message[1..];
                value |= u64::from(byte & 0x7f) << shift;
                shift += 7;
                if byte < 0x80 {
                    return value;
                }
            }
        }
        while !message.is_empty() {
            let key = number(&mut message);
            let length = match key & 7 {
                0 => {
                    number(&mut message);
                    continue;
                }
                1 => 8,
                5 => 4,
                2 => number(&mut message) as usize,
                other => panic!("there is no wire type {other}"),
            };
            let (value, rest) = message.split_at(length);
            message = rest;
            found.push((key >> 3, value));
        }
        found
    }

    fn inside(message: &[u8], field: u64) -> impl Iterator<Item = &[u8]> {
        fields(message).into_iter().filter(move |(number, _)| *number == field).map(|(_, value)| value)
    }

    /// What came to a collector: the spans, and who sent them.
    type Sent = (Vec<Came>, Vec<u8>);

    /// A collector that takes so many posts, and gives what came in them.
    fn collector(posts: usize) -> (String, JoinHandle<Sent>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let take = move || {
            let (mut spans, mut resources) = (Vec::new(), Vec::new());
            for _ in 0..posts {
                let body = take_post(listener.accept().unwrap().0);
                for of_resource in inside(&body, 1) {
                    resources.extend(inside(of_resource, 1).flatten());
                    let all = inside(of_resource, 2).flat_map(|scope| inside(scope, 2));
                    spans.extend(all.map(|span| {
                        let bytes = |field| inside(span, field).next().unwrap_or_default().to_vec();
                        Came {
                            trace: bytes(1),
                            id: bytes(2),
                            parent: bytes(4),
                            name: String::from_utf8(bytes(5)).unwrap(),
                            attributes: inside(span, 9).flatten().copied().collect(),
                        }
                    }));
                }
            }
            (spans, resources)
        };
        (address, std::thread::spawn(take))
    }

    fn take_post(stream: TcpStream) -> Vec<u8> {
        let mut reader = BufReader::new(stream);
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if line.trim().is_empty() {
                break;
            }
            head.push(line.trim().to_ascii_lowercase());
        }
        assert_eq!(head[0], "post /v1/traces http/1.1");
        assert!(head.contains(&"content-type: application/x-protobuf".to_owned()), "{head:?}");
        let length = head.iter().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        let mut body = vec![0; length.parse().unwrap()];
        reader.read_exact(&mut body).unwrap();
        reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
        body
    }

    fn traced_to(address: &str) -> Logs {
        Logs { traces: Some(address.to_owned()), ..logs("warn", false) }
    }

    fn contains(bytes: &[u8], text: &str) -> bool {
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_collector_gets_the_spans_of_a_call_below_those_of_the_caller() {
        let (address, collecting) = collector(1);
        let page = Page::default();
        let server = Server::open("memory:").await;
        let (subscriber, telling) = subscriber(&traced_to(&address), false, page.clone()).unwrap();
        let guard = tracing::subscriber::set_default(subscriber);
        {
            let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
            let _incoming = incoming("127.0.0.1:9".parse().unwrap(), Some(traceparent));
            server.balance(Front::Http);
        }
        server.pay(Front::Link, 5).await;
        drop(guard);
        tokio::task::spawn_blocking(|| telling.finish()).await.unwrap();
        let (spans, resources) = collecting.join().unwrap();
        let named =
            |name: &str| spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("{spans:?}"));
        let (query, look, command) = (named("query"), named("look"), named("command"));
        assert_eq!(query.trace, 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c_u128.to_be_bytes());
        assert_eq!(query.parent, 0xb7ad_6b71_6920_3331_u64.to_be_bytes());
        assert_eq!(
            (&look.trace, &look.parent),
            (&query.trace, &query.id),
            "what a query does is inside of it"
        );
        assert_ne!(command.trace, query.trace, "nobody has said that it belongs there");
        assert!(command.parent.is_empty());
        for (span, words) in [
            (query, ["balance", "ann", "127.0.0.1:9", "accepted"]),
            (command, ["pay", "link", "position", "accepted"]),
        ] {
            assert!(words.iter().all(|word| contains(&span.attributes, word)), "{span:?}");
            assert!(!contains(&span.attributes, SECRET));
        }
        assert!(contains(&resources, "service.name") && contains(&resources, "account"));
        assert_eq!(page.text(), "");
    }

    #[tokio::test(flavor = "current_thread")]
    async fn calls_go_on_when_the_collector_is_away() {
        // Nobody listens where somebody has listened before.
        let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        // And one takes connections and never answers.
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        for address in [gone, silent.local_addr().unwrap()] {
            let server = Server::open("memory:").await;
            let (subscriber, telling) =
                subscriber(&traced_to(&format!("http://{address}")), false, Page::default()).unwrap();
            let guard = tracing::subscriber::set_default(subscriber);
            // More than the queue of spans holds.
            for _ in 0..5_000 {
                server.balance(Front::Http);
            }
            server.pay(Front::Link, 5).await;
            drop(guard);
            assert_eq!(server.client.position(), Position::new(1));
            let began = Instant::now();
            tokio::task::spawn_blocking(|| telling.finish()).await.unwrap();
            assert!(began.elapsed() < Duration::from_secs(60), "it ends, whatever the collector does");
        }
    }

    #[test]
    fn an_address_that_is_none_is_told_in_words() {
        let why = subscriber(&traced_to("https://collector"), false, Page::default()).err().unwrap();
        assert!(why.contains("plain HTTP"), "{why}");
    }
}
