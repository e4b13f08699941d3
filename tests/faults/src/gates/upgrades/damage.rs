//! Copies of golden journals, and what is done to them before they are opened.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

const SECTOR_BYTES: usize = 512;
/// The bytes of a sector in front of the header's body, which begins with eight bytes that say `memstate`.
const FORMAT_AT: usize = 24 + 8;

/// What a golden journal has to bear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    None,
    /// No damage, and the snapshots are not used.
    ReplayAll,
    SnapshotsRemoved,
    /// A bit in the middle of each.
    SnapshotsFlipped,
    SnapshotsCut,
}

impl Damage {
    pub const ALL: &[Damage] = &[
        Damage::None,
        Damage::ReplayAll,
        Damage::SnapshotsRemoved,
        Damage::SnapshotsFlipped,
        Damage::SnapshotsCut,
    ];

    pub fn in_words(self) -> &'static str {
        match self {
            Damage::None => "as it is",
            Damage::ReplayAll => "from the beginning",
            Damage::SnapshotsRemoved => "without snapshots",
            Damage::SnapshotsFlipped => "with rotten snapshots",
            Damage::SnapshotsCut => "with truncated snapshots",
        }
    }

    pub fn apply(self, dir: &Path) -> Result<(), String> {
        for path in files(dir, "snapshot-")? {
            let done = match self {
                Damage::None | Damage::ReplayAll => Ok(()),
                Damage::SnapshotsRemoved => fs::remove_file(&path),
                Damage::SnapshotsFlipped => fs::read(&path).and_then(|mut bytes| {
                    let middle = bytes.len() / 2;
                    bytes[middle] ^= 4;
                    fs::write(&path, bytes)
                }),
                Damage::SnapshotsCut => {
                    fs::read(&path).and_then(|bytes| fs::write(&path, &bytes[..bytes.len() / 2]))
                }
            };
            done.map_err(|error| format!("{}: {error}", path.display()))?;
        }
        Ok(())
    }
}

/// A copy, so that they themselves are never written.
pub fn copy_of(from: &Path) -> Result<tempfile::TempDir, String> {
    let dir = tempfile::tempdir().map_err(|error| format!("no directory: {error}"))?;
    copy(from, dir.path())?;
    Ok(dir)
}

/// Copies the files of a journal, but for its lock.
pub fn copy(from: &Path, to: &Path) -> Result<(), String> {
    fs::create_dir_all(to).map_err(|error| format!("{}: {error}", to.display()))?;
    for (name, bytes) in bytes_of(from)? {
        fs::write(to.join(&name), bytes).map_err(|error| format!("{name}: {error}"))?;
    }
    Ok(())
}

/// The files of a journal, but for its lock.
pub fn bytes_of(dir: &Path) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let mut all = BTreeMap::new();
    for path in files(dir, "")? {
        let name = path.file_name().expect("it has a name").to_string_lossy().into_owned();
        if name != "lock" {
            all.insert(name, fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?);
        }
    }
    Ok(all)
}

/// The files whose names begin so, in their order.
pub fn files(dir: &Path, prefix: &str) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    let mut paths: Vec<_> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    Ok(paths)
}

/// Makes the newest segment one of a format that is not known yet, whole in every other respect.
pub fn newer_segment(dir: &Path) -> Result<(), String> {
    let segments = files(dir, "journal-")?;
    let path = segments.last().ok_or("there is no segment")?;
    let mut bytes = fs::read(path).map_err(|error| error.to_string())?;
    bytes[FORMAT_AT..FORMAT_AT + 4].copy_from_slice(&99u32.to_le_bytes());
    let mut key = [0; 16];
    key[..8].copy_from_slice(&(segments.len() as u64).to_le_bytes());
    let sum = crc32c::crc32c_append(crc32c::crc32c(&key), &bytes[4..SECTOR_BYTES]);
    bytes[..4].copy_from_slice(&sum.to_le_bytes());
    fs::write(path, bytes).map_err(|error| error.to_string())
}

/// The same with the newest snapshot.
pub fn newer_snapshot(dir: &Path) -> Result<(), String> {
    let snapshots = files(dir, "snapshot-")?;
    let path = snapshots.last().ok_or("there is no snapshot")?;
    let mut bytes = fs::read(path).map_err(|error| error.to_string())?;
    bytes.truncate(bytes.len() - blake3::OUT_LEN);
    bytes[..16].copy_from_slice(b"memstate snap 9\n");
    let seal = blake3::hash(&bytes);
    bytes.extend_from_slice(seal.as_bytes());
    fs::write(path, bytes).map_err(|error| error.to_string())
}

/// Takes the last sector away that was written: what a power cut leaves of a batch that was on its way.
pub fn tear(dir: &Path) -> Result<(), String> {
    let segments = files(dir, "journal-")?;
    let path = segments.last().ok_or("there is no segment")?;
    let mut bytes = fs::read(path).map_err(|error| error.to_string())?;
    let last = bytes.chunks_exact_mut(SECTOR_BYTES).rfind(|sector| sector.iter().any(|byte| *byte != 0));
    last.ok_or("there is nothing in it")?.fill(0);
    fs::write(path, bytes).map_err(|error| error.to_string())
}
