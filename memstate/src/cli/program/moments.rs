//! `as-of`, `query` and `diff`: the model as it was, beside whoever has the journal open.

use std::{
    io::Write,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use serde::Serialize;

use super::{
    answer, arguments,
    methods::{Method, Methods},
    session,
};
use crate::{
    InvalidTimestamp, Model, Value, When,
    cli::{
        describe::write_json,
        failure::{Code, Failure},
        terminal::Terminal,
    },
    codec::whole,
    engine::{Kernel, bytes_of},
    model::{Operation, Verdict},
    state,
};

/// Show the model as it was, or what a query said of it then
///
/// WHEN is a position or a time; a date alone is the end of that day. Without a query it is the whole state, a line for each
/// place in it. The state is made from the nearest snapshot and the journal after it. Arguments of the query are given in
/// their order or as name=value; what has parts is JSON.
#[derive(Debug, clap::Args)]
pub(super) struct AsOf {
    /// A position, or a time such as 2013-02-08 or 2013-02-08T17:05Z
    #[arg(index = 1, value_parser = when)]
    when: When,
    /// A query of the model
    #[arg(index = 2)]
    query: Option<String>,
    /// Its arguments
    #[arg(index = 3, allow_negative_numbers = true)]
    args: Vec<String>,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

/// Ask the model something
///
/// Without --at it is asked of the state at the end of the journal. Arguments are given in their order or as name=value;
/// what has parts is JSON. If the query gives an Err, that is told, and the exit code is 1.
#[derive(Debug, clap::Args)]
pub(super) struct Query {
    /// A query of the model; without one, they are listed
    #[arg(index = 1, value_name = "NAME")]
    query: Option<String>,
    /// Its arguments
    #[arg(index = 2, allow_negative_numbers = true)]
    args: Vec<String>,
    /// As of this position or time; a date alone is the end of that day
    #[arg(long, value_name = "WHEN", value_parser = when)]
    at: Option<When>,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

/// Show what is different in the model between two moments, place by place
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  memstate diff 2013-02-07 2013-02-08\n  memstate diff 4711 4712 --json")]
pub(super) struct Diff {
    /// A position or a time; a date alone is the end of that day
    #[arg(value_parser = when)]
    from: When,
    /// Another one
    #[arg(value_parser = when)]
    to: When,
    /// Write JSON, an object for each difference: `path`, `before`, `after`
    #[arg(long)]
    json: bool,
}

fn when(text: &str) -> Result<When, InvalidTimestamp> {
    text.parse()
}

pub(super) fn as_of<M: Model>(
    arguments: &AsOf,
    dir: &Path,
    terminal: &mut Terminal<'_>,
) -> Result<Code, Failure> {
    let AsOf { when, query, args, json } = arguments;
    match query {
        Some(query) => ask::<M>(dir, Some(when), query, args, *json, terminal),
        None => {
            let (state, today) = session::beside(
                dir,
                terminal,
                |source, end| {
                    let position = source.position_of(when, end, &|| true)?;
                    let replayed = source.state_at(position, &|| true)?;
                    Ok((bytes_of(&replayed.kernel)?, source.today.clone()))
                },
                std::marker::PhantomData::<M>,
            )?;
            let value = answer::of_bytes(today.preamble.state(), &state, "the state")?;
            answer::print_state(&value, *json, terminal)?;
            Ok(Code::Fine)
        }
    }
}

pub(super) fn query<M: Model>(
    arguments: &Query,
    dir: &Path,
    terminal: &mut Terminal<'_>,
) -> Result<Code, Failure> {
    let Query { query, args, at, json } = arguments;
    let Some(query) = query else { return Err(Methods::of::<M::Query>().asked_for("query")) };
    ask::<M>(dir, at.as_ref(), query, args, *json, terminal)
}

pub(super) fn diff<M: Model>(
    arguments: &Diff,
    dir: &Path,
    terminal: &mut Terminal<'_>,
) -> Result<Code, Failure> {
    let changes = session::beside(
        dir,
        terminal,
        |source, end| Ok(source.difference(&arguments.from, &arguments.to, end, &|| true)?),
        std::marker::PhantomData::<M>,
    )?;
    for change in changes {
        match arguments.json {
            true => {
                let (before, after) = (change.before.as_ref(), change.after.as_ref());
                write_json(&ChangeText { path: &change.path, before, after }, &mut *terminal.out)?;
            }
            false => writeln!(terminal.out, "{change}")?,
        }
    }
    Ok(Code::Fine)
}

#[derive(Serialize)]
struct ChangeText<'a> {
    path: &'a str,
    before: Option<&'a Value>,
    after: Option<&'a Value>,
}

/// Asks a query and prints what it says.
fn ask<M: Model>(
    dir: &Path,
    when: Option<&When>,
    name: &str,
    given: &[String],
    json: bool,
    terminal: &mut Terminal<'_>,
) -> Result<Code, Failure> {
    let methods = Methods::of::<M::Query>();
    let method = methods
        .named(name)
        .ok_or_else(|| Failure::new(Code::Usage, format!("there is no query `{name}`")))?;
    let bytes = arguments::encode(&methods, method, given)?;
    // Before anything is replayed: what the code refuses can be told at once.
    read::<M>(method, &bytes)?;
    let (verdict, reply) = session::beside(
        dir,
        terminal,
        |source, end| {
            let position = match when {
                Some(when) => source.position_of(when, end, &|| true)?,
                None => end,
            };
            let replayed = source.state_at(position, &|| true)?;
            respond::<M>(method, &bytes, &replayed.kernel)
        },
        std::marker::PhantomData::<M>,
    )?;
    let value = answer::read(&methods, method, verdict, &reply)?;
    match verdict {
        Verdict::Accepted => {
            answer::print(&value, json, terminal)?;
            Ok(Code::Fine)
        }
        Verdict::Rejected => Err(Failure::new(Code::No, format!("`{name}` gave an error: {value}"))),
    }
}

fn read<M: Model>(method: &Method, bytes: &[u8]) -> Result<M::Query, Failure> {
    let read = catch_unwind(AssertUnwindSafe(|| whole(bytes, |bytes| M::Query::get(method.number, bytes))));
    let name = &method.command.name;
    let refused =
        |why: String| Failure::new(Code::Usage, format!("the arguments are no arguments of `{name}`: {why}"));
    read.unwrap_or_else(|panic| Err(crate::codec::Unreadable::new(state::message(panic))))
        .map_err(|error| refused(error.to_string()))
}

fn respond<M: Model>(
    method: &Method,
    bytes: &[u8],
    kernel: &Kernel<M>,
) -> Result<(Verdict, Vec<u8>), Failure> {
    let query = read::<M>(method, bytes)?;
    let name = &method.command.name;
    let answered = catch_unwind(AssertUnwindSafe(|| {
        let mut reply = Vec::new();
        kernel.model().respond(query, &mut reply).map(|verdict| (verdict, reply))
    }));
    match answered {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => {
            Err(Failure::new(Code::No, format!("what `{name}` answered cannot be written: {error}")))
        }
        Err(panic) => {
            Err(Failure::new(Code::No, format!("query `{name}` panicked: {}", state::message(panic))))
        }
    }
}
