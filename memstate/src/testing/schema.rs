//! A model's schema in a file: what a change of the code does to journals is seen in a test, before it is released.
//!
//! ```
//! # #[memstate::model]
//! # #[derive(Default)]
//! # struct Bank { accounts: u64 }
//! # #[memstate::model]
//! # impl Bank { pub fn open(&mut self) {} }
//! memstate::testing::schema_lock!(Bank, "bank.schema");
//! ```
//!
//! stands beside the model, in no function. It is a test that compares the types of the model, of its commands and of its
//! events with the file `bank.schema`, which belongs into version control, in the folder of the crate's `Cargo.toml`. The
//! first run writes it. When something differs, the test fails and says of each difference whether it is
//!
//! * *compatible*: every journal of the code in the file is carried over;
//! * *checked*: it is carried over unless a value does not fit, which is found when a journal is opened;
//! * *needs a default*: journals with such records are refused until the new argument or field has one;
//! * *breaking*: they are refused.
//!
//! `MEMSTATE_SCHEMA=overwrite cargo test` takes the schema of today into the file. Do so when the code is released, so
//! that the file is what journals out there were written with.

use std::{fmt::Write as _, fs, path::Path};

use crate::{
    Model,
    codec::Unreadable,
    engine::{
        Preamble,
        schema::{Today, all_differences, schema_text},
    },
    schema::compare::Class,
};

/// Above the part of the file that is compared.
const MARK: &str = "# The same in the journal's own form; do not edit.";
/// How many bytes are on a line.
const LINE_BYTES: usize = 48;

/// Compares the schema of `M` with the file `name` in `folder`; what [`schema_lock!`](super::schema_lock) calls.
///
/// # Panics
///
/// If they differ, or if there is no such file, which is written then.
#[allow(clippy::print_stderr, reason = "it is the test's own word")]
pub fn compare<M: Model>(folder: &str, name: &str) {
    let path = Path::new(folder).join(name);
    let overwrite = std::env::var_os("MEMSTATE_SCHEMA").is_some_and(|what| what == "overwrite");
    let today = Today::of::<M>();
    let write = || {
        fs::write(&path, file(&today.preamble))
            .unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
    };
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            write();
            match overwrite {
                true => return,
                false => panic!(
                    "{} was not there and is written now: look at it, put it under version control, and run the test again",
                    path.display()
                ),
            }
        }
        Err(error) => panic!("cannot read {}: {error}", path.display()),
    };
    let report = match locked(&text) {
        Ok(locked) => report(&locked, &today),
        Err(error) => Some(format!("it cannot be read: {error}")),
    };
    match report {
        Some(_) if overwrite => {
            write();
            eprintln!("{} was written anew", path.display());
        }
        Some(report) => panic!(
            "the schema of `{}` is not that of {}:\n{report}\nTo take today's: MEMSTATE_SCHEMA=overwrite cargo test",
            M::NAME,
            path.display()
        ),
        None => {}
    }
}

/// Reads the text of such a file, which anybody may have made; what is read is what is written.
pub(super) fn hostile(text: &[u8]) {
    if let Ok(preamble) = std::str::from_utf8(text).map_err(drop).and_then(|text| locked(text).map_err(drop))
    {
        assert!(locked(&file(&preamble)) == Ok(preamble), "a file is read back");
    }
}

/// What differs, line by line; `None` if nothing does.
fn report(locked: &Preamble, today: &Today) -> Option<String> {
    // The file of a release of the model stays good when memstate is updated.
    if locked.code() == today.preamble.code() {
        return None;
    }
    let mut lines = String::new();
    if locked.model != today.preamble.model {
        let (was, now) = (&locked.model, &today.preamble.model);
        let _ =
            writeln!(lines, "  breaking: the model was `{was}` and is `{now}`: journals know it by its name");
    }
    for (subject, difference) in all_differences(locked, today) {
        let class = match difference.class {
            Class::Compatible => "compatible",
            Class::Checked => "checked",
            Class::NeedsDefault => "needs a default",
            Class::Breaking => "breaking",
        };
        let place = match difference.path.as_str() {
            "" => String::new(),
            path => format!(", `{path}`"),
        };
        let types = match (difference.was.as_str(), difference.now.as_str()) {
            ("", "") => String::new(),
            ("", now) => format!(" (it is `{now}`)"),
            (was, "") => format!(" (it was `{was}`)"),
            (was, now) => format!(" (it was `{was}` and is `{now}`)"),
        };
        let _ = writeln!(lines, "  {class}: {subject}{place}: {}{types}", difference.what);
        if !difference.remedy.is_empty() {
            let _ = writeln!(lines, "      {}", difference.remedy);
        }
    }
    if lines.is_empty() {
        lines.push_str("  compatible: names or aliases differ, and nothing that journals depend on\n");
    }
    Some(lines)
}

/// The file: the schema for people, and the same as bytes.
fn file(preamble: &Preamble) -> String {
    let bytes = preamble.encode();
    // As it is read back, without what only today's code knows.
    let written = Preamble::decode(&bytes).expect("it was just written");
    let mut text = format!(
        "# The schema of the model `{}`: what its journals are written with.\n\n{}\n{MARK}\n",
        preamble.model,
        schema_text(&written)
    );
    for line in bytes.chunks(LINE_BYTES) {
        for byte in line {
            let _ = write!(text, "{byte:02x}");
        }
        text.push('\n');
    }
    text
}

fn locked(text: &str) -> Result<Preamble, Unreadable> {
    let unreadable = || Unreadable::new("its last part is not as it was written; restore the file");
    let text = text.replace("\r\n", "\n");
    let (_, hex) = text.split_once(MARK).ok_or_else(unreadable)?;
    let digits: Vec<_> = hex.chars().filter(|letter| !letter.is_whitespace()).collect();
    let byte = |pair: &[char]| {
        let text: String = pair.iter().collect();
        u8::from_str_radix(&text, 16).map_err(|_| unreadable())
    };
    let bytes = digits.chunks(2).map(byte).collect::<Result<Vec<_>, _>>()?;
    let preamble = Preamble::decode(&bytes)?;
    match file(&preamble) == text {
        true => Ok(preamble),
        false => Err(Unreadable::new(
            "its two parts do not belong together, as after an edit or a merge by hand; restore the file, or write it \
             anew",
        )),
    }
}
