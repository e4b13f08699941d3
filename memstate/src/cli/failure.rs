//! What went wrong, as it is told to who typed the command, and the exit codes.

use std::io::{self, ErrorKind, Write};

use super::Terminal;
use crate::{OpenError, PastError, journal::JournalError, journal::file::inspect::Chain};

/// How a command ended; the numbers are documented in the help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Code {
    /// All is well.
    Fine = 0,
    /// The answer is no.
    No = 1,
    /// The command line is wrong.
    Usage = 2,
    /// It cannot be read or written.
    Unreadable = 3,
    /// Somebody else has it.
    InUse = 4,
}

/// Why a command ended early: what is wrong, and what to do.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It is told on stderr.
    Told { code: Code, what: String, help: Option<String> },
    /// Nobody reads the output any more; there is nothing to tell.
    Closed,
}

impl Failure {
    pub(super) fn new(code: Code, what: impl Into<String>) -> Self {
        Failure::Told { code, what: what.into(), help: None }
    }

    /// Says what to do about it.
    pub(super) fn help(self, to_do: impl Into<String>) -> Self {
        match self {
            Failure::Told { code, what, .. } => Failure::Told { code, what, help: Some(to_do.into()) },
            Failure::Closed => Failure::Closed,
        }
    }

    /// Tells it, and gives the exit code.
    pub(super) fn tell(self, terminal: &mut Terminal<'_>) -> u8 {
        let Failure::Told { code, what, help } = self else { return Code::Fine as u8 };
        // There is nowhere to tell that this cannot be told.
        let _ = terminal.error(&what, help.as_deref());
        let _ = terminal.err.flush();
        code as u8
    }
}

/// An error of the outputs.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::BrokenPipe => Failure::Closed,
            _ => Failure::new(Code::Unreadable, format!("the output cannot be written: {error}")),
        }
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        io::Error::from(error).into()
    }
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::Damaged { path, offset, after, what } => Failure::new(
                Code::No,
                format!("{} is damaged at byte {offset}, after position {after}: {what}", path.display()),
            )
            .help(
                "restore the file from a backup; `memstate check` says what is still whole, and `memstate repair` \
                 cuts the journal there, for those who have no backup",
            ),
            JournalError::Locked { path } => {
                Failure::new(Code::InUse, format!("{} is in use by another process", path.display()))
                    .help("stop the program that has it open, and try again")
            }
            JournalError::NotAJournal { path, what } => Failure::new(
                Code::Unreadable,
                format!("{} is not the directory of a journal: {what}", path.display()),
            )
            .help("give the directory that the program opens, the one with `journal-0000000001.seg` in it"),
            JournalError::Newer { path, found, supported, writer } => {
                let by = writer.as_ref().map(|writer| format!(", of memstate {writer}")).unwrap_or_default();
                let path = path.display();
                Failure::new(
                    Code::Unreadable,
                    format!("{path} has format {found}{by}, and this program reads formats up to {supported}"),
                )
                .help("use a newer `memstate`")
            }
            JournalError::Io { action, path, source } => {
                let failure =
                    Failure::new(Code::Unreadable, format!("cannot {action} {}: {source}", path.display()));
                match source.kind() {
                    ErrorKind::NotFound => failure.help("check the path: there is nothing there"),
                    ErrorKind::PermissionDenied => failure.help("run this as the user whose journal it is"),
                    _ => failure,
                }
            }
            other => Failure::new(Code::Unreadable, other.to_string()),
        }
    }
}

/// A journal that the code cannot open.
impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        let (code, help) = match error {
            OpenError::Journal(error) => return error.into(),
            OpenError::Io { action, path, source } => {
                return JournalError::Io { action, path, source }.into();
            }
            OpenError::Location { .. } => (Code::Unreadable, None),
            OpenError::OtherModel { .. } => {
                (Code::Unreadable, Some("give the directory of this model's journal, with --data"))
            }
            OpenError::Changed { .. } => (Code::No, Some("`memstate schema` shows what was written")),
            _ => (Code::No, None),
        };
        let failure = Failure::new(code, error.to_string());
        match help {
            Some(help) => failure.help(help),
            None => failure,
        }
    }
}

/// A moment that cannot be shown.
impl From<PastError> for Failure {
    fn from(error: PastError) -> Self {
        let code = match error {
            PastError::Unknown(_) => Code::Usage,
            _ => Code::No,
        };
        Failure::new(code, error.to_string())
    }
}

/// An error of the system with a file.
pub(super) fn io_failure(action: &'static str, path: &std::path::Path) -> impl FnOnce(io::Error) -> Failure {
    move |source| JournalError::Io { action, path: path.to_owned(), source }.into()
}

/// A hash as text.
pub(super) fn hex(chain: &Chain) -> String {
    bytes_as_hex(chain)
}

/// Bytes as text, two digits each.
pub(super) fn bytes_as_hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
