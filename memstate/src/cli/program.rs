//! The command line of a program with a model: everything that `memstate` can do with a journal, and what needs the
//! model's code.
//!
//! [`main`] is the whole of such a program; [`run`] is the same with arguments and outputs of your own.

use std::{ffi::OsString, io::Write, path::Path, process::ExitCode};

use clap::{
    CommandFactory, FromArgMatches, Parser, Subcommand,
    builder::{PossibleValue, PossibleValuesParser},
};

use super::{
    Command, DIR, Directory, Looks, Terminal, completions, directory_argument, dispatch,
    failure::{Code, Failure},
    finish, log, schema, usage,
};
use crate::{Model, engine::Today};

mod answer;
pub(crate) mod arguments;
mod calls;
mod carried;
mod examples;
pub(crate) mod methods;
mod moments;
mod paths;
mod replay;
#[cfg(feature = "server")]
mod serve;
mod session;
#[cfg(feature = "server")]
mod token;

pub(crate) use arguments::typed;
use methods::Methods;

/// The commands that need the model.
#[derive(Debug, Subcommand)]
enum ModelCommand {
    #[command(flatten)]
    Any(Command),
    AsOf(moments::AsOf),
    Query(moments::Query),
    Diff(moments::Diff),
    Call(calls::Call),
    Snapshot(calls::Snapshot),
    Replay(replay::Arguments),
    #[cfg(feature = "server")]
    Serve(serve::Serve),
    #[cfg(feature = "server")]
    Token(token::Token),
}

#[derive(Debug, Parser)]
#[command(
    max_term_width = 110,
    after_help = "Exit codes:\n  \
        0  fine\n  \
        1  the answer is no: the model refused, a replay differs, damage was found, the code does not fit the journal\n  \
        2  the command line is wrong\n  \
        3  it cannot be read or written: no journal there, no permission, a newer format\n  \
        4  it is in use by another process, and the command needs it for itself\n\n\
        Only call, serve, snapshot, replay --accept and repair need the journal for themselves. All others take no lock, change\n\
        nothing, and may be run while a program is writing it.\n\n\
        Times are RFC 3339: 2013-02-08T17:05Z, 2013-02-08T17:05:00.25+01:00; UTC unless they say else. A date alone is the\n\
        end of its day, and digits alone are a position.",
    after_long_help = None::<&str>
)]
struct ModelCli {
    #[command(subcommand)]
    command: ModelCommand,
    #[command(flatten)]
    looks: Looks,
}

/// The whole program for a model: reads the arguments of this process, does what they say with the model's journal,
/// and says how it went.
///
/// ```no_run
/// # use memstate::collections::HashMap;
/// #[memstate::model]
/// #[derive(Default)]
/// pub struct Bank {
///     accounts: HashMap<u64, u64>,
/// }
///
/// #[memstate::model]
/// impl Bank {
///     pub fn open(&mut self, account: u64) {
///         self.accounts.insert(account, 0);
///     }
///
///     pub fn balance(&self, account: u64) -> Option<u64> {
///         self.accounts.get(&account).copied()
///     }
/// }
///
/// fn main() -> std::process::ExitCode {
///     memstate::main::<Bank>()
/// }
/// ```
///
/// `bank call open 7`, `bank query balance 7 --at 2013-06-01`, `bank log --follow`, `bank check`: `--help` shows the rest. The
/// journal is in `data/bank`, by the model's name, or where `--data` or `MEMSTATE_DATA` say.
pub fn main<M: Model + Default>() -> ExitCode {
    main_with(M::default)
}

/// [`main`] for a model that begins a new journal in another state than its `Default`.
pub fn main_with<M: Model>(initial: impl FnOnce() -> M + Send + 'static) -> ExitCode {
    let mut terminal = Terminal::of_this_process();
    ExitCode::from(run(std::env::args_os(), initial, &mut terminal))
}

/// Runs a command line, the first argument of which is the program's name. Gives the exit code.
pub fn run<M: Model>(
    arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    initial: impl FnOnce() -> M + Send + 'static,
    terminal: &mut Terminal<'_>,
) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
    let name = name_of(arguments.first(), M::NAME);
    terminal.set_program(&name);
    let parsed = command::<M>(&name).try_get_matches_from(arguments).and_then(|mut matches| {
        // The completions have no directory of their own, and this is there for all.
        let directory = Directory::from_arg_matches(&matches)?;
        Ok((directory, ModelCli::from_arg_matches_mut(&mut matches)?))
    });
    let (directory, cli) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => return usage(&error, terminal),
    };
    finish(&cli.looks, terminal, |terminal| do_it::<M>(cli.command, &directory.dir, &name, initial, terminal))
}

