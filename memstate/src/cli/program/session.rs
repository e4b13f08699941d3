//! A journal with its model: beside whoever has it open, or open here.

use std::{
    future::Future,
    marker::PhantomData,
    path::Path,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
};

use crate::{
    Model, Open, OpenError, Position, Progress as Recovery,
    cli::{
        failure::{Code, Failure},
        progress::Progress,
        records::no_journal,
        terminal::Terminal,
    },
    disk::RealDisk,
    engine::{Engine, Source, aside, open_engine},
    journal::file::directory,
};

/// Reads a journal without its lock, and does something with what can be replayed from it.
///
/// # Errors
///
/// If it cannot be read or carried over, or `work` fails.
pub(super) fn beside<M: Model, R: Send>(
    dir: &Path,
    terminal: &Terminal<'_>,
    work: impl FnOnce(&Source<M>, Position) -> Result<R, Failure> + Send,
    _: PhantomData<M>,
) -> Result<R, Failure> {
    let total = bytes_of_segments(dir)?;
    let progress = Progress::new(terminal, total);
    let told = progress.teller();
    let done = aside::apart(&dir.display().to_string(), || {
        let (source, end) = aside::source::<M>(dir, Some(told))?;
        Ok(work(&source, end))
    });
    drop(progress);
    done?
}

/// How large the journal in a directory is.
///
/// # Errors
///
/// If there is none.
pub(super) fn bytes_of_segments(dir: &Path) -> Result<u64, Failure> {
    let listing = directory::list(&RealDisk, dir)?;
    match listing.segments.is_empty() {
        true => Err(no_journal(dir)),
        false => Ok(listing.segment_bytes),
    }
}

/// Opens a journal, does something with it, and closes it.
///
/// # Errors
///
/// If it cannot be opened or closed, or `work` fails.
pub(super) fn open<M: Model, R>(
    open: Open<M>,
    terminal: &Terminal<'_>,
    work: impl AsyncFnOnce(Arc<Engine<M>>) -> Result<R, Failure>,
) -> Result<R, Failure> {
    let engine = begin(open, terminal)?;
    let done = wait(work(Arc::clone(&engine)));
    let closed = end(&engine);
    let done = done?;
    closed?;
    Ok(done)
}

/// Opens a journal, with a bar if that takes long.
///
/// # Errors
///
/// If it cannot be opened.
pub(super) fn begin<M: Model>(open: Open<M>, terminal: &Terminal<'_>) -> Result<Arc<Engine<M>>, Failure> {
    let total = bytes_of_segments_or_none(&open);
    let progress = Progress::new(terminal, total);
    let (told, mut before) = (progress.teller(), 0);
    let open = open.progress(move |Recovery { done, .. }| {
        told(done.saturating_sub(before));
        before = done.max(before);
    });
    let opened: Result<Engine<M>, OpenError> = wait(open_engine(open));
    drop(progress);
    Ok(Arc::new(opened?))
}

/// Closes a journal.
///
/// # Errors
///
/// If it cannot be closed.
pub(super) fn end<M: Model>(engine: &Engine<M>) -> Result<(), Failure> {
    wait(engine.close())
        .map_err(|error| Failure::new(Code::Unreadable, format!("it could not be closed: {error}")))
}

fn bytes_of_segments_or_none<M: Model>(open: &Open<M>) -> u64 {
    let dir = aside::directory_of(&open.location).ok();
    dir.and_then(|dir| directory::list(&RealDisk, dir).ok()).map_or(0, |listing| listing.segment_bytes)
}

/// Runs a future to its end on this thread.
pub(super) fn wait<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(done) => return done,
            Poll::Pending => thread::park(),
        }
    }
}
