//! Everything that a typed client can ask for, by every credential, over TCP and over TLS.

use std::{fmt::Debug, time::Duration};

use memstate::{ConnectError, Error, PastError, Position, server::Role};
use memstate_server_tests::{BankClient, BankCommand, BankQuery};

use crate::place::{Held, LONG, NAME, Place, Roles, Shown, jwt_for};

/// What a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    Command,
    Atomically,
    AsCaller,
    AtomicallyAsCaller,
    Query,
    Stream,
    Watch,
    Events,
    History,
    HistoryWithEvents,
    Diff,
    /// A state of the past, and a query of it.
    At,
    /// A state of the past, for whoever may read the history.
    AtOfHistory,
    Snapshot,
}

const CALLS: [Call; 14] = [
    Call::Command,
    Call::Atomically,
    Call::AsCaller,
    Call::AtomicallyAsCaller,
    Call::Query,
    Call::Stream,
    Call::Watch,
    Call::Events,
    Call::History,
    Call::HistoryWithEvents,
    Call::Diff,
    Call::At,
    Call::AtOfHistory,
    Call::Snapshot,
];

/// What became of it.
#[derive(Debug, PartialEq, Eq)]
enum Became {
    Done,
    Denied(String),
    Else(String),
}

impl Call {
    fn roles(self) -> Roles {
        let sees_no_past = |role: &mut Role| (role.queries, role.history) = (Vec::new(), false);
        match self {
            Call::Command | Call::Atomically => Roles::of_command("deposit"),
            Call::AsCaller | Call::AtomicallyAsCaller => {
                let mut roles = Roles::of_command("deposit");
                roles.right.as_caller = true;
                roles.other.commands.push("deposit".to_owned());
                roles.other.as_caller = false;
                roles
            }
            Call::Query | Call::Watch => Roles::of_query("total"),
            Call::Stream => Roles::of_query("accounts"),
            Call::Events => Roles::of(|role| role.events = true, |role| role.events = false),
            Call::History | Call::Diff => Roles::of(|role| role.history = true, |role| role.history = false),
            Call::HistoryWithEvents => {
                Roles::of(|role| (role.history, role.events) = (true, true), |role| role.events = false)
            }
            Call::At => Roles::of(|role| role.queries.push("total".to_owned()), sees_no_past),
            Call::AtOfHistory => Roles::of(|role| role.history = true, sees_no_past),
            Call::Snapshot => Roles::of(|role| role.snapshot = true, |role| role.snapshot = false),
        }
    }

    /// In whose name it is journaled by somebody with the right credential, if it is.
    fn journaled_as(self) -> Option<&'static str> {
        match self {
            Call::Command | Call::Atomically => Some(NAME),
            Call::AsCaller | Call::AtomicallyAsCaller => Some("bob"),
            _ => None,
        }
    }

    async fn made(self, bank: &BankClient) -> Became {
        let deposit = BankCommand::Deposit { account: 1, amount: 1 };
        let asking = async {
            match self {
                Call::Command => became(bank.deposit(1, 1).await),
                Call::Atomically => became(bank.atomically([deposit]).await),
                Call::AsCaller => became(bank.as_caller("bob").deposit(1, 1).await),
                Call::AtomicallyAsCaller => became(bank.as_caller("bob").atomically([deposit]).await),
                Call::Query => became(bank.total().await),
                Call::Stream => became(bank.accounts(None).next().await.expect("there is an account")),
                Call::Watch => became(bank.watch_query(BankQuery::Total {}).next().await.expect("a value")),
                Call::Events => became(bank.events(Position::START).next().await.expect("an event")),
                Call::History => {
                    became_of_past(bank.history(..).without_events().next().await.expect("a record"))
                }
                Call::HistoryWithEvents => became_of_past(bank.history(..).next().await.expect("a record")),
                Call::Diff => became_of_past(bank.diff(0, 1).await),
                Call::At => match bank.at(1).await {
                    Ok(past) => became(past.total().await),
                    Err(error) => became_of_past::<()>(Err(error)),
                },
                Call::AtOfHistory => became_of_past(bank.at(1).await),
                Call::Snapshot => became(bank.snapshot().await),
            }
        };
        tokio::time::timeout(LONG, asking).await.unwrap_or_else(|_| panic!("{self:?} was never answered"))
    }
}

fn became<T, E: Debug>(answer: Result<T, Error<E>>) -> Became {
    match answer {
        Ok(_) => Became::Done,
        Err(Error::Denied(why)) => Became::Denied(why.to_string()),
        Err(other) => Became::Else(format!("{other:?}")),
    }
}

fn became_of_past<T>(answer: Result<T, PastError>) -> Became {
    match answer {
        Ok(_) => Became::Done,
        Err(PastError::Denied(why)) => Became::Denied(why.to_string()),
        Err(other) => Became::Else(format!("{other:?}")),
    }
}

