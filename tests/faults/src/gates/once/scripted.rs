//! One engine without threads, step by step: what is sent again meets every state that the engine can be in.

use std::{
    collections::HashMap,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use memstate::{
    Error, NotJournaled, RequestId, Timestamp,
    testing::{Simulated, disk::FaultyDisk},
};
use memstate_tests::random::Random;

use super::ledger::{Answer, Kind, Till, TillClient, TillCommand, TillReply};
use crate::{ensure, harness::Case};

/// How many commands a case sends.
const COMMANDS: u64 = 1_200;

/// What is said of a request that panicked before the journal was replayed.
const PANICKED: &str = "it panicked when it was first run";

/// A request, and the first answer to it.
#[derive(Debug, Clone)]
pub struct Asked {
    pub request: RequestId,
    pub kind: Kind,
    pub number: u64,
    pub first: Option<Answer>,
}

pub type Answering = Pin<Box<dyn Future<Output = Answer> + Send>>;

impl Asked {
    /// A new request; it has the numbers `2 * number` and the one after it.
    pub fn new(client: &TillClient, number: u64, random: &mut Random) -> Asked {
        let kind = match random.below(10) {
            0 => Kind::Refuse,
            1 => Kind::Fail,
            2 | 3 => Kind::Batch,
            4 => Kind::RefusedBatch,
            _ => Kind::Pay,
        };
        Asked { request: client.new_request(), kind, number, first: None }
    }

    /// Sends it, with its own amount or with another one.
    pub fn send(&self, client: &TillClient, amount: u64) -> Answering {
        let (client, number) = (client.with_request(self.request), 2 * self.number);
        match self.kind {
            Kind::Pay => {
                let call = client.pay(number, amount);
                Box::pin(async move {
                    answer(
                        call.await.map(|paid| vec![paid]).map_err(|error| error.map(|never| match never {})),
                    )
                })
            }
            Kind::Refuse => {
                let call = client.refuse(number, amount);
                Box::pin(async move {
                    answer(call.await.map(|paid| vec![paid]).map_err(|error| error.map(|why| why.0)))
                })
            }
            // It has no amount; the other one is another number, which is never paid.
            Kind::Fail => {
                let call = client.fail(number + u64::MAX / 2 * (amount - 1));
                Box::pin(async move {
                    answer(
                        call.await.map(|paid| vec![paid]).map_err(|error| error.map(|never| match never {})),
                    )
                })
            }
            Kind::Batch | Kind::RefusedBatch => {
                let second = match self.kind {
                    Kind::Batch => TillCommand::Pay { number: number + 1, amount },
                    _ => TillCommand::Refuse { number: number + 1, amount },
                };
                let call = client.atomically([TillCommand::Pay { number, amount: 1 }, second]);
                Box::pin(async move {
                    let replies = call.await.map_err(|error| {
                        error.map(|refused| match refused.reply {
                            TillReply::Refuse(Err(why)) if refused.index == 1 => why.0,
                            _ => 0,
                        })
                    });
                    let paid = |reply| if let TillReply::Pay(paid) = reply { paid } else { 0 };
                    answer(replies.map(|replies| replies.into_iter().map(paid).collect()))
                })
            }
        }
    }

    /// Takes note of an answer, which has to be that of the first time.
    pub fn answered(&mut self, answer: Answer, may_be_unknown: bool) -> Result<(), String> {
        if may_be_unknown && matches!(answer, Answer::Unknown | Answer::NotNow) {
            return Ok(());
        }
        let fits = match self.kind {
            Kind::Pay => matches!(&answer, Answer::Paid(paid) if paid.len() == 1),
            Kind::Batch => matches!(&answer, Answer::Paid(paid) if paid.len() == 2),
            Kind::Refuse | Kind::RefusedBatch => matches!(answer, Answer::Refused(_)),
            Kind::Fail => matches!(answer, Answer::Failed(_)),
        };
        ensure!(fits, "{answer:?} is no answer to {self:?}");
        match &self.first {
            // What a panic said is not in the journal, and it is not run again to find out.
            Some(Answer::Failed(_)) if answer == Answer::Failed(PANICKED.to_owned()) => {}
            Some(first) => {
                ensure!(*first == answer, "it was answered {answer:?} when it was sent again: {self:?}")
            }
            None => self.first = Some(answer),
        }
        Ok(())
    }
}

/// What awaiting it gave.
fn answer(result: Result<Vec<u64>, Error<u64>>) -> Answer {
    match result {
        Ok(paid) => Answer::Paid(paid),
        Err(Error::Rejected(why)) => Answer::Refused(why),
        Err(Error::Panicked { message, .. }) => Answer::Failed(message),
        Err(Error::NotJournaled(NotJournaled::RequestReused)) => Answer::Reused,
        Err(Error::OutcomeUnknown(_)) => Answer::Unknown,
        Err(Error::Stopped(_)) => Answer::NotNow,
        Err(_) => Answer::Other("an error that does not belong here".to_owned()),
    }
}

/// Whether what was asked for has happened as often as it should.
pub fn is_right(till: &Till, asked: &[Asked], all_were_answered: bool) -> Result<(), String> {
    let (times, _) = till.all();
    let mut times: HashMap<u64, u32> = times.into_iter().collect();
    for asked in asked {
        let numbers = if matches!(asked.kind, Kind::Batch | Kind::RefusedBatch) { 2 } else { 1 };
        let found: Vec<u32> =
            (0..numbers).map(|more| times.remove(&(2 * asked.number + more)).unwrap_or(0)).collect();
        let right = found.iter().all(|times| *times == asked.kind.times());
        let not_yet = asked.first.is_none() && !all_were_answered && found.iter().all(|times| *times == 0);
        ensure!(right || not_yet, "it happened {found:?} times: {asked:?}");
    }
    ensure!(times.is_empty(), "nobody asked for {times:?}");
    Ok(())
}

struct Script<'a> {
    case: &'a Case<'a>,
    random: Random,
    disk: FaultyDisk,
    till: Simulated<Till>,
    asked: Vec<Asked>,
    /// What is on its way: which request, and whether with other arguments than its own.
    answering: Vec<(usize, bool, Answering)>,
}

