//! The targets: what each does with its bytes. They stand here and not in the programs, so that what is generic over
//! the model is compiled once.

use memstate::testing::hostile;
use memstate_tests::everything::Everything;

/// One record of a batch.
pub fn record(bytes: &[u8]) -> bool {
    hostile::record::<Everything>(bytes)
}

/// The payload of a batch, taken apart.
pub fn payload(bytes: &[u8]) -> bool {
    hostile::payload(bytes).is_some()
}

/// The payload of a batch, replayed.
pub fn batch(bytes: &[u8]) -> bool {
    hostile::batch::<Everything>(bytes)
}

/// The number of a command, and its arguments.
pub fn arguments(bytes: &[u8]) -> bool {
    match bytes {
        [method, arguments @ ..] => hostile::arguments::<Everything>((*method).into(), arguments),
        [] => false,
    }
}

/// A state of today's types.
pub fn state(bytes: &[u8]) -> bool {
    hostile::state::<Everything>(bytes)
}

/// What a writer says of itself.
pub fn schema(bytes: &[u8]) -> bool {
    hostile::schema::<Everything>(bytes)
}

/// What a writer says of itself, with its length in two bytes in front, and then a state or arguments that it wrote.
pub fn carried(bytes: &[u8]) -> bool {
    let Some((length, rest)) = bytes.split_first_chunk() else { return false };
    let (preamble, written) = rest.split_at(usize::from(u16::from_le_bytes(*length)).min(rest.len()));
    hostile::carried::<Everything>(preamble, written)
}

/// The content of a snapshot, with the checksum that it needs and without.
pub fn snapshot(bytes: &[u8]) -> bool {
    // The checksum is over everything, so what has none is refused as early as all else.
    if bytes.last().is_some_and(|byte| byte % 16 == 0) {
        assert!(!hostile::snapshot::<Everything>(bytes), "a snapshot without its checksum is passed over");
    }
    hostile::snapshot::<Everything>(&hostile::seal_snapshot(bytes))
}

/// The groups of a segment, from which a file with the right checksums is made.
pub fn segment(bytes: &[u8]) -> bool {
    hostile::segment::<Everything>(&hostile::build_segment::<Everything>(bytes))
}

/// The file `attempt`.
pub fn attempt(bytes: &[u8]) -> bool {
    hostile::attempt(bytes)
}

/// Request ids, positions and times as texts.
pub fn text(bytes: &[u8]) -> bool {
    hostile::text(bytes)
}

/// A call as it is typed in a shell: the name of a command, and then an argument on each line.
pub fn typed(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let mut lines = text.split('\n');
    let name = lines.next().unwrap_or_default();
    let given: Vec<_> = lines.map(str::to_owned).collect();
    hostile::typed::<Everything>(name, &given)
}
