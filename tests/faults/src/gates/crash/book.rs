//! The model of these gates, and the same in plain Rust, which knows nothing of memstate and is what is right.

use std::collections::BTreeMap;

use memstate::{Error, NotJournaled, Refused, RequestId};

/// A few numbers, and everything that a command may do to them.
#[memstate::model]
#[derive(Debug, Default)]
pub struct Book {
    lines: memstate::collections::BTreeMap<u16, u64>,
    count: u64,
    digest: u64,
    text: String,
}

#[memstate::model]
impl Book {
    /// Adds to a line, and says how many commands were accepted.
    pub fn add(&mut self, line: u16, amount: u64) -> u64 {
        *self.lines.entry(line).or_default() += amount;
        self.note(u64::from(line) << 32 | amount)
    }

    /// Takes from a line, and refuses after it was taken if there was too little.
    pub fn take(&mut self, line: u16, amount: u64) -> Result<u64, String> {
        let there = self.lines.remove(&line).unwrap_or_default();
        self.note(!amount);
        match there.checked_sub(amount) {
            Some(left) => {
                self.lines.insert(line, left);
                Ok(left)
            }
            None => Err(format!("only {there}")),
        }
    }

    /// Changes everything, and panics.
    pub fn fail(&mut self, line: u16) {
        self.lines.insert(line, 0);
        self.text.push('!');
        self.note(1);
        panic!("{ON_PURPOSE}");
    }

    /// Puts a text in the place of the last one.
    pub fn write(&mut self, text: String) -> u64 {
        self.text = text;
        self.note(self.text.len() as u64)
    }
}

/// What panics say that are meant.
pub const ON_PURPOSE: &str = "a command panics on purpose";

impl Book {
    fn note(&mut self, what: u64) -> u64 {
        self.count += 1;
        self.digest = mixed(self.digest, what);
        self.count
    }
}

fn mixed(digest: u64, what: u64) -> u64 {
    (digest.rotate_left(7) ^ what).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// A command, as a script has it.
#[derive(Debug, Clone, PartialEq)]
pub enum Call {
    Add(u16, u64),
    Take(u16, u64),
    Fail(u16),
    /// So many letters, from one on.
    Write(usize, u8),
}

impl Call {
    fn text(length: usize, from: u8) -> String {
        (0..length)
            .map(|at| char::from(b'a' + ((at as u8).wrapping_mul(5).wrapping_add(from)) % 26))
            .collect()
    }

    pub fn command(&self) -> BookCommand {
        match *self {
            Call::Add(line, amount) => BookCommand::Add { line, amount },
            Call::Take(line, amount) => BookCommand::Take { line, amount },
            Call::Fail(line) => BookCommand::Fail { line },
            Call::Write(length, from) => BookCommand::Write { text: Call::text(length, from) },
        }
    }
}

/// A record: a command, or several that happen together.
#[derive(Debug, Clone, PartialEq)]
pub struct Sent {
    pub calls: Vec<Call>,
    pub is_batch: bool,
    pub request: Option<RequestId>,
}

/// What one is answered.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    Replies(Vec<u64>),
    /// The command at this place was refused.
    Refused(usize, String),
    Panicked,
    Reused,
}

fn reply(reply: BookReply) -> Result<u64, String> {
    match reply {
        BookReply::Add(number) | BookReply::Write(number) => Ok(number),
        BookReply::Take(taken) => taken,
        BookReply::Fail(()) => Err("it did not panic".to_owned()),
    }
}

impl Answer {
    /// What a call gave; `None` if it did not say what happened.
    pub fn of_one(result: Result<BookReply, Error>) -> Option<Answer> {
        match result {
            Ok(one) => {
                Some(reply(one).map_or_else(|why| Answer::Refused(0, why), |it| Answer::Replies(vec![it])))
            }
            Err(error) => Answer::of_error(error),
        }
    }

    /// What a batch gave.
    pub fn of_batch(result: Result<Vec<BookReply>, Error<Refused<BookReply>>>) -> Option<Answer> {
        match result {
            Ok(replies) => match replies.into_iter().map(reply).collect() {
                Ok(numbers) => Some(Answer::Replies(numbers)),
                Err(why) => Some(Answer::Refused(usize::MAX, why)),
            },
            Err(Error::Rejected(Refused { index, reply: one, .. })) => {
                Some(Answer::Refused(index, reply(one).err().unwrap_or_default()))
            }
            Err(error) => Answer::of_error(error),
        }
    }

    fn of_error<E>(error: Error<E>) -> Option<Answer> {
        match error {
            Error::Panicked { message, .. } if message.contains(ON_PURPOSE) => Some(Answer::Panicked),
            Error::NotJournaled(NotJournaled::RequestReused) => Some(Answer::Reused),
            _ => None,
        }
    }
}

/// The book in plain Rust.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plain {
    lines: BTreeMap<u16, u64>,
    count: u64,
    digest: u64,
    text: String,
    requests: BTreeMap<RequestId, (Sent, Answer)>,
}

impl Plain {
    /// Does what a record does, and gives what it is answered.
    pub fn apply(&mut self, sent: &Sent) -> Answer {
        if let Some((first, answer)) = sent.request.and_then(|request| self.requests.get(&request)) {
            return if first == sent { answer.clone() } else { Answer::Reused };
        }
        let mut after = self.clone();
        let mut replies = Vec::new();
        let mut failed = None;
        for (index, call) in sent.calls.iter().enumerate() {
            match after.call(call) {
                Ok(reply) => replies.push(reply),
                Err(why) => {
                    failed = Some(why.map_or(Answer::Panicked, |why| Answer::Refused(index, why)));
                    break;
                }
            }
        }
        let answer = match failed {
            Some(answer) => answer,
            None => {
                *self = after;
                Answer::Replies(replies)
            }
        };
        if let Some(request) = sent.request {
            self.requests.insert(request, (sent.clone(), answer.clone()));
        }
        answer
    }

    /// One command: `Err(None)` if it panics.
    fn call(&mut self, call: &Call) -> Result<u64, Option<String>> {
        let what = match *call {
            Call::Add(line, amount) => {
                *self.lines.entry(line).or_default() += amount;
                u64::from(line) << 32 | amount
            }
            Call::Take(line, amount) => {
                let there = self.lines.get(&line).copied().unwrap_or_default();
                let left = there.checked_sub(amount).ok_or_else(|| Some(format!("only {there}")))?;
                self.lines.insert(line, left);
                self.count += 1;
                self.digest = mixed(self.digest, !amount);
                return Ok(left);
            }
            Call::Fail(_) => return Err(None),
            Call::Write(length, from) => {
                self.text = Call::text(length, from);
                length as u64
            }
        };
        self.count += 1;
        self.digest = mixed(self.digest, what);
        Ok(self.count)
    }

    /// Whether a book is just like this.
    pub fn is(&self, book: &Book) -> bool {
        let lines = book.lines.iter().map(|(line, amount)| (*line, *amount));
        (book.count, book.digest, &book.text) == (self.count, self.digest, &self.text)
            && lines.eq(self.lines.iter().map(|(line, amount)| (*line, *amount)))
    }
}
