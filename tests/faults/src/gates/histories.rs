//! A second opinion on small histories: stateright's tester searches for an order, and is told of no positions.
//!
//! Three or four clients do a few operations on two cells of their history's own, with yields in between so that they overlap.
//! Many histories are recorded at once on one engine. The tester knows when each operation was invoked and when it
//! returned, by numbers drawn from one counter, and what it replied; it tries all orders that real time allows.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use memstate::{Error, collections::HashMap, testing::disk::FaultyDisk};
use memstate_tests::random::Random;
use stateright::semantics::{ConsistencyTester, LinearizabilityTester, SequentialSpec};

use crate::{
    ensure,
    harness::{Case, Gate, Run},
};

pub const GATE: Gate = Gate {
    name: "histories",
    promise: "small histories are linearizable",
    unit: "histories",
    counts: [1_000, 50_000, 1_000_000],
    run,
};

/// How many are recorded on one engine.
const HISTORIES: u64 = 250;

/// Two cells of numbers for each history.
#[memstate::model]
#[derive(Default)]
pub struct Pairs {
    pairs: HashMap<u64, [u64; 2]>,
}

#[memstate::model]
impl Pairs {
    /// Sets a cell.
    pub fn put(&mut self, pair: u64, cell: bool, value: u64) {
        self.pairs.entry(pair).or_default()[usize::from(cell)] = value;
    }

    /// Adds to a cell, and gives what it was.
    pub fn add(&mut self, pair: u64, cell: bool, more: u64) -> u64 {
        let cell = &mut self.pairs.entry(pair).or_default()[usize::from(cell)];
        std::mem::replace(cell, *cell + more)
    }

    /// Sets a cell if it is what is expected, and otherwise says what it is, after it has set it.
    pub fn swap(&mut self, pair: u64, cell: bool, expected: u64, value: u64) -> Result<(), u64> {
        let cell = &mut self.pairs.entry(pair).or_default()[usize::from(cell)];
        let found = std::mem::replace(cell, value);
        if found == expected { Ok(()) } else { Err(found) }
    }

    /// Moves what is in a cell to the other one.
    pub fn pour(&mut self, pair: u64, from: bool) -> u64 {
        let pair = self.pairs.entry(pair).or_default();
        let poured = std::mem::take(&mut pair[usize::from(from)]);
        pair[usize::from(!from)] += poured;
        poured
    }

