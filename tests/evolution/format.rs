//! docs/format.md is true: a reader that follows the page, and none of memstate's code, takes a golden journal apart, verifies
//! it, and writes the listing that stands in the page.
//!
//! `MEMSTATE_GOLDEN=write` puts today's listing into the page.

use std::{fmt::Write as _, fs, path::Path, vec::Vec};

use serde::Deserialize;
use twox_hash::XxHash3_64 as Xxh3;

const SECTOR: usize = 512;
const LABEL: usize = 24;
const KINDS: [&str; 6] = ["", "header", "epoch", "batch", "close", "seal"];

#[derive(Debug, Deserialize)]
#[allow(dead_code, reason = "it is shown")]
enum Shape {
    Opaque,
    Unit,
    Bool,
    Signed(u8),
    Unsigned(u8),
    F32,
    F64,
    Char,
    Text,
    Bytes,
    Option(Box<Shape>),
    List(Box<Shape>),
    Tuple(Vec<Shape>),
    Map(Box<Shape>, Box<Shape>),
    Named(u32),
}

#[derive(Debug, Deserialize)]
#[allow(dead_code, reason = "it is shown")]
enum Content {
    Unit,
    Newtype(Shape),
    Tuple(Vec<Shape>),
    Fields(Vec<(String, Vec<String>, Shape)>),
}

#[derive(Debug, Deserialize)]
#[allow(dead_code, reason = "it is shown")]
enum Kind {
    Struct(Content),
    Enum(Vec<(String, Vec<String>, Content)>),
}

#[derive(Debug, Deserialize)]
struct Command {
    name: String,
    was: Vec<String>,
    version: u32,
    replays: Option<(String, u32)>,
    arguments: Vec<(String, Vec<String>, Shape)>,
    accepted: Shape,
    rejected: Option<Shape>,
}

#[derive(Debug, Deserialize)]
struct Preamble {
    layout: u16,
    memstate: String,
    model: String,
    version: u32,
    state: Shape,
    commands: Vec<Command>,
    events: Shape,
    types: Vec<(String, Kind)>,
    carries: u64,
}

#[derive(Debug, Deserialize)]
#[allow(dead_code, reason = "it is shown")]
enum Answered {
    Accepted(Vec<u8>),
    Rejected(Vec<u8>),
    Panicked(String),
    Lost,
    AcceptedAll { methods: Vec<u16>, replies: Vec<u8> },
    RejectedIn { method: u16, reply: Vec<u8> },
}

/// Position, fingerprint, command, answer.
type Kept = (u64, u64, u16, Answered);
/// Those that are remembered, by client and sequence; their order; the bytes of their answers; the last that was forgotten.
type Requests = (Vec<((u128, u64), Kept)>, Vec<(u128, u64)>, u64, u64);

/// Bytes, taken from the front.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        taken
    }
    fn u8(&mut self) -> u8 {
        self.take(1)[0]
    }
    fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.take(2).try_into().unwrap())
    }
    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take(4).try_into().unwrap())
    }
    fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take(8).try_into().unwrap())
    }
    fn varint(&mut self) -> u64 {
        let (mut number, mut shift) = (0, 0);
        loop {
            let byte = self.u8();
            number |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                return number;
            }
        }
    }
    fn counted(&mut self) -> &'a [u8] {
        let length = self.varint() as usize;
        self.take(length)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What is read on from one segment to the next.
struct Journal {
    text: String,
    chain: [u8; 32],
    epoch: u32,
    seq: u64,
    next: u64,
    names: Vec<String>,
    outcomes: Vec<(u64, String)>,
}

