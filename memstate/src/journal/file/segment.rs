//! What the groups of a segment say: names of files, the header, the frame of every other group, the chain.

use super::sector::{Kind, array_at, u32_at, u64_at};
use crate::{Position, journal::version_of};

/// The format that is written here, and the latest that can be read.
pub const FORMAT: u32 = 1;

const MAGIC: [u8; 8] = *b"memstate";
const NAME_DIGITS: usize = 10;

/// A BLAKE3 value that stands for everything before it.
pub type Chain = [u8; 32];

/// The chain before the first segment.
pub const CHAIN_START: Chain = [0; 32];

/// The name of a segment's file.
pub fn file_name(number: u64) -> String {
    format!("journal-{number:0NAME_DIGITS$}.seg")
}

/// The name under which a segment is made, until it is complete.
pub fn temporary_name(number: u64) -> String {
    format!("{}.tmp", file_name(number))
}

/// The number of the segment whose file has this name.
pub fn number_of(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("journal-")?.strip_suffix(".seg")?;
    let number = digits.parse().ok()?;
    (number > 0 && file_name(number) == name).then_some(number)
}

/// The chain after a group that continues `chain`. The preambles are in it too, for they say how to read the rest.
pub fn link(chain: &Chain, kind: Kind, first: Position, count: u32, payload: &[u8]) -> Chain {
    let mut fixed = [0; 45];
    fixed[..32].copy_from_slice(chain);
    fixed[32] = kind as u8;
    fixed[33..41].copy_from_slice(&first.get().to_le_bytes());
    fixed[41..].copy_from_slice(&count.to_le_bytes());
    let mut hasher = blake3::Hasher::new();
    hasher.update(&fixed);
    hasher.update(payload);
    *hasher.finalize().as_bytes()
}

/// What a segment says of itself, before the preamble.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The segment's number, from 1.
    pub segment: u64,
    /// The position of the first record that is, or will be, in it.
    pub base: Position,
    /// The length of the file when this was written.
    pub file_len: u64,
    /// The chain up to here.
    pub chain: Chain,
}

/// What the first bytes of a header's body are.
#[derive(Debug, PartialEq, Eq)]
pub enum Opening {
    /// A header of this format.
    Header(Header),
    /// A header of a later one, and the version of memstate that wrote it, if it says so where every format does.
    Newer(u32, Option<String>),
    /// Not a header.
    Other,
}

impl Header {
    /// The bytes before the preamble.
    pub const BYTES: usize = 68;

    /// The bytes before the preamble.
    pub fn to_bytes(&self) -> [u8; Header::BYTES] {
        let mut bytes = [0; Header::BYTES];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&FORMAT.to_le_bytes());
        bytes[12..20].copy_from_slice(&self.segment.to_le_bytes());
        bytes[20..28].copy_from_slice(&self.base.get().to_le_bytes());
        bytes[28..36].copy_from_slice(&self.file_len.to_le_bytes());
        bytes[36..].copy_from_slice(&self.chain);
        bytes
    }

    /// Reads the beginning of a body.
    pub fn parse(body: &[u8]) -> Opening {
        if body.len() < 12 || body[..8] != MAGIC {
            return Opening::Other;
        }
        match u32_at(body, 8) {
            FORMAT if body.len() >= Header::BYTES => Opening::Header(Header {
                segment: u64_at(body, 12),
                base: Position::new(u64_at(body, 20)),
                file_len: u64_at(body, 28),
                chain: array_at(body, 36),
            }),
            later if later > FORMAT => {
                let version = body.get(Header::BYTES..).and_then(version_of);
                Opening::Newer(later, version.map(str::to_owned))
            }
            _ => Opening::Other,
        }
    }
}

/// What every group but the header begins with, before its payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The position of its first record, or of the next one if it has none.
    pub first: Position,
    /// How many records it holds.
    pub count: u32,
    /// The length of the file when this was written.
    pub file_len: u64,
    /// The chain after it.
    pub chain: Chain,
}

impl Frame {
    /// The bytes before the payload.
    pub const BYTES: usize = 52;

    /// The bytes before the payload.
    pub fn to_bytes(&self) -> [u8; Frame::BYTES] {
        let mut bytes = [0; Frame::BYTES];
        bytes[..8].copy_from_slice(&self.first.get().to_le_bytes());
        bytes[8..12].copy_from_slice(&self.count.to_le_bytes());
        bytes[12..20].copy_from_slice(&self.file_len.to_le_bytes());
        bytes[20..].copy_from_slice(&self.chain);
        bytes
    }

