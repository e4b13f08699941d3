//! What the tests share: the entrances by name, and a bound on what each reading may take of memory.

use std::sync::LazyLock;

use memstate::testing::hostile;
use memstate_tests::{
    everything::{Everything, seeds::Seeds},
    meter::measured,
};

/// How many bytes a reading may take for each byte that it is given, beside [`BASE`]. Several forms of one value are held at
/// once, to be compared.
pub const PER_BYTE: usize = 1024;
/// How many bytes a reading may take whatever it is given: the windows of readers, a simulated disk, the model's own schema.
pub const BASE: usize = 4 << 20;

/// An entrance for bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entrance {
    Record,
    Payload,
    Batch,
    /// Of the command with this number.
    Arguments(u16),
    State,
    Schema,
    Snapshot,
    Segment,
    Attempt,
    Text,
}

impl Entrance {
    /// Reads the bytes in every way there is, within the bound; whether they were accepted.
    pub fn enter(self, bytes: &[u8]) -> bool {
        let (accepted, peak) = measured(|| match self {
            Entrance::Record => hostile::record::<Everything>(bytes),
            Entrance::Payload => hostile::payload(bytes).is_some(),
            Entrance::Batch => hostile::batch::<Everything>(bytes),
            Entrance::Arguments(method) => hostile::arguments::<Everything>(method, bytes),
            Entrance::State => hostile::state::<Everything>(bytes),
            Entrance::Schema => hostile::schema::<Everything>(bytes),
            Entrance::Snapshot => hostile::snapshot::<Everything>(&hostile::seal_snapshot(bytes)),
            Entrance::Segment => hostile::segment::<Everything>(bytes),
            Entrance::Attempt => hostile::attempt(bytes),
            Entrance::Text => hostile::text(bytes),
        });
        let most = BASE + PER_BYTE * bytes.len();
        assert!(
            peak <= most,
            "{self:?}: {} bytes took {peak} bytes of memory, and may take {most}",
            bytes.len()
        );
        accepted
    }
}

/// Real bytes, made once.
pub static SEEDS: LazyLock<Seeds> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime on this thread");
    runtime.block_on(Seeds::make())
});

/// Real bytes, each with the entrance that they are for.
pub fn real() -> Vec<(Entrance, Vec<u8>)> {
    let seeds = &*SEEDS;
    let of = |entrance: Entrance, all: &[Vec<u8>]| {
        all.iter().map(|bytes| (entrance, bytes.clone())).collect::<Vec<_>>()
    };
    let contents: Vec<_> = seeds.snapshots.iter().map(|file| file[..file.len() - 32].to_vec()).collect();
    let arguments = seeds.arguments.iter().filter(|(method, _)| *method != u16::MAX);
    let text = b"6fa459ea-ee8a-4ca4-894e-db77e160355e/17@4211".to_vec();
    let time = b"2013-02-08T17:05:30.5+01:00".to_vec();
    [
        of(Entrance::Record, &seeds.records),
        of(Entrance::Payload, &seeds.batches),
        of(Entrance::Batch, &seeds.batches[..8]),
        arguments.map(|(method, bytes)| (Entrance::Arguments(*method), bytes.clone())).collect(),
        of(Entrance::State, &seeds.states[..1]),
        of(Entrance::Schema, std::slice::from_ref(&seeds.preamble)),
        of(Entrance::Snapshot, &contents[..1]),
        of(Entrance::Segment, std::slice::from_ref(&seeds.segment)),
        of(Entrance::Attempt, &[[7_u64, 7, 3, 41].map(u64::to_le_bytes).concat()]),
        of(Entrance::Text, &[text, time]),
    ]
    .concat()
}

/// A number as it stands in bytes.
pub fn varint(mut number: u128) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// The number of the command with this name.
pub fn command(name: &str) -> u16 {
    use memstate::{Model, model::Operation};
    let listed = <Everything as Model>::Command::list();
    let place = listed.iter().position(|it| it.name == name).expect("there is such a command");
    u16::try_from(place).expect("there are few")
}