impl Journal {
    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        writeln!(self.text, "{line}").unwrap();
    }

    /// A sector: its label, and what is used of its body; `None` if it was never written.
    fn sector(bytes: &[u8], segment: u64, at: u64) -> Option<([u64; 5], u8, Vec<u8>)> {
        if bytes.iter().all(|byte| *byte == 0) {
            return None;
        }
        let key = [segment.to_le_bytes(), at.to_le_bytes()].concat();
        let sum = crc32c::crc32c(&[&key, &bytes[4..]].concat()).max(1);
        let mut label = Bytes(bytes);
        assert_eq!(label.u32(), sum, "sector {at} of segment {segment}");
        let (epoch, seq) = (label.u32(), label.u64());
        let (index, total, used) = (label.u16(), label.u16(), label.u16());
        let (kind, zero) = (label.u8(), label.u8());
        let body = &bytes[LABEL..LABEL + usize::from(used)];
        assert!(
            zero == 0
                && index < total
                && used > 0
                && bytes[LABEL + body.len()..].iter().all(|byte| *byte == 0)
        );
        assert!(index + 1 == total || body.len() == SECTOR - LABEL);
        Some(([epoch.into(), seq, index.into(), total.into(), used.into()], kind, body.to_vec()))
    }

    fn segment(&mut self, number: u64, file: &[u8]) {
        self.line(format_args!("journal-{number:010}.seg, {} bytes", file.len()));
        let mut at = 0;
        while let Some(([epoch, seq, index, total, _], kind, mut body)) =
            Self::sector(&file[at * SECTOR..][..SECTOR], number, at as u64)
        {
            assert_eq!(index, 0);
            for index in 1..total {
                let place = at + index as usize;
                let sector = Self::sector(&file[place * SECTOR..][..SECTOR], number, place as u64).unwrap();
                assert_eq!((sector.0[..4].to_vec(), sector.1), (vec![epoch, seq, index, total], kind));
                body.extend(sector.2);
            }
            let (offset, kind_name) = (at * SECTOR, KINDS[usize::from(kind)]);
            self.line(format_args!("{offset:6}  {kind_name}: epoch {epoch}, seq {seq}, sectors {total}"));
            at += total as usize;
            let file_len = match kind {
                1 => self.header(number, seq, epoch, &body),
                _ => self.group(kind, seq, epoch, number, &body),
            };
            // It was written when the file reached at least a sector beyond it, and the file is never made shorter.
            assert!(file_len >= ((at + 1) * SECTOR) as u64 && file_len <= file.len() as u64);
        }
        assert!(file[at * SECTOR..].iter().all(|byte| *byte == 0), "nothing comes after the last group");
        let offset = at * SECTOR;
        self.line(format_args!("{offset:6}  zeros to the end"));
    }

    fn link(&self, kind: u8, first: u64, count: u32, payload: &[u8]) -> [u8; 32] {
        let parts: [&[u8]; 5] = [&self.chain, &[kind], &first.to_le_bytes(), &count.to_le_bytes(), payload];
        *blake3::hash(&parts.concat()).as_bytes()
    }

    fn header(&mut self, number: u64, seq: u64, epoch: u64, body: &[u8]) -> u64 {
        let mut header = Bytes(body);
        assert_eq!(header.take(8), b"memstate");
        let (format, segment, base, file_len) = (header.u32(), header.u64(), header.u64(), header.u64());
        assert_eq!((format, segment, base, header.take(32)), (1, number, self.next, &self.chain[..]));
        // It was made before the seal that announces it.
        assert_eq!((seq, epoch), (if number == 1 { 0 } else { self.seq }, self.epoch.into()));
        self.line(format_args!(
            "        format {format}, segment {segment}, base {base}, file_len {file_len}"
        ));
        self.chain = self.link(1, base, 0, header.0);
        self.seq += 1;
        self.line(format_args!("        chain after it {}", hex(&self.chain)));
        self.preamble(header.0);
        file_len
    }

    fn preamble(&mut self, bytes: &[u8]) {
        let preamble: Preamble = postcard::from_bytes(bytes).unwrap();
        let Preamble { layout, memstate, model, version, state, commands, events, types, carries } = preamble;
        assert_eq!(layout, 3);
        self.line(format_args!("        preamble of {} bytes: layout 3, memstate {memstate}", bytes.len()));
        self.line(format_args!(
            "          model {model}, version {version}, state {state:?}, events {events:?}"
        ));
        for (number, command) in commands.iter().enumerate() {
            let Command { name, was, version, replays, arguments, accepted, rejected } = command;
            self.line(format_args!(
                "          command {number}: {name}, was {was:?}, version {version}, replays {replays:?}"
            ));
            self.line(format_args!("            {arguments:?} -> {accepted:?}, or {rejected:?}"));
        }
        for (number, (name, kind)) in types.iter().enumerate() {
            self.line(format_args!("          type {number}: {name}, {kind:?}"));
        }
        self.line(format_args!("          carries {carries:#018x}"));
        self.names = commands.into_iter().map(|command| command.name).collect();
    }

    fn group(&mut self, kind: u8, seq: u64, epoch: u64, segment: u64, body: &[u8]) -> u64 {
        // A header has taken a number; the seal that comes before its segment in time has the one before.
        let mut frame = Bytes(body);
        let (first, count, file_len) = (frame.u64(), frame.u32(), frame.u64());
        let (chain, payload) = (frame.take(32), frame.0);
        assert_eq!((seq, first), (self.seq, self.next));
        self.seq += 1;
        self.epoch += u32::from(kind == 2);
        assert_eq!(epoch, u64::from(self.epoch));
        match kind {
            3 => self.chain = self.link(3, first, count, payload),
            5 => assert_eq!(payload, (segment + 1).to_le_bytes()),
            _ => assert!(payload.is_empty()),
        }
        assert_eq!(chain, self.chain);
        self.line(format_args!(
            "        first {first}, count {count}, file_len {file_len}, chain {}…",
            &hex(chain)[..8]
        ));
        if kind == 3 {
            self.payload(payload, first, count);
        }
        self.next += u64::from(count);
        file_len
    }

    fn outcome(bytes: &mut Bytes<'_>) -> String {
        let kind = bytes.u8();
        let name = ["accepted", "rejected", "panicked", "repeated", "refused", "poisoned"][usize::from(kind)];
        match kind {
            0 | 1 => {
                let (reply, changes) = (bytes.u16(), bytes.u16());
                format!("{name} {reply:04x} {changes:04x}")
            }
            _ => name.to_owned(),
        }
    }

    fn payload(&mut self, payload: &[u8], first: u64, count: u32) {
        let mut bytes = Bytes(payload);
        match bytes.u8() {
            1 => {
                let (index, last) = (bytes.varint(), bytes.u8());
                self.line(format_args!("        genesis: part {index}, last {last}, {}", hex(bytes.0)));
            }
            2 => {
                let (time, seed) = (bytes.u64() as i64, hex(bytes.take(16)));
                let (of, outcomes) = (bytes.varint(), bytes.varint());
                self.line(format_args!(
                    "        records: time {time}, seed {seed}, {outcomes} outcomes from {of} on"
                ));
                for position in of..of + outcomes {
                    let outcome = Self::outcome(&mut bytes);
                    self.line(format_args!("          outcome of {position}: {outcome}"));
                    self.outcomes.push((position, outcome));
                }
                (first..first + u64::from(count)).for_each(|position| self.record(position, &mut bytes));
                assert!(bytes.0.is_empty());
            }
            other => panic!("this journal has no payload of kind {other}"),
        }
    }

    fn record(&mut self, position: u64, bytes: &mut Bytes<'_>) {
        let head = bytes.varint();
        let caller = (head & 2 != 0).then(|| String::from_utf8(bytes.counted().to_vec()).unwrap());
        let request = (head & 1 != 0).then(|| (hex(bytes.take(16)), bytes.varint(), bytes.varint()));
        let mut arguments = Bytes(bytes.counted());
        let name = |method: u64| self.names[method as usize].clone();
        let text = match head >> 2 {
            65_535 => {
                let mut commands = Vec::new();
                while !arguments.0.is_empty() {
                    commands.push(format!("{} {}", name(arguments.varint()), hex(arguments.counted())));
                }
                format!("atomically {commands:?}")
            }
            method => format!("{} {}", name(method), hex(arguments.0)),
        };
        self.line(format_args!(
            "          record {position}: {text}, caller {caller:?}, request {request:?}"
        ));
    }

    fn snapshot(&mut self, name: &str, file: &[u8]) {
        let (content, seal) = file.split_at(file.len() - 32);
        assert_eq!(blake3::hash(content).as_bytes(), seal);
        let mut bytes = Bytes(content);
        assert_eq!(bytes.take(16), b"memstate snap 1\n");
        let (position, time) = (bytes.u64(), bytes.u64() as i64);
        assert_eq!(name, format!("snapshot-{position:020}"));
        let length = bytes.u64() as usize;
        let preamble = bytes.take(length);
        assert_eq!(postcard::from_bytes::<Preamble>(preamble).unwrap().layout, 3);
        let length = bytes.u64() as usize;
        let (kept, order, size, forgotten): Requests = {
            let mut read = postcard::Deserializer::from_bytes(bytes.take(length));
            let (kept, order, size, forgotten) = Deserialize::deserialize(&mut read).unwrap();
            let kept: std::collections::BTreeMap<_, _> = kept;
            (kept.into_iter().collect(), order, size, forgotten)
        };
        self.line(format_args!("{name}, {} bytes", file.len()));
        self.line(format_args!(
            "        position {position}, time {time}, preamble of {} bytes, requests of {length}",
            preamble.len()
        ));
        self.line(format_args!(
            "        remembered: {} bytes of answers, forgotten through {forgotten}",
            size
        ));
        for ((client, sequence), (position, fingerprint, method, answered)) in &kept {
            let key = format!("{client:032x}/{sequence}");
            self.line(format_args!(
                "          {key} at {position}: {fingerprint:016x}, command {method}, {answered:?}"
            ));
        }
        assert_eq!(order, kept.iter().map(|(key, _)| *key).collect::<Vec<_>>());
        self.line(format_args!("        state {}", hex(bytes.0)));
    }
}

