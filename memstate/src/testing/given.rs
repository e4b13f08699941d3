//! [`given`] commands, when one more, then this reply.
//!
//! Everything goes through the kernel that an engine has: arguments are written and read back, the command runs in a
//! transaction, and one that fails is undone. There is no journal, no thread and no clock.

use std::{
    fmt::{self, Debug, Display, Write as _},
    time::Duration,
};

use super::bench::{Bench, Circumstances, Ran};
use crate::{
    Model, Timestamp,
    codec::{Answer as _, whole},
    engine::bench::{Answer, split_events},
    model::{CommandOf, Operation, Verdict, parts},
};

/// How many of the commands before it a failure shows.
const SHOWN_MAX: usize = 10;
/// How long a value may be to be shown on one line.
const LINE_CHARS: usize = 90;

/// A model on which these commands have been accepted, one after another.
///
/// The model is known by its commands; where there are none, see [`given_nothing`].
///
/// ```
/// # #[memstate::data(error)]
/// # #[derive(PartialEq)]
/// # pub enum BankError { NoAccount(u64), Insufficient { balance: u64 } }
/// # #[memstate::data]
/// # #[derive(Debug, PartialEq)]
/// # pub enum BankEvent { Withdrawn { account: u64, by: Option<String> } }
/// # #[memstate::model]
/// # #[derive(Default)]
/// # pub struct Bank { accounts: memstate::collections::HashMap<u64, u64> }
/// # #[memstate::model(events = BankEvent)]
/// # impl Bank {
/// #     pub fn open(&mut self, balance: u64) -> u64 {
/// #         let account = self.accounts.len() as u64 + 1;
/// #         self.accounts.insert(account, balance);
/// #         account
/// #     }
/// #     pub fn withdraw(&mut self, ctx: &mut memstate::Ctx<BankEvent>, account: u64, amount: u64) -> Result<u64, BankError> {
/// #         let balance = self.accounts.get_mut(&account).ok_or(BankError::NoAccount(account))?;
/// #         *balance = balance.checked_sub(amount).ok_or(BankError::Insufficient { balance: *balance })?;
/// #         ctx.emit(BankEvent::Withdrawn { account, by: ctx.caller().map(str::to_owned) });
/// #         assert!(amount > 0, "nothing to withdraw");
/// #         Ok(*balance)
/// #     }
/// #     pub fn balance(&self, account: u64) -> Option<u64> { self.accounts.get(&account).copied() }
/// # }
/// use memstate::testing::given;
///
/// given([BankCommand::Open { balance: 100 }])
///     .when(BankCommand::Withdraw { account: 1, amount: 30 })
///     .then(BankReply::Withdraw(Ok(70)))
///     .then_events([BankEvent::Withdrawn { account: 1, by: None }])
///     .then_query(BankQuery::Balance { account: 1 }, BankReply::Balance(Some(70)))
///     .as_caller("ann")
///     .when(BankCommand::Withdraw { account: 1, amount: 71 })
///     .then(BankReply::Withdraw(Err(BankError::Insufficient { balance: 70 })))
///     .then_nothing_changed()
///     .when(BankCommand::Withdraw { account: 1, amount: 0 })
///     .then_panics("nothing to withdraw")
///     .then_state(|bank| assert_eq!(bank.accounts.len(), 1));
///
/// ```
///
/// # Panics
///
/// If a command is rejected or panics. What is to be refused belongs into [`when`](Given::when).
#[track_caller]
pub fn given<M: Model + Default>(commands: impl IntoIterator<Item: CommandOf<M>>) -> Given<M> {
    given_nothing().accept(commands)
}

/// A model as it is by `Default`: `given_nothing::<Bank>()`.
pub fn given_nothing<M: Model + Default>() -> Given<M> {
    given_state(M::default())
}

/// A model in this state, for what no commands lead to, or for a model that has no `Default`.
pub fn given_state<M: Model>(state: M) -> Given<M> {
    Given {
        bench: Bench::new(state),
        circumstances: Circumstances::default(),
        story: Vec::new(),
        last: Nothing,
    }
}

/// A model in a test: what has happened so far, and what is to happen next.
///
/// [`given`] makes one. With [`when`](Given::when) it becomes a `Given<M, Happened>`, which also has the expectations
/// of that command. Everything that fails panics at the line of the test that asked for it, and lists the commands so far.
pub struct Given<M: Model, L = Nothing> {
    bench: Bench<M>,
    circumstances: Circumstances,
    /// The commands and what they answered, in words.
    story: Vec<String>,
    last: L,
}

/// No command is being looked at.
#[doc(hidden)]
#[derive(Debug)]
pub struct Nothing;

/// A command that was sent by [`when`](Given::when): the second parameter of [`Given`].
#[derive(Debug)]
pub struct Happened {
    method: u16,
    text: String,
    ran: Ran,
}

/// How a value is compared.
struct Other<'a, E, W> {
    what: String,
    expected: &'a E,
    was: &'a W,
}

