//! The handle that a collection is, and the undo log behind it: the one module with `unsafe`.
//!
//! A collection is a [`Handle`] to contents on the heap. While a command runs, everything that it can
//! reach through `&mut` was *saved* before: a [`Token`] is another owner of the contents, which keeps
//! them alive and cannot look into them. So whatever the command does with the handle (assigns over it,
//! swaps it, drops it, moves it into another collection), its contents are still there when the command
//! fails, with a log of the steps that lead back.
//!
//! # Why this is sound
//!
//! A live [`Handle`] gives out `&C` for `&self` and `&mut C` for `&mut self`, like a `Box`. That would
//! be wrong if two live handles to the same contents were used. Only [`Handle::restore`] makes a second
//! one, and only while a failed command is rolled back, when no borrow of the model exists any more:
//!
//! * Contents that a command saved or changed are *pinned* to its thread until the command has ended.
//!   Through a handle that was moved to another thread meanwhile they cannot be reached: it panics.
//! * During the roll-back pinned contents cannot be reached at all, so code of the user's that runs then
//!   (`Drop`, `Hash`, `Ord`) sees none of it.
//! * At its end every pinned contents must have at most one handle. One that has more was hidden by
//!   the command (in a static, by `mem::forget`, on another thread); it stays pinned for ever, and the
//!   roll-back reports [`Broken::Escaped`], on which the engine stops.

use std::{
    cell::{Cell, RefCell, UnsafeCell},
    panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering, fence},
    },
};

use super::trace::Trace;

/// What a collection holds, with the steps that take a change back.
pub trait Contents: Default + Send + Sync + 'static {
    /// One step back: the inverse of one change.
    type Step: Send + Sync + 'static;

    /// Takes one step back. Steps come in the reverse of their order.
    fn undo(&mut self, step: Self::Step);

    /// [`State::detach`](super::State::detach) for all elements.
    fn detach(&mut self);

    /// Writes what the change behind `step` made of these contents, for the digest of the outcome.
    fn trace(&self, step: &Self::Step, trace: &mut Trace);
}

/// The only live owner of some contents; `None` while they are empty and were never written.
pub struct Handle<C: Contents>(Option<Arc<Inner<C>>>);

/// What [`Handle::save`] gives: it brings the handle back, and until then it can do nothing else.
pub struct Token<C: Contents>(Option<Arc<Inner<C>>>);

/// Contents, open for a change.
pub struct Edit<'a, C: Contents> {
    /// The contents to change.
    pub contents: &'a mut C,
    /// Where the step back belongs; `None` when no command runs on this thread.
    steps: Option<&'a mut Vec<C::Step>>,
}

/// Why a roll-back could not bring the state back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// The command hid a collection of the model where the roll-back cannot get it back.
    Escaped,
    /// Code of the user's (`Hash`, `Eq`, `Ord`, `Clone` or `Drop` of a type in the model) panicked in the roll-back.
    Panicked,
}

struct Inner<C: Contents> {
    pin: AtomicU64,
    cell: UnsafeCell<Recorded<C>>,
}

struct Recorded<C: Contents> {
    contents: C,
    steps: Vec<C::Step>,
}

// SAFETY: `Inner` is reached from several threads only as far as `admit` lets it: through the one live handle,
// which borrows like a `Box` does, or from the thread that it is pinned to.
unsafe impl<C: Contents> Sync for Inner<C> {}

// A handle owns its contents like a `Box`, so it is as safe across a panic as they are.
impl<C: Contents + UnwindSafe> UnwindSafe for Handle<C> {}
impl<C: Contents + RefUnwindSafe> RefUnwindSafe for Handle<C> {}

/// No command holds these contents.
const FREE: u64 = 0;
/// A handle to them is somewhere out of reach; nobody may use them again.
const ESCAPED: u64 = u64::MAX;
/// How many bytes of an emptied log stay allocated for the next command.
const KEPT_LOG_BYTES: usize = 4096;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Idle,
    Recording,
    RollingBack,
}

struct Scope {
    thread: Cell<u64>,
    mode: Cell<Mode>,
    pinned: RefCell<Vec<Arc<dyn Pinned>>>,
}

