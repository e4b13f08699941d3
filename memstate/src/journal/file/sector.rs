//! A sector: the 512 bytes that a disk writes whole or not at all, and the only thing here that has a checksum.

use crate::bugs::{self, Bug};

/// The bytes of a sector.
pub const SECTOR_BYTES: u64 = 512;

/// What a whole sector is read into.
pub type SectorBytes = [u8; SECTOR_BYTES as usize];

const LABEL_BYTES: usize = 24;

/// The bytes of a sector that a group's body can use.
pub const ROOM_BYTES: usize = SECTOR_BYTES as usize - LABEL_BYTES;

/// The most bytes of a body, so that its sectors can be counted in 16 bits.
pub const BODY_BYTES_MAX: usize = ROOM_BYTES * u16::MAX as usize;

const NEVER_WRITTEN: SectorBytes = [0; SECTOR_BYTES as usize];

/// What a group of sectors is. No kind is 0, so that a damaged sector of zeros cannot pass for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// The beginning of a segment.
    Header = 1,
    /// A writer started.
    Epoch = 2,
    /// A batch of the journal's user.
    Batch = 3,
    /// The writer closed the journal.
    Close = 4,
    /// The segment is complete and the next one exists.
    Seal = 5,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Kind> {
        [Kind::Header, Kind::Epoch, Kind::Batch, Kind::Close, Kind::Seal]
            .into_iter()
            .find(|kind| *kind as u8 == byte)
    }
}

/// To which group a sector belongs, and where in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Label {
    /// What the group is.
    pub kind: Kind,
    /// The writer that wrote it.
    pub epoch: u32,
    /// The group's number in the whole journal.
    pub seq: u64,
    /// The sector's number in the group, from 0.
    pub index: u16,
    /// How many sectors the group has.
    pub total: u16,
}

/// What 512 bytes of a segment turn out to be.
#[derive(Debug, PartialEq, Eq)]
pub enum Sector<'a> {
    /// All zeros: nothing was ever written here, or it was lost.
    NeverWritten,
    /// Exactly what was written to this place, and its part of the group's body.
    Written(Label, &'a [u8]),
    /// Anything else, and why.
    Damaged(&'static str),
}

/// How many sectors a body of this many bytes takes.
pub fn sectors_of(body_bytes: usize) -> u64 {
    body_bytes.div_ceil(ROOM_BYTES).max(1) as u64
}

/// Reads what should be the sector `at` of a segment.
pub fn decode(bytes: &SectorBytes, segment: u64, at: u64) -> Sector<'_> {
    if *bytes == NEVER_WRITTEN {
        return Sector::NeverWritten;
    }
    if u32_at(bytes, 0) != checksum(bytes, segment, at) && !bugs::on(Bug::ChecksumOff) {
        return Sector::Damaged("the checksum of the sector does not match its bytes and its place");
    }
    let (index, total, used) = (u16_at(bytes, 16), u16_at(bytes, 18), usize::from(u16_at(bytes, 20)));
    let Some(kind) = Kind::from_byte(bytes[22]) else {
        return Sector::Damaged("the sector is of an unknown kind");
    };
    let is_last = index.checked_add(1) == Some(total);
    let fits = index < total && (1..=ROOM_BYTES).contains(&used) && (is_last || used == ROOM_BYTES);
    if !fits || bytes[23] != 0 || bytes[LABEL_BYTES + used..].iter().any(|byte| *byte != 0) {
        return Sector::Damaged("the sector contradicts itself");
    }
    let label = Label { kind, epoch: u32_at(bytes, 4), seq: u64_at(bytes, 8), index, total };
    Sector::Written(label, &bytes[LABEL_BYTES..LABEL_BYTES + used])
}

