//! `memstate repair`: cuts a damaged journal where it is still whole.

use std::{
    collections::BTreeMap,
    fmt,
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use super::{
    Directory, Terminal,
    failure::{Code, Failure, io_failure},
    output::{count, grouped, span},
    snapshots,
    terminal::Look,
};
use crate::{
    Position, Timestamp,
    disk::{Disk, RealDisk},
    engine::{preamble::Preamble, record::Payload},
    journal::{
        JournalError,
        file::{
            cut::{self, Cut},
            directory,
            salvage::salvage,
        },
    },
};

/// How often damage is looked at again, in case it is a writer at work.
const LOOKS: u32 = 5;

/// Cut a damaged journal after the last whole batch up to a position; for those who have no backup
///
/// Without --accept-loss it only says what it would do. With it, all files are copied first; then the journal is cut after
/// the last whole batch that ends at or before the position, snapshots after that are removed, and what is left is verified
/// as an open does. Everything after the cut is lost, also what is whole behind the damage: a command cannot be applied
/// without those before it.
///
/// A batch that a crash cut needs no repair: the next open mends it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    memstate repair data/bank                                        # what is wrong, what could be kept\n  \
    memstate repair data/bank --truncate-at 4711 --accept-loss")]
pub(super) struct Arguments {
    #[command(flatten)]
    directory: Directory,
    /// Keep the journal up to this position at most; what is whole of it by default
    #[arg(long, value_name = "POSITION")]
    truncate_at: Option<u64>,
    /// Do it, and lose what is after the cut
    #[arg(long, requires = "truncate_at")]
    accept_loss: bool,
    /// Where the files are copied to before; `DIR.before-repair-TIME` by default
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    keep: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, terminal: &mut Terminal<'_>) -> Result<Code, Failure> {
    let dir = &arguments.directory.dir;
    if directory::list(&RealDisk, dir)?.segments.is_empty() {
        return Err(super::records::no_journal(dir));
    }
    let at = Position::new(arguments.truncate_at.unwrap_or(u64::MAX));
    let lock = match arguments.accept_loss {
        true => Some(directory::lock(&RealDisk, dir)?),
        false => None,
    };
    let cut = find(dir, at)?;
    if let Some(damage) = &cut.damage {
        let what = match damage {
            JournalError::Damaged { path, offset, what, .. } => {
                format!("{} at byte {offset}: {what}", path.display())
            }
            other => other.to_string(),
        };
        writeln!(terminal.out, "{} {what}", terminal.paint().of(Look::Bad, "damage:"))?;
    }
    if !cut.loses {
        writeln!(
            terminal.out,
            "nothing to repair: the journal is whole up to its end, position {}",
            cut.keep.end
        )?;
        terminal.note("a batch that a crash cut needs no repair: the next open mends it")?;
        return Ok(Code::Fine);
    }
    let lost = Lost::after(dir, &cut)?;
    let snapshots: Vec<_> =
        snapshots::list(dir)?.into_iter().filter(|snapshot| snapshot.position > cut.keep.end).collect();
    let is_done = lock.is_some();
    let will = if is_done { "kept" } else { "would be kept" };
    let kept = match cut.keep.end.get() {
        0 => "no records".to_owned(),
        end => span(1, end),
    };
    let out = &mut terminal.out;
    writeln!(out, "{will}: {kept}")?;
    writeln!(out, "{}: {lost}", if is_done { "lost" } else { "would be lost" })?;
    for snapshot in &snapshots {
        let what = if is_done { "removed" } else { "would be removed" };
        writeln!(out, "{what}: the snapshot of position {}", grouped(snapshot.position.get()))?;
    }
    if !is_done {
        terminal.out.flush()?;
        let at = arguments.truncate_at.unwrap_or(cut.keep.end.get());
        terminal.note(format!(
            "nothing was changed; to do this: memstate repair {} --truncate-at {at} --accept-loss",
            dir.display()
        ))?;
        return Ok(if cut.damage.is_some() { Code::No } else { Code::Fine });
    }
    let keep = arguments.keep.clone().unwrap_or_else(|| default_keep(dir));
    copy_all(dir, &keep)?;
    writeln!(terminal.out, "copied: all files as they were, to {}", keep.display())?;
    terminal.out.flush()?;
    let after = |failure: Failure| failure.help(format!("the files as they were are in {}", keep.display()));
    remove(snapshots.into_iter().map(|snapshot| snapshot.path)).map_err(after)?;
    // What is in it was about positions that get other commands now.
    let attempt = dir.join("attempt");
    remove(Some(attempt).filter(|path| path.exists()).into_iter()).map_err(after)?;
    cut.apply(&RealDisk, dir).map_err(|error| after(error.into()))?;
    drop(lock);
    writeln!(
        terminal.out,
        "{} the journal is whole and ends at position {}",
        terminal.paint().of(Look::Good, "repaired:"),
        grouped(cut.keep.end.get())
    )?;
    Ok(Code::Fine)
}

/// Looks several times before it believes in damage: without the lock the journal may be in use.
fn find(dir: &Path, at: Position) -> Result<Cut, Failure> {
    let mut looks = LOOKS;
    loop {
        let cut = cut::find(&RealDisk, dir, at)?;
        looks -= 1;
        if cut.damage.is_none() || looks == 0 {
            return Ok(cut);
        }
        thread::sleep(Duration::from_millis(25));
    }
}

fn remove(paths: impl Iterator<Item = PathBuf>) -> Result<(), Failure> {
    for path in paths {
        RealDisk.remove(&path).map_err(io_failure("remove", &path))?;
    }
    Ok(())
}

/// `data/bank.before-repair-20130208T170500Z`.
fn default_keep(dir: &Path) -> PathBuf {
    let time: String =
        Timestamp::of_the_clock().to_string()[..19].chars().filter(|it| !"-:".contains(*it)).collect();
    let dir = fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned());
    let mut name = dir.into_os_string();
    name.push(format!(".before-repair-{time}Z"));
    PathBuf::from(name)
}

