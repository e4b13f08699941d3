//! The program `memstate`, run as a user runs it, on journals of a small bank.

mod backup;
mod damage;
mod log;
mod numbers;
mod program;
mod support;
mod usage;
mod words;
