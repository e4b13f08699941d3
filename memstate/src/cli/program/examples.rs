//! The examples at the end of the help, of the model's own queries and commands.

use super::{arguments::sample_call, methods::Methods};

/// Gives the commands that take a method's name the examples that the model has for them.
pub(super) fn add(
    command: clap::Command,
    program: &str,
    queries: &Methods,
    commands: &Methods,
) -> clap::Command {
    let of = |methods: &Methods| methods.for_example(|method| sample_call(methods, method));
    let (query, call) = (of(queries), of(commands));
    let mut of_as_of = vec![format!("{program} as-of 2013-02-08")];
    let (mut of_query, mut of_call) = (Vec::new(), Vec::new());
    if let Some((plain, named)) = query {
        of_query.push(format!("{program} query {plain}"));
        of_query.push(format!("{program} query {named} --at 2013-06-01 --json"));
        of_as_of.push(format!("{program} as-of 4711 {plain}"));
        of_as_of.push(format!("{program} as-of '2013-02-08 17:05' {named} --json"));
    }
    if let Some((plain, named)) = call {
        of_call.push(format!("{program} call {plain}"));
        of_call.push(format!("{program} call {named} --as ann --json"));
    }
    [("as-of", of_as_of), ("query", of_query), ("call", of_call)]
        .into_iter()
        .filter(|(_, lines)| !lines.is_empty())
        .fold(command, |command, (name, lines)| {
            let text = format!("Examples:\n  {}", lines.join("\n  "));
            command.mut_subcommand(name, |one| one.after_help(text))
        })
}