const NAME: &str = "0.1.0-till";
const BEGIN: &str = "<!-- The listing is written by tests/evolution/format.rs. -->\n```text\n";

fn read() -> Journal {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(NAME);
    let (text, names, outcomes) = (String::new(), Vec::new(), Vec::new());
    let mut journal = Journal { text, chain: [0; 32], epoch: 0, seq: 0, next: 1, names, outcomes };
    for number in 1..=2 {
        journal.segment(number, &fs::read(dir.join(format!("journal-{number:010}.seg"))).unwrap());
    }
    let snapshot = "snapshot-00000000000000000004";
    journal.snapshot(snapshot, &fs::read(dir.join(snapshot)).unwrap());
    journal
}

#[test]
fn the_page_of_the_format_shows_what_a_reader_that_follows_it_finds() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/format.md");
    let (text, listing) = (fs::read_to_string(&page).unwrap(), read().text);
    let (before, rest) = text.split_once(BEGIN).expect("the listing has its place");
    let (shown, after) = rest.split_once("```").unwrap();
    if std::env::var_os("MEMSTATE_GOLDEN").is_some_and(|what| what == "write") {
        return fs::write(page, format!("{before}{BEGIN}{listing}```{after}")).unwrap();
    }
    assert!(shown == listing, "docs/format.md shows something else than\n{listing}");
}

