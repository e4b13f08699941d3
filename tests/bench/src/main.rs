//! Measures what memstate costs, in turns with a reference: `memstate-bench SCENARIO…`.
//!
//! It is no test, and fails for no figure. `docs/performance.md` says how the figures come about, and what they were on one machine.

mod allocator;
mod bank;
mod bare;
mod chart;
mod measure;
mod page;
mod report;
mod scenarios;
mod setting;

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;

use page::Page;
use setting::{Setting, Size};

/// Measures what memstate costs, in turns with a reference.
#[derive(Parser)]
struct Args {
    /// What to measure; everything if nothing is named.
    scenarios: Vec<String>,
    /// One JSON object a line instead of the table: scenario, name, value, unit, reference (its median, in the same unit), ratio (ours to
    /// the reference's, more is better), min and max (of the value).
    #[arg(long)]
    json: bool,
    /// How many rounds; value and ratio are their medians. 5 if not said, 1 for a smoke run.
    #[arg(long)]
    rounds: Option<usize>,
    /// How much: full, or smoke, in which every scenario is over in seconds and no figure means anything.
    #[arg(long, value_enum, default_value = "full")]
    size: Size,
    /// Where the journals go. It should be a disk: on a tmpfs a sync costs nothing.
    #[arg(long, default_value = "target/bench")]
    dir: PathBuf,
    /// Only the figures whose names begin so, where a scenario can measure them alone: those of `commands`, `recovery`,
    /// `snapshot`, `undo` and `memory`.
    #[arg(long)]
    only: Option<String>,
    /// Without the snapshots that are made on the way, by default after each million records; to see what they cost.
    #[arg(long)]
    without_snapshots: bool,
    /// Puts the tables into this page too, in the places that it has for them, and what machine it is.
    #[arg(long, value_name = "PAGE")]
    markdown: Option<PathBuf>,
    /// Draws throughput and latency over calls in flight into this directory, as `throughput.svg` and `latency.svg`. The scenario
    /// `commands` has to be measured, and the peers are in it if they are.
    #[arg(long, value_name = "DIR")]
    chart: Option<PathBuf>,
    /// Lists the scenarios.
    #[arg(long)]
    list: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    if args.list {
        for scenario in scenarios::ALL {
            println!("{:<10} {}", scenario.name, scenario.about);
        }
        return ExitCode::SUCCESS;
    }
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("memstate-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), Box<dyn std::error::Error>> {
    let chosen = scenarios::named(&args.scenarios)?;
    if args.chart.is_some() && chosen.iter().all(|scenario| scenario.name != chart::OF) {
        return Err(format!("a chart is drawn of `{}`, which is not among the scenarios", chart::OF).into());
    }
    let mut page = args.markdown.as_deref().map(|page| Page::open(page, &chosen)).transpose()?;
    let setting =
        Setting::new(args.size, args.rounds, &args.dir, !args.without_snapshots)?.only(args.only.clone());
    let mut measured = Vec::new();
    for scenario in chosen {
        let rows = (scenario.run)(&setting)?;
        let notes = setting.take_notes();
        report::print(scenario, &rows, &notes, args.json)?;
        if let Some(page) = &mut page {
            page.put(&setting, scenario, &rows, &notes)?;
        }
        measured.push((scenario.name, rows));
    }
    if let Some(page) = page {
        page.write(&args.dir)?;
    }
    if let Some(dir) = &args.chart {
        let measured: Vec<_> = measured.iter().map(|(name, rows)| (*name, &rows[..])).collect();
        chart::draw(dir, &measured)?;
    }
    Ok(())
}
