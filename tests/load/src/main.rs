//! Tries what a server withstands: links that are cut, kills, hostile bytes, crowds, and more calls than it can do.
//!
//! Each is a gate, with its numbers for three lengths of a run. A gate fails for what must never happen, whatever the machine; what a
//! machine can do is reported. The server is a process of its own: this program, started with `--child`.

mod gates;
mod harness;
mod load;
mod server;

use std::process::ExitCode;

use clap::Parser;

use harness::{Gate, Tier};

/// Tries what a server withstands.
#[derive(Parser)]
struct Args {
    /// The gates to run; all of them if none is named.
    gates: Vec<String>,
    /// How long a run: quick (half a minute for all), ci (a few minutes), long.
    #[arg(long, value_enum, default_value = "quick")]
    tier: Tier,
    /// Where everything comes from that is by chance.
    #[arg(long, default_value_t = 5)]
    seed: u64,
    /// Lists the gates.
    #[arg(long)]
    list: bool,
    /// Is the server, with these arguments.
    #[arg(long, hide = true, num_args = 1.., allow_hyphen_values = true)]
    child: Vec<String>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    harness::raise_open_files();
    if !args.child.is_empty() {
        return server::child(&args.child);
    }
    if args.list {
        for gate in gates::ALL {
            println!("{:<10} {}", gate.name, gate.promise);
        }
        return ExitCode::SUCCESS;
    }
    let mut wanted: Vec<&Gate> = Vec::new();
    for name in &args.gates {
        match gates::ALL.iter().find(|gate| gate.name == name) {
            Some(gate) => wanted.push(gate),
            None => {
                eprintln!("there is no gate `{name}`; `--list` shows them all");
                return ExitCode::from(2);
            }
        }
    }
    if wanted.is_empty() {
        wanted.extend(gates::ALL);
    }
    harness::run_all(&wanted, args.tier, args.seed)
}
