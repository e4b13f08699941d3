//! What the fuzz targets share: their seeds, and a bound on what each execution may take of memory.
//!
//! `tests/fuzz/run` builds them and runs them.

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

use memstate::testing::hostile;
use memstate_tests::{
    everything::{Everything, seeds::Seeds},
    meter::{Meter, measured},
};

mod seeds;
pub mod targets;

#[global_allocator]
static METER: Meter = Meter;

/// How many bytes an execution may take for each byte of its input, beside [`BASE`].
///
/// The largest single value that one byte can stand for is an element of a list: in the model of the targets it has 72 bytes, in
/// a value without a type a field with its name, and lists double as they grow. Several forms of the same value
/// are held at once, to be compared.
pub const PER_BYTE: usize = 1024;
/// How many bytes an execution may take whatever its input is: the readers' windows, a simulated disk.
pub const BASE: usize = 4 << 20;

static EXECUTIONS: AtomicU64 = AtomicU64::new(0);
static ACCEPTED: AtomicU64 = AtomicU64::new(0);

/// Runs one execution, and fails it if it takes too much memory.
pub fn bounded(bytes: &[u8], run: fn(&[u8]) -> bool) {
    let (accepted, peak) = measured(|| run(bytes));
    EXECUTIONS.fetch_add(1, Ordering::Relaxed);
    ACCEPTED.fetch_add(accepted.into(), Ordering::Relaxed);
    let most = BASE + PER_BYTE * bytes.len();
    assert!(peak <= most, "{} bytes of input took {peak} bytes of memory, and may take {most}", bytes.len());
}

/// Makes a target ready: what is found out about the model once is found out now, and where `SEEDS_INTO` names a folder the
/// seeds of this target are written there, and nothing else is done.
pub fn begin(target: &str) {
    extern "C" fn tell() {
        let (accepted, of) = (ACCEPTED.load(Ordering::Relaxed), EXECUTIONS.load(Ordering::Relaxed));
        eprintln!("accepted {accepted} of {of}");
    }
    unsafe extern "C" {
        fn atexit(call: extern "C" fn()) -> i32;
    }
    // SAFETY: the function is there as long as the process, and uses nothing that ends before it.
    unsafe { atexit(tell) };
    hostile::preamble::<Everything>();
    let Some(folder) = std::env::var_os("SEEDS_INTO") else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime on this thread");
    let seeds = runtime.block_on(Seeds::make());
    for (number, seed) in seeds::of(target, &seeds).into_iter().enumerate() {
        fs::write(Path::new(&folder).join(format!("{number:04}")), seed).expect("the folder can be written");
    }
    std::process::exit(0);
}

/// The `main` of a target.
#[macro_export]
macro_rules! target {
    ($name:ident) => {
        libfuzzer_sys::fuzz_target!(
            init: memstate_fuzz::begin(stringify!($name)),
            |bytes: &[u8]| memstate_fuzz::bounded(bytes, memstate_fuzz::targets::$name)
        );
    };
}