fn open(disk: &FaultyDisk, seed: u64) -> Result<Simulated<Till>, String> {
    let now = Timestamp::from_micros(1);
    let open = memstate::open::<Till>("/till").on_disk(Arc::new(disk.clone())).clock(move || now);
    let open = if seed.is_multiple_of(2) { open.no_snapshot_on_close() } else { open };
    Simulated::open(open, seed).map_err(|error| error.to_string())
}

pub fn run(case: &Case<'_>) -> Result<(), String> {
    let disk = FaultyDisk::new();
    let mut random = case.random();
    let till = open(&disk, random.below(u64::MAX))?;
    let (asked, answering) = (Vec::new(), Vec::new());
    let mut script = Script { case, random, disk, till, asked, answering };
    let mut sent = 0;
    while sent < COMMANDS {
        sent += script.step()?;
    }
    // What was never answered is sent until it is.
    script.reopen(false)?;
    let open_ones: Vec<_> = (0..script.asked.len()).filter(|it| script.asked[*it].first.is_none()).collect();
    for index in open_ones {
        script.send(index, false);
    }
    script.till.settle();
    script.collect()?;
    script.till.client().read(|till| is_right(till, &script.asked, true))?;
    script.till.close().map_err(|error| error.to_string())
}

impl Script<'_> {
    /// Sends a request for the first time or again; `other` with other arguments than then.
    fn send(&mut self, index: usize, other: bool) {
        let answering = self.asked[index].send(self.till.client(), 1 + u64::from(other));
        self.answering.push((index, other, answering));
        self.case.run.tried(1);
    }

    /// Does something, and says how many commands it has sent.
    fn step(&mut self) -> Result<u64, String> {
        match self.random.below(100) {
            0..45 => {
                let asked = Asked::new(self.till.client(), self.asked.len() as u64 + 1, &mut self.random);
                self.asked.push(asked);
                self.send(self.asked.len() - 1, false);
                return Ok(1);
            }
            45..70 if !self.asked.is_empty() => {
                // The latest are likelier: they are still on their way.
                let count = self.asked.len() as u64;
                let reach = if self.random.below(2) == 0 { count.min(8) } else { count };
                let index = (count - 1 - self.random.below(reach)) as usize;
                self.case.run.fact("commands that were sent again", 1);
                let on_its_way = self.answering.iter().any(|(other, ..)| *other == index);
                self.case.run.fact("sent again while it was on its way", u64::from(on_its_way));
                self.send(index, false);
                return Ok(1);
            }
            70..73 if !self.asked.is_empty() => {
                let index = self.random.below(self.asked.len() as u64) as usize;
                if self.asked[index].first.is_some() {
                    self.case.run.fact("sent with other arguments", 1);
                    self.send(index, true);
                    return Ok(1);
                }
            }
            73..80 => {
                self.till.write();
            }
            80..87 => {
                self.till.apply();
            }
            87..95 => {
                self.till.settle();
                self.collect()?;
            }
            95 => {
                // An engine that has ended says so.
                if self.till.snapshot().is_ok() {
                    self.case.run.fact("snapshots", 1);
                }
            }
            96 => self.disk.power_off_at(1 + self.random.below(20)),
            97 => self.disk.fail_sync(1 + self.random.below(5)),
            98 => self.reopen(true)?,
            _ => self.reopen(false)?,
        }
        if self.till.ended().is_some() {
            let crashes = self.random.below(2) == 0;
            self.reopen(crashes)?;
        }
        Ok(0)
    }

    /// Takes the answers that are there.
    fn collect(&mut self) -> Result<(), String> {
        let ended = self.till.ended().is_some();
        let mut left = Vec::new();
        for (index, other, mut answering) in std::mem::take(&mut self.answering) {
            match answering.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Pending => left.push((index, other, answering)),
                Poll::Ready(answer) if other => {
                    let stopped = ended && matches!(answer, Answer::Unknown | Answer::NotNow);
                    let refused = answer == Answer::Reused || stopped;
                    ensure!(refused, "{answer:?} to other arguments than those of {:?}", self.asked[index]);
                }
                Poll::Ready(answer) => self.asked[index].answered(answer, ended)?,
            }
        }
        self.answering = left;
        Ok(())
    }

    /// Closes it and opens it again, or loses the power and opens what is left.
    fn reopen(&mut self, crashes: bool) -> Result<(), String> {
        self.collect()?;
        let seed = self.random.below(u64::MAX);
        let ended = self.till.ended().is_some();
        // In its place for a moment: the old one has to let go of its disk.
        let gone = |it: &mut Self| -> Result<Simulated<Till>, String> {
            let nothing =
                Simulated::open(memstate::open::<Till>("memory:"), 0).map_err(|error| error.to_string())?;
            Ok(std::mem::replace(&mut it.till, nothing))
        };
        match crashes {
            true => {
                let after = self.disk.crash(seed);
                drop(gone(self)?);
                self.disk = after;
                self.answering.clear();
                self.case.run.fact("crashes", 1);
            }
            false => {
                if !ended {
                    self.disk.mend();
                }
                let closed = gone(self)?.close();
                ensure!(ended || closed.is_ok(), "it cannot be closed: {closed:?}");
                let mut answering = std::mem::take(&mut self.answering);
                for (index, other, answering) in &mut answering {
                    if let Poll::Ready(answer) =
                        answering.as_mut().poll(&mut Context::from_waker(Waker::noop()))
                        && !*other
                    {
                        self.asked[*index].answered(answer, ended)?;
                    }
                }
                self.case.run.fact("restarts", 1);
            }
        }
        self.disk.mend();
        self.till = open(&self.disk, seed)?;
        self.till.client().read(|till| is_right(till, &self.asked, false))
    }
}
