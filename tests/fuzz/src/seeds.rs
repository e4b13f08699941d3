//! What a target begins with: bytes that memstate wrote, in the form that the target takes.

use memstate::testing::hostile;
use memstate_tests::everything::seeds::Seeds;

/// The seeds of a target.
///
/// # Panics
///
/// If there is no such target.
pub fn of(target: &str, seeds: &Seeds) -> Vec<Vec<u8>> {
    match target {
        "record" => seeds.records.clone(),
        "payload" | "batch" => seeds.batches.clone(),
        "arguments" => seeds
            .arguments
            .iter()
            .filter_map(|(method, arguments)| Some([&[u8::try_from(*method).ok()?][..], arguments].concat()))
            .collect(),
        "state" => seeds.states.clone(),
        "schema" => [golden_schemas(), vec![seeds.preamble.clone()]].concat(),
        "carried" => {
            let values = seeds.states.iter().chain(seeds.arguments.iter().map(|(_, bytes)| bytes));
            let with = |preamble: &Vec<u8>, value: &Vec<u8>| {
                let length = u16::try_from(preamble.len()).expect("a schema is short").to_le_bytes();
                [&length[..], preamble, value].concat()
            };
            let older = golden_schemas();
            let others = older.iter().map(|preamble| with(preamble, &vec![1; 16]));
            values.map(|value| with(&seeds.preamble, value)).chain(others).collect()
        }
        "snapshot" => {
            let empty = hostile::snapshot_content(3, &seeds.preamble, &[0, 0, 0, 0], &seeds.states[0]);
            let contents = seeds.snapshots.iter().map(|file| file[..file.len() - 32].to_vec());
            contents.chain([empty]).collect()
        }
        "segment" => {
            let header = vec![1_u8, 0, 0, 0, 0];
            let epoch = vec![2_u8, 0, 0, 0, 0];
            let batch = |payload: &[u8], count: u8| {
                let length = u16::try_from(payload.len()).expect("a batch is short").to_le_bytes();
                [&[3_u8, 0, count][..], &length, payload].concat()
            };
            let batches =
                seeds.batches.iter().map(|it| batch(it, u8::from(!hostile::records(it).is_empty())));
            let whole: Vec<u8> = [header, epoch].concat().into_iter().chain(batches.flatten()).collect();
            let closed = [&whole[..], &[4, 0, 0, 0, 0]].concat();
            let short = [&[1, 0, 0, 0, 0, 2, 0, 0, 0, 0][..], &batch(&seeds.batches[0], 0)].concat();
            vec![whole, closed, short]
        }
        "attempt" => [(1_u64, 40_u64, 1_u64), (7, 7, 3), (7, 7, 1), (30, 20, 2), (0, u64::MAX, 1)]
            .map(|(first, last, tries)| [first, last, tries, 41].map(u64::to_le_bytes).concat())
            .to_vec(),
        "text" => [
            "6fa459ea-ee8a-4ca4-894e-db77e160355e/17@4211",
            "2013-02-08",
            "2013-02-08T17:05:30.5+01:00",
            "1969-12-31 23:59:59.999999Z",
            "-0001-01-01t00:00-0700",
            "4711",
        ]
        .map(Vec::from)
        .to_vec(),
        "typed" => [
            "keep\n{\"Sum\": [\"Nothing\", {\"Number\": -7}]}",
            "keep\nexpr={\"Named\": {\"name\": \"x\", \"of\": {\"All\": [{\"Text\": \"a\"}]}}}",
            "enqueue\n[[1, null], [2, \"two\"]]",
            "paint\n{\"Between\": {\"low\": 1, \"high\": 200}}\n[\"a\", \"b\"]",
            "place\nname=here\npoint=[1.5, -1e300, \"NaN\"]",
            "nest\n{\"Mixed\": 300}\n{\"a\": [[-1, \"340282366920938463463374607431768211455\"]]}",
            "write\n0x00ff80\n\"title\"",
            "plain\n{\"small\": [1, -1], \"short\": [300, -300], \"long\": [1, 2], \"longer\": [1, 2], \"longest\": \
             [\"1\", 2], \"float\": [1, 2.5], \"rest\": [true, \"x\"], \"bytes\": \"0x01020304\", \"unit\": null, \
             \"time\": \"2013-02-08\"}",
            "tick",
        ]
        .map(Vec::from)
        .to_vec(),
        _ => panic!("there is no target `{target}`"),
    }
}

/// The schemas in the journals that are kept for ever.
fn golden_schemas() -> Vec<Vec<u8>> {
    let segments = [
        &include_bytes!("../../golden/0.1.0-archive-closed/journal-0000000001.seg")[..],
        include_bytes!("../../golden/0.1.0-ledger-crashed/journal-0000000001.seg"),
    ];
    segments.map(hostile::preamble_of_segment).into_iter().flatten().collect()
}
