//! [`assert_deterministic`]: does a model do the same again?
//!
//! A replay runs every command on a state that was read from bytes, at another time, in another place of the memory and on
//! another thread. This does so at once.

use std::{collections::HashSet, fmt::Write as _, thread, time::Duration};

use super::bench::{Bench, Circumstances, Ran, Step};
use crate::{
    Model,
    codec::whole,
    engine::bench::{Answer, split_events},
    model::CommandOf,
    schema::value,
};

/// Between the first run of a method and the next, so that a clock in milliseconds has gone on.
const PAUSE: Duration = Duration::from_millis(2);

/// Runs the commands, each on several copies of the state, and compares what comes of it: outcome, reply, events and the
/// whole state.
///
/// Before each command, two copies of the state are read back from its bytes, so that hash orders and addresses differ, and
/// the command runs on both, on one of them on a thread of its own. It also runs on a third, which was never read back: what
/// is lost on the way through the bytes is found by it. The commands may be rejected or panic; that is compared too.
///
/// ```
/// # #[memstate::model]
/// # #[derive(Default)]
/// # pub struct Shop { stock: memstate::collections::HashMap<String, u64> }
/// # #[memstate::model]
/// # impl Shop {
/// #     pub fn add(&mut self, article: String, pieces: u64) { *self.stock.entry(article).or_default() += pieces; }
/// #     pub fn largest(&mut self) -> Option<String> { self.stock.iter().max_by_key(|(_, pieces)| **pieces).map(|(article, _)| article.clone()) }
/// # }
/// use memstate::testing::assert_deterministic;
///
/// assert_deterministic([
///     ShopCommand::Add { article: "pens".to_owned(), pieces: 3 },
///     ShopCommand::Add { article: "ink".to_owned(), pieces: 3 },
///     ShopCommand::Largest,
/// ]);
/// ```
///
/// What depends on chance is found with the probability that two runs differ: use several entries, and commands that look at
/// them. A clock of which whole seconds are taken is found only if a second goes by. The time and the caller that `Ctx` tells
/// are those of [`given`](super::given).
///
/// # Panics
///
/// If two runs differ: with the number, the name and the arguments of the command, and with each difference. And if the state
/// is not read back as it was written, or a failed command leaves something behind.
#[track_caller]
pub fn assert_deterministic<M: Model + Default>(commands: impl IntoIterator<Item: CommandOf<M>>) {
    assert_deterministic_from(M::default(), commands);
}

/// [`assert_deterministic`], from this state on.
///
/// # Panics
///
/// As that.
#[track_caller]
pub fn assert_deterministic_from<M: Model>(state: M, commands: impl IntoIterator<Item: CommandOf<M>>) {
    if let Err(why) = check(Bench::new(state), commands) {
        panic!("{}", why.trim_end());
    }
}

fn check<M: Model>(
    mut lasting: Bench<M>,
    commands: impl IntoIterator<Item: CommandOf<M>>,
) -> Result<(), String> {
    let mut circumstances = Circumstances::default();
    let mut known = HashSet::new();
    let mut when = "before the first command".to_owned();
    for (number, command) in (1u64..).zip(commands) {
        let step = circumstances.step(&command, &lasting.today)?;
        let place = format!("command {number}, `{}`", step.text);
        let bytes = lasting.bytes().map_err(|why| format!("{when}, {why}"))?;
        let [mut near, mut far, mut spare] =
            [copy(&lasting, &bytes, &when)?, copy(&lasting, &bytes, &when)?, copy(&lasting, &bytes, &when)?];
        let within = |why| format!("{place}: {why}");
        let first = lasting.run(&step).map_err(within)?;
        let second = near.run(&step).map_err(within)?;
        if known.insert(step.method) {
            thread::sleep(PAUSE);
        }
        let third = elsewhere(&mut far, &step).map_err(within)?;
        let (one, other) = (unlike(&near, &step, &second, &third), unlike(&near, &step, &first, &second));
        if one.is_some() || other.is_some() {
            // The same once more tells whether it is chance, or what was lost on the way through the bytes.
            let again = spare.run(&step).map_err(within)?;
            let chance = one.or_else(|| unlike(&near, &step, &second, &again));
            return Err(match (chance, other) {
                (Some(differences), _) => not_deterministic::<M>(&place, &differences),
                (None, other) => not_faithful::<M>(&place, &other.unwrap_or_default()),
            });
        }
        when = format!("after {place}");
    }
    let bytes = lasting.bytes().map_err(|why| format!("{when}, {why}"))?;
    copy(&lasting, &bytes, &when).map(drop)
}

