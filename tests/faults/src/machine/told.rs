//! What a process with an open model is to do, and what it tells of it through a pipe, at once and unbuffered.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::fd::AsFd,
    path::PathBuf,
    sync::Mutex,
};

use memstate::RequestId;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::books::Statement;

/// What a process is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    pub dir: PathBuf,
    pub seed: u64,
    /// How many tasks send.
    pub lanes: u8,
    /// How many transfers of each are in flight.
    pub window: usize,
    /// How many transfers each sends before the model is closed.
    pub transfers: u32,
    /// How often the model is opened and closed.
    pub lives: u32,
    /// How much padding a transfer has at most, in bytes.
    pub padding: u64,
    pub snapshot_every: u64,
    /// Whether a snapshot is asked for too, while transfers are in flight.
    pub snapshots: bool,
    pub segment_bytes: u64,
    pub replay_all: bool,
    /// Transfers whose outcome is not known, and some whose outcome is, to be sent again first: each happens once.
    pub again: Vec<Again>,
    /// Waits after the first life's transfers for a byte on its input, and goes on with as many.
    pub pauses: bool,
}

impl Plan {
    /// To open, look and close.
    pub fn look(dir: PathBuf, replay_all: bool) -> Plan {
        Plan {
            dir,
            seed: 0,
            lanes: 0,
            window: 1,
            transfers: 0,
            lives: 1,
            padding: 0,
            snapshot_every: 0,
            snapshots: false,
            segment_bytes: 64 << 20,
            replay_all,
            again: Vec::new(),
            pauses: false,
        }
    }
}

/// A transfer that is sent once more.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Again {
    pub lane: u8,
    pub number: u32,
    pub request: RequestId,
}

/// How a call failed, by what its caller can do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Failed {
    OutcomeUnknown,
    Stopped,
    NotJournaled,
    Other,
}

/// What a process tells.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Told {
    Opening,
    /// It is open, and this is its state.
    Opened(Statement),
    CannotOpen(String),
    /// This is about to be sent.
    Sent {
        lane: u8,
        number: u32,
        request: RequestId,
    },
    /// It has replied that it is transfer `serial`.
    Acknowledged {
        lane: u8,
        number: u32,
        serial: u64,
    },
    Failed {
        lane: u8,
        how: Failed,
        why: String,
    },
    /// A snapshot was asked for; whether it was written.
    Snapshot(Result<(), String>),
    /// It waits to go on.
    Paused,
    /// The state after a failure, when nothing is answered any more.
    StateAfterFailure(Statement),
    Closing,
    Closed(Result<(), String>),
}

/// The pipe to who listens.
pub struct Teller(Mutex<File>);

impl Teller {
    pub fn new() -> Self {
        // Not `Stdout` itself, which has a buffer and looks for the ends of lines.
        let pipe = io::stdout().as_fd().try_clone_to_owned().expect("there is a standard output");
        Teller(Mutex::new(pipe.into()))
    }

    /// Tells it; ends the process if nobody listens any more.
    pub fn tell(&self, told: &Told) {
        let message = framed(told);
        let mut pipe = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if pipe.write_all(&message).is_err() {
            std::process::exit(9);
        }
    }
}

/// A message with its length before it.
pub fn framed(message: &impl Serialize) -> Vec<u8> {
    let bytes = postcard::to_stdvec(message).expect("it is written to memory");
    let mut framed = (bytes.len() as u32).to_le_bytes().to_vec();
    framed.extend(bytes);
    framed
}

/// The next message; `None` at the end, also if that is in the middle of one, because the teller was killed.
pub fn next<T: DeserializeOwned>(pipe: &mut impl Read) -> Option<T> {
    let mut length = [0; 4];
    pipe.read_exact(&mut length).ok()?;
    let mut bytes = vec![0; u32::from_le_bytes(length) as usize];
    pipe.read_exact(&mut bytes).ok()?;
    Some(postcard::from_bytes(&bytes).expect("this program has written it"))
}
