//! `memstate verify`: the hash chain.

use std::io::Write;

use serde::Serialize;

use super::{
    Directory, Terminal,
    describe::write_json,
    failure::{Code, Failure, hex},
    output::grouped,
    progress::Progress,
    records::{Records, remark},
    terminal::Look,
};
use crate::journal::file::inspect::{CHAIN_START, Chain, Kind};

/// Verify the hash chain over all of a journal, and print its head
///
/// Each batch carries a BLAKE3 hash of itself and of everything before it; the last one is the head. Two journals with one
/// head have one history. Keep the head somewhere else from time to time: with --head it is looked for in the chain, and
/// if it is there, everything up to that position is as it was when you kept it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    memstate verify data/bank > head.txt\n  \
    memstate verify data/bank --head \"$(cut -d' ' -f1 head.txt)\"")]
pub(super) struct Arguments {
    #[command(flatten)]
    directory: Directory,
    /// A head that was kept: 64 hexadecimal digits
    #[arg(long, value_name = "HEX", value_parser = parse_head)]
    head: Option<Chain>,
    /// Write a JSON object
    #[arg(long)]
    json: bool,
}

/// What `--json` gives.
#[derive(Serialize)]
struct Report {
    head: String,
    position: u64,
    batches: u64,
    /// Where the head that was given stands.
    found_at: Option<u64>,
}

pub(super) fn run(arguments: &Arguments, terminal: &mut Terminal<'_>) -> Result<Code, Failure> {
    let mut records = Records::of_journal(&arguments.directory.dir, Default::default())?;
    let inspector = records.inspector();
    let progress = Progress::new(terminal, inspector.listing()?.segment_bytes);
    let (mut head, mut batches) = (CHAIN_START, 0);
    let mut found = None;
    while let Some(seen) = inspector.next()? {
        progress.add(seen.bytes);
        head = seen.chain;
        let end = seen.first.get() + u64::from(seen.count) - 1;
        batches += u64::from(seen.kind == Kind::Batch);
        if Some(head) == arguments.head {
            found = Some(end);
        }
    }
    drop(progress);
    let ending = inspector.ending()?;
    let end = inspector.end();
    if arguments.json {
        let report = Report { head: hex(&head), position: end.get(), batches, found_at: found };
        write_json(&report, &mut *terminal.out)?;
    } else {
        let paint = terminal.paint();
        writeln!(terminal.out, "{} position {}", paint.of(Look::Strong, hex(&head)), end)?;
    }
    terminal.out.flush()?;
    if let Some(remark) = remark(&ending, end) {
        terminal.note(remark)?;
    }
    let Some(wanted) = arguments.head else { return Ok(Code::Fine) };
    let Some(at) = found else {
        return Err(Failure::new(
            Code::No,
            format!("the head {} is not in the chain of {}", hex(&wanted), arguments.directory.dir.display()),
        )
        .help(
            "either this is another journal, or its history was rewritten or cut after that head was kept: compare it \
             with a backup",
        ));
    };
    let after = end.get() - at;
    terminal.note(format!(
        "that head stands at position {}: everything up to there is as it was; {} records came after",
        grouped(at),
        grouped(after)
    ))?;
    Ok(Code::Fine)
}

fn parse_head(text: &str) -> Result<Chain, String> {
    let text = text.trim();
    let wrong = || "a head has 64 hexadecimal digits, as `memstate verify` prints it".to_owned();
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(wrong());
    }
    let mut chain = CHAIN_START;
    for (at, byte) in chain.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[at * 2..][..2], 16).map_err(|_| wrong())?;
    }
    Ok(chain)
}