thread_local! {
    static SCOPE: Scope = const {
        Scope { thread: Cell::new(0), mode: Cell::new(Mode::Idle), pinned: RefCell::new(Vec::new()) }
    };
}

impl Scope {
    fn thread(&self) -> u64 {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        if self.thread.get() == 0 {
            self.thread.set(NEXT.fetch_add(1, Ordering::Relaxed));
        }
        self.thread.get()
    }
}

/// Contents of any type, as the scope of a command sees them.
trait Pinned: Send + Sync {
    fn trace(&self, trace: &mut Trace);
    /// Empties the log: the changes stay.
    fn forget(&self);
    /// Plays the log backwards: the changes go. `false` if code of the user's panicked on the way.
    fn unwind(&self) -> bool;
    /// Lets go of what belongs elsewhere, before the last owner drops these contents.
    fn detach(&self);
    fn set_pin(&self, pin: u64);
}

impl<C: Contents> Pinned for Inner<C> {
    fn trace(&self, trace: &mut Trace) {
        // SAFETY: only called by `Transaction` on the thread that these contents are pinned to, when the
        // command has ended and no borrow of the model is left.
        let recorded = unsafe { &*self.cell.get() };
        for step in &recorded.steps {
            recorded.contents.trace(step, trace);
        }
    }

    fn forget(&self) {
        // SAFETY: as in `trace`; the borrow ends before a step is dropped, because that runs the user's code.
        let mut steps = std::mem::take(unsafe { &mut (*self.cell.get()).steps });
        if std::mem::needs_drop::<C::Step>() {
            while let Some(step) = steps.pop() {
                // The command is done; a panic in a destructor of what it replaced changes nothing any more.
                let _ = catch_unwind(AssertUnwindSafe(|| drop(step)));
            }
        } else {
            steps.clear();
        }
        if steps.capacity() * size_of::<C::Step>() <= KEPT_LOG_BYTES {
            // SAFETY: as above.
            unsafe { (*self.cell.get()).steps = steps };
        }
    }

    fn unwind(&self) -> bool {
        // SAFETY: as in `trace`. The user's code cannot get at these contents while they are unwound: every
        // way to them goes through `admit`, which refuses pinned contents during a roll-back.
        let recorded = unsafe { &mut *self.cell.get() };
        let mut whole = true;
        while let Some(step) = recorded.steps.pop() {
            whole &= catch_unwind(AssertUnwindSafe(|| recorded.contents.undo(step))).is_ok();
        }
        whole
    }

    fn detach(&self) {
        // SAFETY: as in `unwind`.
        let contents = unsafe { &mut (*self.cell.get()).contents };
        let _ = catch_unwind(AssertUnwindSafe(|| contents.detach()));
    }

    fn set_pin(&self, pin: u64) {
        self.pin.store(pin, Ordering::Release);
    }
}

impl<C: Contents> Inner<C> {
    /// Panics unless these contents may be reached from this thread now.
    #[inline]
    fn admit(&self) {
        let pin = self.pin.load(Ordering::Acquire);
        if pin != FREE {
            Self::admit_pinned(pin);
        }
    }

    fn admit_pinned(pin: u64) {
        let mine = SCOPE.with(|scope| pin == scope.thread() && scope.mode.get() != Mode::RollingBack);
        assert!(
            mine,
            "this collection belongs to a command that is still running or was rolled back: \
             a command must not hide a collection of the model in a static, a thread or a leak"
        );
    }
}

/// Pins contents to the command that runs on this thread, if one does.
#[inline]
fn pin<C: Contents>(inner: &Arc<Inner<C>>) -> bool {
    SCOPE.with(|scope| {
        if scope.mode.get() != Mode::Recording {
            return false;
        }
        if inner.pin.load(Ordering::Relaxed) == FREE {
            inner.pin.store(scope.thread(), Ordering::Release);
            scope.pinned.borrow_mut().push(Arc::clone(inner) as Arc<dyn Pinned>);
        }
        true
    })
}

impl<C: Contents> Handle<C> {
    /// A handle to empty contents; allocates nothing.
    pub const fn new() -> Self {
        Handle(None)
    }