impl<M: Model, L> Given<M, L> {
    /// Sends more commands, which have to be accepted.
    ///
    /// A command that is retired may be among them: it stands for a record of the past.
    ///
    /// # Panics
    ///
    /// If one is rejected or panics.
    #[track_caller]
    pub fn given(self, commands: impl IntoIterator<Item: CommandOf<M>>) -> Given<M> {
        self.with(Nothing).accept(commands)
    }

    /// Sends a command, which may do anything.
    ///
    /// If it is rejected or panics, the state has to be what it was before: byte by byte, the order in collections
    /// included.
    ///
    /// # Panics
    ///
    /// If a failed command left something behind, and if the command is retired, which no client can send.
    #[must_use = "what is to come of it is said by `.then(…)` and its like"]
    #[track_caller]
    pub fn when(self, command: M::Command) -> Given<M, Happened> {
        let mut given = self.with(Nothing);
        if parts::method::<M::Command>(command.method()).is_some_and(|method| method.retired) {
            given.fail(format!(
                "`{}` is retired, and no client can send it. As a record of the past it is for `given`.",
                parts::name::<M::Command>(command.method())
            ));
        }
        let happened = given.send(&command);
        given.with(happened)
    }

    /// Sets the time of the next command: a [`Timestamp`], a `SystemTime`, or text such as `"2013-02-08 17:05"`. Those
    /// after it follow a second apart.
    ///
    /// Without it the first command is sent at the beginning of the year 2000, in UTC.
    ///
    /// # Panics
    ///
    /// If the text is no time, and if the time is before that of the last command.
    #[track_caller]
    pub fn at<T>(mut self, time: T) -> Self
    where
        T: TryInto<Timestamp>,
        T::Error: Display,
    {
        let time = match time.try_into() {
            Ok(time) => time,
            Err(error) => self.fail(error.to_string()),
        };
        if let Err(why) = self.circumstances.set_time(time) {
            self.fail(why);
        }
        self
    }

    /// Lets this time go by before the next command, in addition to the second that goes by from each to the next.
    pub fn after(mut self, duration: Duration) -> Self {
        self.circumstances.skip(duration);
        self
    }

    /// Sends the commands from here on under this name, or, after `None`, under none.
    pub fn as_caller<'a>(mut self, name: impl Into<Option<&'a str>>) -> Self {
        self.circumstances.set_caller(name.into());
        self
    }

    /// Expects this answer to a query.
    ///
    /// # Panics
    ///
    /// If the answer is another one, and with the query's own panic.
    #[track_caller]
    pub fn then_query(self, query: M::Query, answer: M::Reply) -> Self
    where
        M::Reply: PartialEq + Debug,
    {
        let bytes = query.encode();
        let query = match bytes.map(|bytes| (M::Query::decode(&bytes), query.method())) {
            Ok((Ok(query), _)) => query,
            Ok((Err(error), method)) => self
                .fail(format!("an argument of `{}` cannot be read back: {error}", query_name::<M>(method))),
            Err(error) => self.fail(format!(
                "an argument of `{}` cannot be written: {error}",
                query_name::<M>(query.method())
            )),
        };
        let name = query_name::<M>(query.method());
        let was = self.bench.model().answer(query);
        if was != answer {
            self.fail(Other {
                what: format!("the query `{name}` gave another answer"),
                expected: &answer,
                was: &was,
            });
        }
        self
    }

    /// Looks at the state; what is wrong with it is said by an `assert!`.
    ///
    /// # Panics
    ///
    /// With the closure's own panic.
    pub fn then_state(self, look: impl FnOnce(&M)) -> Self {
        look(self.bench.model());
        self
    }

    #[track_caller]
    fn accept(self, commands: impl IntoIterator<Item: CommandOf<M>>) -> Given<M> {
        let mut given = self.with(Nothing);
        for command in commands {
            let Happened { method, text, ran } = given.send(&command);
            if !matches!(ran.applied.answer, Answer::Accepted(_)) {
                let answer = given.bench.outcome(method, &ran.applied.answer);
                given.fail(format!(
                    "`{text}` is given, and {answer}\n\nWhat is given has to be accepted; what is to be refused is for \
                     `.when(…)`."
                ));
            }
        }
        given
    }

    fn with<N>(self, last: N) -> Given<M, N> {
        let Given { bench, circumstances, story, .. } = self;
        Given { bench, circumstances, story, last }
    }

    #[track_caller]
    fn send(&mut self, command: &impl Operation) -> Happened {
        let step = match self.circumstances.step(command, &self.bench.today) {
            Ok(step) => step,
            Err(why) => self.fail(why),
        };
        let ran = match self.bench.run(&step) {
            Ok(ran) => ran,
            Err(why) => self.fail(why),
        };
        let answer = self.bench.answer(step.method, &ran.applied.answer);
        self.story.push(format!("{}: {answer}", step.text));
        Happened { method: step.method, text: step.text, ran }
    }

    #[track_caller]
    fn fail(&self, why: impl Display) -> ! {
        let mut text = why.to_string();
        let left_out = self.story.len().saturating_sub(SHOWN_MAX);
        if !self.story.is_empty() {
            text = format!("{}\n\nafter", text.trim_end());
        }
        if left_out > 0 {
            let _ = write!(text, "\n       … {left_out} more");
        }
        for (number, line) in self.story.iter().enumerate().skip(left_out) {
            let _ = write!(text, "\n  {:>4}  {line}", number + 1);
        }
        panic!("{text}");
    }
}

