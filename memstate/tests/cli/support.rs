//! A bank in two versions, journals of it, and the program.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::Duration,
};

use memstate::journal::JournalError;

use tempfile::TempDir;
use tokio::runtime::Runtime;

/// The bank as it was first.
pub mod first {
    use memstate::collections::HashMap;

    #[memstate::data(error)]
    #[derive(PartialEq)]
    pub enum BankError {
        NoAccount(u64),
        Insufficient { balance: u64 },
    }

    #[memstate::model]
    #[derive(Default)]
    pub struct Bank {
        accounts: HashMap<u64, u64>,
        last: u64,
    }

    #[memstate::model]
    impl Bank {
        pub fn open(&mut self, owner: String) -> u64 {
            self.last += 1 + owner.len() as u64 / 1000;
            self.accounts.insert(self.last, 0);
            self.last
        }

        pub fn deposit(&mut self, account: u64, amount: u64) -> Result<u64, BankError> {
            let balance = self.accounts.get_mut(&account).ok_or(BankError::NoAccount(account))?;
            *balance += amount;
            Ok(*balance)
        }

        pub fn explode(&mut self) {
            self.accounts.clear();
            panic!("boom");
        }

        pub fn swallow(&mut self, bytes: Vec<u8>) -> u64 {
            bytes.len() as u64
        }

        pub fn total(&self) -> u64 {
            self.accounts.values().sum()
        }
    }
}

/// The bank with one command more.
pub mod second {
    use memstate::collections::HashMap;

    pub use super::first::BankError;

    #[memstate::model]
    #[derive(Default)]
    pub struct Bank {
        accounts: HashMap<u64, u64>,
        last: u64,
    }

    #[memstate::model]
    impl Bank {
        pub fn withdraw(&mut self, account: u64, amount: u64) -> Result<u64, BankError> {
            let balance = self.accounts.get_mut(&account).ok_or(BankError::NoAccount(account))?;
            *balance = balance.checked_sub(amount).ok_or(BankError::Insufficient { balance: *balance })?;
            Ok(*balance)
        }

        pub fn open(&mut self, owner: String) -> u64 {
            self.last += 1 + owner.len() as u64 / 1000;
            self.accounts.insert(self.last, 0);
            self.last
        }

        pub fn deposit(&mut self, account: u64, amount: u64) -> Result<u64, BankError> {
            let balance = self.accounts.get_mut(&account).ok_or(BankError::NoAccount(account))?;
            *balance += amount;
            Ok(*balance)
        }

        pub fn explode(&mut self) {
            panic!("boom");
        }

        pub fn swallow(&mut self, bytes: Vec<u8>) -> u64 {
            bytes.len() as u64
        }

        pub fn total(&self) -> u64 {
            self.accounts.values().sum()
        }
    }
}

/// Runs what awaits.
pub fn wait<T>(future: impl Future<Output = T>) -> T {
    Runtime::new().unwrap().block_on(future)
}

/// A directory that is gone after the test, and a journal's directory in it.
pub fn place() -> (TempDir, PathBuf) {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("bank");
    (temporary, dir)
}

/// Segments that no test fills.
pub const LARGE: u64 = 64 << 20;

/// Opens a model. A process that another test starts holds, for a moment, everything that this one has open, also a lock
/// that has just been given back; so that is tried again.
pub async fn open<M: memstate::Model + Default>(
    dir: &Path,
    segment_bytes: u64,
) -> Result<M::Client, memstate::OpenError> {
    let mut tries = 0;
    loop {
        let opened = memstate::open::<M>(dir).segment_bytes(segment_bytes).await;
        tries += 1;
        match opened {
            Err(memstate::OpenError::Journal(JournalError::Locked { .. })) if tries < TRIES => {
                std::thread::sleep(Duration::from_millis(10));
            }
            opened => return opened,
        }
    }
}

/// How often what is locked is tried again.
const TRIES: usize = 50;

/// How many records [`bank`] writes.
pub const RECORDS: u64 = 65;
/// The position of the first record of the second version.
pub const SECOND: u64 = 63;

/// A journal of several segments, by two versions of the code, closed.
pub fn bank() -> (TempDir, PathBuf) {
    let (temporary, dir) = place();
    wait(async {
        let bank = open::<first::Bank>(&dir, 16 << 10).await.unwrap();
        let ann = bank.open("Ann".to_owned()).await.unwrap();
        for amount in 1..=58 {
            bank.deposit(ann, amount).await.unwrap();
        }
        assert!(bank.as_caller("teller").deposit(77, 5).await.is_err());
        let request = bank.new_request();
        bank.with_request(request).deposit(ann, 1000).await.unwrap();
        assert!(bank.explode().await.is_err());
        bank.close().await.unwrap();
        let bank = open::<second::Bank>(&dir, LARGE).await.unwrap();
        bank.withdraw(ann, 10).await.unwrap();
        assert!(bank.withdraw(ann, 1_000_000).await.is_err());
        bank.as_caller("teller").deposit(ann, 7).await.unwrap();
        bank.close().await.unwrap();
    });
    assert!(segments(&dir).len() > 3, "several segments are wanted");
    (temporary, dir)
}

/// What the model has in all, if its code can open the journal.
pub fn total(dir: &Path) -> Result<u64, memstate::OpenError> {
    wait(async {
        let bank = open::<second::Bank>(dir, LARGE).await?;
        let total = bank.total().await.unwrap();
        bank.close().await.unwrap();
        Ok(total)
    })
}

/// The segments' files, in order.
pub fn segments(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|it| it == "seg"));
    files.sort();
    files
}

/// All files and what they hold.
pub fn contents(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|path| (path.clone(), fs::read(&path).unwrap())).collect()
}

/// Copies the files of a directory into a new one.
pub fn copy(dir: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for (path, bytes) in contents(dir) {
        fs::write(to.join(path.file_name().unwrap()), bytes).unwrap();
    }
}

/// Flips a bit of a sector that is in the middle of what is used of a file.
pub fn flip_in_the_middle(path: &Path) -> usize {
    let mut bytes = fs::read(path).unwrap();
    let used = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    let at = used / 2 / 512 * 512 + 100;
    bytes[at] ^= 4;
    fs::write(path, bytes).unwrap();
    at
}

/// The program, with arguments.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_memstate"));
    command.args(arguments).stdin(Stdio::null()).env_remove("NO_COLOR");
    command
}

/// What the program gave.
#[derive(Debug)]
pub struct Gave {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// Runs the program on a journal: `command`, the directory, the rest.
pub fn run(name: &str, dir: &Path, rest: &[&str]) -> Gave {
    let mut arguments = vec![name, dir.to_str().unwrap()];
    arguments.extend(rest);
    let mut tries = 0;
    loop {
        let gave = gave(command(&arguments).output().unwrap());
        tries += 1;
        // See `open`.
        if gave.code != 4 || tries == TRIES {
            return gave;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub fn gave(output: Output) -> Gave {
    Gave {
        code: output.status.code().expect("it was not ended by a signal"),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Lines of JSON.
pub fn json(text: &str) -> Vec<serde_json::Value> {
    text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}