/// A copy of the state that was read back; its bytes have to be those that it was read from.
fn copy<M: Model>(of: &Bench<M>, bytes: &[u8], when: &str) -> Result<Bench<M>, String> {
    let copy = of.read_back(bytes).map_err(|why| format!("{when}, {why}"))?;
    let again = copy.bytes().map_err(|why| format!("{when}, {why}"))?;
    match again == bytes {
        true => Ok(copy),
        false => Err(format!(
            "`{}` is not read back as it was written. The state {when} is, once written, read and written again:\n\n{}",
            M::NAME,
            copy.differences(bytes, &again)
        )),
    }
}

/// On another thread: with another stack, another heap and other thread-locals.
fn elsewhere<M: Model>(bench: &mut Bench<M>, step: &Step) -> Result<Ran, String> {
    thread::scope(|scope| match scope.spawn(|| bench.run(step)).join() {
        Ok(ran) => ran,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}

/// What two runs of a command did differently, a paragraph for each kind; `None` if nothing.
fn unlike<M: Model>(bench: &Bench<M>, step: &Step, one: &Ran, other: &Ran) -> Option<String> {
    let mut text = String::new();
    if one.applied.answer != other.applied.answer {
        let answer = |ran: &Ran| bench.answer(step.method, &ran.applied.answer);
        let kind = match (&one.applied.answer, &other.applied.answer) {
            (Answer::Accepted(_), Answer::Accepted(_)) | (Answer::Rejected(_), Answer::Rejected(_)) => {
                "the reply"
            }
            (Answer::Panicked(_), Answer::Panicked(_)) => "the message",
            _ => "the outcome",
        };
        let _ = writeln!(text, "{kind}\n  {}\n  {}", answer(one), answer(other));
    }
    if one.applied.events != other.applied.events {
        let events = |ran: &Ran| events(bench, &ran.applied.events);
        let _ = writeln!(text, "the events\n  {}\n  {}", events(one), events(other));
    }
    if one.after != other.after {
        let _ = write!(text, "the state\n{}", bench.differences(&one.after, &other.after));
    }
    if text.is_empty() && one.applied.outcome != other.applied.outcome {
        text.push_str("what it changed on the way to the same state\n");
    }
    (!text.is_empty()).then_some(text)
}

fn events<M: Model>(bench: &Bench<M>, bytes: &[u8]) -> String {
    let preamble = &bench.today.preamble;
    let mut shown = Vec::new();
    split_events(bytes, |event| {
        let value = whole(event, |bytes| value::read(preamble.schema.of(&preamble.events), bytes));
        shown.push(
            value
                .map_or_else(|error| format!("one that cannot be shown: {error}"), |value| value.to_string()),
        );
    });
    format!("[{}]", shown.join(", "))
}

fn not_deterministic<M: Model>(place: &str, differences: &str) -> String {
    format!(
        "`{}` is not deterministic. {place}, was run twice on the same state, and what differs is\n\n{differences}\n\
         A replay may only see the arguments, the state and `Ctx`. Look for a clock, a random number, the order of a hash \
         collection of `std`, an address, a static or the environment. The time, random numbers and UUIDs are in `ctx`, and \
         collections with an order in `memstate::collections`.",
        M::NAME
    )
}

fn not_faithful<M: Model>(place: &str, differences: &str) -> String {
    format!(
        "`{}` is not read back as it was written. {place}, was run on the state as it was in memory, and on the same once \
         it was written and read back, and what differs is\n\n{differences}\n\
         A replay from a snapshot would do what the second did. Look for a `Serialize` or a `Deserialize` by hand, or a \
         `#[serde(with = …)]`, that leaves out what the command looks at.",
        M::NAME
    )
}
