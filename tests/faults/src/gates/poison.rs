//! Commands that end the process. A supervisor starts the service again at once, and counts its deaths.

mod child;
mod model;
mod supervisor;
mod verdict;

use std::time::{Duration, Instant};

use self::{
    child::{How, Task},
    model::Deed,
    supervisor::{Lived, Supervisor},
};
use crate::{
    ensure,
    harness::{Case, Gate, Run},
};

pub use self::child::run as child;

pub const GATE: Gate = Gate {
    name: "poison",
    promise: "no command keeps the service down",
    unit: "cases",
    counts: [8, CLASSES.len() as u64, 10 * CLASSES.len() as u64],
    run,
};

/// The time limit of commands.
const LIMIT: Duration = Duration::from_millis(500);
/// How long after its first death the service has to be back.
const BACK_WITHIN: Duration = Duration::from_secs(5);
/// How many processes in a row a record ends before it is left out.
const TRIES: u64 = 3;
/// A search in sixteenths of the largest tail that there is here takes this many steps.
const STEPS_MAX: u64 = 5;

/// A kind of poison, and what has to become of it.
struct Class {
    name: &'static str,
    deeds: &'static [Deed],
    how: How,
    /// How many innocent commands are sent before and after it, together with it.
    around: (u64, u64),
    end: End,
    /// How often the service is killed from outside on top of that.
    kills: u64,
    /// What the process may have, in KiB of address space.
    memory: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// It panics, and the process lives.
    Panics,
    /// It ends processes, and is left out.
    Poisoned,
    /// It was acknowledged, ends processes before that is written down, and is left out.
    PoisonedLater,
    /// It ends only processes that replay it: the journal is refused.
    Refused,
    /// It loops only in a replay that nobody else waits for.
    LooksBack,
    /// There is none.
    Innocent,
}

const fn class(name: &'static str, deeds: &'static [Deed]) -> Class {
    let (how, around, end) = (How::Alone, (20, 20), End::Poisoned);
    Class { name, deeds, how, around, end, kills: 0, memory: None }
}

/// The first eight are those of a short run.
const CLASSES: &[Class] = &[
    class("endless loop", &[Deed::Loop]),
    class("stack overflow", &[Deed::Overflow]),
    class("panic while a panic unwinds", &[Deed::PanicInDropWhileUnwinding]),
    Class { end: End::Panics, ..class("panic", &[Deed::Panic]) },
    class("allocation that is too large", &[Deed::HugeAllocation]),
    Class { around: (2500, 2500), ..class("two among 5,000 others", &[Deed::Abort, Deed::Overflow]) },
    Class { how: How::Requested, ..class("with a request id", &[Deed::Abort]) },
    Class { end: End::Refused, ..class("at its replay alone", &[Deed::AbortAgain]) },
    Class { end: End::Panics, ..class("panic when its argument is dropped", &[Deed::PanicInDrop]) },
    Class { memory: Some(640 << 10), ..class("all memory that there is", &[Deed::Exhaustion]) },
    class("endless loop that holds the locks of stdout and stderr", &[Deed::LoopWithLocks]),
    class("endless loop when its argument is dropped", &[Deed::LoopInDrop]),
    class("endless loop when its argument is read", &[Deed::LoopInDeserialize]),
    class("exit", &[Deed::Exit]),
    class("abort", &[Deed::Abort]),
    class("two endless loops", &[Deed::Loop, Deed::Loop]),
    class("three kinds in a row", &[Deed::Abort, Deed::Overflow, Deed::Loop]),
    Class { how: How::Atomically, ..class("in an atomic batch", &[Deed::Overflow]) },
    Class { how: How::Atomically, ..class("endless loop in an atomic batch", &[Deed::Loop]) },
    Class { how: How::Requested, ..class("endless loop with a request id", &[Deed::Loop]) },
    Class { around: (2500, 2500), ..class("among 5,000 others", &[Deed::Abort]) },
    Class { around: (2500, 2500), ..class("endless loop among 5,000 others", &[Deed::Loop]) },
    Class { kills: 5, ..class("with kills from outside", &[Deed::Abort]) },
    Class { kills: 5, ..class("endless loop with kills from outside", &[Deed::Loop]) },
    Class { kills: 12, end: End::Innocent, around: (20_000, 0), ..class("kills from outside alone", &[]) },
    Class { end: End::PoisonedLater, ..class("acknowledged, and then at each attempt", &[Deed::AbortAgain]) },
    Class { end: End::PoisonedLater, ..class("acknowledged, and then a loop", &[Deed::LoopAgain]) },
    Class { end: End::Refused, ..class("a loop at its replay alone", &[Deed::LoopAgain]) },
    Class { end: End::LooksBack, ..class("a loop in a look at the past", &[Deed::LoopAgain]) },
];

