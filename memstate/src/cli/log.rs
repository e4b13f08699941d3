//! `memstate log`: the records of a journal.

use std::{
    collections::VecDeque,
    io::Write,
    ops::ControlFlow,
    thread,
    time::{Duration, Instant},
};

use super::{
    Directory, Terminal,
    describe::{Line, Lines, write_json},
    failure::{Code, Failure},
    filter::Filter,
    near::Unmet,
    records::{Entry, Item, Records, remark},
};
use crate::{Position, engine::Today};

/// How often a journal that is followed is looked at.
const POLL: Duration = Duration::from_millis(100);
/// How long a record waits for its outcome before it is shown without.
const OUTCOME_PATIENCE: Duration = Duration::from_secs(1);

/// Show the records of a journal, one a line
///
/// A line has the position, the time, the outcome, the caller and the command with its arguments, which are read by the
/// types that the journal itself says. With --json a line is an object with `position`, `time`, `caller`, `request`,
/// `command`, `version`, `arguments`, `outcome`, `digest`, and `amended` where
/// another outcome was accepted in place of the recorded one. An atomic batch has the command `atomically`, and its commands
/// with their arguments are in `commands`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    memstate log data/bank --last 20\n  \
    memstate log data/bank --since 2013-02-08 --until 2013-02-09 --command transfer --outcome rejected\n  \
    memstate log data/bank --follow --caller ann\n  \
    memstate log data/bank --json | jq 'select(.arguments.amount > 1000)'")]
pub(super) struct Arguments {
    #[command(flatten)]
    directory: Directory,
    /// Go on as the journal grows, until Ctrl-C
    #[arg(long, short)]
    follow: bool,
    /// Write JSON, an object a line
    #[arg(long)]
    json: bool,
    /// Show long values to their ends, and do not cut lines at the width of the terminal
    #[arg(long)]
    full: bool,
    #[command(flatten)]
    filter: Filter,
    /// At most this many, and then end
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// Only the last this many of them
    #[arg(long, value_name = "N", conflicts_with = "limit")]
    last: Option<usize>,
}

/// A model that is there, as `today`, knows what its commands were called before.
pub(super) fn run(
    arguments: &Arguments,
    today: Option<&Today>,
    terminal: &mut Terminal<'_>,
) -> Result<Code, Failure> {
    let dir = &arguments.directory.dir;
    let end = last_position(arguments)?;
    let mut from = arguments.filter.first();
    if let Some(last) = arguments.last.filter(|_| !arguments.filter.is_by_content()) {
        // These are at the end, so what is before need not be read.
        let to = arguments.filter.to.unwrap_or(u64::MAX).min(end.get());
        from = from.max(Position::new((to + 1).saturating_sub(last as u64)));
    }
    let mut records = match arguments.follow {
        true => Records::open(dir, from)?,
        false => Records::of_journal(dir, from)?,
    };
    records.know_amendments(dir, from)?;
    let mut printer = Printer::new(arguments, today, terminal, end.get());
    let flow = match records.read(&mut |item| printer.take(item, terminal)) {
        Ok(flow) => flow,
        Err(failure) => {
            // What is whole before the damage is shown, also where its outcomes stood in what is damaged.
            let _ = records.flush(&mut |item| printer.take(item, terminal))?;
            printer.finish(terminal)?;
            return Err(failure);
        }
    };
    if flow.is_break() {
        printer.finish(terminal)?;
        printer.tell_unmet(terminal)?;
        return Ok(Code::Fine);
    }
    if arguments.follow {
        return follow(&mut records, &mut printer, terminal);
    }
    let _ = records.flush(&mut |item| printer.take(item, terminal))?;
    printer.finish(terminal)?;
    printer.tell_unmet(terminal)?;
    let ending = records.inspector().ending()?;
    if let Some(remark) = remark(&ending, records.inspector().end()) {
        terminal.out.flush()?;
        terminal.note(remark)?;
    }
    Ok(Code::Fine)
}

/// The last position that there is now, from the last segments alone.
fn last_position(arguments: &Arguments) -> Result<Position, Failure> {
    let mut records = Records::open(&arguments.directory.dir, Position::new(u64::MAX))?;
    let inspector = records.inspector();
    // Damage is told when it is come to, after what is before it.
    while let Ok(Some(_)) = inspector.next() {}
    Ok(inspector.end())
}

