//! What a journal must hold, for all that its writers and their clients know.

use memstate_tests::random::Random;

use super::book::{Answer, Plain, Sent};
use crate::ensure;

/// What was sent, what is right after each record, and how much of it must be there.
#[derive(Debug, Clone)]
pub struct Oracle {
    /// By position, from 1.
    sent: Vec<Sent>,
    answers: Vec<Answer>,
    /// By position, from 0.
    states: Vec<Plain>,
    /// Where batches end, 0 too.
    ends: Vec<u64>,
    /// Somebody was told of everything up to here, or has seen it.
    pub known: u64,
}

impl Default for Oracle {
    fn default() -> Self {
        Oracle {
            sent: Vec::new(),
            answers: Vec::new(),
            states: vec![Plain::default()],
            ends: vec![0],
            known: 0,
        }
    }
}

impl Oracle {
    /// These are about to be written, as one batch; gives the position of the first.
    pub fn append(&mut self, batch: &[Sent]) -> u64 {
        let first = self.end() + 1;
        for sent in batch {
            let mut state = self.states[self.sent.len()].clone();
            self.answers.push(state.apply(sent));
            self.states.push(state);
            self.sent.push(sent.clone());
        }
        if !batch.is_empty() {
            self.ends.push(self.end());
        }
        first
    }

    /// The last position that there may be.
    pub fn end(&self) -> u64 {
        self.sent.len() as u64
    }

    pub fn state(&self, position: u64) -> &Plain {
        &self.states[position as usize]
    }

    pub fn answer(&self, position: u64) -> &Answer {
        &self.answers[position as usize - 1]
    }

    /// What was sent up to a position.
    pub fn sent(&self, position: u64) -> &[Sent] {
        &self.sent[..position as usize]
    }

    /// Of what was sent with a request, one.
    pub fn request(&self, random: &mut Random) -> Option<&Sent> {
        let requests: Vec<_> = self.sent.iter().filter(|sent| sent.request.is_some()).collect();
        (!requests.is_empty()).then(|| requests[random.below(requests.len() as u64) as usize])
    }

    /// That a journal may end here: everything known is there, and of the rest whole batches.
    pub fn may_end(&self, position: u64) -> Result<(), String> {
        let (known, end) = (self.known, self.end());
        ensure!(position >= known, "the journal ends at {position}, and somebody knows of {known}");
        ensure!(position <= end, "the journal ends at {position}, and only {end} were sent");
        ensure!(self.ends.contains(&position), "the journal ends at {position}, inside of a batch");
        Ok(())
    }

    /// A reader sees this position now.
    pub fn seen(&mut self, position: u64) -> Result<(), String> {
        ensure!(position <= self.end(), "position {position} is seen, and only {} were sent", self.end());
        self.known = self.known.max(position);
        Ok(())
    }

    /// Everything up to `position` was found by a new process, which has made it durable; the rest never happened.
    pub fn recovered(&mut self, position: u64) {
        self.sent.truncate(position as usize);
        self.answers.truncate(position as usize);
        self.states.truncate(position as usize + 1);
        self.ends.retain(|end| *end <= position);
        self.known = position;
    }
}
