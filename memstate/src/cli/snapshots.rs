//! The snapshots beside a journal: which there are, and whether they are whole.

use std::{
    fs::File,
    io::{BufReader, Read},
    path::{Path, PathBuf},
};

use super::failure::{Failure, io_failure};
use crate::{
    Position,
    disk::{Disk, RealDisk},
};

const MAGIC: &[u8] = b"memstate snap 1\n";
const SEAL_BYTES: u64 = 32;

/// A snapshot's file.
#[derive(Debug, Clone)]
pub(super) struct Snapshot {
    pub(super) position: Position,
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
}

/// The snapshots in a directory, the oldest first.
pub(super) fn list(dir: &Path) -> Result<Vec<Snapshot>, Failure> {
    let position = |name: &str| {
        let digits = name.strip_prefix("snapshot-").filter(|digits| digits.len() == 20)?;
        digits.parse().ok().map(Position::new)
    };
    let files = RealDisk.list(dir).map_err(io_failure("list", dir))?;
    let mut snapshots: Vec<_> = files
        .into_iter()
        .filter_map(|(name, bytes)| {
            position(&name).map(|position| Snapshot { position, path: dir.join(name), bytes })
        })
        .collect();
    snapshots.sort_by_key(|snapshot| snapshot.position);
    Ok(snapshots)
}

/// What is wrong with a snapshot's file, if something is. `Ok(None)` also for one that has been removed since.
///
/// # Errors
///
/// If it cannot be read.
pub(super) fn fault(snapshot: &Snapshot) -> Result<Option<String>, Failure> {
    let failed = || io_failure("read", &snapshot.path);
    let file = match File::open(&snapshot.path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(failed())?,
    };
    let length = file.metadata().map_err(failed())?.len();
    let Some(content) = length.checked_sub(SEAL_BYTES) else {
        return Ok(Some("it is too short: it was cut off".to_owned()));
    };
    let mut file = BufReader::with_capacity(1 << 16, file);
    let mut begin = [0; 24];
    if content < begin.len() as u64 {
        return Ok(Some("it is too short: it was cut off".to_owned()));
    }
    file.read_exact(&mut begin).map_err(failed())?;
    let mut hasher = blake3::Hasher::new();
    hasher.update(&begin);
    let rest = &mut (&mut file).take(content - begin.len() as u64);
    hasher.update_reader(rest).map_err(failed())?;
    let mut seal = [0; SEAL_BYTES as usize];
    file.read_exact(&mut seal).map_err(failed())?;
    if *hasher.finalize().as_bytes() != seal {
        return Ok(Some("its checksum is wrong".to_owned()));
    }
    if !begin.starts_with(MAGIC) {
        return Ok(Some("it is not a snapshot, or a newer version of memstate wrote it".to_owned()));
    }
    let position = crate::journal::file::inspect::u64_at(&begin, MAGIC.len());
    let is_its_own = position == snapshot.position.get();
    Ok((!is_its_own).then(|| format!("it is of position {position}")))
}
