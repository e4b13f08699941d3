//! Whether what became of a damaged journal is right.

use std::path::PathBuf;

use memstate::testing::disk::FaultyDisk;
use memstate_tests::random::Random;

use super::faults::{Fault, Files};
use crate::{
    ensure,
    gates::crash::{
        oracle::Oracle,
        process::{DIR, Process, Settings, is_segment},
        sectors::{self, Group, SECTOR},
    },
};

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It was refused, by name, and is as it was.
    Refused,
    /// It was opened, and all is there.
    Right,
    /// The last batch, which nothing confirmed, is missing.
    LostLast,
    /// The only segment is gone, and it is a new journal.
    Anew,
    /// The last segment is one that there was once, and the journal is what it was then.
    AsOnce,
}

/// What is damaged.
pub struct Subject<'a> {
    pub files: &'a Files,
    pub oracle: &'a Oracle,
    /// The groups at the end of the journal whose loss, from the last one on, cannot be told from a crash before they were
    /// written: of one that is lost wholly nothing is left that confirms the one before it.
    pub unconfirmed: Vec<Group>,
}

impl Subject<'_> {
    /// Opens a damaged disk. Only what one of the `faults` may do without a trace is not an error.
    pub fn judge(&self, disk: &FaultyDisk, faults: &[Fault], random: &mut Random) -> Result<Verdict, String> {
        let before = contents(disk);
        let mut settings = Settings::random(random);
        settings.snapshot_on_close = false;
        let mut process = match Process::open(disk, settings, random.below(u64::MAX)) {
            Ok(process) => process,
            Err(error) => {
                let text = error.to_string();
                ensure!(text.contains(DIR), "it is refused, and the error names no file: {text}");
                let (was, is) = (to_keep(&before, &before), to_keep(&contents(disk), &before));
                ensure!(is == was, "it is refused ({text}), and its files are changed");
                return Ok(Verdict::Refused);
            }
        };
        // The oracle has all states of the past too, so this alone does not say that nothing is missing.
        let position = process.look(self.oracle)?;
        let verdict = match self.oracle.may_end(position) {
            Ok(()) => Verdict::Right,
            Err(why) => self.excuse(position, faults, &before).ok_or(why)?,
        };
        if verdict == Verdict::Right {
            self.ask_again(&mut process, position, random)?;
        }
        Ok(verdict)
    }

    /// A request that happened is answered as it was, and what comes after it is right too.
    fn ask_again(&self, process: &mut Process, position: u64, random: &mut Random) -> Result<(), String> {
        let mut after = self.oracle.clone();
        after.recovered(position);
        let Some(again) = after.request(random).cloned() else { return Ok(()) };
        process.call(again);
        process.settle(&mut after);
        process.hear(&mut after)?;
        ensure!(process.is_all_answered(), "a request that was sent again is not answered");
        Ok(())
    }

    /// Why records may be missing.
    fn excuse(&self, position: u64, faults: &[Fault], damaged: &Contents) -> Option<Verdict> {
        if self.end_without(damaged, faults.len() > 1) == Some(position) {
            return Some(Verdict::LostLast);
        }
        faults.iter().find_map(|&fault| self.excuse_of(position, fault))
    }

    /// Where the journal seems to end without what was lost of its end, if something was. That a file was cut off is seen by
    /// itself; with `cuts`, it may be the second of two losses, of which the first has taken what would tell.
    fn end_without(&self, damaged: &Contents, cuts: bool) -> Option<u64> {
        let (mut end, mut is_lost) = (None, false);
        for group in self.unconfirmed.iter().rev().take_while(|group| !group.is_header) {
            let (_, bytes) = damaged.iter().find(|(name, _)| *name == group.path)?;
            let mut gone = 0;
            for &at in &group.sectors {
                match bytes.as_ref()?.get(at * SECTOR..(at + 1) * SECTOR) {
                    Some(now) if self.files.is_loss(&group.path, at, now) => {
                        is_lost = true;
                        gone += 1;
                    }
                    Some(_) => {}
                    None => gone += usize::from(cuts),
                }
            }
            if gone == 0 {
                break;
            }
            end = group.before.or(end);
            if gone < group.sectors.len() {
                break;
            }
        }
        end.filter(|_| is_lost)
    }

    fn excuse_of(&self, position: u64, fault: Fault) -> Option<Verdict> {
        let segments: Vec<_> = self.files.names.iter().filter(|name| is_segment(name)).collect();
        let file = match fault {
            Fault::Removed(file) | Fault::Renamed(file, _) => Some(&self.files.names[file]),
            _ => None,
        };
        if position == 0 && segments.len() == 1 && file == Some(segments[0]) {
            return Some(Verdict::Anew);
        }
        if let Fault::Restored(version) = fault {
            let (path, bytes) = self.files.version(version);
            if Some(&path) == segments.last() && sectors::end_of(bytes) == Some(position) {
                return Some(Verdict::AsOnce);
            }
        }
        None
    }
}

/// Paths and bytes.
type Contents = Vec<(PathBuf, Option<Vec<u8>>)>;

/// What a journal that is refused has to leave as it is. The file `attempt` is one that it writes itself while it reads: it is
/// put back if it says something, and one that a crash has cut or that is damaged says nothing.
fn to_keep(contents: &Contents, before: &Contents) -> Contents {
    let is_attempt = |path: &PathBuf| path.ends_with("attempt");
    let found = before.iter().find(|(path, _)| is_attempt(path)).and_then(|(_, bytes)| bytes.as_ref());
    let says_something = found.and_then(|bytes| bytes.split_last_chunk::<4>()).is_some_and(|(said, sum)| {
        said.starts_with(b"attempt2") && crc32c::crc32c(said).to_le_bytes() == *sum
    });
    contents.iter().filter(|(path, _)| !is_attempt(path) || says_something).cloned().collect()
}

/// All files but the lock, which means nothing.
fn contents(disk: &FaultyDisk) -> Contents {
    let files = disk.files().into_iter().filter(|path| !path.ends_with("lock"));
    files.map(|path| (path.clone(), disk.bytes(&path))).collect()
}
