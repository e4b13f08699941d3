//! A call as it is typed in a shell: the name of a command, and then an argument on each line.
#![no_main]

use memstate_fuzz::{Model, hostile, target};

target!("typed", |bytes| {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let mut lines = text.split('\n');
    let name = lines.next().unwrap_or_default();
    let given: Vec<_> = lines.map(str::to_owned).collect();
    hostile::typed::<Model>(name, &given)
});