    /// A handle to these contents.
    pub fn from_contents(contents: C) -> Self {
        Handle(Some(Arc::new(Inner {
            pin: AtomicU64::new(FREE),
            cell: UnsafeCell::new(Recorded { contents, steps: Vec::new() }),
        })))
    }

    /// The contents; `None` while they are empty and were never written.
    #[inline]
    pub fn get(&self) -> Option<&C> {
        self.0.as_ref().map(|inner| {
            inner.admit();
            // SAFETY: this is the only live handle, and `&self` keeps `edit` away; see the module.
            unsafe { &(*inner.cell.get()).contents }
        })
    }

    /// Opens the contents for a change.
    #[inline]
    pub fn edit(&mut self) -> Edit<'_, C> {
        if self.0.is_none() {
            *self = Handle::from_contents(C::default());
        }
        let inner = self.0.as_ref().expect("made above");
        inner.admit();
        let recording = pin(inner);
        // SAFETY: this is the only live handle, and `&mut self` makes the borrow exclusive; see the module.
        let recorded = unsafe { &mut *inner.cell.get() };
        Edit { contents: &mut recorded.contents, steps: recording.then_some(&mut recorded.steps) }
    }

    /// Another owner of the contents, to bring this handle back if the command fails.
    pub fn save(&self) -> Token<C> {
        if let Some(inner) = &self.0 {
            pin(inner);
        }
        Token(self.0.clone())
    }

    /// The handle that `token` was made from.
    ///
    /// # Panics
    ///
    /// If the contents are in use by a live handle and no roll-back is going on.
    pub fn restore(token: Token<C>) -> Self {
        if let Some(inner) = &token.0 {
            let rolling_back = SCOPE.with(|scope| {
                scope.mode.get() == Mode::RollingBack && inner.pin.load(Ordering::Acquire) == scope.thread()
            });
            assert!(
                rolling_back || Arc::strong_count(inner) == 1,
                "a saved collection can only be restored by the roll-back of the command that saved it \
                 (and a key of a BTreeMap or BTreeSet cannot hold a collection)"
            );
            // The count was read without an order; whoever owned the contents before may have been another thread.
            fence(Ordering::Acquire);
        }
        Handle(token.0)
    }

    /// Puts the handle back in its place; no work if it never left.
    pub fn put_back(&mut self, token: Token<C>) {
        let same = match (&self.0, &token.0) {
            (Some(mine), Some(saved)) => Arc::ptr_eq(mine, saved),
            (None, None) => true,
            _ => false,
        };
        if !same {
            let stale = std::mem::replace(self, Handle::restore(token));
            stale.discard();
        }
    }

    /// Lets go of contents that a token still holds: what is about to be discarded must not reach them.
    pub fn detach(&mut self) {
        match self.0.as_mut().map(Arc::get_mut) {
            // Nobody else knows these contents, but some of the elements may have come from the model.
            Some(Some(inner)) => inner.cell.get_mut().contents.detach(),
            Some(None) => self.0 = None,
            None => {}
        }
    }

    fn discard(mut self) {
        self.detach();
        let _ = catch_unwind(AssertUnwindSafe(|| drop(self)));
    }
}

impl<C: Contents> Edit<'_, C> {
    /// Notes how to take the next change back. `step` is only called while a command runs.
    #[inline]
    pub fn record(&mut self, step: impl FnOnce(&C) -> C::Step) {
        if let Some(steps) = &mut self.steps {
            let step = step(self.contents);
            steps.push(step);
        }
    }
}

impl<'a, C: Contents> Edit<'a, C> {
    /// The contents and their log, for a borrow that outlives this one.
    #[inline]
    pub fn into_parts(self) -> (&'a mut C, Option<&'a mut Vec<C::Step>>) {
        (self.contents, self.steps)
    }
}

impl<C: Contents> Default for Handle<C> {
    fn default() -> Self {
        Handle::new()
    }
}

/// The scope of one command on this thread, from [`Transaction::begin`] to [`commit`](Transaction::commit) or
/// [`roll_back`](Transaction::roll_back).
pub struct Transaction {
    // The scope is the thread's own.
    _not_send: std::marker::PhantomData<*const ()>,
}

