//! `token`: makes tokens for a server.

use std::{fs::OpenOptions, io::Write, path::PathBuf, time::SystemTime};

use super::super::{
    failure::{Code, Failure, io_failure},
    terminal::Terminal,
};
use crate::{
    Timestamp, When,
    server::{access::tokens::New, settings::quantity::parse_duration},
    when::end_of_day,
};

/// Make a token for a server
#[derive(Debug, clap::Args)]
pub(super) struct Token {
    #[command(subcommand)]
    command: TokenCommand,
}

#[derive(Debug, clap::Subcommand)]
enum TokenCommand {
    New(NewToken),
}

/// Make a new token, and show it this once
///
/// What it prints are the token, for the one who calls, and the lines for the file of tokens (the setting auth.tokens), which
/// have only its hash. A server that runs reads the file again on SIGHUP.
#[derive(Debug, clap::Args)]
struct NewToken {
    /// Who calls with it; it stands in the journal
    name: String,
    /// A role of the settings
    #[arg(long = "role", value_name = "ROLE", required = true)]
    roles: Vec<String>,
    /// When it expires: a time, or a duration from now such as 90d
    #[arg(long, value_name = "WHEN")]
    expires: Option<String>,
    /// Append the lines to this file, and print only the token
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    file: Option<PathBuf>,
}

pub(super) fn run(given: &Token, terminal: &mut Terminal<'_>) -> Result<Code, Failure> {
    let TokenCommand::New(given) = &given.command;
    let usage = |what: String| Failure::new(Code::Usage, what);
    if given.name.is_empty() || given.name.len() > crate::engine::CALLER_BYTES_MAX {
        return Err(usage("the name has to have from 1 through 1,024 bytes".to_owned()));
    }
    let now = SystemTime::now();
    let expires = given.expires.as_deref().map(|text| time(text, now).map_err(usage)).transpose()?;
    let new =
        New::of(&given.name, &given.roles, expires).map_err(|what| Failure::new(Code::Unreadable, what))?;
    match &given.file {
        None => write!(
            terminal.out,
            "# The token. It is shown this once.\n{}\n\n# For the file of tokens:\n{}",
            new.token, new.lines
        )?,
        Some(file) => {
            let mut options = OpenOptions::new();
            options.append(true).create(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            // In one piece, and on lines of their own, whatever the file ends with.
            let lines = format!("\n{}", new.lines);
            let written = options.open(file).and_then(|mut file| {
                file.write_all(lines.as_bytes())?;
                file.sync_all()
            });
            written.map_err(io_failure("write", file))?;
            writeln!(terminal.out, "{}", new.token)?;
        }
    }
    Ok(Code::Fine)
}

/// A time to come.
fn time(text: &str, now: SystemTime) -> Result<Timestamp, String> {
    let now = Timestamp::from(now);
    let wanted =
        "wanted is a time such as 2030-06-01T12:00Z, a day such as 2030-06-01, or a duration such as 90d";
    let time = match (parse_duration(text), text.parse::<When>()) {
        (Ok(duration), _) => now + duration,
        (_, Ok(When::Time(time))) => time,
        (_, Ok(When::Day(day))) => end_of_day(day),
        _ => return Err(format!("`--expires {text}`: {wanted}")),
    };
    match time > now {
        true => Ok(time),
        false => Err(format!("`--expires {text}` is over; {wanted}")),
    }
}
