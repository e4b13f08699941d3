//! Tries every promise of memstate under the faults that could break it.
//!
//! Each promise has a gate: a number of cases that all come from one seed. `memstate-faults` runs them, says how many cases
//! there were and from which seed, and ends with a table. The guide `promises` says what each promise is worth and on
//! which assumptions.

mod bugs;
mod gates;
mod harness;
mod machine;

use std::{process::ExitCode, time::Duration};

use clap::Parser;

use harness::{Gate, Settings, Tier};

/// Tries every promise of memstate under the faults that could break it.
#[derive(Parser)]
struct Args {
    /// The gates to run; all of them if none is named.
    gates: Vec<String>,
    /// How long a run: quick (a few minutes for all), ci (half an hour), long (hours).
    #[arg(long, value_enum, default_value = "quick")]
    tier: Tier,
    /// Where the cases come from: a number, or `random`.
    #[arg(long, default_value = "5")]
    seed: String,
    /// How many cases, instead of what the tier says.
    #[arg(long)]
    count: Option<u64>,
    /// Only this case of the seed.
    #[arg(long)]
    case: Option<u64>,
    /// After how many seconds without progress a gate has failed.
    #[arg(long, default_value = "120")]
    patience: u64,
    /// Lists the gates.
    #[arg(long)]
    list: bool,
    /// Runs the gates against each bug that is seeded; for a build with `--cfg memstate_bugs`.
    #[arg(long)]
    seeded_bugs: bool,
    /// What a gate has this program do in another process.
    #[arg(long, hide = true, num_args = 1.., allow_hyphen_values = true)]
    child: Vec<String>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    if let Some((what, rest)) = args.child.split_first() {
        return gates::child(what, rest);
    }
    if args.list {
        harness::list(gates::ALL);
        return ExitCode::SUCCESS;
    }
    let seed = match args.seed.as_str() {
        "random" => harness::random_seed(),
        number => match number.parse() {
            Ok(seed) => seed,
            Err(_) => return usage(&format!("`--seed {number}` is neither a number nor `random`")),
        },
    };
    let mut wanted: Vec<&Gate> = Vec::new();
    for name in &args.gates {
        match gates::ALL.iter().find(|gate| gate.name == name) {
            Some(gate) => wanted.push(gate),
            None => return usage(&format!("there is no gate `{name}`; `--list` shows them all")),
        }
    }
    if wanted.is_empty() {
        wanted.extend(gates::ALL);
    }
    let patience = Duration::from_secs(args.patience);
    let settings = Settings { tier: args.tier, seed, count: args.count, case: args.case, patience };
    match args.seeded_bugs {
        true => bugs::run(&settings),
        false => harness::run_all(&wanted, &settings),
    }
}

fn usage(what: &str) -> ExitCode {
    eprintln!("{what}");
    ExitCode::from(2)
}