impl<M: Model> Given<M, Happened> {
    /// Expects this reply: `BankReply::Withdraw(Ok(70))`, or `Err` for what the model refuses.
    ///
    /// # Panics
    ///
    /// If the reply is another one, or the command panicked.
    #[track_caller]
    pub fn then(self, reply: M::Reply) -> Self
    where
        M::Reply: PartialEq + Debug,
    {
        match self.reply() {
            Ok(was) if was == reply => self,
            Ok(was) => {
                let what = format!("`{}` gave another reply", self.last.text);
                self.fail(Other { what, expected: &reply, was: &was })
            }
            Err(why) => self.fail(format!("{why}\n\n  expected  {}", shown(&reply))),
        }
    }

    /// Looks at the reply, where it is not known beforehand as a whole.
    ///
    /// # Panics
    ///
    /// With the closure's own panic, and if the command panicked.
    #[track_caller]
    pub fn then_reply(self, look: impl FnOnce(&M::Reply)) -> Self {
        match self.reply() {
            Ok(reply) => look(&reply),
            Err(why) => self.fail(why),
        }
        self
    }

    /// Expects that the command announced these events and no others, in this order.
    ///
    /// # Panics
    ///
    /// If it announced others.
    #[track_caller]
    pub fn then_events(self, events: impl IntoIterator<Item = M::Event>) -> Self
    where
        M::Event: PartialEq + Debug,
    {
        let expected: Vec<M::Event> = events.into_iter().collect();
        let mut was = Vec::new();
        let mut unreadable = None;
        split_events(&self.last.ran.applied.events, |event| match whole(event, M::Event::get) {
            Ok(event) => was.push(event),
            Err(error) => unreadable = Some(error),
        });
        if let Some(error) = unreadable {
            self.fail(format!("an event of `{}` cannot be read back: {error}", self.last.text));
        }
        if was != expected {
            let what = format!("`{}` announced something else", self.last.text);
            self.fail(Other { what, expected: &expected, was: &was });
        }
        self
    }

    /// Expects that the command panicked, with a message that has `part` in it.
    ///
    /// # Panics
    ///
    /// If it did not, or with another message.
    #[track_caller]
    pub fn then_panics(self, part: &str) -> Self {
        match &self.last.ran.applied.answer {
            Answer::Panicked(message) if message.contains(part) => {}
            answer => self.fail(format!(
                "`{}` was to panic, with {part:?} in the message, and {}",
                self.last.text,
                self.bench.outcome(self.last.method, answer)
            )),
        }
        self
    }

    /// Expects that the state is what it was before the command. After one that failed this is so without being asked for.
    ///
    /// # Panics
    ///
    /// If something has changed.
    #[track_caller]
    pub fn then_nothing_changed(self) -> Self {
        let Ran { before, after, .. } = &self.last.ran;
        if before != after {
            let changes = self.bench.differences(before, after);
            self.fail(format!("`{}` changed the state:\n\n{changes}", self.last.text));
        }
        self
    }

    fn reply(&self) -> Result<M::Reply, String> {
        let Happened { method, text, ran } = &self.last;
        let (verdict, bytes) = match &ran.applied.answer {
            Answer::Accepted(bytes) => (Verdict::Accepted, bytes),
            Answer::Rejected(bytes) => (Verdict::Rejected, bytes),
            other => return Err(format!("`{text}` {}", self.bench.answer(*method, other))),
        };
        whole(bytes, |bytes| M::reply(*method, verdict, bytes))
            .map_err(|error| format!("the reply to `{text}` cannot be read back: {error}"))
    }
}

fn query_name<M: Model>(method: u16) -> &'static str {
    parts::name::<M::Query>(method)
}

impl<E: Debug, W: Debug> Display for Other<'_, E, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n\n  expected  {}\n  was       {}", self.what, shown(self.expected), shown(self.was))
    }
}

/// A value, on several lines if it is long.
fn shown(value: &impl Debug) -> String {
    let line = format!("{value:?}");
    match line.chars().nth(LINE_CHARS) {
        Some(_) => format!("{value:#?}").replace('\n', "\n            "),
        None => line,
    }
}

impl<M: Model, L> Debug for Given<M, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Given").field("model", &M::NAME).field("story", &self.story).finish_non_exhaustive()
    }
}
