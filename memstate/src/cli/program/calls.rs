//! `call` and `snapshot`: what needs the journal for itself.

use std::{io::Write, path::Path};

use serde::Serialize;

use super::{answer, arguments, methods::Methods, session};
use crate::{
    Error, Model, NotJournaled, Open, RequestId, Value,
    cli::{
        describe::write_json,
        failure::{Code, Failure},
        output::grouped,
        terminal::Terminal,
    },
    model::{Verdict, parts},
    open_with,
};

/// Call a command of the model, which is journaled
///
/// The journal is opened for itself, so no other process may have it open; one that is not there is begun. What the command
/// returns is printed when it is durable. If the model refuses, the error is told, and the exit code is 1. Arguments are
/// given in their order or as name=value; what has parts is JSON.
#[derive(Debug, clap::Args)]
pub(super) struct Call {
    /// A command of the model; without one, they are listed
    #[arg(index = 1, value_name = "NAME")]
    method: Option<String>,
    /// Its arguments
    #[arg(index = 2, allow_negative_numbers = true)]
    args: Vec<String>,
    /// Who calls
    #[arg(long = "as", value_name = "CALLER")]
    caller: Option<String>,
    /// The identity of the call: however often it is sent with it, it happens once
    #[arg(long, value_name = "ID")]
    request: Option<RequestId>,
    /// Write a JSON object: `position`, and `reply` or `rejected`
    #[arg(long)]
    json: bool,
}

/// Write a snapshot of the model, so that the next start has less to replay
///
/// The journal is opened for itself, so no other process may have it open.
#[derive(Debug, clap::Args)]
pub(super) struct Snapshot {}

#[derive(Serialize)]
struct Reply<'a> {
    position: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rejected: Option<&'a Value>,
}

pub(super) fn call<M: Model>(
    given: &Call,
    dir: &Path,
    initial: impl FnOnce() -> M + Send + 'static,
    terminal: &mut Terminal<'_>,
) -> Result<Code, Failure> {
    let methods = Methods::of::<M::Command>();
    let Some(name) = &given.method else { return Err(methods.asked_for("command")) };
    let method = methods
        .named(name)
        .ok_or_else(|| Failure::new(Code::Usage, format!("there is no command `{name}`")))?;
    if method.retired {
        let why = NotJournaled::Retired { method: parts::name::<M::Command>(method.number) };
        return Err(Failure::new(Code::Usage, why.to_string()));
    }
    let bytes = arguments::encode(&methods, method, &given.args)?;
    // The command is what it is for: a snapshot after each would cost more than that.
    let open = open_with(dir, initial).no_snapshot_on_close();
    let sent = session::open(open, terminal, async |engine| {
        let mut put = |to: &mut Vec<u8>| {
            to.extend_from_slice(&bytes);
            Ok(())
        };
        Ok(engine.submit(method.number, &mut put, given.caller.as_deref(), given.request).await)
    })?;
    let reply = sent.map_err(not_done)?;
    let (position, verdict) = (reply.position().get(), reply.verdict());
    let value = answer::read(&methods, method, verdict, reply.bytes())?;
    if given.json {
        let is_reply = verdict == Verdict::Accepted;
        let reply =
            Reply { position, reply: is_reply.then_some(&value), rejected: (!is_reply).then_some(&value) };
        write_json(&reply, &mut *terminal.out)?;
    } else if verdict == Verdict::Accepted && value != Value::Unit {
        answer::print(&value, false, terminal)?;
    }
    terminal.out.flush()?;
    if verdict == Verdict::Rejected {
        return Err(Failure::new(Code::No, format!("`{name}` was rejected at position {position}: {value}")));
    }
    terminal.note(format!("accepted at position {}", grouped(position)))?;
    Ok(Code::Fine)
}

fn not_done(error: Error) -> Failure {
    let code = match &error {
        Error::NotJournaled(_) => Code::Usage,
        Error::Stopped(_) | Error::OutcomeUnknown(_) => Code::Unreadable,
        _ => Code::No,
    };
    Failure::new(code, error.to_string())
}

pub(super) fn snapshot<M: Model>(
    dir: &Path,
    initial: impl FnOnce() -> M + Send + 'static,
    terminal: &mut Terminal<'_>,
) -> Result<Code, Failure> {
    // A journal is not begun for it.
    session::bytes_of_segments(dir)?;
    let open: Open<M> = open_with(dir, initial).no_snapshot_on_close();
    let position = session::open(open, terminal, async |engine| {
        engine.snapshot().await.map_err(|error| Failure::new(Code::No, error.to_string()))
    })?;
    writeln!(terminal.out, "there is a snapshot of position {}", grouped(position.get()))?;
    Ok(Code::Fine)
}
