//! The matrix of rights over the wire: every message that a client can say, to callers who may and to callers who may not, whatever
//! the arguments are. A message that is not in [`needs`] does not compile, and one without a sample fails the test.

use std::{
    ops::Bound,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use uuid::Uuid;

use crate::{
    Ctx, Position,
    remote::{
        frames::{self, Ask, Fault, Moment, Refusal, Request, Tell, front},
        surface::Surface,
    },
    server::{
        Serving, Settings,
        settings::{ANONYMOUS, Role},
    },
};

const LONG: Duration = Duration::from_secs(60);
/// The number of all calls, in the frames.
const ID: u64 = 7;

#[memstate::model]
#[derive(Default)]
pub struct Till {
    total: u64,
}

#[memstate::model(events = u64)]
impl Till {
    pub fn pay(&mut self, ctx: &mut Ctx<u64>, amount: u64) -> u64 {
        self.total += amount;
        ctx.emit(amount);
        self.total
    }

    pub fn total(&self, times: u64) -> u64 {
        self.total * times
    }

    pub fn numbers(&self, below: u64) -> impl Iterator<Item = u64> {
        0..below
    }

    pub fn released_within(&self, milliseconds: u64) -> bool {
        released_within(Duration::from_millis(milliseconds))
    }

    pub fn release(&self) {
        RELEASED.store(true, Ordering::Release);
    }
}

static RELEASED: AtomicBool = AtomicBool::new(false);

/// Keeps this thread until it is released.
fn released_within(limit: Duration) -> bool {
    let begun = std::time::Instant::now();
    while begun.elapsed() < limit && !RELEASED.load(Ordering::Acquire) {
        std::thread::sleep(Duration::from_millis(1));
    }
    RELEASED.load(Ordering::Acquire)
}

/// What a caller has to be allowed for a message.
enum Needs {
    /// It is a part of the greetings, and said once.
    Greeting,
    /// To be known.
    Nothing,
    /// What the first does to a role that allows nothing, and the second undoes in one that allows everything.
    Right(fn(&mut Role), fn(&mut Role)),
}

fn needs(ask: &Ask<'_>) -> Needs {
    let numbers = |role: &mut Role| role.queries = vec!["numbers".to_owned()];
    let total = |role: &mut Role| role.queries = vec!["total".to_owned()];
    match ask {
        Ask::Hello { .. } | Ask::Surface(_) => Needs::Greeting,
        Ask::Command { caller: None, .. } | Ask::Atomically { caller: None, .. } => {
            Needs::Right(|role| role.commands = vec!["pay".to_owned()], |role| role.commands.clear())
        }
        Ask::Command { .. } | Ask::Atomically { .. } => Needs::Right(
            |role| (role.commands, role.as_caller) = (vec!["pay".to_owned()], true),
            |role| role.as_caller = false,
        ),
        Ask::Query { .. } | Ask::Watch { .. } => Needs::Right(total, numbers),
        Ask::Stream { .. } => Needs::Right(numbers, total),
        Ask::Events { .. } => Needs::Right(|role| role.events = true, |role| role.events = false),
        Ask::History { with_events: false, .. } | Ask::Diff { .. } => {
            Needs::Right(|role| role.history = true, |role| role.history = false)
        }
        Ask::History { with_events: true, .. } => {
            Needs::Right(|role| (role.history, role.events) = (true, true), |role| role.events = false)
        }
        Ask::At { .. } => Needs::Right(total, |role| (role.queries, role.history) = (Vec::new(), false)),
        Ask::Snapshot { .. } => Needs::Right(|role| role.snapshot = true, |role| role.snapshot = false),
        Ask::Reached { .. } | Ask::Credit { .. } | Ask::Cancel { .. } | Ask::Ping => Needs::Nothing,
    }
}

/// Each message, with arguments that can be read and with others.
fn samples() -> Vec<Ask<'static>> {
    let hello = Ask::Hello {
        version: frames::VERSION,
        memstate: "".into(),
        model: "Till".into(),
        surface: Surface::of::<Till>().digest,
        client: Uuid::nil(),
        token: None,
    };
    let mut samples = vec![hello, Ask::Surface(b"")];
    for arguments in [&b"\x01"[..], b"", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", b"\x01\x01"] {
        for caller in [None, Some("bob".into())] {
            let (request, trace) = (Request::New(samples.len() as u64), None);
            let commands = vec![(0, arguments)];
            samples.push(Ask::Atomically { id: ID, request, caller: caller.clone(), trace, commands });
            let (request, trace) = (Request::New(samples.len() as u64), Some("no trace".into()));
            samples.push(Ask::Command { id: ID, method: 0, request, caller, trace, arguments });
        }
        let after = Position::START;
        for at in [None, Some(Position::new(1)), Some(Position::new(u64::MAX))] {
            samples.push(Ask::Query { id: ID, method: 0, after, at, trace: None, arguments });
            samples.push(Ask::Stream { id: ID, method: 1, after, at, credit: 9, arguments });
        }
        samples.push(Ask::Watch { id: ID, method: 0, credit: 9, arguments });
    }
    for filter in [None, Some("there is no such filter (".into())] {
        samples.push(Ask::Events { id: ID, from: Position::START, filter, credit: 9 });
    }
    for moment in [Moment::Position(Position::new(1)), Moment::Position(Position::new(u64::MAX))] {
        for with_events in [false, true] {
            let (from, to) = (Bound::Included(moment), Bound::Unbounded);
            samples.push(Ask::History { id: ID, from, to, with_events, credit: 9 });
        }
        samples.push(Ask::Diff { id: ID, from: moment, to: moment });
        samples.push(Ask::At { id: ID, when: moment });
    }
    samples.extend([
        Ask::Reached { id: ID, position: Position::START },
        Ask::Snapshot { id: ID },
        Ask::Credit { id: ID, more: 1 },
        Ask::Cancel { id: ID },
        Ask::Ping,
    ]);
    samples
}