    /// Reads the beginning of a body, if it is long enough.
    pub fn parse(body: &[u8]) -> Option<Frame> {
        (body.len() >= Frame::BYTES).then(|| Frame {
            first: Position::new(u64_at(body, 0)),
            count: u32_at(body, 8),
            file_len: u64_at(body, 12),
            chain: array_at(body, 20),
        })
    }
}

/// A place in the journal between two groups, and everything that decides what may come next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The segment.
    pub segment: u64,
    /// The sector where the next group begins.
    pub sector: u64,
    /// The number of the next group.
    pub seq: u64,
    /// The writer of the last group.
    pub epoch: u32,
    /// What the last group was.
    pub last: Kind,
    /// The last position.
    pub end: Position,
    /// The chain up to here.
    pub chain: Chain,
}

impl Cursor {
    /// After the header of a segment.
    pub fn after_header(header: &Header, epoch: u32, seq: u64, sectors: u64, preamble: &[u8]) -> Cursor {
        Cursor {
            segment: header.segment,
            sector: sectors,
            // No group has the number after the last one.
            seq: seq.saturating_add(1),
            epoch,
            last: Kind::Header,
            end: Position::new(header.base.get().saturating_sub(1)),
            chain: link(&header.chain, Kind::Header, header.base, 0, preamble),
        }
    }

    /// Whether a group of this kind may come next, and the epoch that it must have then.
    ///
    /// A writer starts with an epoch that nobody had before, and after a close or a seal it writes no more: so
    /// nothing of an earlier writer can be taken for something of a later one. The epoch of the first segment's
    /// header is 0 and nobody's.
    pub fn epoch_of_next(&self, kind: Kind) -> Option<u32> {
        match kind {
            Kind::Header => None,
            Kind::Epoch if self.last == Kind::Seal => None,
            Kind::Epoch => self.epoch.checked_add(1),
            Kind::Batch | Kind::Close | Kind::Seal => {
                let writing = !matches!(self.last, Kind::Close | Kind::Seal) && self.epoch > 0;
                writing.then_some(self.epoch)
            }
        }
    }

    /// Goes past a group that [`Cursor::epoch_of_next`] allows; `end` and `chain` are what is true after it.
    pub fn pass(&mut self, kind: Kind, epoch: u32, sectors: u64, end: Position, chain: Chain) {
        self.sector += sectors;
        self.seq = self.seq.saturating_add(1);
        (self.epoch, self.last, self.end, self.chain) = (epoch, kind, end, chain);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_names_are_segments() {
        assert_eq!(file_name(1), "journal-0000000001.seg");
        assert_eq!(number_of("journal-0000000042.seg"), Some(42));
        assert_eq!(number_of(&file_name(12_345_678_901)), Some(12_345_678_901));
        let others =
            ["journal-1.seg", "journal-0000000000.seg", "journal-+000000001.seg", "journal-00000000012.seg"];
        for other in others.into_iter().chain(["journal-0000000001.seg.tmp", "lock", "0000000001.seg"]) {
            assert_eq!(number_of(other), None, "{other}");
        }
    }

    #[test]
    fn header_and_frame_are_read_back() {
        let header = Header { segment: 3, base: Position::new(9), file_len: 4096, chain: [5; 32] };
        assert_eq!(Header::parse(&header.to_bytes()), Opening::Header(header.clone()));
        let mut later = header.to_bytes();
        later[8] = 2;
        assert_eq!(Header::parse(&later), Opening::Newer(2, None));
        let with_preamble = [&later[..], b"\x050.2.0-rc.1 and more"].concat();
        assert_eq!(Header::parse(&with_preamble), Opening::Newer(2, None), "the length is that of the text");
        let with_preamble = [&later[..], b"\x07\x0a0.2.0-rc.1 and more"].concat();
        assert_eq!(Header::parse(&with_preamble), Opening::Newer(2, Some("0.2.0-rc.1".to_owned())));
        assert_eq!(Header::parse(&later[..11]), Opening::Other);
        let frame = Frame { first: Position::new(9), count: 2, file_len: 4096, chain: [6; 32] };
        assert_eq!(Frame::parse(&frame.to_bytes()), Some(frame.clone()));
        assert_eq!(Frame::parse(&frame.to_bytes()[1..]), None);
    }
}
