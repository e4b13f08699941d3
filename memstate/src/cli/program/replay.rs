//! `replay`: whether today's code does the same as the code of then.

use std::{io::Write, path::Path, sync::Arc};

use parking_lot::Mutex;

use super::session;
use crate::{
    Model, OpenError, Position,
    cli::{
        failure::{Code, Failure},
        output::{count, grouped, span},
        terminal::{Look, Terminal},
    },
    open::Accepted,
    open_with,
};

/// Replay the whole journal, and compare what each command does with what it did
///
/// Snapshots are left aside. What was rejected or panicked stays so, and is not run again. After a record that differs the
/// replay goes on with what today's code made of it, so later ones may differ because of the first.
///
/// --verify takes no lock and changes nothing; it lists every record that differs, and the state if it is not that of the newest
/// snapshot, carried over to today's types. Its exit code is 1 if there is anything.
/// --accept opens the journal for itself and journals what today's code makes of those records: that holds from then on. What
/// was recorded first stays in the journal too, and `memstate log` shows both.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  memstate replay --verify\n  memstate replay --accept")]
#[group(id = "what", required = true, multiple = false, args = ["verify", "accept"])]
pub(super) struct Arguments {
    /// Only say what differs
    #[arg(long)]
    verify: bool,
    /// Take what today's code makes of the records
    #[arg(long)]
    accept: bool,
}

pub(super) fn run<M: Model>(
    arguments: &Arguments,
    dir: &Path,
    initial: impl FnOnce() -> M + Send + 'static,
    terminal: &mut Terminal<'_>,
) -> Result<Code, Failure> {
    match arguments.accept {
        true => accept(dir, initial, terminal),
        false => verify::<M>(dir, terminal),
    }
}

fn verify<M: Model>(dir: &Path, terminal: &mut Terminal<'_>) -> Result<Code, Failure> {
    let (end, differing) = session::beside(
        dir,
        terminal,
        |source, end| {
            let mut differing = Vec::new();
            source.verify(end, |error| differing.push(in_words(&error)), |_| {})?;
            Ok((end, differing))
        },
        std::marker::PhantomData::<M>,
    )?;
    let paint = terminal.paint();
    for Differs { text, .. } in &differing {
        writeln!(terminal.out, "{} {text}", paint.of(Look::Bad, "✗"))?;
    }
    let records = count(end.get(), "record");
    if differing.is_empty() {
        let did = if end.get() == 1 { "it had done" } else { "they had done" };
        writeln!(terminal.out, "{} {records} did what {did}", paint.of(Look::Good, "✓"))?;
        return Ok(Code::Fine);
    }
    let of_records = differing.iter().filter(|differs| differs.is_record).count();
    if of_records > 0 {
        let number = grouped(of_records as u64);
        writeln!(terminal.out, "{} {number} of {records} did something else", paint.of(Look::Bad, "✗"))?;
    }
    terminal.out.flush()?;
    let what = "today's code makes something else of the journal, and opens it only where a snapshot stands after that";
    Err(Failure::new(Code::No, what).help(
        "keep the code of then for the records of then (`#[memstate(replays = \"…\", version = …)]`), or take what \
         today's code makes of them: `memstate replay --accept`",
    ))
}

/// Something that came out differently.
struct Differs {
    text: String,
    /// Whether it is a record, and not the state.
    is_record: bool,
}

/// A record that differs, in a line; a state, with the places.
fn in_words(error: &OpenError) -> Differs {
    let text = match error {
        OpenError::Diverged { position, command, arguments, recorded, now, .. } => {
            format!("position {position}: {command}({arguments}) was {recorded}, and is now {now}")
        }
        OpenError::Retold { position, changes, .. } => format!(
            "the state after position {position} is not that of the snapshot of then:\n    {}",
            changes.join("\n    ")
        ),
        other => other.to_string(),
    };
    Differs { text, is_record: !matches!(error, OpenError::Retold { .. }) }
}

fn accept<M: Model>(
    dir: &Path,
    initial: impl FnOnce() -> M + Send + 'static,
    terminal: &mut Terminal<'_>,
) -> Result<Code, Failure> {
    session::bytes_of_segments(dir)?;
    let told = Arc::new(Mutex::new(Accepted::default()));
    let mut open = open_with(dir, initial).replay_all().accept_divergence();
    let tell = Arc::clone(&told);
    open.on_accepted = Some(Box::new(move |accepted| *tell.lock() = accepted));
    let end: Position = session::open(open, terminal, async |engine| Ok(engine.position()))?;
    let accepted = *told.lock();
    match accepted.outcomes as u64 {
        0 => writeln!(terminal.out, "no record did something else; nothing had to be journaled")?,
        number => {
            let (outcomes, of) = (count(number, "other outcome"), span(1, end.get()));
            writeln!(terminal.out, "{outcomes} accepted and journaled, of {of}")?;
        }
    }
    if let Some(position) = accepted.state {
        writeln!(
            terminal.out,
            "the state after position {} is not that of the snapshot of then: it was accepted as today's code makes it, \
             and that snapshot was removed",
            grouped(position.get())
        )?;
    }
    Ok(Code::Fine)
}