fn run(run: &Run) -> Result<(), String> {
    run.cases(|case| {
        let class = &CLASSES[case.index as usize % CLASSES.len()];
        try_class(case, class).map_err(|why| format!("{}: {why}", class.name))?;
        run.tried(1);
        Ok(())
    })
}

fn try_class(case: &Case<'_>, class: &Class) -> Result<(), String> {
    let supervisor = Supervisor::new(LIMIT, class.memory)?;
    match class.end {
        End::LooksBack => looks_back(&supervisor, class),
        End::Refused => is_refused(case, &supervisor, class),
        _ => is_back(case, &supervisor, class),
    }
}

/// What the first process does: it sends the poison.
fn first_task(case: &Case<'_>, class: &Class) -> Task {
    if class.end == End::PoisonedLater {
        return Task::Acknowledge { deed: class.deeds[0] };
    }
    // Later rounds put it in other places.
    let (mut before, mut after) = class.around;
    if case.index as usize >= CLASSES.len() {
        let mut random = case.random();
        (before, after) = (random.below(2 * before + 1), random.below(2 * after + 1));
    }
    Task::Poison { deeds: class.deeds.to_vec(), how: class.how, before, after }
}

/// The service is back after a few deaths, and nothing is missing but the poison.
fn is_back(case: &Case<'_>, supervisor: &Supervisor, class: &Class) -> Result<(), String> {
    let mut random = case.random();
    let is_killed = class.end == End::Innocent;
    let first_kill = is_killed.then(|| Duration::from_millis(155 + random.below(40)));
    let mut lived = supervisor.run(&first_task(case, class), first_kill)?;
    let lives = class.end == End::Panics;
    // A fast machine may be done before the kill.
    let as_meant = lived.success == lives || is_killed && lived.success;
    ensure!(as_meant, "the process ended with {}:\n{}", lived.status, lived.stderr);
    let mut said = lived.lines.clone();
    let (mut deaths, mut kills) = (u64::from(!lives && !is_killed), 0);
    let mut died = Instant::now();
    // A kill makes the search begin again.
    let deaths_max = (class.deeds.len() as u64 + class.kills) * (TRIES + STEPS_MAX);
    // About as long as a process lives.
    let kill_within = if class.deeds.iter().any(|deed| deed.is_loop()) { 500 } else { 15 };
    let mut round = 0;
    let back = loop {
        if !lives && !lived.success {
            says_why(class, &lived, kills)?;
        }
        round += 1;
        let kill = (kills < class.kills).then(|| Duration::from_millis(random.below(kill_within)));
        lived = supervisor.run(&Task::Serve { id: 500_000 + round }, kill)?;
        said.extend(lived.lines.iter().cloned());
        if let Some(back) = lived.acknowledged.filter(|_| lived.success) {
            break back;
        }
        match lived.was_killed {
            true => (kills, died) = (kills + 1, Instant::now()),
            false => deaths += 1,
        }
        ensure!(deaths <= deaths_max, "a crash loop: {deaths} deaths, the last with {}", lived.status);
    };
    let back = back.saturating_duration_since(died);
    ensure!(back < BACK_WITHIN, "back only after {} ms and {deaths} deaths", back.as_millis());
    let named_at_once = class.deeds.iter().all(|deed| deed.is_loop()) && class.end == End::Poisoned;
    if named_at_once && class.kills == 0 {
        let expected = class.deeds.len() as u64 * TRIES;
        ensure!(deaths == expected, "the watchdog names the record: {deaths} deaths instead of {expected}");
    }
    verdict::check(supervisor, class, &said)?;
    tell(case, class, &format!("{deaths} deaths, back after {:.2} s", back.as_secs_f64()));
    case.run.fact("deaths", deaths);
    case.run.fact("kills from outside", kills);
    Ok(())
}

