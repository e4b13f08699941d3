use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use memstate::{
    disk::{Access, Disk, DiskFile, RealDisk},
    journal::{
        Journal, JournalError,
        file::{FileJournal, FileOptions},
    },
    testing::{
        disk::FaultyDisk,
        journal::{append, recover},
    },
};

use crate::support::{SMALL, closed_journal, contents, dir, open, recovered, segment, started};

/// Opens what must be refused, and that nothing is changed by it.
fn refused(disk: &FaultyDisk) -> JournalError {
    let before = contents(disk);
    let error = recovered(disk).unwrap_err();
    assert!(contents(disk) == before, "{error}: something was changed");
    error
}

#[test]
fn a_second_open_is_refused_until_the_first_is_gone() {
    let (disk, _) = closed_journal();
    let first = open(&disk).unwrap();
    assert!(matches!(refused(&disk), JournalError::Locked { path } if path == dir()));
    drop(first);
    // Also while it is stopped or closed: its readers may still read.
    let (mut first, _) = started(&disk, b"first").unwrap();
    first.close().unwrap();
    assert!(matches!(refused(&disk), JournalError::Locked { .. }));
    drop(first);
    recovered(&disk).unwrap();
}

const DIR_OF_THE_CHILD: &str = "MEMSTATE_TEST_DIR_OF_THE_CHILD";

#[test]
fn a_second_process_is_refused() {
    let temporary = tempfile::tempdir().unwrap();
    let child = || {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "refusal::child_that_opens_a_journal", "--ignored", "--nocapture"])
            .env(DIR_OF_THE_CHILD, temporary.path())
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let journal = FileJournal::open(Arc::new(RealDisk), temporary.path(), SMALL).unwrap();
    assert!(child().contains("child: refused"));
    drop(journal);
    assert!(child().contains("child: opened"));
}

#[test]
#[ignore = "run by a_second_process_is_refused"]
fn child_that_opens_a_journal() {
    let Some(dir) = std::env::var_os(DIR_OF_THE_CHILD) else { return };
    match FileJournal::open(Arc::new(RealDisk), Path::new(&dir), SMALL) {
        Ok(_) => println!("child: opened"),
        Err(JournalError::Locked { .. }) => println!("child: refused"),
        Err(other) => println!("child: {other}"),
    }
}

#[test]
fn a_directory_of_something_else_is_left_alone() {
    for foreign in ["notes.txt", "data.seg", "journal-1.seg", "other.tmp", "journal-0000000001.seg.bak"] {
        let disk = FaultyDisk::new();
        disk.put(&dir().join(foreign), b"precious".to_vec());
        disk.put(&dir().join("snapshot-0000000012"), b"ours".to_vec());
        match refused(&disk) {
            JournalError::NotAJournal { path, what } => {
                assert!(path == dir() && what.contains(foreign), "{what}");
            }
            other => panic!("{other}"),
        }
    }
}

#[test]
fn what_memstate_itself_puts_beside_a_journal_is_no_reason_to_refuse() {
    let disk = FaultyDisk::new();
    for name in ["lock", "snapshot-0000000000", "snapshot-0000000000.tmp", "attempt", "attempt.tmp"] {
        disk.put(&dir().join(name), b"ours".to_vec());
    }
    disk.put(&dir().join("journal-0000000001.seg.tmp"), vec![3; 1000]);
    let (mut journal, found) = started(&disk, b"first").unwrap();
    assert!(found.is_empty());
    append(&mut journal, 1, b"one").unwrap();
    drop(journal);
    assert_eq!(disk.bytes(&dir().join("journal-0000000001.seg.tmp")), None);
    assert_eq!(disk.bytes(&dir().join("attempt")), Some(b"ours".to_vec()));
    // Beside a journal anything may be.
    disk.put(&dir().join("notes.txt"), b"precious".to_vec());
    assert_eq!(recovered(&disk).unwrap().1.len(), 1);
}

#[test]
fn a_file_in_place_of_the_directory_is_refused() {
    let disk = FaultyDisk::new();
    disk.put(dir(), b"a file".to_vec());
    assert!(matches!(refused(&disk), JournalError::NotAJournal { path, .. } if path == dir()));
    let temporary = tempfile::tempdir().unwrap();
    let file = temporary.path().join("file");
    fs::write(&file, "a file").unwrap();
    for path in [file.clone(), file.join("below")] {
        let error = FileJournal::open(Arc::new(RealDisk), &path, SMALL).err().unwrap();
        assert!(matches!(error, JournalError::NotAJournal { .. }), "{error}");
    }
    assert_eq!(fs::read(&file).unwrap(), b"a file");
}

