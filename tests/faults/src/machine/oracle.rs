//! The oracle: hears what was promised, and looks for it in every state that is found later.

use std::collections::{BTreeMap, BTreeSet};

use memstate::RequestId;

use super::{
    books::{Statement, mark, named},
    told::{Again, Failed, Told},
};
use crate::ensure;

/// What has to be true of a journal from now on.
#[derive(Debug, Clone, Default)]
pub struct Oracle {
    /// The transfers that were acknowledged or seen, by their place. What was seen is durable, as what was acknowledged.
    known: Vec<Option<u64>>,
    /// Every transfer that was sent and may happen, by its mark, with the request that it was sent under.
    sent: BTreeMap<u64, RequestId>,
    /// How many replies came.
    pub acknowledged: u64,
}

/// What one process has told so far, as far as it says what must not come after.
#[derive(Debug, Default)]
pub struct Hearing {
    failed_lanes: Vec<u8>,
    /// The transfers that were sent after the first failure was told, by any lane: the journal had failed by then.
    sent_too_late: BTreeSet<u64>,
    pub failed: bool,
    /// How many calls failed, and how the first one said so.
    pub failures: u64,
    pub why: Option<String>,
    pub opened: u64,
    pub acknowledged: u64,
    /// Whether it is being opened, was opened, or is being closed at the end of what was told.
    pub phase: Phase,
}

/// What a process was doing last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Phase {
    #[default]
    Starting,
    Opening,
    Working,
    Closing,
    Closed,
}

impl Oracle {
    /// Hears all that a process told, in order.
    ///
    /// # Errors
    ///
    /// What cannot be true.
    pub fn hear(&mut self, told: &[Told]) -> Result<Hearing, String> {
        let mut hearing = Hearing::default();
        for it in told {
            self.hear_one(it, &mut hearing)?;
        }
        Ok(hearing)
    }

    fn hear_one(&mut self, told: &Told, hearing: &mut Hearing) -> Result<(), String> {
        // What a process does after a failure is not what it was doing.
        hearing.phase = match told {
            _ if hearing.failed => hearing.phase,
            Told::Opening => Phase::Opening,
            Told::Opened(_) => Phase::Working,
            Told::Closing => Phase::Closing,
            Told::Closed(Ok(())) => Phase::Closed,
            _ => hearing.phase,
        };
        match told {
            Told::Opened(statement) => {
                hearing.opened += 1;
                self.find(statement)?;
            }
            Told::Sent { lane, number, request } => {
                if hearing.failures > 0 {
                    hearing.sent_too_late.insert(mark(*lane, *number));
                }
                self.sends(*lane, *number, *request);
            }
            Told::Acknowledged { lane, number, serial } => {
                ensure!(
                    !hearing.failed_lanes.contains(lane),
                    "number {number} of lane {lane} was acknowledged after a failure in the same lane"
                );
                ensure!(
                    !hearing.sent_too_late.contains(&mark(*lane, *number)),
                    "number {number} of lane {lane} was sent after a failure in the same process, and acknowledged"
                );
                hearing.acknowledged += 1;
                self.acknowledge(mark(*lane, *number), *serial)?;
            }
            Told::Failed { lane, how, why } => {
                ensure!(
                    matches!(how, Failed::OutcomeUnknown | Failed::Stopped),
                    "a call failed as {how:?}, which says nothing of the journal: {why}"
                );
                hearing.failed_lanes.push(*lane);
                (hearing.failed, hearing.failures) = (true, hearing.failures + 1);
                hearing.why.get_or_insert_with(|| why.clone());
            }
            Told::StateAfterFailure(statement) => self.find(statement)?,
            Told::Closed(Ok(())) => {
                ensure!(!hearing.failed, "an engine whose journal has failed was closed without an error");
            }
            Told::CannotOpen(why) | Told::Closed(Err(why)) => {
                hearing.failed = true;
                hearing.why.get_or_insert_with(|| why.clone());
            }
            Told::Opening | Told::Closing | Told::Snapshot(_) | Told::Paused => {}
        }
        Ok(())
    }

    /// A transfer is about to be sent.
    pub fn sends(&mut self, lane: u8, number: u32, request: RequestId) {
        // Under another request it is another command, and so are those that were to come after it.
        if self.sent.get(&mark(lane, number)) != Some(&request) {
            let later = mark(lane, number)..=mark(lane, u32::MAX);
            let gone: Vec<_> = self.sent.range(later).map(|(mark, _)| *mark).collect();
            for mark in gone {
                self.sent.remove(&mark);
            }
        }
        self.sent.insert(mark(lane, number), request);
    }

    /// A reply said that this transfer has this place.
    pub fn acknowledge(&mut self, mark: u64, serial: u64) -> Result<(), String> {
        let index = usize::try_from(serial).ok().and_then(|serial| serial.checked_sub(1));
        let index = index.ok_or("a reply says that there is no transfer")?;
        if self.known.len() <= index {
            self.known.resize(index + 1, None);
        }
        self.acknowledged += 1;
        match self.known[index].replace(mark) {
            Some(other) if other != mark => {
                Err(format!("transfer {serial} is {} and was {}", named(mark), named(other)))
            }
            _ => Ok(()),
        }
    }

    /// Looks for all that is known in a state that was found.
    ///
    /// # Errors
    ///
    /// What is missing, or there and should not be.
    pub fn find(&mut self, found: &Statement) -> Result<(), String> {
        found.check()?;
        for (index, known) in self.known.iter().enumerate() {
            let Some(known) = known else { continue };
            match found.trail.get(index) {
                Some(there) => ensure!(
                    there == known,
                    "transfer {} was {} and is {}",
                    index + 1,
                    named(*known),
                    named(*there)
                ),
                None => {
                    return Err(format!(
                        "transfer {} was acknowledged or seen, {}, and only {} are there: it is lost",
                        index + 1,
                        named(*known),
                        found.trail.len()
                    ));
                }
            }
        }
        for (index, &mark) in found.trail.iter().enumerate().skip(self.known.len()) {
            ensure!(
                self.sent.contains_key(&mark),
                "transfer {} is {}, which nobody has sent",
                index + 1,
                named(mark)
            );
        }
        self.known = found.trail.iter().copied().map(Some).collect();
        Ok(())
    }

    /// Those whose outcome is not known, and the last `more` of each lane whose outcome is, in order.
    pub fn again(&self, lanes: u8, more: usize) -> Vec<Again> {
        let mut again = Vec::new();
        for lane in 0..lanes {
            let all = self.sent.range(mark(lane, 0)..=mark(lane, u32::MAX));
            let all: Vec<_> = all.map(|(mark, request)| (*mark, *request)).collect();
            let known = |it: &(u64, RequestId)| self.known.contains(&Some(it.0));
            let first_unknown = all.iter().position(|it| !known(it)).unwrap_or(all.len());
            for &(mark, request) in &all[first_unknown.saturating_sub(more)..] {
                again.push(Again { lane, number: mark as u32, request });
            }
        }
        again
    }

    /// Forgets the requests of what is known for long: they are not sent again.
    pub fn forget(&mut self) {
        let Some(first) = self.known.len().checked_sub(256) else { return };
        for mark in self.known[..first].iter().flatten() {
            self.sent.remove(mark);
        }
    }

    /// How many transfers there are for certain.
    pub fn transfers(&self) -> usize {
        self.known.len()
    }
}
