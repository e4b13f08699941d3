//! Files: segments of a journal, snapshots, the file `attempt`.

use std::{path::Path, sync::Arc};

use super::batch::Replaying;
use crate::{
    Model, Position,
    disk::{Access, Disk},
    engine::hostile::{Attempts, Retention, Snapshots, Today, program},
    journal::{
        Batch, Journal,
        file::{
            FileJournal, FileOptions,
            inspect::{Inspector, Patience},
        },
    },
    testing::disk::FaultyDisk,
};

const DIR: &str = "/journal";
const SECTOR: usize = 512;
const LABEL: usize = 24;
const ROOM: usize = SECTOR - LABEL;

/// A segment file, as the only one of a journal: recovered, replayed, looked at without its lock; and if it is
/// accepted, started, continued, closed and recovered once more.
pub fn segment<M: Model>(bytes: &[u8]) -> bool {
    let disk = FaultyDisk::new();
    let path = Path::new(DIR).join("journal-0000000001.seg");
    disk.put(&path, bytes.to_vec());
    let disk: Arc<dyn Disk> = Arc::new(disk);
    let seen = inspected(&disk);
    let today = Today::of::<M>();
    let mut replaying = Replaying::<M>::new(&today);
    let mut taken = true;
    let mut batches = 0_u64;
    let options = FileOptions { fill_bytes_min: 4096, ..FileOptions::default() };
    let Ok(mut journal) = FileJournal::open(Arc::clone(&disk), Path::new(DIR), options) else { return false };
    let recovered = journal.recover(&mut |entry| {
        batches += 1;
        taken = taken && replaying.take(entry);
        Ok(())
    });
    let Ok(Some(recovered)) = recovered.map_err(|error| assert!(!error.to_string().is_empty())) else {
        return false;
    };
    assert!(seen.is_none_or(|seen| seen == batches), "a reader without a lock sees what recovery sees");
    taken &= replaying.finish();
    // What is beyond the end of positions cannot be continued.
    if recovered.end.get() < u64::MAX - 2 && journal.start(&today.bytes).is_ok() {
        let first = recovered.end.next();
        let added = journal.append(Batch { first, count: 1, payload: &[7] });
        assert!(added.is_ok(), "what was recovered can be continued: {added:?}");
        assert!(journal.close().is_ok());
        drop(journal);
        let mut again = FileJournal::open(disk, Path::new(DIR), options).expect("it was just closed");
        let mut count = 0;
        let found = again.recover(&mut |_| {
            count += 1;
            Ok(())
        });
        let found = found.expect("what was continued is recovered").expect("nobody stopped it");
        assert!(found.clean && found.repairs.is_empty());
        assert_eq!((found.end, count), (first, batches + 1));
    }
    taken
}

/// How many batches a reader without the lock sees; `None` if it refuses them.
fn inspected(disk: &Arc<dyn Disk>) -> Option<u64> {
    let patience = Patience { tries: 0, pause: std::time::Duration::ZERO };
    let mut inspector =
        Inspector::with_patience(Arc::clone(disk), Path::new(DIR), Position::START, patience).ok()?;
    let mut batches = 0;
    while let Some(seen) = inspector.next().ok()? {
        if seen.kind as u8 == 3 {
            batches += 1;
        }
    }
    Some(batches)
}

/// A segment that was made by hand, or changed, with the right checksums and a chain that continues, so that it gets past
/// both: sector by sector what the description of the format says, and nothing of memstate's own code.
pub fn seal_segment(file: &mut [u8]) {
    let mut chain = [0_u8; 32];
    let (mut at, count) = (0, file.len() / SECTOR);
    while at < count {
        let start = at * SECTOR;
        if file[start..start + SECTOR].iter().all(|byte| *byte == 0) {
            at += 1;
            continue;
        }
        let kind = file[start + 22];
        let total =
            usize::from(u16::from_le_bytes([file[start + 18], file[start + 19]])).clamp(1, count - at);
        let mut body = Vec::new();
        for sector in at..at + total {
            let start = sector * SECTOR;
            let used = usize::from(u16::from_le_bytes([file[start + 20], file[start + 21]])).min(ROOM);
            body.extend_from_slice(&file[start + LABEL..start + LABEL + used]);
        }
        let number = |at: usize| u64::from_le_bytes(body[at..at + 8].try_into().expect("eight bytes"));
        if kind == 1 && body.len() >= 68 {
            chain = link([0; 32], kind, number(20), 0, &body[68..]);
            file[start + LABEL + 36..start + LABEL + 68].fill(0);
        } else if body.len() >= 52 {
            if kind == 3 {
                let records = u32::from_le_bytes(body[8..12].try_into().expect("four bytes"));
                chain = link(chain, kind, number(0), records, &body[52..]);
            }
            file[start + LABEL + 20..start + LABEL + 52].copy_from_slice(&chain);
        }
        for sector in at..at + total {
            let bytes = &mut file[sector * SECTOR..][..SECTOR];
            let mut place = [0; 16];
            place[..8].copy_from_slice(&1_u64.to_le_bytes());
            place[8..].copy_from_slice(&(sector as u64).to_le_bytes());
            let sum = crc32c::crc32c_append(crc32c::crc32c(&place), &bytes[4..]).max(1);
            bytes[..4].copy_from_slice(&sum.to_le_bytes());
        }
        at += total;
    }
}