async fn tried(place: &Place, call: Call, shown: Shown, anonymous: Option<Held>) {
    let what = format!("{call:?} {shown:?} {anonymous:?}");
    let before = place.bank.position();
    let bank = match (place.connect(shown).await, shown.held(anonymous)) {
        (Ok(bank), Some(_)) => bank,
        (Err(ConnectError::Refused { why, .. }), None) => {
            assert!(!why.contains("Bank"), "{what}: {why}");
            let said = match shown {
                Shown::Nothing => "a credential is wanted",
                Shown::ExpiredToken | Shown::ExpiredJwt => "has expired",
                _ => "is not known here",
            };
            return assert!(why.contains(said), "{what}: {why}");
        }
        (other, _) => panic!("{what}: {:?}", other.map(|_| ())),
    };
    let became = call.made(&bank).await;
    match shown.held(anonymous) {
        // Nobody has no name of its own, and so calls in another's like everybody else.
        Some(Held::Right) => {
            assert_eq!(became, Became::Done, "{what}");
            if let Some(name) = call.journaled_as() {
                assert_eq!(place.bank.position().get(), before.get() + 1, "{what}");
                let name = if shown == Shown::Nothing && name == NAME { None } else { Some(name) };
                let record = place.bank.history(place.bank.position()..).next().await.expect("a record");
                assert_eq!(record.expect("it is read").caller.as_deref(), name, "{what}");
                let seen = place.bank.last_caller().await.expect("it answers");
                assert_eq!(seen.as_deref(), name, "{what}: `Ctx::caller`");
            }
        }
        _ => {
            let Became::Denied(why) = became else { panic!("{what}: {became:?}") };
            let said = if shown == Shown::Nothing { "nobody may" } else { "ann may not" };
            assert!(why.contains(said), "{what}: {why}");
            assert_eq!(place.bank.position(), before, "{what}: nothing has happened");
            // The connection stays: what is not denied is answered.
            let reached = tokio::time::timeout(LONG, bank.reached(before)).await;
            reached.expect("it is answered").expect("everybody may wait for a position");
        }
    }
}

async fn all(is_secure: bool) {
    let mut place = Place::new(is_secure, |_| {}).await;
    for call in CALLS {
        let roles = call.roles();
        place.set(&roles, None, Held::Other);
        for shown in Shown::ALL {
            let is_certificate_that_is = !shown.is_certificate();
            if is_certificate_that_is || (is_secure && shown == Shown::Certificate(Held::Other)) {
                tried(&place, call, shown, None).await;
            }
        }
        if is_secure {
            place.set(&roles, None, Held::Right);
            tried(&place, call, Shown::Certificate(Held::Right), None).await;
        }
        for anonymous in [Held::Other, Held::Right] {
            place.set(&roles, Some(anonymous), Held::Other);
            for shown in [Shown::Nothing, Shown::WrongToken, Shown::ExpiredToken, Shown::ExpiredJwt] {
                tried(&place, call, shown, Some(anonymous)).await;
            }
        }
    }
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_of_a_typed_client_is_answered_to_those_who_may_over_tcp() {
    all(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_of_a_typed_client_is_answered_to_those_who_may_over_tls() {
    all(true).await;
}

/// A JWT that expires is the end of the connection, and of all that waits on it; the client says why.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_expired_is_let_go_and_is_told() {
    let mut place = Place::new(false, |_| {}).await;
    let roles = Roles::of(
        |role| (role.commands, role.queries, role.events) = (vec!["*".into()], vec!["*".into()], true),
        |_| {},
    );
    place.set(&roles, None, Held::Right);
    let address = format!("memstate://{}", place.serving.address().expect("it is listened on"));
    let connect = memstate::connect::<memstate_server_tests::Bank>(address);
    let bank = connect.token(jwt_for(3)).await.expect("it is known for three seconds");
    let (mut events, mut watch) = (bank.events(Position::new(2)), bank.watch_query(BankQuery::Total {}));
    watch.next().await.expect("a value").expect("it may");
    let ended = async {
        // Nothing happens in the model, so only the end comes.
        let (event, value) = tokio::join!(events.next(), watch.next());
        assert!(!matches!(event, Some(Ok(_))), "{event:?}");
        assert!(!matches!(value, Some(Ok(_))), "{value:?}");
        loop {
            match bank.total().await {
                // It may be asked again before the connection is closed.
                Ok(_) => tokio::time::sleep(Duration::from_millis(5)).await,
                Err(error) => break error.to_string(),
            }
        }
    };
    let why = tokio::time::timeout(LONG, ended).await.expect("it ends");
    assert!(why.contains("expired"), "{why}");
    place.stop().await;
}