/// Writes a group, whose body is `fixed` and then `payload`, into `buffer`: the sectors from `at` on of a segment.
/// `group` is the label of any of its sectors; `index` and `total` are set here.
pub fn encode(buffer: &mut Vec<u8>, segment: u64, at: u64, group: Label, fixed: &[u8], payload: &[u8]) {
    let body_bytes = fixed.len() + payload.len();
    assert!(body_bytes <= BODY_BYTES_MAX, "the callers refuse what is too long");
    let total = sectors_of(body_bytes);
    buffer.clear();
    buffer.resize((total * SECTOR_BYTES) as usize, 0);
    let mut parts = [fixed, payload];
    let (sectors, _) = buffer.as_chunks_mut::<{ SECTOR_BYTES as usize }>();
    for (index, sector) in sectors.iter_mut().enumerate() {
        let mut used = 0;
        for part in &mut parts {
            let (now, later) = part.split_at(part.len().min(ROOM_BYTES - used));
            sector[LABEL_BYTES + used..][..now.len()].copy_from_slice(now);
            used += now.len();
            *part = later;
        }
        sector[4..8].copy_from_slice(&group.epoch.to_le_bytes());
        sector[8..16].copy_from_slice(&group.seq.to_le_bytes());
        sector[16..18].copy_from_slice(&(index as u16).to_le_bytes());
        sector[18..20].copy_from_slice(&(total as u16).to_le_bytes());
        sector[20..22].copy_from_slice(&(used as u16).to_le_bytes());
        sector[22] = group.kind as u8;
        let sum = checksum(sector, segment, at + index as u64);
        sector[0..4].copy_from_slice(&sum.to_le_bytes());
    }
}

/// The checksum of everything after it. Segment and place are part of it, so that a sector that a disk wrote to,
/// or read from, the wrong place does not match.
fn checksum(bytes: &SectorBytes, segment: u64, at: u64) -> u32 {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&segment.to_le_bytes());
    key[8..].copy_from_slice(&at.to_le_bytes());
    // 0 is what a sector that was never written has.
    crc32c::crc32c_append(crc32c::crc32c(&key), &bytes[4..]).max(1)
}

/// The little-endian number at a place that the caller knows to exist.
pub fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array_at(bytes, at))
}

/// See [`u64_at`].
pub fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array_at(bytes, at))
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(array_at(bytes, at))
}

/// The bytes at a place that the caller knows to exist.
pub fn array_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&bytes[at..at + N]);
    array
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: Label = Label { kind: Kind::Batch, epoch: 7, seq: 9, index: 0, total: 0 };

    #[test]
    fn what_is_encoded_is_decoded_only_in_its_own_place() {
        for body_bytes in [1, 51, 52, 487, 488, 489, 975, 976, 977, 5000] {
            let body: Vec<u8> = (0..body_bytes).map(|i| i as u8 | 1).collect();
            let (fixed, payload) = body.split_at(body.len().min(52));
            let mut buffer = vec![0xff; 3];
            encode(&mut buffer, 3, 11, GROUP, fixed, payload);
            assert_eq!(buffer.len() as u64, sectors_of(body_bytes) * SECTOR_BYTES);
            let mut read = Vec::new();
            let (sectors, rest) = buffer.as_chunks();
            assert!(rest.is_empty());
            for (index, sector) in sectors.iter().enumerate() {
                let at = 11 + index as u64;
                let Sector::Written(label, used) = decode(sector, 3, at) else { panic!("{body_bytes}") };
                let total = sectors.len() as u16;
                assert_eq!(label, Label { index: index as u16, total, ..GROUP });
                read.extend_from_slice(used);
                assert!(matches!(decode(sector, 3, at + 1), Sector::Damaged(_)));
                assert!(matches!(decode(sector, 4, at), Sector::Damaged(_)));
            }
            assert_eq!(read, body);
        }
    }

    #[test]
    fn zeros_are_no_sector_and_neither_is_any_bit_among_them() {
        assert_eq!(decode(&NEVER_WRITTEN, 1, 0), Sector::NeverWritten);
        for bit in 0..SECTOR_BYTES as usize * 8 {
            let mut bytes = NEVER_WRITTEN;
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(matches!(decode(&bytes, 1, 0), Sector::Damaged(_)), "bit {bit}");
        }
    }
}
