//! Bytes that memstate itself wrote: what hostile ones are made from.

use std::{path::Path, sync::Arc};

use memstate::{
    RequestId, Timestamp,
    journal::{
        Journal,
        file::{FileJournal, FileOptions},
    },
    testing::{disk::FaultyDisk, hostile},
};

use super::{Color, Everything, EverythingClient, EverythingCommand, Expr, Name, Plain, Point};

/// Real bytes of every kind.
#[derive(Debug, Default)]
pub struct Seeds {
    /// What the model's code says of itself.
    pub preamble: Vec<u8>,
    /// Payloads of batches.
    pub batches: Vec<Vec<u8>>,
    /// Records, each as it stands in a batch.
    pub records: Vec<Vec<u8>>,
    /// Arguments, with the number of their command.
    pub arguments: Vec<(u16, Vec<u8>)>,
    /// The file of the journal.
    pub segment: Vec<u8>,
    /// Files of snapshots.
    pub snapshots: Vec<Vec<u8>>,
    /// States, as they stand in snapshots.
    pub states: Vec<Vec<u8>>,
}

/// A value of every plain type.
pub fn plain(number: u8) -> Plain {
    Plain {
        small: (number, -1),
        short: (300, -300),
        long: (70_000, -70_000),
        longer: (u64::MAX, i64::MIN),
        longest: (u128::MAX, i128::MIN),
        float: (1.5, -0.25),
        rest: (true, 'ß'),
        unit: (),
        bytes: [0, 1, 127, 255],
        time: Timestamp::from_micros(1_360_343_100_000_001),
    }
}

/// A recursive value that is this deep.
pub fn deep(levels: u32) -> Expr {
    (0..levels).fold(Expr::Number(-7), |inner, level| match level % 4 {
        0 => Expr::Sum(Box::new(inner), Box::new(Expr::Nothing)),
        1 => Expr::All(vec![Expr::Text("a".to_owned()), inner]),
        2 => Expr::Named { name: "x".to_owned(), of: Some(Box::new(inner)) },
        _ => Expr::All(vec![inner]),
    })
}

async fn run(model: &EverythingClient) {
    let expect = "the journal is in memory";
    model.tick().await.expect(expect);
    model.keep(deep(3)).await.expect(expect);
    model.as_caller("Ann").keep(deep(9)).await.expect(expect);
    model.plain(plain(7)).await.expect(expect);
    let items = vec![(1, None), (2, Some("two".to_owned())), (3, Some(String::new()))];
    model.enqueue(items).await.expect(expect);
    let refused = model.enqueue(vec![(9, None), (0, Some("no".to_owned()))]).await;
    assert!(refused.is_err(), "a number 0 is refused");
    let request: RequestId = "6fa459ea-ee8a-4ca4-894e-db77e160355e/17@3".parse().expect("it is one");
    let names = ["b", "a", "c"].map(|name| Name(name.to_owned()));
    for _ in 0..2 {
        let color = Color::Between { low: 1, high: 200 };
        model.with_request(request).paint(color, names.clone().into()).await.expect(expect);
    }
    model.place("here", Some(Point(1.0, f64::NAN, Some(f32::INFINITY)))).await.expect(expect);
    model.place("there", Some(Point(-1.0, 0.0, None))).await.expect(expect);
    let entries = names.map(|name| (name, vec![(-1, Some(u128::MAX)), (1, None)]));
    model.nest(Color::Mixed(300), entries.into()).await.expect(expect);
    model.write(vec![0, 255, 128], Name("title".to_owned())).await.expect(expect);
    let batch = [
        EverythingCommand::Tick {},
        EverythingCommand::Keep { expr: Expr::Nothing },
        EverythingCommand::Write { bytes: vec![1; 40], title: Name(String::new()) },
    ];
    model.atomically(batch).await.expect(expect);
}

impl Seeds {
    /// A journal in memory is written, snapshots are taken, and all of it is taken apart.
    pub async fn make() -> Seeds {
        let dir = Path::new("/seeds");
        let disk = FaultyDisk::new();
        let expect = "the disk is in memory";
        for _ in 0..2 {
            let open = memstate::open::<Everything>(dir).on_disk(Arc::new(disk.clone()));
            let model = open.await.expect(expect);
            run(&model).await;
            model.snapshot().await.expect(expect);
            model.close().await.expect(expect);
        }
        let mut seeds = Seeds { preamble: hostile::preamble::<Everything>(), ..Seeds::default() };
        for path in disk.files() {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let bytes = disk.bytes(&path).unwrap_or_default();
            if name.starts_with("snapshot-") {
                seeds.states.push(state_of(&bytes).to_vec());
                seeds.snapshots.push(bytes);
            } else if name.ends_with(".seg") {
                seeds.segment = bytes;
            }
        }
        let options = FileOptions::default();
        let mut journal = FileJournal::open(Arc::new(disk), dir, options).expect(expect);
        let visited = journal.recover(&mut |entry| {
            seeds.batches.push(entry.payload.to_vec());
            Ok(())
        });
        visited.expect(expect);
        for batch in &seeds.batches {
            for (record, method, arguments) in hostile::records(batch) {
                seeds.records.push(record);
                seeds.arguments.push((method, arguments));
            }
        }
        seeds
    }
}

/// The state in the file of a snapshot.
fn state_of(file: &[u8]) -> &[u8] {
    let part = |at: usize| {
        let length = file[at..at + 8].try_into().expect("there are eight bytes");
        at + 8 + usize::try_from(u64::from_le_bytes(length)).expect("it is in memory")
    };
    &file[part(part(32))..file.len() - 32]
}
