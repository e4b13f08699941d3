//! What `check` adds when there is a model: whether its code can open the journal.

use std::{io::Write, path::Path};

use super::session;
use crate::{
    Model,
    cli::{
        failure::{Code, Failure},
        output::{count, grouped},
        progress::Progress,
        terminal::{Look, Terminal},
    },
    engine::{Today, aside},
};

pub(super) fn run<M: Model>(dir: &Path, terminal: &mut Terminal<'_>) -> Result<Code, Failure> {
    let progress = Progress::new(terminal, session::bytes_of_segments(dir)?);
    let told = progress.teller();
    let survey =
        aside::apart(&dir.display().to_string(), || aside::survey::<M>(dir, &Today::of::<M>(), Some(told)));
    drop(progress);
    let survey = survey?;
    let paint = terminal.paint();
    for problem in &survey.problems {
        let problem = problem.to_string().replace('\n', "\n  ");
        writeln!(terminal.out, "{} {problem}", paint.of(Look::Bad, "✗"))?;
    }
    if !survey.problems.is_empty() {
        let problems = count(survey.problems.len() as u64, "problem");
        writeln!(terminal.out, "{} {problems}: today's code cannot open it", paint.of(Look::Bad, "✗"))?;
        return Ok(Code::No);
    }
    for left_out in &survey.left_out {
        writeln!(terminal.out, "{} {left_out}", paint.of(Look::Warning, "!"))?;
    }
    let versions = match survey.writers {
        1 => "one version of the code".to_owned(),
        writers => format!("{} versions of the code", grouped(writers as u64)),
    };
    writeln!(
        terminal.out,
        "{} what {versions} wrote can be carried over to today's",
        paint.of(Look::Good, "✓")
    )?;
    Ok(Code::Fine)
}