/// What the writer of a segment said of itself, as far as it stands in the file; for seeds of real bytes.
pub fn preamble_of_segment(file: &[u8]) -> Option<Vec<u8>> {
    let total = usize::from(u16::from_le_bytes(file.get(18..20)?.try_into().ok()?));
    let mut body = Vec::new();
    for sector in file.chunks_exact(SECTOR).take(total) {
        let used = usize::from(u16::from_le_bytes([sector[20], sector[21]]));
        body.extend_from_slice(sector.get(LABEL..LABEL + used)?);
    }
    body.get(68..).map(<[u8]>::to_vec)
}

/// A segment of the groups that the bytes describe, one after another:
///
/// ```text
/// group = kind (u8: 1 to 5, as in the format), tweaks (u8), count (u8), length (u16), payload
/// ```
///
/// A header without a payload is one of today's code. Without tweaks each group continues the one before it; each bit
/// of the tweaks changes one thing of which a reader could take notice. Checksums and the chain are right throughout.
pub fn build_segment<M: Model>(mut groups: &[u8]) -> Vec<u8> {
    let today = Today::of::<M>();
    let mut file = Vec::new();
    let (mut seq, mut epoch, mut end) = (0_u64, 0_u32, 0_u64);
    while let Some(([kind, tweaks, count, low, high], rest)) = groups.split_first_chunk() {
        let tweak = |bit: u8| tweaks & 1 << bit != 0;
        let (payload, rest) = rest.split_at(usize::from(u16::from_le_bytes([*low, *high])).min(rest.len()));
        groups = rest;
        let kind = if (1..=5).contains(kind) { *kind } else { kind % 5 + 1 };
        seq = if tweak(0) { seq.wrapping_sub(u64::from(*count)) } else { seq };
        epoch += u32::from(kind == 2) + u32::from(tweak(1));
        let first = if tweak(2) { u64::MAX - u64::from(*count) } else { end.wrapping_add(1) };
        let payload = if kind == 1 && payload.is_empty() { &today.bytes[..] } else { payload };
        let records = if kind == 3 { u32::from(*count) } else { u32::from(tweak(5)) };
        let fixed = if kind == 1 { 68 } else { 52 };
        let total = (fixed + payload.len()).div_ceil(ROOM) as u64;
        let file_len = ((file.len() / SECTOR) as u64 + total + 1) * SECTOR as u64;
        let file_len = if tweak(3) { file_len << 8 } else { file_len };
        let mut body = Vec::with_capacity(fixed + payload.len());
        if kind == 1 {
            body.extend_from_slice(b"memstate");
            body.extend_from_slice(&(1 + u32::from(tweak(4))).to_le_bytes());
            body.extend_from_slice(&(1 + u64::from(*count)).to_le_bytes());
            body.extend_from_slice(&first.to_le_bytes());
        } else {
            body.extend_from_slice(&first.to_le_bytes());
            body.extend_from_slice(&records.to_le_bytes());
        }
        body.extend_from_slice(&file_len.to_le_bytes());
        body.resize(fixed, 0);
        body.extend_from_slice(payload);
        for (index, part) in body.chunks(ROOM).enumerate() {
            let mut sector = [0; SECTOR];
            sector[4..8].copy_from_slice(&epoch.to_le_bytes());
            sector[8..16].copy_from_slice(&seq.to_le_bytes());
            sector[16..18].copy_from_slice(&(index as u16).to_le_bytes());
            sector[18..20].copy_from_slice(&(total as u16).to_le_bytes());
            sector[20..22].copy_from_slice(&(part.len() as u16).to_le_bytes());
            sector[22] = kind;
            sector[LABEL..LABEL + part.len()].copy_from_slice(part);
            // A crash leaves some sectors of a batch, and not others.
            if !(tweak(6) && index as u64 % 2 == 1) {
                file.extend_from_slice(&sector);
            } else {
                file.extend_from_slice(&[0; SECTOR]);
            }
        }
        file.extend_from_slice(if tweak(7) { &[0; SECTOR] } else { &[] });
        seq = seq.wrapping_add(1);
        end = if kind == 3 { first.wrapping_add(u64::from(records)).wrapping_sub(1) } else { end };
    }
    file.extend_from_slice(&[0; 3 * SECTOR]);
    seal_segment(&mut file);
    file
}

fn link(chain: [u8; 32], kind: u8, first: u64, count: u32, payload: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&chain).update(&[kind]).update(&first.to_le_bytes()).update(&count.to_le_bytes());
    *hasher.update(payload).finalize().as_bytes()
}