fn do_it<M: Model>(
    wanted: ModelCommand,
    dir: &Path,
    name: &str,
    initial: impl FnOnce() -> M + Send + 'static,
    terminal: &mut Terminal<'_>,
) -> Result<Code, Failure> {
    match wanted {
        ModelCommand::Any(Command::Completions(arguments)) => {
            completions(&arguments, command::<M>(name), name, terminal)?;
            if arguments.shell == clap_complete::Shell::Fish {
                fish_names::<M>(name, terminal)?;
            }
            Ok(Code::Fine)
        }
        ModelCommand::Any(Command::Schema(arguments)) => {
            schema::run(&arguments, Some(&*Today::of::<M>()), terminal)
        }
        ModelCommand::Any(Command::Check(arguments)) => {
            match dispatch(Command::Check(arguments), terminal)? {
                Code::Fine => carried::run::<M>(dir, terminal),
                code => Ok(code),
            }
        }
        ModelCommand::Any(Command::Log(arguments)) => {
            log::run(&arguments, Some(&*Today::of::<M>()), terminal)
        }
        ModelCommand::Any(other) => dispatch(other, terminal),
        ModelCommand::AsOf(arguments) => moments::as_of::<M>(&arguments, dir, terminal),
        ModelCommand::Query(arguments) => moments::query::<M>(&arguments, dir, terminal),
        ModelCommand::Diff(arguments) => moments::diff::<M>(&arguments, dir, terminal),
        ModelCommand::Call(arguments) => calls::call(&arguments, dir, initial, terminal),
        ModelCommand::Snapshot(_) => calls::snapshot(dir, initial, terminal),
        ModelCommand::Replay(arguments) => replay::run(&arguments, dir, initial, terminal),
        #[cfg(feature = "server")]
        ModelCommand::Serve(arguments) => serve::run(&arguments, dir, initial, terminal),
        #[cfg(feature = "server")]
        ModelCommand::Token(arguments) => token::run(&arguments, terminal),
    }
}

/// Completes the names of methods in fish, for which the generator has only those of options and commands.
fn fish_names<M: Model>(program: &str, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
    let (queries, commands) = (Methods::of::<M::Query>(), Methods::of::<M::Command>());
    for (after, methods) in [("query as-of", &queries), ("call", &commands)] {
        for method in methods.all().filter(|method| !method.retired) {
            let help = methods.signature(method).replace('\'', "");
            let name = &method.command.name;
            writeln!(
                terminal.out,
                "complete -c {program} -n \"__fish_seen_subcommand_from {after}\" -f -a '{name}' -d '{help}'"
            )?;
        }
    }
    Ok(())
}

/// What the program is called: as it was called, or as its model.
fn name_of(first: Option<&OsString>, model: &str) -> String {
    let file = first.and_then(|first| Path::new(first).file_stem());
    file.map_or_else(|| model.to_lowercase(), |file| file.to_string_lossy().into_owned())
}

/// All commands, with the names of the model's own.
fn command<M: Model>(name: &str) -> clap::Command {
    let (queries, commands) = (Methods::of::<M::Query>(), Methods::of::<M::Command>());
    let mut command = ModelCli::command()
        .name(name.to_owned())
        .about(format!(
            "The journal of `{}`: shows it, asks it, calls it, checks it, mends it and copies it",
            M::NAME
        ))
        .arg(data_argument(&format!("data/{}", M::NAME.to_lowercase())));
    let names: Vec<_> = command.get_subcommands().map(|one| one.get_name().to_owned()).collect();
    for one in &names {
        command = command.mut_subcommand(one, |one| speak_of(name, one));
    }
    // The positional that takes a method's name.
    let known = |methods: &Methods| PossibleValuesParser::new(possible(methods));
    examples::add(command, name, &queries, &commands)
        .mut_subcommand("as-of", |one| one.mut_arg("query", |arg| arg.value_parser(known(&queries))))
        .mut_subcommand("query", |one| one.mut_arg("query", |arg| arg.value_parser(known(&queries))))
        .mut_subcommand("call", |one| one.mut_arg("method", |arg| arg.value_parser(known(&commands))))
}

fn data_argument(default: &str) -> clap::Arg {
    directory_argument()
        .id(DIR)
        .long("data")
        .env("MEMSTATE_DATA")
        .default_value(default.to_owned())
        .global(true)
}

/// The names of methods, with what they are in a line.
fn possible(methods: &Methods) -> Vec<PossibleValue> {
    methods
        .all()
        .map(|method| {
            let help = format!("{}  {}", methods.signature(method), method.summary());
            PossibleValue::new(method.command.name.clone())
                .help(help.trim_end().to_owned())
                .hide(method.retired)
        })
        .collect()
}

/// Replaces what is said of the program `memstate` in the help of a command by what holds for this one.
fn speak_of(name: &str, mut command: clap::Command) -> clap::Command {
    let said = |text: &clap::builder::StyledStr| {
        text.to_string().replace("memstate ", &format!("{name} ")).replace(" data/bank", "")
    };
    if let Some(text) = command.get_about().map(said) {
        command = command.about(text);
    }
    if let Some(text) = command.get_long_about().map(said) {
        command = command.long_about(text);
    }
    if let Some(text) = command.get_after_help().map(said) {
        command = command.after_help(text);
    }
    command
}
