//! The command line: it shows, checks, mends and copies any journal in a directory, without the code that wrote it.
//!
//! Each part of a journal carries what its writer said of its commands and their types, so nothing else is needed. What
//! only reads takes no lock, and may be run while a program is writing.
//!
//! [`main()`] is the whole of the program `memstate`; [`run`] is the same with arguments and outputs of your own.
//!
//! With a model it can do more: [`program`] adds to a user's program what needs the code, such as a state as of some time.

use std::{
    ffi::OsString,
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

mod args;
mod backup;
mod check;
mod describe;
mod export;
mod failure;
mod filter;
mod log;
mod near;
mod output;
pub mod program;
mod progress;
mod records;
mod repair;
mod schema;
mod snapshots;
mod stat;
mod terminal;
mod verify;

use failure::{Code, Failure};
pub use terminal::{Color, Terminal};

/// Shows, checks, mends and copies the journals of memstate.
#[derive(Debug, Parser)]
#[command(
    name = "memstate",
    version,
    max_term_width = 110,
    about = "Shows, checks, mends and copies the journals of memstate, without the code that wrote them",
    after_help = "Exit codes:\n  \
        0  fine\n  \
        1  the answer is no: damage was found, a head is not in the chain, a backup does not fit\n  \
        2  the command line is wrong\n  \
        3  it cannot be read or written: no journal there, no permission, a newer format\n  \
        4  it is in use by another process, and the command needs it for itself\n\n\
        What only reads (log, stat, schema, check, verify, export, and backup of its source) takes no lock,\n\
        and may be run while a program is writing the journal.\n\n\
        Times are RFC 3339: 2013-02-08, 2013-02-08T17:05Z, 2013-02-08T17:05:00.25+01:00; UTC unless they say else.",
    after_long_help = None::<&str>
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    looks: Looks,
}

/// What is shown, and how.
#[derive(Debug, clap::Args)]
struct Looks {
    /// When to use colours: auto (on a terminal, unless NO_COLOR is set), always or never
    #[arg(
        long,
        value_enum,
        default_value_t = Color::Auto,
        global = true,
        value_name = "WHEN",
        hide_possible_values = true,
        hide_default_value = true
    )]
    color: Color,
    /// Show no progress and no remarks on stderr
    #[arg(long, short, global = true)]
    quiet: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    Log(log::Arguments),
    Stat(stat::Arguments),
    Schema(schema::Arguments),
    Check(check::Arguments),
    Verify(verify::Arguments),
    Repair(repair::Arguments),
    Backup(backup::Arguments),
    Export(export::Arguments),
    Completions(Completions),
}

/// Print the completions for a shell
///
/// For bash, for example:  memstate completions bash > ~/.local/share/bash-completion/completions/memstate
#[derive(Debug, clap::Args)]
struct Completions {
    /// The shell
    shell: clap_complete::Shell,
}

/// The journal that a command is about. How it is said is added to the commands by the program: see [`standalone`].
#[derive(Debug, Clone)]
struct Directory {
    dir: PathBuf,
}

/// The name of the argument that says the directory.
const DIR: &str = "dir";

impl clap::Args for Directory {
    fn augment_args(command: clap::Command) -> clap::Command {
        command
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        command
    }
}

impl FromArgMatches for Directory {
    fn from_arg_matches(matches: &clap::ArgMatches) -> Result<Self, clap::Error> {
        let dir = matches.get_one::<PathBuf>(DIR).cloned();
        let missing = || clap::Error::raw(clap::error::ErrorKind::MissingRequiredArgument, "DIR is missing");
        Ok(Directory { dir: dir.ok_or_else(missing)? })
    }

    fn update_from_arg_matches(&mut self, matches: &clap::ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// The directory of the journal, as an argument without a name.
fn directory_argument() -> clap::Arg {
    clap::Arg::new(DIR)
        .value_name("DIR")
        .help("The directory of the journal")
        .value_hint(clap::ValueHint::DirPath)
        .value_parser(clap::value_parser!(PathBuf))
}

/// The commands of the program `memstate`: each has the directory of a journal as its first argument.
fn standalone() -> clap::Command {
    let mut command = Cli::command();
    let names: Vec<_> = command.get_subcommands().map(|one| one.get_name().to_owned()).collect();
    for name in names.iter().filter(|name| *name != "completions") {
        command = command.mut_subcommand(name, |one| {
            // It stands before what else has no name.
            let one = one.mut_args(|arg| if arg.is_positional() { arg.index(2) } else { arg });
            one.arg(directory_argument().index(1).required(true))
        });
    }
    command
}

/// The program `memstate`: reads the arguments of this process, writes to its outputs, and says how it went.
pub fn main() -> ExitCode {
    let mut terminal = Terminal::of_this_process();
    ExitCode::from(run(std::env::args_os(), &mut terminal))
}

/// Runs a command line, the first argument of which is the program's name. Gives the exit code.
pub fn run(
    arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    terminal: &mut Terminal<'_>,
) -> u8 {
    let cli = standalone()
        .try_get_matches_from(arguments)
        .and_then(|mut matches| Cli::from_arg_matches_mut(&mut matches));
    let cli = match cli {
        Ok(cli) => cli,
        Err(error) => return usage(&error, terminal),
    };
    finish(&cli.looks, terminal, |terminal| dispatch(cli.command, terminal))
}

/// Does something and tells how it went. Gives the exit code.
fn finish(
    looks: &Looks,
    terminal: &mut Terminal<'_>,
    work: impl FnOnce(&mut Terminal<'_>) -> Result<Code, Failure>,
) -> u8 {
    terminal.set_color(looks.color);
    terminal.set_quiet(looks.quiet);
    let done = work(terminal).and_then(|code| Ok(terminal.out.flush().map(|()| code)?));
    match done {
        Ok(code) => code as u8,
        Err(failure) => {
            let _ = terminal.out.flush();
            failure.tell(terminal)
        }
    }
}

fn dispatch(command: Command, terminal: &mut Terminal<'_>) -> Result<Code, Failure> {
    match command {
        Command::Log(arguments) => log::run(&arguments, None, terminal),
        Command::Stat(arguments) => stat::run(&arguments, terminal),
        Command::Schema(arguments) => schema::run(&arguments, None, terminal),
        Command::Check(arguments) => check::run(&arguments, terminal),
        Command::Verify(arguments) => verify::run(&arguments, terminal),
        Command::Repair(arguments) => repair::run(&arguments, terminal),
        Command::Backup(arguments) => backup::run(&arguments, terminal),
        Command::Export(arguments) => export::run(&arguments, terminal),
        Command::Completions(arguments) => completions(&arguments, standalone(), "memstate", terminal),
    }
}

fn completions(
    arguments: &Completions,
    mut command: clap::Command,
    name: &str,
    terminal: &mut Terminal<'_>,
) -> Result<Code, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, name, &mut script);
    terminal.out.write_all(&script)?;
    Ok(Code::Fine)
}

/// Help goes where results go, and what is wrong where messages go.
fn usage(error: &clap::Error, terminal: &mut Terminal<'_>) -> u8 {
    let is_error = error.use_stderr();
    let text = match terminal.is_coloured(is_error) {
        true => error.render().ansi().to_string(),
        false => error.render().to_string(),
    };
    let to: &mut dyn Write = if is_error { &mut *terminal.err } else { &mut *terminal.out };
    // Whoever closed the pipe does not want it.
    let _: io::Result<()> = to.write_all(text.as_bytes()).and_then(|()| to.flush());
    if is_error { Code::Usage as u8 } else { Code::Fine as u8 }
}
