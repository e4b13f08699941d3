//! The command line `memstate`: see [`memstate::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    memstate::cli::main()
}