#[test]
fn a_later_format_is_refused_as_such_and_a_damaged_one_is_not() {
    let (disk, _) = closed_journal();
    let original = disk.bytes(&segment(2)).unwrap();
    for (format, is_whole) in [(2_u32, true), (77, true), (2, false), (0, true)] {
        let mut bytes = original.clone();
        bytes[32..36].copy_from_slice(&format.to_le_bytes());
        if is_whole {
            let key: Vec<u8> = [2_u64, 0].iter().flat_map(|number| number.to_le_bytes()).collect();
            let sum = crc32c::crc32c_append(crc32c::crc32c(&key), &bytes[4..512]).max(1);
            bytes[..4].copy_from_slice(&sum.to_le_bytes());
        }
        disk.put(&segment(2), bytes);
        // Without a lock file too, which must not come to be.
        for lock in [Some(Vec::new()), None] {
            disk.take(&dir().join("lock"));
            lock.into_iter().for_each(|bytes| disk.put(&dir().join("lock"), bytes));
            match refused(&disk) {
                JournalError::Newer { path, found, supported: 1, writer: None } if is_whole && format > 1 => {
                    assert_eq!((path, found), (segment(2), format));
                }
                JournalError::Damaged { path, .. } if !is_whole || format == 0 => {
                    assert_eq!(path, segment(2))
                }
                other => panic!("format {format}: {other}"),
            }
        }
    }
}

#[test]
fn damage_is_told_with_file_place_and_position() {
    let (disk, oracle) = closed_journal();
    disk.flip(&segment(1), (3 * 512 + 100) * 8);
    let error = refused(&disk);
    let JournalError::Damaged { path, offset, after, .. } = &error else { panic!("{error}") };
    assert_eq!((path, *offset), (&segment(1), 3 * 512));
    // After header and epoch, the first batch holds no record and the second, hit here, one.
    assert_eq!((after.get(), &oracle.acknowledged[1].1), (0, &1));
    let text = error.to_string();
    assert!(
        text.contains("is damaged at byte 1536 (after position 0)") && text.contains("restore"),
        "{text}"
    );
}

/// A disk on which nothing may be listed or locked.
#[derive(Debug)]
struct Forbidden(FaultyDisk, &'static str);

impl Disk for Forbidden {
    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn DiskFile>> {
        self.0.open(path, access)
    }
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        if self.1 == "create the directory" {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        self.0.create_dir(path)
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<(String, u64)>> {
        if self.1 == "list" {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        self.0.list(dir)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.remove(path)
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.0.sync_dir(dir)
    }
    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Send + Sync>>> {
        if self.1 == "lock" {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        self.0.lock(path)
    }
}

#[test]
fn a_lack_of_permission_names_the_path_and_what_was_tried() {
    for tried in ["list", "create the directory", "lock"] {
        let disk = FaultyDisk::new();
        let error = FileJournal::open(Arc::new(Forbidden(disk, tried)), dir(), SMALL).err().unwrap();
        let JournalError::Io { action, path, source } = &error else { panic!("{error}") };
        assert_eq!((*action, source.kind()), (tried, io::ErrorKind::PermissionDenied));
        assert!(path.starts_with(dir()), "{error}");
    }
}

#[cfg(unix)]
#[test]
fn a_real_directory_without_permission_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let temporary = tempfile::tempdir().unwrap();
    let path: PathBuf = temporary.path().join("closed");
    fs::create_dir(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    // Whoever may do everything is not refused.
    if fs::read_dir(&path).is_err() {
        let error = FileJournal::open(Arc::new(RealDisk), &path, SMALL).err().unwrap();
        assert!(matches!(error, JournalError::Io { action: "list", .. }), "{error}");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn opening_and_recovering_change_nothing() {
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("new/bank");
    let mut journal = FileJournal::open(Arc::new(RealDisk), &path, FileOptions::default()).unwrap();
    recover(&mut journal).unwrap();
    drop(journal);
    let names: Vec<_> = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["lock"]);
    let (disk, _) = closed_journal();
    let before = (contents(&disk), disk.operations());
    recovered(&disk).unwrap();
    assert!((contents(&disk), disk.operations()) == before);
}

#[test]
fn the_head_tells_histories_apart() {
    let head = |preamble: &[u8], payloads: &[&[u8]]| {
        let disk = FaultyDisk::new();
        let (mut journal, _) = started(&disk, preamble).unwrap();
        for payload in payloads {
            append(&mut journal, 1, payload).unwrap();
        }
        let head = journal.head();
        journal.close().unwrap();
        drop(journal);
        let mut journal = open(&disk).unwrap();
        recover(&mut journal).unwrap();
        assert_eq!(journal.head(), head, "it is the same after a restart");
        head
    };
    let one = head(b"writer", &[b"a", b"b"]);
    assert_eq!(one, head(b"writer", &[b"a", b"b"]));
    for other in [head(b"writer", &[b"b", b"a"]), head(b"writer", &[b"ab"]), head(b"other", &[b"a", b"b"])] {
        assert_ne!(one, other);
    }
}