fn follow(
    records: &mut Records,
    printer: &mut Printer<'_>,
    terminal: &mut Terminal<'_>,
) -> Result<Code, Failure> {
    printer.finish(terminal)?;
    printer.tell_unmet(terminal)?;
    let (mut seen, mut since) = (records.inspector().end(), Instant::now());
    loop {
        terminal.out.flush()?;
        thread::sleep(POLL);
        let mut flow = records.read(&mut |item| printer.take(item, terminal))?;
        if records.inspector().end() != seen {
            (seen, since) = (records.inspector().end(), Instant::now());
        }
        // After a writer that was killed, the outcomes come only with the next.
        if flow.is_continue() && since.elapsed() > OUTCOME_PATIENCE {
            flow = records.flush(&mut |item| printer.take(item, terminal))?;
        }
        if flow.is_break() {
            return Ok(Code::Fine);
        }
    }
}

/// Prints what is wanted.
struct Printer<'a> {
    arguments: &'a Arguments,
    lines: Lines,
    printed: u64,
    /// The last lines, while only those are wanted.
    last: Option<VecDeque<Vec<u8>>>,
    today: Option<&'a Today>,
    unmet: Unmet,
}

impl<'a> Printer<'a> {
    fn new(arguments: &'a Arguments, today: Option<&'a Today>, terminal: &Terminal<'_>, end: u64) -> Self {
        let width = terminal.line_width().filter(|_| !arguments.full);
        let lines = Lines::new(terminal.paint(), width, arguments.full, end);
        let last = arguments.last.map(|_| VecDeque::new());
        let unmet = Unmet::new(&arguments.filter, today);
        Printer { arguments, lines, printed: 0, last, today, unmet }
    }

    fn take(&mut self, item: Item<'_>, terminal: &mut Terminal<'_>) -> Result<ControlFlow<()>, Failure> {
        if let Item::Writer(writer) = item {
            self.unmet.know(&writer.preamble);
        }
        let Item::Record(entry) = item else { return Ok(ControlFlow::Continue(())) };
        let filter = &self.arguments.filter;
        if filter.is_over(&entry) || self.arguments.limit.is_some_and(|limit| self.printed >= limit) {
            return Ok(ControlFlow::Break(()));
        }
        self.unmet.meet(filter, &entry, self.today);
        if !filter.wants(&entry, self.today) {
            return Ok(ControlFlow::Continue(()));
        }
        if let (Some(mut last), Some(wanted)) = (self.last.take(), self.arguments.last) {
            // The oldest gives its room to the newest.
            let mut line =
                if last.len() >= wanted { last.pop_front().unwrap_or_default() } else { Vec::new() };
            line.clear();
            self.print(&entry, &mut line)?;
            if wanted > 0 {
                last.push_back(line);
            }
            self.last = Some(last);
        } else {
            self.print(&entry, &mut *terminal.out)?;
        }
        self.printed += 1;
        Ok(match self.arguments.limit {
            Some(limit) if self.printed >= limit => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        })
    }

    fn print(&mut self, entry: &Entry<'_>, out: &mut dyn Write) -> Result<(), Failure> {
        match self.arguments.json {
            true => write_json(&Line(entry), out),
            false => Ok(self.lines.write(entry, out)?),
        }
    }

    /// Tells which of the commands asked for no record is of: who mistyped one sees nothing else. Where the reading ended
    /// because there was enough, that is not known.
    fn tell_unmet(&self, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
        let is_enough = self.arguments.limit.is_some_and(|limit| self.printed >= limit);
        if is_enough || self.unmet.is_empty() {
            return Ok(());
        }
        terminal.out.flush()?;
        let is_all = self.arguments.filter.is_everywhere();
        Ok(self.unmet.in_words(is_all).into_iter().try_for_each(|line| terminal.note(line))?)
    }

    /// Prints the last lines; what comes from then on is printed as it comes.
    fn finish(&mut self, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
        for line in self.last.take().into_iter().flatten() {
            terminal.out.write_all(&line)?;
        }
        Ok(())
    }
}