/// A snapshot's file, which is of the position that it says it is of: found, read, written again.
pub fn snapshot<M: Model>(bytes: &[u8]) -> bool {
    let position = bytes.get(16..24).map_or(7, |bytes| u64::from_le_bytes(bytes.try_into().expect("eight")));
    let disk = FaultyDisk::new();
    disk.put(&Path::new(DIR).join(format!("snapshot-{position:020}")), bytes.to_vec());
    let today = Today::of::<M>();
    let snapshots = Snapshots::new(Arc::new(disk), Path::new(DIR), Retention::default());
    let _ = snapshots.newest_through(crate::Timestamp::of_the_clock());
    let _ = snapshots.to_compare::<M>(&today, Position::START);
    let loaded = match snapshots.newest::<M>(&today, None) {
        Ok(Some(loaded)) => loaded,
        Ok(None) => return false,
        Err(error) => {
            assert!(!error.to_string().is_empty(), "a refusal has words");
            return false;
        }
    };
    assert_eq!(loaded.kernel.position().get(), position);
    let other = FaultyDisk::new();
    other.create_dir(Path::new(DIR)).expect("the disk is whole");
    let again = Snapshots::new(Arc::new(other), Path::new(DIR), Retention::default());
    again.write(&today.preamble, &loaded.kernel, loaded.time).expect("what was read is written");
    let same = again.newest::<M>(&today, None).expect("it is read back").expect("it is there");
    assert!(same.is_of_today && same.time == loaded.time);
    let bytes = |model: &M| postcard::to_stdvec(model).expect("a state is written");
    assert_eq!(bytes(same.kernel.model()), bytes(loaded.kernel.model()));
    let requests = |kernel| postcard::to_stdvec(kernel).expect("requests are written");
    assert_eq!(requests(same.kernel.requests()), requests(loaded.kernel.requests()));
    super::types::state::<M>(&bytes(loaded.kernel.model()))
}

/// A snapshot's content with the checksum that it needs.
pub fn seal_snapshot(content: &[u8]) -> Vec<u8> {
    let mut file = content.to_vec();
    file.extend_from_slice(blake3::hash(content).as_bytes());
    file
}

/// The content of a snapshot with these parts.
pub fn snapshot_content(position: u64, preamble: &[u8], requests: &[u8], state: &[u8]) -> Vec<u8> {
    let mut content = b"memstate snap 1\n".to_vec();
    content.extend_from_slice(&position.to_le_bytes());
    content.extend_from_slice(&1_360_343_100_000_001_i64.to_le_bytes());
    for part in [preamble, requests] {
        content.extend_from_slice(&(part.len() as u64).to_le_bytes());
        content.extend_from_slice(part);
    }
    content.extend_from_slice(state);
    content
}

/// The file `attempt`, before a tail that ends where the last eight bytes say: with the head and the checksum that it needs, and
/// without.
pub fn attempt(bytes: &[u8]) -> bool {
    let mut sealed = b"attempt2".to_vec();
    sealed.extend_from_slice(&program(None).to_le_bytes());
    let (head, verdicts) = bytes.split_at(bytes.len().min(24));
    sealed.extend_from_slice(head);
    sealed.resize(40, 0);
    let verdicts = &verdicts[..verdicts.len() / 8 * 8];
    sealed.extend_from_slice(&((verdicts.len() / 8) as u64).to_le_bytes());
    sealed.extend_from_slice(verdicts);
    let sum = crc32c::crc32c(&sealed);
    sealed.extend_from_slice(&sum.to_le_bytes());
    let end = bytes.split_last_chunk().map_or(40, |(_, last)| u64::from_le_bytes(*last));
    tried(bytes, end) | tried(&sealed, end)
}

/// Whether all of a tail may be applied after what the file says.
fn tried(file: &[u8], end: u64) -> bool {
    let disk = FaultyDisk::new();
    let path = Path::new(DIR).join("attempt");
    disk.put(&path, file.to_vec());
    let disk: Arc<dyn Disk> = Arc::new(disk);
    let attempts =
        Attempts::new(Arc::clone(&disk), Path::new(DIR), None).expect("a file that is no attempt is none");
    attempts.until(Position::new(end));
    let first = end.saturating_sub(40).max(1);
    let named = |position: u64| file.windows(8).any(|bytes| bytes == position.to_le_bytes());
    let mut blamed = 0;
    for position in first..end {
        let allowed = attempts.may_apply(Position::new(position)).expect("the disk is whole");
        blamed += u32::from(!allowed);
        assert!(allowed || named(position), "who is not named is innocent");
    }
    attempts.done().expect("the disk is whole");
    // One that is damaged names nothing, and stays until the next tail has to be named.
    assert!(
        first >= end || disk.open(&path, Access::Read).is_err(),
        "a tail that was applied leaves no attempt"
    );
    blamed > 0
}