/// The two halves of an outcome's digest.
fn digest(reply: &[u8], events: &[u8], contents: &[&[u8]], root: &[u8]) -> String {
    let reply = Xxh3::oneshot_with_seed(Xxh3::oneshot(reply), events);
    let contents = contents.iter().fold(0_u64, |sum, contents| sum.wrapping_add(Xxh3::oneshot(contents)));
    let changes = Xxh3::oneshot_with_seed(contents, root);
    format!("{:04x} {:04x}", reply as u16, changes as u16)
}

#[test]
fn the_digests_are_those_that_the_page_tells() {
    let outcomes = read().outcomes;
    let of = |position: u64| &outcomes.iter().find(|(of, _)| *of == position).unwrap().1;
    let grown = |from: u64, to: u64| [&[2][..], &from.to_le_bytes(), &to.to_le_bytes()].concat();
    // 250 is fa 01; the event is 2 bytes long; the list was extended by nothing; the state has 250 cents and a list of length 0.
    let first = digest(&[0xfa, 1], &[2, 0xfa, 1], &[&grown(0, 0)], &[0xfa, 1, 0]);
    assert_eq!(*of(1), format!("accepted {first}"));
    // The list has grown from 0 to 1 by "ann": tag 2, two numbers of 8 bytes, the text. 550 is a6 04, 300 is ac 02.
    let grown = [&grown(0, 1)[..], b"\x03ann"].concat();
    let second = digest(&[0xa6, 4], &[2, 0xac, 2], &[&grown], &[0xa6, 4, 1]);
    assert_eq!(*of(2), format!("accepted {second}"));
    // A rejection has its reply alone.
    let reply = [&[19][..], b"nothing is not sold"].concat();
    let third = digest(&reply, &[], &[], &[]);
    assert_eq!(of(3)[..13], format!("rejected {third}")[..13]);
    assert!(of(3).ends_with(" 0000"));
}

#[test]
fn hashes_are_those_of_their_definitions() {
    assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
    assert_eq!(Xxh3::oneshot(b""), 0x2d06_8005_38d3_94c2);
    assert_eq!(Xxh3::oneshot(b"abc"), 0x78af_5f94_892f_3950);
    let long: Vec<u8> = (0..=255).chain(0..=255).collect();
    assert_eq!(Xxh3::oneshot_with_seed(0x0123_4567_89ab_cdef, &long), 0xd6ad_a527_3220_e7b1);
    assert!(blake3::hash(b"").to_hex().starts_with("af1349b9f5f9a1a6a0404dea36dcc949"));
}

#[test]
fn the_fingerprint_of_a_request_is_of_the_name_and_the_arguments() {
    let listing = read().text;
    let expected = Xxh3::oneshot_with_seed(Xxh3::oneshot_with_seed(0, b"sell"), &[7]);
    assert!(listing.contains(&format!("at 4: {expected:016x}, command 0, Accepted(")), "{expected:016x}");
}
