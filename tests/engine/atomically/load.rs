//! Batches among single calls, from many tasks and over restarts, against a model in plain Rust.

use std::collections::BTreeMap;

use memstate::{Error, Refused};
use memstate_tests::random::Random;

use ledger::{Ledger, LedgerClient, LedgerCommand, LedgerReply};

mod ledger {
    use memstate::collections::BTreeMap;

    /// Accounts that may not be overdrawn.
    #[memstate::model]
    #[derive(Debug, Default)]
    pub struct Ledger {
        pub accounts: BTreeMap<u8, i64>,
        pub posts: u64,
    }

    #[memstate::model]
    impl Ledger {
        /// Gives the new balance, and refuses with it if it is below zero.
        pub fn post(&mut self, account: u8, amount: i64) -> Result<i64, i64> {
            self.posts += 1;
            let balance = self.accounts.entry(account).or_default();
            *balance += amount;
            if *balance < 0 { Err(*balance) } else { Ok(*balance) }
        }

        pub fn explode(&mut self) {
            self.accounts.clear();
            panic!("boom");
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq)]
struct Plain {
    accounts: BTreeMap<u8, i64>,
    posts: u64,
}

/// How a batch ends.
#[derive(Debug, PartialEq)]
enum End {
    Accepted(Vec<i64>),
    Rejected(usize, i64),
    Panicked(usize),
}

impl Plain {
    /// Posts all, or nothing.
    fn post_all(&mut self, batch: &[LedgerCommand]) -> End {
        let mut after = self.clone();
        let mut replies = Vec::new();
        for (index, command) in batch.iter().enumerate() {
            let LedgerCommand::Post { account, amount } = command else { return End::Panicked(index) };
            after.posts += 1;
            let balance = after.accounts.entry(*account).or_default();
            *balance += amount;
            if *balance < 0 {
                return End::Rejected(index, *balance);
            }
            replies.push(*balance);
        }
        *self = after;
        End::Accepted(replies)
    }
}

fn plain(ledger: &LedgerClient) -> Plain {
    ledger.read(|ledger| Plain {
        accounts: ledger.accounts.iter().map(|(account, balance)| (*account, *balance)).collect(),
        posts: ledger.posts,
    })
}

fn end(answer: Result<Vec<LedgerReply>, Error<Refused<LedgerReply>>>) -> End {
    let post = |reply| match reply {
        LedgerReply::Post(reply) => reply,
        LedgerReply::Explode(()) => panic!("it never returns"),
    };
    match answer {
        Ok(replies) => End::Accepted(replies.into_iter().map(|reply| post(reply).unwrap()).collect()),
        Err(Error::Rejected(Refused { index, reply })) => End::Rejected(index, post(reply).unwrap_err()),
        Err(Error::Panicked { message, .. }) => {
            let index = message.strip_prefix("`explode` at index ").and_then(|rest| rest.split(' ').next());
            End::Panicked(index.expect("it says where").parse().unwrap())
        }
        Err(error) => panic!("{error}"),
    }
}

fn post(account: u8, amount: i64) -> LedgerCommand {
    LedgerCommand::Post { account, amount }
}

fn some_batch(random: &mut Random, longest: u64) -> Vec<LedgerCommand> {
    let one = |random: &mut Random| match random.below(40) {
        0 => LedgerCommand::Explode {},
        _ => post(random.below(6) as u8, random.below(40) as i64 - 12),
    };
    (0..1 + random.below(longest)).map(|_| one(random)).collect()
}

#[tokio::test]
async fn random_batches_do_what_plain_rust_does_over_restarts_and_snapshots() {
    let (mut random, seed) = Random::seeded();
    let dir = tempfile::tempdir().unwrap();
    let mut plainly = Plain::default();
    let mut past = vec![plainly.clone()];
    for round in 0..8 {
        let open = memstate::open::<Ledger>(dir.path());
        let open = if random.below(2) == 0 { open.no_snapshot_on_close() } else { open };
        let ledger = open.await.unwrap();
        assert_eq!(plain(&ledger), plainly, "seed {seed}, round {round}");
        for _ in 0..random.below(60) {
            let batch = some_batch(&mut random, 8);
            let expected = plainly.post_all(&batch);
            let found = match (random.below(3), &batch[..]) {
                // Alone it is the same.
                (0, [LedgerCommand::Post { account, amount }]) => {
                    match ledger.post(*account, *amount).await {
                        Ok(balance) => End::Accepted(vec![balance]),
                        Err(Error::Rejected(balance)) => End::Rejected(0, balance),
                        Err(error) => panic!("{error}"),
                    }
                }
                _ => end(ledger.atomically(batch.clone()).await),
            };
            assert_eq!(found, expected, "seed {seed}, round {round}: {batch:?}");
            past.push(plainly.clone());
        }
        assert_eq!(plain(&ledger), plainly, "seed {seed}, round {round}");
        if random.below(3) == 0 {
            ledger.snapshot().await.unwrap();
        }
        let at = random.below(past.len() as u64);
        let then = ledger.at(at).await.unwrap();
        let posts = then.read(|ledger| ledger.posts);
        assert_eq!(posts, past[at as usize].posts, "seed {seed}: at {at}");
        ledger.close().await.unwrap();
    }
}

/// How many tasks send at once, how often each, and what there is in the beginning.
const TASKS: u64 = 6;
const SENDINGS: u64 = 150;
const MONEY: i64 = 1000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn among_many_callers_every_batch_is_seen_whole_or_not_at_all() {
    let (mut random, seed) = Random::seeded();
    let dir = tempfile::tempdir().unwrap();
    let ledger =
        memstate::open::<Ledger>(dir.path()).no_snapshot_on_close().snapshot_every(200).await.unwrap();
    ledger.atomically((0..4).map(|account| post(account, MONEY / 4))).await.unwrap();
    let total = |ledger: &LedgerClient| ledger.read(|ledger| ledger.accounts.values().sum::<i64>());
    let senders: Vec<_> = (0..TASKS)
        .map(|_| {
            let (ledger, mut random) = (ledger.clone(), Random::new(random.below(u64::MAX)));
            tokio::spawn(async move {
                let mut happened = Vec::new();
                for _ in 0..SENDINGS {
                    let (from, to) = (random.below(4) as u8, random.below(4) as u8);
                    let amount = random.below(300) as i64;
                    let batch = match random.below(8) {
                        // Money comes from nothing within a batch, and is gone at its end.
                        0 => vec![post(from, amount), post(to, 7), post(from, -amount), post(to, -7)],
                        1 => vec![post(to, amount), LedgerCommand::Explode {}, post(from, -amount)],
                        2 => vec![post(to, 0)],
                        _ => vec![post(to, amount), post(from, -amount)],
                    };
                    let sent = match &batch[..] {
                        [LedgerCommand::Post { account, amount }] => {
                            ledger.post(*account, *amount).with_position().await.ok().map(|(at, _)| at)
                        }
                        _ => ledger.atomically(batch.clone()).with_position().await.ok().map(|(at, _)| at),
                    };
                    happened.extend(sent.map(|position| (position, batch)));
                    assert_eq!(total(&ledger), MONEY);
                }
                happened
            })
        })
        .collect();
    let mut happened = vec![(1.into(), (0..4).map(|account| post(account, MONEY / 4)).collect())];
    for sender in senders {
        happened.extend(sender.await.unwrap());
    }
    assert_eq!(ledger.position().get(), 1 + TASKS * SENDINGS);
    happened.sort_by_key(|(position, _)| *position);
    let mut directly = Plain::default();
    for (position, batch) in &happened {
        assert!(matches!(directly.post_all(batch), End::Accepted(_)), "seed {seed}, position {position}");
    }
    assert_eq!(plain(&ledger), directly, "seed {seed}");
    ledger.close().await.unwrap();
    for replay_all in [false, true] {
        let open = memstate::open::<Ledger>(dir.path()).no_snapshot_on_close();
        let ledger = if replay_all { open.replay_all() } else { open }.await.unwrap();
        assert_eq!(plain(&ledger), directly, "seed {seed}");
        ledger.close().await.unwrap();
    }
}
