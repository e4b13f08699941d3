//! The number of a command, and its arguments.
#![no_main]

use memstate_fuzz::{Model, hostile, target};

target!("arguments", |bytes| match bytes {
    [method, arguments @ ..] => hostile::arguments::<Model>((*method).into(), arguments),
    [] => false,
});