/// Copies the files of a directory into a new one, durably.
fn copy_all(dir: &Path, to: &Path) -> Result<(), Failure> {
    let create = || fs::create_dir(to);
    create().map_err(|error| {
        io_failure("create the directory", to)(error).help("give another one with --keep")
    })?;
    for (name, _) in RealDisk.list(dir).map_err(io_failure("list", dir))? {
        let (from, copy) = (dir.join(&name), to.join(&name));
        fs::copy(&from, &copy).map_err(io_failure("copy", &from))?;
        File::open(&copy).and_then(|file| file.sync_all()).map_err(io_failure("sync", &copy))?;
    }
    RealDisk.sync_dir(to).map_err(io_failure("sync", to))?;
    match to.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => RealDisk.sync_dir(parent).map_err(io_failure("sync", parent)),
        None => Ok(()),
    }
}

/// What is behind a cut.
pub(super) struct Lost {
    /// The first position behind it.
    first: Position,
    /// The last that is known to have existed.
    last: Position,
    readable: u64,
    /// How many of each command can be read.
    commands: BTreeMap<String, u64>,
    /// How many segments are behind it.
    files: usize,
}

impl Lost {
    /// Reads what there is behind a cut, as far as it can be read.
    pub(super) fn after(dir: &Path, cut: &Cut) -> Result<Lost, Failure> {
        let first = cut.keep.end.next();
        let mut lost = Lost {
            first,
            last: cut.keep.end,
            readable: 0,
            commands: BTreeMap::new(),
            files: cut.later.len(),
        };
        let segments: Vec<_> = std::iter::once(cut.keep.segment).chain(cut.later.iter().copied()).collect();
        salvage(&RealDisk, dir, &segments, cut.keep.sector, &cut.preamble, &mut |batch| {
            if batch.first < first || batch.count == 0 {
                return;
            }
            lost.last =
                lost.last.max(Position::new(batch.first.get().saturating_add(u64::from(batch.count) - 1)));
            let preamble = Preamble::decode(batch.preamble).ok();
            if let Ok(Payload::Records { mut records, .. }) = Payload::parse(batch.payload) {
                for _ in 0..batch.count {
                    let Ok(record) = records.take() else { break };
                    let name = preamble.as_ref().map_or("?", |preamble| preamble.name(record.method));
                    *lost.commands.entry(name.to_owned()).or_default() += 1;
                    lost.readable += 1;
                }
            }
        })?;
        for snapshot in snapshots::list(dir)? {
            lost.last = lost.last.max(snapshot.position);
        }
        Ok(lost)
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.last < self.first {
            f.write_str("what comes after it, in which no position can be read")?;
        } else {
            write!(f, "{}", span(self.first.get(), self.last.get()))?;
            let all = self.last.get() - self.first.get() + 1;
            let commands: Vec<_> =
                self.commands.iter().map(|(name, number)| format!("{} × {name}", grouped(*number))).collect();
            match self.readable {
                0 => f.write_str(", none of which can be read")?,
                readable if readable >= all => write!(f, ": {}", commands.join(", "))?,
                readable => {
                    write!(f, ", of which {} can be read: {}", grouped(readable), commands.join(", "))?
                }
            }
        }
        match self.files {
            0 => Ok(()),
            files => write!(f, "; {} after it", count(files as u64, "segment")),
        }
    }
}
