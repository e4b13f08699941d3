//! Bytes that nobody of memstate wrote: bombs made by hand, every truncation and every changed byte of real ones, and random changes of
//! them. Nothing ends the process, everything is a clear error or a value, and none takes much more memory than it
//! has bytes.
//!
//! `tests/fuzz/run` does the same with a fuzzer, a million times as often.

mod bombs;
mod journals;
mod mutations;
mod support;

#[global_allocator]
static METER: memstate_tests::meter::Meter = memstate_tests::meter::Meter;