    /// What is in a cell.
    pub fn get(&self, pair: u64, cell: bool) -> u64 {
        self.pairs.get(&pair).map_or(0, |pair| pair[usize::from(cell)])
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Op {
    Put(bool, u64),
    Add(bool, u64),
    Swap(bool, u64, u64),
    Pour(bool),
    Get(bool),
    Both,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Ret {
    Done,
    Number(u64),
    Found(u64),
    Both([u64; 2]),
}

/// What two cells do, in a few lines.
#[derive(Debug, Clone, Default)]
struct Spec([u64; 2]);

impl SequentialSpec for Spec {
    type Op = Op;
    type Ret = Ret;

    fn invoke(&mut self, op: &Op) -> Ret {
        let at = |cell: bool| usize::from(cell);
        match *op {
            Op::Put(cell, value) => {
                self.0[at(cell)] = value;
                Ret::Done
            }
            Op::Add(cell, more) => {
                self.0[at(cell)] += more;
                Ret::Number(self.0[at(cell)] - more)
            }
            Op::Swap(cell, expected, value) if self.0[at(cell)] == expected => {
                self.0[at(cell)] = value;
                Ret::Done
            }
            Op::Swap(cell, ..) => Ret::Found(self.0[at(cell)]),
            Op::Pour(from) => {
                let poured = std::mem::take(&mut self.0[at(from)]);
                self.0[at(!from)] += poured;
                Ret::Number(poured)
            }
            Op::Get(cell) => Ret::Number(self.0[at(cell)]),
            Op::Both => Ret::Both(self.0),
        }
    }
}

/// An operation of a client.
#[derive(Debug, Clone, Copy)]
struct Operation {
    client: usize,
    began: u64,
    ended: u64,
    op: Op,
    ret: Ret,
}

fn run(run: &Run) -> Result<(), String> {
    planted_are_caught(run)?;
    run.cases(|case| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build();
        runtime.map_err(|error| error.to_string())?.block_on(record_and_check(case))
    })?;
    ensure!(run.fact_so_far("operations that overlapped others") > 0, "no operations overlapped");
    Ok(())
}

async fn record_and_check(case: &Case<'_>) -> Result<(), String> {
    let mut random = case.random();
    let open = match case.index % 4 {
        3 => memstate::open::<Pairs>("/pairs").on_disk(Arc::new(FaultyDisk::new())),
        _ => memstate::open::<Pairs>("memory:"),
    };
    let pairs = open.await.map_err(|error| error.to_string())?;
    let clock = Arc::new(AtomicU64::new(0));
    let histories: Vec<Vec<_>> = (0..HISTORIES)
        .map(|pair| {
            let (clients, operations) = if random.below(10) < 7 { (3, 6) } else { (4, 8) };
            let one = |client| {
                let random = Random::new(random.below(u64::MAX));
                tokio::spawn(client_of(pairs.clone(), Arc::clone(&clock), pair, client, operations, random))
            };
            (0..clients).map(one).collect()
        })
        .collect();
    for (pair, clients) in histories.into_iter().enumerate() {
        let mut history = Vec::new();
        for client in clients {
            history.extend(client.await.map_err(|error| error.to_string())??);
        }
        let overlaps = overlapping(&history);
        case.run.fact("operations that overlapped others", overlaps);
        case.run.fact("operations", history.len() as u64);
        // On this thread, while the others record.
        ensure!(is_linearizable(&history)?, "history {pair} has no order: {history:#?}");
        case.run.tried(1);
    }
    pairs.close().await.map_err(|error| error.to_string())
}

/// How many overlap another one.
fn overlapping(history: &[Operation]) -> u64 {
    let overlaps = |one: &Operation| {
        let mut others = history.iter().filter(|other| other.client != one.client);
        others.any(|other| one.began < other.ended && other.began < one.ended)
    };
    history.iter().filter(|one| overlaps(one)).count() as u64
}

async fn client_of(
    pairs: PairsClient,
    clock: Arc<AtomicU64>,
    pair: u64,
    client: usize,
    operations: usize,
    mut random: Random,
) -> Result<Vec<Operation>, String> {
    let mut log = Vec::new();
    for _ in 0..operations {
        for _ in 0..random.below(4) {
            tokio::task::yield_now().await;
        }
        let (cell, number) = (random.below(2) == 1, random.below(3));
        let op = match random.below(8) {
            0 => Op::Put(cell, number),
            1 => Op::Add(cell, number + 1),
            2 | 3 => Op::Swap(cell, number, random.below(3)),
            4 => Op::Pour(cell),
            5 => Op::Both,
            _ => Op::Get(cell),
        };
        let began = clock.fetch_add(1, Ordering::SeqCst);
        let ret = perform(&pairs, pair, op).await?;
        let ended = clock.fetch_add(1, Ordering::SeqCst);
        log.push(Operation { client, began, ended, op, ret });
    }
    Ok(log)
}

async fn perform(pairs: &PairsClient, pair: u64, op: Op) -> Result<Ret, String> {
    async fn number(call: impl Future<Output = Result<u64, Error>>) -> Result<Ret, String> {
        call.await.map(Ret::Number).map_err(|error| error.to_string())
    }
    match op {
        Op::Put(cell, value) => {
            pairs.put(pair, cell, value).await.map(|()| Ret::Done).map_err(|error| error.to_string())
        }
        Op::Add(cell, more) => number(pairs.add(pair, cell, more)).await,
        Op::Pour(from) => number(pairs.pour(pair, from)).await,
        Op::Get(cell) => number(pairs.get(pair, cell)).await,
        Op::Both => Ok(Ret::Both(pairs.read(|model| [model.get(pair, false), model.get(pair, true)]))),
        Op::Swap(cell, expected, value) => match pairs.swap(pair, cell, expected, value).await {
            Ok(()) => Ok(Ret::Done),
            Err(Error::Rejected(found)) => Ok(Ret::Found(found)),
            Err(error) => Err(format!("{error:?}")),
        },
    }
}

/// What stateright says.
fn is_linearizable(history: &[Operation]) -> Result<bool, String> {
    let mut moments: Vec<_> =
        history.iter().flat_map(|it| [(it.began, true, it), (it.ended, false, it)]).collect();
    moments.sort_unstable_by_key(|(moment, ..)| *moment);
    let mut tester = LinearizabilityTester::new(Spec::default());
    for (_, begins, operation) in moments {
        match begins {
            true => tester.on_invoke(operation.client, operation.op)?,
            false => tester.on_return(operation.client, operation.ret)?,
        };
    }
    Ok(tester.is_consistent())
}

/// Histories that have no order: the tester, as it is used here, has to say so of each.
fn planted_are_caught(run: &Run) -> Result<(), String> {
    let at = |client, began, ended, op, ret| Operation { client, began, ended, op, ret };
    use Op::{Add, Get, Pour, Put, Swap};
    use Ret::{Done, Found, Number};
    let right = [
        (
            "two that overlap and see each other in turn",
            vec![
                at(0, 0, 5, Add(false, 1), Number(1)),
                at(1, 1, 4, Add(false, 1), Number(0)),
                at(2, 6, 7, Get(false), Number(2)),
            ],
        ),
        (
            "a read of what is on its way",
            vec![
                at(0, 0, 9, Put(true, 2), Done),
                at(1, 1, 2, Get(true), Number(2)),
                at(2, 3, 4, Get(true), Number(2)),
            ],
        ),
    ];
    for (what, history) in &right {
        ensure!(is_linearizable(history)?, "what is right is called wrong: {what}");
    }
    let wrong = [
        ("a stale read", vec![at(0, 0, 1, Put(false, 1), Done), at(1, 2, 3, Get(false), Number(0))]),
        (
            "a read from the future",
            vec![at(1, 0, 1, Get(false), Number(1)), at(0, 2, 3, Put(false, 1), Done)],
        ),
        ("a lost update", vec![at(0, 0, 5, Add(false, 1), Number(0)), at(1, 1, 4, Add(false, 1), Number(0))]),
        (
            "reads that go back",
            vec![
                at(0, 0, 9, Put(true, 2), Done),
                at(1, 1, 2, Get(true), Number(2)),
                at(2, 3, 4, Get(true), Number(0)),
            ],
        ),
        (
            "two that both win",
            vec![at(0, 0, 5, Swap(false, 0, 1), Done), at(1, 1, 4, Swap(false, 0, 2), Done)],
        ),
        ("a refusal for no reason", vec![at(0, 0, 1, Swap(false, 0, 1), Found(2))]),
        (
            "a refusal that leaves a trace",
            vec![at(0, 0, 1, Swap(false, 7, 1), Found(0)), at(1, 2, 3, Get(false), Number(1))],
        ),
        (
            "half of what moves both",
            vec![
                at(0, 0, 1, Put(false, 2), Done),
                at(1, 2, 9, Pour(false), Number(2)),
                at(2, 3, 4, Op::Both, Ret::Both([0, 0])),
            ],
        ),
        (
            "two replies swapped",
            vec![
                at(0, 0, 5, Add(false, 1), Number(2)),
                at(1, 1, 4, Add(false, 2), Number(0)),
                at(2, 6, 7, Get(false), Number(4)),
            ],
        ),
        (
            "poured twice",
            vec![
                at(0, 0, 1, Put(false, 1), Done),
                at(1, 2, 6, Pour(false), Number(1)),
                at(2, 3, 5, Pour(false), Number(1)),
            ],
        ),
    ];
    for (what, history) in &wrong {
        ensure!(!is_linearizable(history)?, "planted and not caught: {what}");
    }
    run.fact("planted histories, all told right from wrong", (right.len() + wrong.len()) as u64);
    Ok(())
}
