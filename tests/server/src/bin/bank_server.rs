//! The whole program of the bank that servers are tested with.

fn main() -> std::process::ExitCode {
    memstate::main::<memstate_server_tests::Bank>()
}