/// A till with one record, that is served to nobody in particular, who has this role.
async fn served(role: Option<Role>) -> (TillClient, Serving) {
    let till = crate::open::<Till>("memory:").await.expect("it opens");
    till.pay(5).await.expect("it is paid");
    let mut settings = Settings { listen: "127.0.0.1:0".parse().ok(), http: None, ..Settings::default() };
    match role {
        Some(role) => drop(settings.roles.insert(ANONYMOUS.to_owned(), role)),
        None => {
            let file = tempfile::NamedTempFile::new().expect("a file");
            settings.auth.tokens = Some(file.path().to_owned());
            let serving = crate::serve(&till, settings).await.expect("it serves");
            return (till, serving);
        }
    }
    let serving = crate::serve(&till, settings).await.expect("it serves");
    (till, serving)
}

struct Wire {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Wire {
    async fn to(serving: &Serving) -> Self {
        let address = serving.address().expect("it listens");
        Wire { stream: TcpStream::connect(address).await.expect("it listens"), read: Vec::new() }
    }

    async fn say(&mut self, messages: &[&Ask<'_>]) {
        let mut out = Vec::new();
        messages.iter().for_each(|message| frames::put(message, &mut out));
        self.stream.write_all(&out).await.expect("it is sent");
    }

    /// Looks at the next message; `None` if the connection ends.
    async fn next<R>(&mut self, look: impl FnOnce(&Tell<'_>) -> R) -> Option<R> {
        loop {
            if let frames::Front::Message(message, length) = front(&self.read, usize::MAX) {
                let looked = look(&frames::read(message).expect("it is a message"));
                self.read.drain(..length);
                return Some(looked);
            }
            let read = timeout(LONG, self.stream.read_buf(&mut self.read)).await.expect("something comes");
            if read.unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    async fn greet(&mut self) {
        self.say(&[&samples()[0]]).await;
        let is_welcome = self.next(|tell| matches!(tell, Tell::Welcome { knows_surface: true, .. })).await;
        let is_agreed = self.next(|tell| matches!(tell, Tell::Agreed { surface: None, .. })).await;
        assert_eq!((is_welcome, is_agreed), (Some(true), Some(true)));
    }
}

/// What was answered before the answer to a ping: whether the call was denied. `None` if nothing was, or not to it.
async fn denied(wire: &mut Wire) -> Option<bool> {
    let mut denied = None;
    loop {
        let (is_pong, is_denied) = wire
            .next(|tell| match tell {
                Tell::Pong { .. } => (true, None),
                Tell::Failed { id, fault: Fault::Denied(why) } => {
                    assert!(why.contains("nobody may"), "{why}");
                    (false, (*id == ID).then_some(true))
                }
                Tell::Refused(why) => panic!("{why}"),
                _ => (false, Some(false)),
            })
            .await
            .expect("the connection stays");
        denied = denied.or(is_denied);
        if is_pong {
            return denied;
        }
    }
}

fn everything() -> Role {
    let all = || vec!["*".to_owned()];
    Role {
        commands: all(),
        queries: all(),
        events: true,
        history: true,
        describe: true,
        snapshot: true,
        metrics: true,
        as_caller: true,
    }
}

#[test]
fn every_message_has_a_sample() {
    let error =
        serde_json::from_str::<Ask<'_>>("\"none\"").expect_err("there is no such message").to_string();
    let (_, listed) = error.split_once("expected one of").expect("they are listed");
    let listed: Vec<_> = listed.split('`').skip(1).step_by(2).collect();
    assert!(listed.len() > 10, "{error}");
    let samples: Vec<_> = samples().iter().map(|sample| format!("{sample:?} ")).collect();
    for message in listed {
        let is_one = |sample: &String| {
            sample.strip_prefix(message).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
        };
        assert!(samples.iter().any(is_one), "the message `{message}` has no sample in the matrix");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_message_is_answered_to_those_who_may_and_denied_to_others() {
    for sample in samples() {
        match needs(&sample) {
            Needs::Greeting => {
                let (_till, serving) = served(Some(everything())).await;
                let mut wire = Wire::to(&serving).await;
                wire.greet().await;
                wire.say(&[&sample]).await;
                let is_refused = wire.next(|tell| matches!(tell, Tell::Refused(Refusal::Invalid(_)))).await;
                assert_eq!((is_refused, wire.next(|_| ()).await), (Some(true), None), "{sample:?}");
                serving.stop().await;
            }
            Needs::Nothing => {
                let (till, serving) = served(Some(Role::default())).await;
                let mut wire = Wire::to(&serving).await;
                wire.greet().await;
                wire.say(&[&sample, &Ask::Ping]).await;
                assert_ne!(denied(&mut wire).await, Some(true), "{sample:?}");
                assert_eq!(till.position().get(), 1, "{sample:?}");
                serving.stop().await;
            }
            Needs::Right(allow, forbid) => {
                let (mut right, mut other) = (Role::default(), everything());
                allow(&mut right);
                forbid(&mut other);
                for (role, may) in [(right, true), (other, false), (Role::default(), false)] {
                    let (till, serving) = served(Some(role)).await;
                    let mut wire = Wire::to(&serving).await;
                    wire.greet().await;
                    wire.say(&[&sample]).await;
                    // What is a task of its own is answered when it is done.
                    let first = wire.next(|tell| match tell {
                        Tell::Failed { id: ID, fault: Fault::Denied(why) } => Some(why.clone()),
                        _ => None,
                    });
                    let why = first.await.expect("it is answered");
                    assert_eq!(why.is_none(), may, "{sample:?}: {why:?}");
                    if let Some(why) = why {
                        assert!(why.contains("nobody may"), "{sample:?}: {why}");
                        assert_eq!(till.position().get(), 1, "{sample:?}: nothing has happened");
                    }
                    // The connection goes on.
                    wire.say(&[&Ask::Ping]).await;
                    denied(&mut wire).await;
                    serving.stop().await;
                }
            }
        }
    }
}

/// Who is not known is told just that, and nothing that was sent with the greeting is done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_done_for_those_who_are_not_known() {
    let (till, serving) = served(None).await;
    for sample in samples() {
        for token in [None, Some("mst_".into()), Some("eyJhbGciOiJub25lIn0.e30.".into())] {
            // Of which model it is, or of which methods, makes no difference to it.
            let hello = Ask::Hello {
                version: frames::VERSION,
                memstate: "".into(),
                model: "Anything".into(),
                surface: 0,
                client: Uuid::nil(),
                token,
            };
            let mut wire = Wire::to(&serving).await;
            wire.say(&[&hello, &sample]).await;
            let said = wire.next(|tell| format!("{tell:?}")).await;
            // What was sent and not read may reset the connection before that was seen.
            if let Some(said) = said {
                assert!(said.starts_with("Refused(NotKnown(") && !said.contains("Till"), "{said}");
                assert_eq!(wire.next(|_| ()).await, None);
            }
        }
        // And without a greeting.
        if !matches!(sample, Ask::Hello { .. }) {
            let mut wire = Wire::to(&serving).await;
            wire.say(&[&sample]).await;
            let said = wire.next(|tell| format!("{tell:?}")).await.expect("it is refused");
            assert_eq!(said, "Refused(Invalid(\"it does not greet\"))", "{sample:?}");
        }
    }
    assert_eq!(till.position().get(), 1);
    serving.stop().await;
}

/// The runtime has one thread, and the second call would keep it until the third is answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_query_that_was_slow_keeps_no_others_waiting() {
    let (_till, serving) = served(Some(everything())).await;
    let address = format!("memstate://{}", serving.address().expect("it listens"));
    let (one, other) = (crate::connect::<Till>(address.clone()), crate::connect::<Till>(address));
    let (one, other) = (one.await.expect("it connects"), other.await.expect("it connects"));
    assert!(!one.released_within(10).await.expect("it answers"), "now it was slow");
    let milliseconds = u64::try_from(LONG.as_millis()).expect("it is not so long");
    let kept = one.released_within(milliseconds);
    // On the same connection, and on another, while that is on its way.
    let asking = async {
        other.total(1).await.expect("it answers");
        one.total(1).await.expect("it answers");
        other.release().await.expect("it answers");
    };
    let (kept, ()) = tokio::join!(kept.into_future(), asking);
    assert!(kept.expect("it answers"), "others were kept waiting");
    serving.stop().await;
}
