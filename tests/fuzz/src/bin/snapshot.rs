//! The content of a snapshot, with the checksum that it needs and without.
#![no_main]

use memstate_fuzz::{Model, hostile, target};

target!("snapshot", |bytes| {
    let sealed = hostile::snapshot::<Model>(&hostile::seal_snapshot(bytes));
    // The checksum is over everything, so what has none is refused as early as all else.
    if bytes.first().is_some_and(|byte| byte % 16 == 0) {
        assert!(!hostile::snapshot::<Model>(bytes), "a snapshot without its checksum is passed over");
    }
    sealed
});