impl Transaction {
    /// Starts to record on this thread.
    ///
    /// # Panics
    ///
    /// If a command runs on this thread already.
    pub fn begin() -> Self {
        SCOPE.with(|scope| {
            assert!(scope.mode.get() == Mode::Idle, "a command is running on this thread already");
            scope.mode.set(Mode::Recording);
        });
        Transaction { _not_send: std::marker::PhantomData }
    }

    /// Writes every change so far.
    pub fn trace(&self, trace: &mut Trace) {
        SCOPE.with(|scope| {
            // Tracing runs the user's `Serialize`, which may make collections of its own and change those.
            let mut pinned = scope.pinned.take();
            for contents in &pinned {
                contents.trace(trace);
                trace.end_of_contents();
            }
            pinned.append(&mut scope.pinned.borrow_mut());
            scope.pinned.replace(pinned);
        });
    }

    /// Keeps all changes.
    pub fn commit(self) {
        SCOPE.with(|scope| {
            scope.mode.set(Mode::Idle);
            let mut pinned = scope.pinned.take();
            for contents in &pinned {
                contents.forget();
            }
            release(scope, &mut pinned);
        });
        std::mem::forget(self);
    }

    /// Takes all changes back; `root` puts the root's own fields back.
    pub fn roll_back(self, root: impl FnOnce()) -> Result<(), Broken> {
        let result = SCOPE.with(|scope| {
            scope.mode.set(Mode::RollingBack);
            let mut pinned = scope.pinned.take();
            let mut whole = true;
            for contents in pinned.iter().rev() {
                whole &= contents.unwind();
            }
            whole &= catch_unwind(AssertUnwindSafe(root)).is_ok();
            drop_stale(&mut pinned);
            scope.mode.set(Mode::Idle);
            // One owner is `pinned`, one the handle in the model.
            let escaped = pinned.iter().filter(|contents| Arc::strong_count(contents) > 2).count() > 0;
            if escaped {
                for contents in pinned.iter().filter(|contents| Arc::strong_count(contents) > 2) {
                    contents.set_pin(ESCAPED);
                }
                pinned.retain(|contents| Arc::strong_count(contents) <= 2);
            }
            release(scope, &mut pinned);
            match (escaped, whole) {
                (true, _) => Err(Broken::Escaped),
                (_, false) => Err(Broken::Panicked),
                _ => Ok(()),
            }
        });
        std::mem::forget(self);
        result
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        // Only reached when something between begin and end panicked: nothing is known to be right then, so the
        // changes stay and only the pins go.
        SCOPE.with(|scope| {
            scope.mode.set(Mode::Idle);
            let mut pinned = scope.pinned.take();
            for contents in &pinned {
                contents.forget();
            }
            release(scope, &mut pinned);
        });
    }
}

/// Drops the contents that no handle is left of.
///
/// The command made them and moved collections of the model into them, perhaps before they were pinned, so that no
/// log knows. Those are back in the model now, and the handles in here would be second ones.
fn drop_stale(pinned: &mut Vec<Arc<dyn Pinned>>) {
    loop {
        let before = pinned.len();
        for contents in pinned.extract_if(.., |contents| Arc::strong_count(contents) == 1) {
            contents.detach();
            let _ = catch_unwind(AssertUnwindSafe(|| drop(contents)));
        }
        // Each may have held the last handle of others.
        if pinned.len() == before {
            return;
        }
    }
}

/// Unpins, drops and gives the emptied list back to the scope, so that the next command need not allocate it.
fn release(scope: &Scope, pinned: &mut Vec<Arc<dyn Pinned>>) {
    for contents in pinned.iter() {
        contents.set_pin(FREE);
    }
    while let Some(contents) = pinned.pop() {
        // The last owner of contents that the command replaced: their elements are dropped here.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(contents)));
    }
    if pinned.capacity() * size_of::<Arc<dyn Pinned>>() <= KEPT_LOG_BYTES && scope.pinned.borrow().is_empty()
    {
        scope.pinned.replace(std::mem::take(pinned));
    }
}
