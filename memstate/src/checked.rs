//! [`check`]: whether today's code can open a journal, without opening it.

use std::fmt;

use crate::{
    Location, Model, OpenError, Position, Problem,
    engine::{Today, aside},
};

/// What [`check`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Checked {
    /// The last record that there was.
    pub end: Position,
    /// How many versions of the code wrote the journal.
    pub writers: usize,
    /// All that cannot be carried over to today's code; nothing, if [`open`](crate::open()) will find nothing either.
    pub problems: Vec<Problem>,
    /// Fields and arguments that were written and are left out, because today's types do not have them; with what to write if
    /// one of them only has another name.
    pub left_out: Vec<String>,
}

impl Checked {
    /// Whether all of the journal can be carried over.
    pub fn is_fine(&self) -> bool {
        self.problems.is_empty()
    }
}

/// As `everything up to position 12 can be carried over`, or the problems, one after another.
impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_fine() {
            return write!(f, "everything up to position {} can be carried over", self.end);
        }
        let problems: Vec<_> = self.problems.iter().map(ToString::to_string).collect();
        f.write_str(&problems.join("\n"))
    }
}

/// Finds out whether today's code can open a journal: whether all of its records and its state, whatever version of the code
/// wrote them, can be carried over.
///
/// It is what [`open`](crate::open()) does first, and no more: nothing is applied. It takes no lock and changes nothing, so the
/// next version of a program can check the journal that the present one is serving, and a test can check a copy of it:
///
/// ```
/// # use memstate::collections::Vec;
/// # #[memstate::model]
/// # #[derive(Default)]
/// # struct Guestbook {
/// #     names: Vec<String>,
/// # }
/// # #[memstate::model]
/// # impl Guestbook {
/// #     pub fn sign(&mut self, name: String) -> usize {
/// #         self.names.push(name);
/// #         self.names.len()
/// #     }
/// # }
/// # let dir = std::env::temp_dir().join(format!("memstate-check-{}", std::process::id()));
/// # let journal = dir.as_path();
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// #     let guestbook = memstate::open::<Guestbook>(journal).await?;
/// #     guestbook.sign("Ann").await.unwrap();
/// #     guestbook.close().await.unwrap();
/// #     Ok::<_, memstate::OpenError>(())
/// # })?;
/// let checked = memstate::check::<Guestbook>(journal)?;
/// assert!(checked.is_fine(), "{checked}");
/// # std::fs::remove_dir_all(&dir)?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
///
/// Whether today's code also does the same as the code of then is another matter, which a replay tells: see
/// [`Open::replay_all`](crate::Open::replay_all).
///
/// The whole journal is read on this thread's time: in async code, call it where it may block.
///
/// # Errors
///
/// If the journal is damaged, empty, of another model or not there; problems of evolution are no error here.
pub fn check<M: Model>(location: impl Into<Location>) -> Result<Checked, OpenError> {
    let location = location.into();
    let dir = aside::directory_of(&location)?;
    let survey = aside::apart(&location.to_string(), || aside::survey::<M>(dir, &Today::of::<M>(), None))?;
    Ok(Checked {
        end: survey.end,
        writers: survey.writers,
        problems: survey.problems,
        left_out: survey.left_out,
    })
}
