//! Runs the whole engine under shuttle, in as many random schedules as asked for, each checked against what has to be so.
//!
//! Half of the schedules choose each next thread by chance, half by chance give threads priorities and change them at few places
//! (PCT). A part is run twice, to see that a schedule replays. One that fails is printed as a string that replays it.

#[cfg(memstate_shuttle)]
mod disk;
#[cfg(memstate_shuttle)]
mod oracle;
#[cfg(memstate_shuttle)]
mod runner;
#[cfg(memstate_shuttle)]
mod scenarios;

#[cfg(memstate_shuttle)]
fn main() -> std::process::ExitCode {
    runner::main()
}

#[cfg(not(memstate_shuttle))]
fn main() {
    eprintln!("build with --cfg memstate_shuttle: tests/concurrency/run does");
    std::process::exit(2);
}
