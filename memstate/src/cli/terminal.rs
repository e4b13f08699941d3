//! Where a command writes to, and what that can show.

use std::{
    env, fmt,
    io::{self, BufWriter, IsTerminal, Write},
};

use anstyle::{AnsiColor, Style};

/// When colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The outputs of a command: results go to one, messages and progress to the other.
pub struct Terminal<'a> {
    /// For results.
    pub out: Box<dyn Write + 'a>,
    /// For messages.
    pub err: Box<dyn Write + 'a>,
    out_is_terminal: bool,
    err_is_terminal: bool,
    width: Option<usize>,
    color: Color,
    quiet: bool,
    /// What the program is called where it speaks of itself.
    program: String,
}

/// What the program is called, unless it is another one.
const PROGRAM: &str = "memstate";

/// What something is, for its looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// What can be passed over.
    Dim,
    /// What is looked for.
    Strong,
    /// A name of the user's.
    Name,
    /// What went well.
    Good,
    /// What to look at.
    Warning,
    /// What went wrong.
    Bad,
    /// A heading.
    Heading,
    /// Bars.
    Bar,
}

impl Look {
    fn style(self) -> Style {
        let color = |color: AnsiColor| Style::new().fg_color(Some(color.into()));
        match self {
            Look::Dim => Style::new().dimmed(),
            Look::Strong => Style::new().bold(),
            Look::Name | Look::Bar => color(AnsiColor::Cyan),
            Look::Good => color(AnsiColor::Green),
            Look::Warning => color(AnsiColor::Yellow),
            Look::Bad => color(AnsiColor::Red).bold(),
            Look::Heading => Style::new().bold().underline(),
        }
    }
}

/// Text with a look, or without, where there are no colours.
pub(super) struct Painted<T>(Option<Style>, T);

impl<T: fmt::Display> fmt::Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(style) => {
                write!(f, "{style}")?;
                self.1.fmt(f)?;
                write!(f, "{style:#}")
            }
            None => self.1.fmt(f),
        }
    }
}

/// Gives looks to what is written, if there are colours.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paint(bool);

impl Paint {
    pub(super) fn of<T: fmt::Display>(self, look: Look, text: T) -> Painted<T> {
        Painted(self.0.then(|| look.style()), text)
    }
}

impl<'a> Terminal<'a> {
    /// Standard output and standard error.
    pub fn of_this_process() -> Terminal<'static> {
        let (out, err) = (io::stdout(), io::stderr());
        let width = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        Terminal {
            out_is_terminal: out.is_terminal(),
            err_is_terminal: err.is_terminal(),
            // What is a line on a terminal is seen when it is complete; a file takes larger pieces.
            out: Box::new(BufWriter::with_capacity(1 << 16, out)),
            err: Box::new(err),
            width,
            color: Color::Auto,
            quiet: false,
            program: PROGRAM.to_owned(),
        }
    }

    /// Any outputs, neither of which is a terminal.
    pub fn new(out: impl Write + 'a, err: impl Write + 'a) -> Self {
        Terminal {
            out: Box::new(out),
            err: Box::new(err),
            out_is_terminal: false,
            err_is_terminal: false,
            width: None,
            color: Color::Auto,
            quiet: false,
            program: PROGRAM.to_owned(),
        }
    }

    pub(super) fn set_color(&mut self, color: Color) {
        self.color = color;
    }

    pub(super) fn set_program(&mut self, name: &str) {
        name.clone_into(&mut self.program);
    }

    pub(super) fn set_quiet(&mut self, quiet: bool) {
        self.quiet = quiet;
    }

    pub(super) fn is_coloured(&self, is_err: bool) -> bool {
        let is_terminal = if is_err { self.err_is_terminal } else { self.out_is_terminal };
        let forbidden = env::var_os("NO_COLOR").is_some_and(|it| !it.is_empty())
            || env::var_os("TERM").is_some_and(|it| it == "dumb");
        match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => is_terminal && !forbidden,
        }
    }

    /// The looks of results.
    pub(super) fn paint(&self) -> Paint {
        Paint(self.is_coloured(false))
    }

    /// How many characters a line of results may have, if it is a terminal that shows them.
    pub(super) fn line_width(&self) -> Option<usize> {
        self.width.filter(|_| self.out_is_terminal).map(|width| width.max(40))
    }

    /// How wide what is drawn should be.
    pub(super) fn drawing_width(&self) -> usize {
        self.line_width().unwrap_or(80).min(160)
    }

    /// Whether progress is wanted and can be shown.
    pub(super) fn shows_progress(&self) -> bool {
        self.err_is_terminal && !self.quiet
    }

    /// Tells something that is no result.
    pub(super) fn note(&mut self, what: impl fmt::Display) -> io::Result<()> {
        if self.quiet {
            return Ok(());
        }
        let label = Paint(self.is_coloured(true)).of(Look::Warning, "note:").to_string();
        writeln!(self.err, "{label} {what}")
    }

    /// Tells an error, and what to do.
    pub(super) fn error(&mut self, what: &str, help: Option<&str>) -> io::Result<()> {
        let paint = Paint(self.is_coloured(true));
        writeln!(self.err, "{} {what}", paint.of(Look::Bad, "error:"))?;
        match help {
            Some(help) => {
                let help = help.replace(&format!("`{PROGRAM} "), &format!("`{} ", self.program));
                writeln!(self.err, "{} {help}", paint.of(Look::Good, "help:"))
            }
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Terminal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terminal").field("color", &self.color).field("width", &self.width).finish()
    }
}