/// A process that the watchdog has ended has said so.
fn says_why(class: &Class, lived: &Lived, kills: u64) -> Result<(), String> {
    let ends_by_limit = class.deeds.iter().all(|deed| deed.is_loop()) && !class.deeds.is_empty();
    let acknowledged = class.end == End::PoisonedLater && lived.stderr.is_empty();
    if !ends_by_limit || kills > 0 || class.kills > 0 || acknowledged {
        return Ok(());
    }
    let command = if class.how == How::Atomically { "`atomically`" } else { "`detonate`" };
    for words in
        ["the command ", command, " at position ", "longer than the limit of 0.5 s", "command_time_limit"]
    {
        ensure!(lived.stderr.contains(words), "it does not say `{words}`: {}", lived.stderr);
    }
    Ok(())
}

/// What was acknowledged long ago cannot be left out: after a few deaths the journal is refused, and not a process more is
/// lost to it.
fn is_refused(case: &Case<'_>, supervisor: &Supervisor, class: &Class) -> Result<(), String> {
    let first = supervisor.run(&Task::Confirm { deed: class.deeds[0] }, None)?;
    ensure!(first.success, "at first it does no harm, but: {}\n{}", first.status, first.stderr);
    let (mut deaths, mut refusals) = (0, 0);
    while refusals < 5 {
        let lived = supervisor.run(&Task::Serve { id: 500_000 }, None)?;
        match lived.lines.iter().find(|line| line.starts_with("refused ")) {
            Some(line) => {
                refusals += 1;
                for words in ["the command at position 2 has ended 3 processes in a row", "detonate("] {
                    ensure!(line.contains(words), "the refusal does not say `{words}`: {line}");
                }
            }
            None => {
                deaths += 1;
                ensure!(!lived.success, "it has opened what it cannot replay");
                ensure!(refusals == 0, "after a refusal it was tried again");
                ensure!(deaths <= TRIES + 2, "a crash loop: {deaths} deaths");
            }
        }
    }
    // A program that gets past it opens the journal, without a word from anybody.
    supervisor.forget_that_it_has_run()?;
    verdict::all_is_there(supervisor, LIMIT * 2, &first.lines)?;
    tell(case, class, &format!("{deaths} deaths, then refused"));
    case.run.fact("deaths", deaths);
    Ok(())
}

/// A look at the past that never ends holds nobody up and ends nothing.
fn looks_back(supervisor: &Supervisor, class: &Class) -> Result<(), String> {
    let lived = supervisor.run(&Task::LookBack { deed: class.deeds[0] }, None)?;
    for line in ["still looks back", "ack 2", "ids 3"] {
        ensure!(
            lived.lines.iter().any(|said| said == line),
            "no `{line}`: {:?}\n{}",
            lived.lines,
            lived.stderr
        );
    }
    ensure!(lived.success, "it ended with {}", lived.status);
    Ok(())
}

/// Each class once.
fn tell(case: &Case<'_>, class: &Class, words: &str) {
    if (case.index as usize) < CLASSES.len() {
        case.run.say(format!("{}: {words}", class.name));
    }
}
