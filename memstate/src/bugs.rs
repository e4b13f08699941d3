//! Bugs on purpose, so that the tests can be seen to fail.
//!
//! Built with `--cfg memstate_bugs`, memstate has the one bug that the environment variable `MEMSTATE_BUG` names. Built
//! as everybody builds it, [`on`] is `false` at compile time and nothing of this is in the program. `tests/run
//! seeded-bugs` runs the gates of `tests/faults` against each of them.

macro_rules! bugs {
    ($($(#[doc = $what:literal])* $bug:ident = $name:literal,)*) => {
        /// What is done wrong.
        #[cfg_attr(not(memstate_bugs), allow(dead_code, reason = "some are there only when they may be asked for"))]
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Bug {
            $($(#[doc = $what])* $bug,)*
        }

        /// All of them: the name by which `MEMSTATE_BUG` turns it on, and what is done wrong.
        #[cfg(memstate_bugs)]
        pub const ALL: &[(&str, &str)] = &[$(($name, concat!($($what),*)),)*];

        #[cfg(memstate_bugs)]
        fn named(name: &str) -> Option<Bug> {
            match name {
                $($name => Some(Bug::$bug),)*
                _ => None,
            }
        }
    };
}

bugs! {
    /// a batch is written and not synced
    SkipSync = "skip-sync",
    /// a new segment is renamed and its directory not synced
    SkipSyncDir = "skip-sync-dir",
    /// a batch is applied and answered before it is appended
    AcknowledgeEarly = "acknowledge-early",
    /// the checksums of the journal are not looked at, neither a sector's nor the chain
    ChecksumOff = "checksum-off",
    /// the journal ends at the first bad sector of its last segment, and what follows is dropped
    CutAtFirstBad = "cut-at-first-bad",
    /// a last segment that is missing is not noticed
    LostSegmentUnnoticed = "lost-segment-unnoticed",
    /// the checksum of a snapshot is not looked at
    SnapshotChecksumOff = "snapshot-checksum-off",
    /// no empty batch confirms the last one when nothing more comes
    ConfirmSkipped = "confirm-skipped",
    /// a new writer goes on in the epoch of the one before it, over what that one left
    ForgetEpoch = "forget-epoch",
    /// a sync that failed is tried once more, and believed
    RetryFailedSync = "retry-failed-sync",
    /// the journal is written again after an error
    DeadJournalLives = "dead-journal-lives",
    /// the last group is not written again when a journal is opened
    TailNotRewritten = "tail-not-rewritten",
    /// a write that found no space counts as written
    FullDiskIgnored = "full-disk-ignored",
    /// a full queue takes more calls
    QueueUnbounded = "queue-unbounded",
    /// two calls that are answered together get each other's replies
    RepliesSwapped = "replies-swapped",
    /// a call does not wake the writer
    LostWakeUp = "lost-wake-up",
    /// a snapshot is written without the requests that happened
    RequestsNotInSnapshot = "requests-not-in-snapshot",
    /// what was removed from a `BTreeMap` is not put back
    ForgetUndo = "forget-undo",
    /// what was removed from a `HashMap` is put back at the end and not in its place
    UndoLosesOrder = "undo-loses-order",
    /// the entries of a `HashMap` stand in another order once they were read
    HashOrderLeaks = "hash-order-leaks",
    /// a replay does not compare outcomes
    OutcomeNotCompared = "outcome-not-compared",
    /// nothing is written down before the unconfirmed tail is applied
    AttemptNotMarked = "attempt-not-marked",
    /// a command may run for ever, whatever the time limit
    TimeLimitIgnored = "time-limit-ignored",
    /// bytes may ask for any depth
    DepthUnbounded = "depth-unbounded",
    /// fields of another version of a struct are read by their place and not by their names
    FieldsByPlace = "fields-by-place",
}

/// Whether this bug is to be there.
#[cfg(not(memstate_bugs))]
#[inline(always)]
pub(crate) const fn on(_: Bug) -> bool {
    false
}

/// Whether this bug is to be there.
///
/// # Panics
///
/// If `MEMSTATE_BUG` names none.
#[cfg(memstate_bugs)]
pub(crate) fn on(bug: Bug) -> bool {
    static WANTED: std::sync::OnceLock<Option<Bug>> = std::sync::OnceLock::new();
    let wanted = WANTED.get_or_init(|| {
        let name = std::env::var("MEMSTATE_BUG").ok().filter(|name| !name.is_empty())?;
        Some(named(&name).unwrap_or_else(|| panic!("MEMSTATE_BUG is `{name}`, which is no bug")))
    });
    *wanted == Some(bug)
}
