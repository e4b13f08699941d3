//! `memstate export`: a whole journal as text that outlives every format.
//!
//! The format is JSON, an object a line, in this order:
//!
//! ```text
//! {"export":1,"directory":…}                                    once: the number of this format
//! {"schema":{"model":…,"version":…,"from":…,"commands":…,"types":…}}   before the first record of each writer
//! {"initial":{"bytes":…}}                                       the initial state, hexadecimal, a line for each part
//! {"record":{"position":1,"time":…,…}}                          as `memstate log --json` writes it
//! {"end":{"position":…,"records":…,"head":…}}                   once: without it the export was cut
//! ```

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::Serialize;

use super::{
    Directory, Terminal,
    describe::{Call, Line, write_json},
    failure::{Code, Failure, bytes_as_hex, hex, io_failure},
    output::count,
    records::{Item, Records, Writer, remark},
    schema::Description,
};
use crate::{Position, journal::file::inspect::CHAIN_START};

/// Write a whole journal as JSON, an object a line, with everything that is in it
///
/// The first line is {"export":1,…}. A line {"schema":…} stands before the first record of each writer and says what its
/// commands and types look like; {"initial":…} has the bytes of the initial state; {"record":…} is a record as `memstate
/// log --json` writes it; the last line is {"end":…} with the number of records and the head of the hash chain.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    memstate export data/bank | zstd > bank.jsonl.zst\n  \
    memstate export data/bank --out bank.jsonl\n  \
    memstate export data/bank --csv --out bank.csv")]
pub(super) struct Arguments {
    #[command(flatten)]
    directory: Directory,
    /// To this file, which is there when it is complete; to stdout otherwise
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    out: Option<PathBuf>,
    /// Write the records as CSV instead: position, time, caller, request, command, outcome, and the arguments as JSON;
    /// of an atomic batch its commands
    #[arg(long)]
    csv: bool,
}

pub(super) fn run(arguments: &Arguments, terminal: &mut Terminal<'_>) -> Result<Code, Failure> {
    let Some(path) = &arguments.out else {
        let mut out = std::mem::replace(&mut terminal.out, Box::new(std::io::sink()));
        let exported = export(arguments, terminal, &mut *out);
        terminal.out = out;
        return exported.map(|_| Code::Fine);
    };
    let mut temporary = path.clone().into_os_string();
    temporary.push(".tmp");
    let temporary = PathBuf::from(temporary);
    let exported = to_file(arguments, terminal, &temporary, path);
    if exported.is_err() {
        // What is left over is of no use, and the first error is the one to tell.
        let _ = fs::remove_file(&temporary);
    }
    let records = exported?;
    terminal.note(format!("{} written to {}", count(records, "record"), path.display()))?;
    Ok(Code::Fine)
}

fn to_file(
    arguments: &Arguments,
    terminal: &mut Terminal<'_>,
    temporary: &Path,
    path: &Path,
) -> Result<u64, Failure> {
    let file = File::create(temporary).map_err(io_failure("create", temporary))?;
    let mut out = BufWriter::with_capacity(1 << 16, file);
    let records = export(arguments, terminal, &mut out)?;
    let file = out.into_inner().map_err(|error| io_failure("write", temporary)(error.into_error()))?;
    file.sync_all().map_err(io_failure("sync", temporary))?;
    fs::rename(temporary, path).map_err(io_failure("rename", temporary))?;
    Ok(records)
}

/// A line of the export.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Part<'a> {
    Schema(Description<'a>),
    Initial { bytes: String, index: u64, last: bool },
    Record(Line<'a>),
    End { position: u64, records: u64, head: String },
}

#[derive(Serialize)]
struct Begin {
    export: u32,
    directory: String,
}

fn export(arguments: &Arguments, terminal: &mut Terminal<'_>, out: &mut dyn Write) -> Result<u64, Failure> {
    let dir = &arguments.directory.dir;
    let mut records = Records::of_journal(dir, Position::START)?;
    records.know_amendments(dir, Position::START)?;
    let mut written: Option<Arc<Writer>> = None;
    let (mut number, mut head) = (0, CHAIN_START);
    if arguments.csv {
        out.write_all(b"position,time,caller,request,command,outcome,arguments\n")?;
    } else {
        write_json(&Begin { export: 1, directory: dir.display().to_string() }, out)?;
    }
    let ending = records.read_all(terminal, &mut |item| {
        let writer = match &item {
            Item::Record(entry) => Some(entry.writer),
            Item::Genesis { writer, .. } => Some(*writer),
            Item::Group(_) | Item::Writer(_) => None,
        };
        if let Some(writer) = writer.filter(|_| !arguments.csv)
            && written.as_ref().is_none_or(|before| !Arc::ptr_eq(before, writer))
        {
            write_json(&Part::Schema(Description(writer)), out)?;
            written = Some(Arc::clone(writer));
        }
        match item {
            Item::Group(seen) => head = seen.chain,
            Item::Writer(_) => {}
            Item::Genesis { index, last, part, .. } if !arguments.csv => {
                write_json(&Part::Initial { bytes: bytes_as_hex(part), index, last }, out)?;
            }
            Item::Genesis { .. } => {}
            Item::Record(entry) => {
                number += 1;
                match arguments.csv {
                    true => write_csv(&entry, out)?,
                    false => write_json(&Part::Record(Line(&entry)), out)?,
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let end = records.inspector().end();
    if !arguments.csv {
        write_json(&Part::End { position: end.get(), records: number, head: hex(&head) }, out)?;
    }
    out.flush()?;
    if let Some(remark) = ending.and_then(|ending| remark(&ending, end)) {
        terminal.note(remark)?;
    }
    Ok(number)
}

fn write_csv(entry: &super::records::Entry<'_>, out: &mut dyn Write) -> Result<(), Failure> {
    let record = entry.record;
    let preamble = &entry.writer.preamble;
    let arguments = match record.commands() {
        Ok(commands) if record.is_atomic_batch() => {
            let calls: Vec<_> = commands.iter().map(|record| Call { preamble, record }).collect();
            serde_json::to_string(&calls)?
        }
        _ => {
            let command = preamble.command(record.method);
            match command.map(|it| super::args::decode(preamble, it, record.arguments)) {
                Some(Ok(arguments)) => serde_json::to_string(&super::output::Fields(&arguments))?,
                _ => format!("0x{}", bytes_as_hex(record.arguments)),
            }
        }
    };
    let request = record.request.map(|request| request.to_string()).unwrap_or_default();
    let fields = [
        entry.position.to_string(),
        entry.time.to_string(),
        record.caller.unwrap_or_default().to_owned(),
        request,
        entry.command().to_owned(),
        super::records::outcome_text(entry),
        arguments,
    ];
    let quoted = fields.map(|field| match field.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", field.replace('"', "\"\"")),
        false => field,
    });
    Ok(writeln!(out, "{}", quoted.join(","))?)
}
