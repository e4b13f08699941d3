//! `memstate backup`: a copy of a journal that opens.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Directory, Terminal,
    failure::{Code, Failure, hex, io_failure},
    output::{bytes, count, grouped},
    progress::Progress,
    snapshots,
    terminal::Look,
};
use crate::{
    Position,
    disk::{Disk, RealDisk},
    journal::file::{
        copy::{self, CopyError},
        directory,
    },
};

/// Copy a journal into another directory, also while it is in use; the next time only what is new
///
/// The copy is a journal that opens, as it was after some batch; snapshots are copied too. What is copied is verified by
/// the hash chain, and read back. DEST is never worse than before: what was interrupted is done again by the next backup.
/// If DEST is not an earlier state of the same journal, nothing is changed. What DEST holds from before is not read again:
/// for that there is `memstate check DEST`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  memstate backup data/bank /backup/bank\n  memstate check /backup/bank")]
pub(super) struct Arguments {
    #[command(flatten)]
    directory: Directory,
    /// The directory of the copy; made if it is missing
    #[arg(value_name = "DEST", value_hint = clap::ValueHint::DirPath)]
    dest: PathBuf,
}

pub(super) fn run(arguments: &Arguments, terminal: &mut Terminal<'_>) -> Result<Code, Failure> {
    let (from, to) = (&arguments.directory.dir, &arguments.dest);
    let listing = directory::list(&RealDisk, from)?;
    if listing.segments.is_empty() {
        return Err(super::records::no_journal(from));
    }
    if let (Ok(from), Ok(to)) = (fs::canonicalize(from), fs::canonicalize(to))
        && from == to
    {
        return Err(
            Failure::new(Code::Usage, "the copy would be the journal itself").help("give another DEST")
        );
    }
    let possession = copy::take(&RealDisk, to)?;
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let progress = Progress::new(terminal, listing.segment_bytes);
    let copied = copy::copy(&disk, from, to, &|bytes| progress.add(bytes))
        .map_err(|error| failure(error, from, to))?;
    drop(progress);
    let end = copied.end.end;
    let (new, removed) = copy_snapshots(from, to, end)?;
    drop(possession);
    let before = copied.before.map_or(Position::START, |cursor| cursor.end);
    let records = count(end.get() - before.get(), "new record");
    writeln!(
        terminal.out,
        "{} {} ends at position {}: {records}, {} copied, {}{}",
        terminal.paint().of(Look::Good, "done:"),
        to.display(),
        grouped(end.get()),
        bytes(copied.new_bytes),
        count(new, "new snapshot"),
        if removed > 0 { format!(", {} removed", count(removed, "old one")) } else { String::new() }
    )?;
    writeln!(terminal.out, "head: {}", hex(&copied.end.chain))?;
    Ok(Code::Fine)
}

fn failure(error: CopyError, from: &Path, to: &Path) -> Failure {
    match error {
        CopyError::Journal(error) => error.into(),
        CopyError::Empty => super::records::no_journal(from),
        CopyError::Differs(end) => Failure::new(
            Code::No,
            format!(
                "{} is not an earlier state of {}: they differ at or before position {end}",
                to.display(),
                from.display()
            ),
        )
        .help("nothing was changed; give a new DEST. A copy that was opened by a program goes its own way from then on"),
    }
}

/// Copies the snapshots that the copy can use, and removes those from it that the journal does not keep any more. Tells
/// how many.
fn copy_snapshots(from: &Path, to: &Path, end: Position) -> Result<(u64, u64), Failure> {
    let there = snapshots::list(to)?;
    let (mut new, mut kept) = (0, Vec::new());
    for snapshot in snapshots::list(from)? {
        // A newer one than the copy's journal would keep the copy from being opened.
        if snapshot.position > end || snapshots::fault(&snapshot)?.is_some() {
            continue;
        }
        let same = |it: &&snapshots::Snapshot| (it.position, it.bytes) == (snapshot.position, snapshot.bytes);
        if let Some(it) = there.iter().find(same)
            && seal(&it.path)? == seal(&snapshot.path)?
        {
            kept.push(snapshot.position);
        } else if copy_snapshot(&snapshot, to)? {
            new += 1;
            kept.push(snapshot.position);
        }
    }
    let mut removed = 0;
    // What the journal keeps no more may hold a state that is not its own any more.
    for old in there.iter().filter(|it| !kept.contains(&it.position)) {
        RealDisk.remove(&old.path).map_err(io_failure("remove", &old.path))?;
        removed += 1;
    }
    Ok((new, removed))
}

/// The checksum at the end of a snapshot.
fn seal(path: &Path) -> Result<Vec<u8>, Failure> {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::End(-32))?;
        let mut seal = Vec::new();
        file.read_to_end(&mut seal)?;
        Ok(seal)
    };
    read().map_err(io_failure("read", path))
}

/// Copies a snapshot; not if it was removed in the meantime.
fn copy_snapshot(snapshot: &snapshots::Snapshot, to: &Path) -> Result<bool, Failure> {
    let name = snapshot.path.file_name().unwrap_or_default();
    let (path, temporary) = (to.join(name), to.join(name).with_extension("tmp"));
    match fs::copy(&snapshot.path, &temporary) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        copied => copied.map_err(io_failure("copy", &snapshot.path))?,
    };
    let copied = snapshots::Snapshot { path: temporary.clone(), ..snapshot.clone() };
    if let Some(fault) = snapshots::fault(&copied)? {
        let _ = fs::remove_file(&temporary);
        let what = format!("the copy of {} cannot be read back: {fault}", snapshot.path.display());
        return Err(Failure::new(Code::Unreadable, what));
    }
    File::open(&temporary).and_then(|file| file.sync_all()).map_err(io_failure("sync", &temporary))?;
    RealDisk.rename(&temporary, &path).map_err(io_failure("rename", &temporary))?;
    RealDisk.sync_dir(to).map_err(io_failure("sync", to))?;
    Ok(true)
}
