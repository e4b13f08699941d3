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
//! A [`Handle`] gives out `&C` for `&self` and `&mut C` for `&mut self`, like a `Box`. Two things could
//! make that wrong: a second handle to the same contents, and a roll-back that changes contents which
//! somebody still borrows. Neither needs more than safe code (`Box::leak` makes a borrow that outlives
//! the command), so neither is taken on trust:
//!
//! *One handle.* Every contents counts its handles. [`Handle::restore`] makes one where another may be, and
//! only in the roll-back of the transaction that the contents are *pinned* to; anywhere else it takes a
//! token that is the only owner. Contents that have two handles when the roll-back ends are never unpinned.
//!
//! *No access.* Contents that a command saved or changed are pinned to its transaction, so to its thread, until it
//! has ended. Through a handle on another thread they cannot be reached ([`Inner::admit`] panics). From the
//! search for the handles ([`find`]) to the end of a roll-back they cannot be reached at all, on no thread:
//! code of the user's that runs then (`Drop`, `Ord`, `State` by hand) sees none of it. A command that succeeds is
//! traced after the same search; meanwhile they can be read and not changed.
//!
//! *No borrow.* So when the search has begun, no new borrow of pinned contents comes into being. The old ones are
//! gone if the search has since had `&mut Handle` of their one handle in its hands (it visits the root for that, and
//! what it finds there), or if no handle is left. Contents of which this is so are *known*, and only known contents
//! are traced or unwound. The argument does not need the handle to be where it belongs: `State::visit` of the
//! user's may do what it likes. If contents that the model needs are not known, then nothing at all is unwound;
//! they stay pinned for ever, and the roll-back reports [`Broken::Escaped`], on which the engine stops.
//!
//! *Not everything that is unknown has escaped.* What the command made, and what was never saved, is not part of the
//! state that comes back (a static that the command was the first to use; a field under `#[memstate(clone)]`).
//! Such contents are left as they are.
//!
//! *The log* is touched by the thread only that the contents are pinned to: [`Log`] is neither `Send` nor
//! `Sync`, borrows the handle, and borrows the list of steps no longer than a push takes. So even the log of
//! contents that are not known can be emptied.
//!
//! *A step stays on its thread*, so it need not be `Send`, and neither need what it holds: [`State::Saved`]. It is made
//! and used while its contents are pinned, and `end` drops it on their thread before it unpins them. Only a [`Log`]
//! that outlives its command (an iterator over a collection outside of the model) can still push one, on the same
//! thread. Contents with such a log are borrowed; once they no longer are, they may go anywhere, and nobody looks at
//! those steps again: the next [`pin`] and the destructor of [`Steps`] leak them. The saved value of the root is a local
//! variable of the function that runs the command.
//!
//! A leaked handle that nobody borrows from cannot be told from one that somebody does. `mem::forget` of a collection
//! of the model escapes, and so does a collection in a result that is leaked because the destructor of a local
//! panics after the result was computed.
//!
//! # What the search costs
//!
//! It visits the root's own fields and, of each pinned contents, the places that its log says were changed; of
//! what the command made, everything. That is in proportion to what the command did: one look per step, the
//! lookup of the key again in a sorted map, and where elements have moved, one addition per earlier step (or a
//! look at all elements, where that is less). Elements without a destructor are not looked at.
//!
//! If contents that the model needs are not known after that, the whole model is searched, before the command is
//! said to have hidden something. A command comes to that and is well only if it calls [`State::save`] by hand or
//! fills collections on other threads.

use std::{
    any::Any,
    cell::{Cell, OnceCell, RefCell, UnsafeCell},
    marker::PhantomData,
    panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering, fence},
    },
};

use super::{State, fetch::Fetch, trace::Trace};

/// What a collection holds, with the steps that take a change back.
pub trait Contents: Default + Send + Sync + 'static {
    /// One step back: the inverse of one change.
    type Step: 'static;

    /// Takes one step back. Steps come in the reverse of their order.
    fn undo(&mut self, step: Self::Step);

    /// [`State::visit`] of all elements.
    fn visit(&mut self, visitor: &mut Visitor);

    /// [`State::visit`] of the elements that the changes behind `steps` put in, moved or handed out, where they
    /// stand now. More of them do no harm.
    fn visit_changed(&mut self, steps: &[Self::Step], visitor: &mut Visitor);

    /// Writes what the change behind `step` made of these contents, for the digest of the outcome.
    fn trace(&self, step: &Self::Step, trace: &mut Trace);
}

/// The only live owner of some contents; `None` while they are empty and were never written.
///
/// It asks nothing of them, so that a collection of what is no [`State`] is a type like any other. What it cannot do is
/// then said once, where a model holds it.
pub struct Handle<C>(Option<Arc<Inner<C>>>);

/// What [`Handle::save`] gives: it brings the handle back, and until then it can do nothing else.
pub struct Token<C>(Option<Arc<Inner<C>>>);

/// Contents, open for a change.
pub struct Edit<'a, C: Contents> {
    /// The contents to change.
    pub contents: &'a mut C,
    steps: Log<'a, C::Step>,
}

/// Where the steps back of a borrow go, while a command runs.
///
/// It stays on its thread: a value that is saved on another one would not be pinned to the command.
pub struct Log<'a, S>(Option<&'a UnsafeCell<Vec<S>>>);

/// Why a roll-back could not bring the state back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// The command hid a collection of the model where the roll-back cannot get it back. Nothing was taken back.
    Escaped,
    /// Code of the user's (`Hash`, `Eq`, `Ord`, `Clone` or `Drop` of a type in the model) panicked in the roll-back.
    Panicked,
}

/// What [`State::visit`] hands on to the parts of a value.
pub struct Visitor {
    task: Task,
    // What is found is known on the thread of the roll-back only.
    _not_send: PhantomData<*const ()>,
}

enum Task {
    /// Letting go of what is about to be discarded.
    Detach,
    /// Finding the handles to the contents that are pinned to this transaction.
    Find { transaction: u64, thorough: bool },
    /// Looking a key up in collections, which do that without their handles.
    Fetch(Box<Fetch>),
}

struct Inner<C> {
    /// The transaction that holds these contents, or [`FREE`] or [`ESCAPED`].
    pin: AtomicU64,
    /// The transaction that made these contents, if one did.
    made_by: u64,
    /// How many handles there are; at most one, except during a roll-back.
    handles: AtomicU32,
    /// Whether it is proved that nobody borrows these contents. Only the thread that they are pinned to uses it.
    known: AtomicBool,
    contents: UnsafeCell<C>,
    /// The [`Steps`] of these contents, which only [`Contents`] have. The first command that pins them makes it, and it
    /// stays for the next ones.
    log: OnceCell<Box<dyn Any>>,
}

/// The steps back of some contents.
struct Steps<S>(UnsafeCell<Vec<S>>);

// SAFETY: the contents are owned like by a `Box`. `log` is nothing but `Steps` and an allocation, and both of these can
// go to another thread as long as the steps in it are not touched there. They are used on the thread of the transaction
// only that the contents are pinned to, which is another owner of this until it has emptied the log; what comes into
// the log after that is used on no thread, and not dropped either.
unsafe impl<C: Send> Send for Inner<C> {}

// SAFETY: `contents` are reached from several threads only as far as `admit` lets it: through the one live handle,
// which borrows like a `Box` does, or by the transaction that they are pinned to. `log` is only reached on the thread
// of that transaction, by which it is made, too; pinning and unpinning hand it on.
unsafe impl<C: Send + Sync> Sync for Inner<C> {}

// A handle owns its contents like a `Box`, so it is as safe across a panic as they are.
impl<C: UnwindSafe> UnwindSafe for Handle<C> {}
impl<C: RefUnwindSafe> RefUnwindSafe for Handle<C> {}

/// No command holds these contents.
const FREE: u64 = 0;
/// A handle to them is somewhere out of reach; nobody may use them again.
const ESCAPED: u64 = u64::MAX;
/// How many bytes of an emptied log stay allocated for the next command.
const KEPT_LOG_BYTES: usize = 4096;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// No command runs on this thread.
    Idle,
    /// A command runs, and what it changes goes into logs.
    Recording,
    /// The handles are looked for. Pinned contents cannot be reached, and get no second handle.
    Searching,
    /// The user's `Serialize` runs: pinned contents can be read.
    Tracing,
    /// Pinned contents cannot be reached, and their handles are made anew.
    RollingBack,
    /// The command is over, and what it left behind is dropped.
    Ending,
}

struct Scope {
    /// The number of the transaction, 0 if there is none.
    transaction: Cell<u64>,
    mode: Cell<Mode>,
    pinned: RefCell<Vec<Arc<dyn Pinned>>>,
}

thread_local! {
    static SCOPE: Scope = const {
        Scope { transaction: Cell::new(0), mode: Cell::new(Mode::Idle), pinned: RefCell::new(Vec::new()) }
    };
}

/// Contents of any type, as the scope of a command sees them.
///
/// All of it is only called by [`Transaction`], on the thread that the contents are pinned to.
trait Pinned: Send + Sync {
    fn has(&self) -> Standing;
    /// Starts a search anew.
    fn forget_what_is_known(&self);
    /// Makes contents without a handle known, and searches them.
    fn find_without_handle(&self, visitor: &mut Visitor);
    /// Writes what was changed. The contents must be known, and nobody may edit them meanwhile.
    fn trace(&self, trace: &mut Trace);
    /// Empties the log: the changes stay.
    fn forget(&self);
    /// Plays the log backwards: the changes go. `false` if code of the user's panicked on the way. The contents must
    /// be known, and nobody may reach them meanwhile.
    fn unwind(&self) -> bool;
    /// Lets go of what belongs elsewhere, before the last owner drops these contents, which is the caller.
    fn detach(&self);
    fn set_pin(&self, pin: u64);
}

/// What the roll-back asks of contents.
struct Standing {
    known: bool,
    handles: u32,
    made_by_this: bool,
}

impl<C: Contents> Pinned for Inner<C> {
    fn has(&self) -> Standing {
        Standing {
            known: self.known.load(Ordering::Relaxed),
            handles: self.handles.load(Ordering::Acquire),
            made_by_this: self.made_by != 0 && self.made_by == self.pin.load(Ordering::Relaxed),
        }
    }

    fn forget_what_is_known(&self) {
        self.known.store(false, Ordering::Relaxed);
    }

    fn find_without_handle(&self, visitor: &mut Visitor) {
        if self.handles.load(Ordering::Acquire) == 0 {
            // SAFETY: nobody can make a handle either, because the scope is another owner.
            unsafe { self.search(visitor) };
        }
    }

    fn trace(&self, trace: &mut Trace) {
        // SAFETY: the contents are known, and `Mode::Tracing` has kept everybody from editing them since; that
        // keeps everybody from the steps, too.
        let (contents, steps) = unsafe { (&*self.contents.get(), &*self.steps().get()) };
        for step in steps {
            contents.trace(step, trace);
        }
    }

    fn forget(&self) {
        // SAFETY: we are on the thread that the contents are pinned to.
        let log = unsafe { self.steps() };
        // SAFETY: we are on the thread of the steps, where nobody borrows them for longer than a call; the
        // borrow ends before a step is dropped, because that runs the user's code.
        let mut steps = std::mem::take(unsafe { &mut *log.get() });
        if std::mem::needs_drop::<C::Step>() {
            while let Some(step) = steps.pop() {
                // The command is done; a panic in a destructor of what it replaced changes nothing any more.
                let _ = catch_unwind(AssertUnwindSafe(|| drop(step)));
            }
        } else {
            steps.clear();
        }
        if steps.capacity() * size_of::<C::Step>() <= KEPT_LOG_BYTES {
            // SAFETY: as above; the old list is not borrowed when it is dropped.
            let old = std::mem::replace(unsafe { &mut *log.get() }, steps);
            drop(old);
        }
    }

    fn unwind(&self) -> bool {
        // SAFETY: the contents are known, and `Mode::Searching` and then `Mode::RollingBack` have kept everybody from
        // them since. `undo` runs the user's code, which cannot get at them either.
        let contents = unsafe { &mut *self.contents.get() };
        let mut whole = true;
        // SAFETY: as in `forget`.
        let log = unsafe { self.steps() };
        // SAFETY: as in `forget`.
        while let Some(step) = unsafe { &mut *log.get() }.pop() {
            whole &= catch_unwind(AssertUnwindSafe(|| contents.undo(step))).is_ok();
        }
        whole
    }

    fn detach(&self) {
        // SAFETY: as in `unwind`; there is no handle, because the caller is the only owner.
        let contents = unsafe { &mut *self.contents.get() };
        let _ = catch_unwind(AssertUnwindSafe(|| contents.visit(&mut Visitor::detaching())));
    }

    fn set_pin(&self, pin: u64) {
        self.pin.store(pin, Ordering::Release);
    }
}

impl Visitor {
    pub(super) fn detaching() -> Self {
        Visitor { task: Task::Detach, _not_send: PhantomData }
    }

    fn finding(transaction: u64, thorough: bool) -> Self {
        Visitor { task: Task::Find { transaction, thorough }, _not_send: PhantomData }
    }

    pub(crate) fn fetching() -> Self {
        Visitor { task: Task::Fetch(Box::default()), _not_send: PhantomData }
    }

    /// What is to be looked up, if that is the task.
    #[inline]
    pub(crate) fn fetch(&mut self) -> Option<&mut Fetch> {
        match &mut self.task {
            Task::Fetch(fetch) => Some(fetch),
            Task::Detach | Task::Find { .. } => None,
        }
    }
}

impl std::fmt::Debug for Visitor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Visitor").finish_non_exhaustive()
    }
}

impl<C> Inner<C> {
    /// Panics unless these contents may be read from this thread now, or changed if `change` is set.
    #[inline]
    fn admit(&self, change: bool) {
        let pin = self.pin.load(Ordering::Acquire);
        if pin != FREE {
            Self::admit_pinned(pin, change);
        }
    }

    fn admit_pinned(pin: u64, change: bool) {
        let mine = SCOPE.with(|scope| {
            pin == scope.transaction.get()
                && match scope.mode.get() {
                    Mode::Recording | Mode::Ending => true,
                    Mode::Tracing => !change,
                    Mode::Idle | Mode::Searching | Mode::RollingBack => false,
                }
        });
        assert!(
            mine,
            "this collection belongs to a command that is still running or was rolled back: \
             a command must not hide a collection of the model in a static, a thread or a leak, \
             nor change one in `Serialize`"
        );
    }
}

impl<C: Contents> Inner<C> {
    /// The log of these contents.
    ///
    /// # Safety
    ///
    /// The contents are pinned to the transaction of this thread.
    #[inline]
    unsafe fn steps(&self) -> &UnsafeCell<Vec<C::Step>> {
        let log = self.log.get_or_init(|| Box::new(Steps::<C::Step>(UnsafeCell::default())));
        debug_assert!(log.is::<Steps<C::Step>>());
        let log: *const dyn Any = &**log;
        // SAFETY: this is the only place that makes a log, and `C` has one type of step.
        &unsafe { &*log.cast::<Steps<C::Step>>() }.0
    }

    /// Makes these contents, which are pinned to this transaction, known, and looks for handles in them.
    ///
    /// # Safety
    ///
    /// The caller has `&mut` of the only handle, or there is none, and the mode is [`Mode::Searching`].
    unsafe fn search(&self, visitor: &mut Visitor) {
        // The user's `visit` may come here again from below.
        if self.known.swap(true, Ordering::Relaxed) {
            return;
        }
        let thorough = self.has().made_by_this || matches!(visitor.task, Task::Find { thorough: true, .. });
        // SAFETY: nobody borrows the contents by the old handle, nobody can reach them now, and the swap above keeps
        // this function out. The steps are on their thread, and nobody can edit.
        let (contents, steps) = unsafe { (&mut *self.contents.get(), &*self.steps().get()) };
        if thorough {
            contents.visit(visitor);
        } else {
            contents.visit_changed(steps, visitor);
        }
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
            let mine = scope.transaction.get();
            match inner.pin.compare_exchange(FREE, mine, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => {
                    // SAFETY: they are pinned to this transaction now.
                    let steps = unsafe { inner.steps() };
                    // SAFETY: there is no `Log`, because it would borrow the handle that pins.
                    leak(unsafe { &mut *steps.get() });
                    scope.pinned.borrow_mut().push(Arc::clone(inner) as Arc<dyn Pinned>);
                }
                // A shared borrow was saved on another thread.
                Err(pin) => Inner::<C>::admit_pinned(pin, true),
            }
        }
        true
    })
}

/// Takes steps out of a log that came into it when no command held the contents, perhaps on another thread.
#[inline]
fn leak<S>(steps: &mut Vec<S>) {
    if !steps.is_empty() {
        std::mem::forget(std::mem::take(steps));
    }
}

impl<S> Drop for Steps<S> {
    fn drop(&mut self) {
        leak(self.0.get_mut());
    }
}

impl<C> Handle<C> {
    /// A handle to empty contents; allocates nothing.
    pub const fn new() -> Self {
        Handle(None)
    }

    /// A handle to these contents.
    pub fn from_contents(contents: C) -> Self {
        Handle(Some(Arc::new(Inner {
            pin: AtomicU64::new(FREE),
            made_by: SCOPE.try_with(|scope| scope.transaction.get()).unwrap_or(0),
            handles: AtomicU32::new(1),
            known: AtomicBool::new(false),
            contents: UnsafeCell::new(contents),
            log: OnceCell::new(),
        })))
    }

    /// The contents; `None` while they are empty and were never written.
    #[inline]
    pub fn get(&self) -> Option<&C> {
        self.0.as_ref().map(|inner| {
            inner.admit(false);
            // SAFETY: this is the only live handle, and `&self` keeps `edit` away; see the module.
            unsafe { &*inner.contents.get() }
        })
    }

    fn let_go(&mut self) {
        if let Some(inner) = self.0.take() {
            // Whoever reads that the handle is gone knows that its borrows are over.
            inner.handles.fetch_sub(1, Ordering::Release);
        }
    }
}

impl<C: Contents> Handle<C> {
    /// Opens the contents for a change.
    #[inline]
    pub fn edit(&mut self) -> Edit<'_, C> {
        if self.0.is_none() {
            *self = Handle::from_contents(C::default());
        }
        let inner = self.0.as_ref().expect("made above");
        inner.admit(true);
        // SAFETY: they are pinned to the transaction of this thread, if `pin` says so.
        let steps = pin(inner).then(|| unsafe { inner.steps() });
        // SAFETY: this is the only live handle, and `&mut self` makes the borrow exclusive; see the module.
        let contents = unsafe { &mut *inner.contents.get() };
        Edit { contents, steps: Log(steps) }
    }

    /// Another owner of the contents, to bring this handle back if the command fails.
    pub fn save(&self) -> Token<C> {
        if let Some(inner) = &self.0 {
            inner.admit(false);
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
                scope.mode.get() == Mode::RollingBack
                    && inner.pin.load(Ordering::Acquire) == scope.transaction.get()
            });
            assert!(
                rolling_back || Arc::strong_count(inner) == 1,
                "a saved collection can only be restored by the roll-back of the command that saved it \
                 (and a key of a BTreeMap or BTreeSet cannot hold a collection)"
            );
            // The count was read without an order; whoever owned the contents before may have been another thread.
            fence(Ordering::Acquire);
            inner.handles.fetch_add(1, Ordering::Relaxed);
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

    /// [`State::visit`].
    pub fn visit(&mut self, visitor: &mut Visitor) {
        let Some(inner) = &mut self.0 else { return };
        match visitor.task {
            Task::Detach => match Arc::get_mut(inner) {
                // Nobody else knows these contents, but some of the elements may have come from the model.
                Some(inner) => inner.contents.get_mut().visit(visitor),
                // A token still holds them: what is about to be discarded must not reach them.
                None => self.let_go(),
            },
            Task::Find { transaction, thorough } => {
                let pin = inner.pin.load(Ordering::Acquire);
                if pin == FREE {
                    // What the command did not make and did not touch holds nothing that it touched, unless other
                    // threads had a hand in it.
                    if thorough || inner.made_by == transaction {
                        // SAFETY: contents that are not pinned have one handle, of which we have `&mut`.
                        unsafe { &mut *inner.contents.get() }.visit(visitor);
                    }
                } else if pin == transaction && inner.handles.load(Ordering::Acquire) == 1 {
                    // SAFETY: of the only handle we have `&mut`; a visitor that finds is only there in a search.
                    unsafe { inner.search(visitor) };
                }
            }
            Task::Fetch(_) => {}
        }
    }

    fn discard(mut self) {
        self.visit(&mut Visitor::detaching());
        let _ = catch_unwind(AssertUnwindSafe(|| drop(self)));
    }
}

impl<C> Drop for Handle<C> {
    #[inline]
    fn drop(&mut self) {
        self.let_go();
    }
}

impl<C: Contents> Edit<'_, C> {
    /// Notes how to take the next change back. `step` is only called while a command runs.
    #[inline]
    pub fn record(&mut self, step: impl FnOnce(&C) -> C::Step) {
        self.steps.push(|| step(self.contents));
    }
}

impl<'a, S> Log<'a, S> {
    /// What is open for a change, and where the steps back of the change go.
    #[inline]
    pub fn open<C: Contents<Step = S>>(handle: &'a mut Handle<C>) -> (&'a mut C, Self) {
        let Edit { contents, steps } = handle.edit();
        (contents, steps)
    }

    /// Whether a command runs.
    #[inline]
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Notes a step back, which is only made while a command runs.
    #[inline]
    pub fn push(&mut self, step: impl FnOnce() -> S) {
        if let Some(steps) = self.0 {
            let step = step();
            // SAFETY: only this thread uses the steps, nobody borrows them for longer than a call, and no code of
            // the user's runs in this one.
            unsafe { &mut *steps.get() }.push(step);
        }
    }

    /// Whether the last step is such a one. `test` must not be code of the user's.
    #[inline]
    pub fn last_is(&self, test: impl FnOnce(&S) -> bool) -> bool {
        // SAFETY: as in `push`.
        self.0.is_some_and(|steps| unsafe { &*steps.get() }.last().is_some_and(test))
    }

    /// Changes the last step. `change` must not be code of the user's.
    pub fn change_last(&mut self, change: impl FnOnce(&mut S)) {
        // SAFETY: as in `push`.
        if let Some(last) = self.0.and_then(|steps| unsafe { &mut *steps.get() }.last_mut()) {
            change(last);
        }
    }
}

impl<C> Default for Handle<C> {
    fn default() -> Self {
        Handle::new()
    }
}

/// The scope of one command on this thread, from [`Transaction::begin`] to [`commit`](Transaction::commit) or
/// [`roll_back`](Transaction::roll_back).
pub struct Transaction {
    // The scope is the thread's own.
    _not_send: PhantomData<*const ()>,
}

impl Transaction {
    /// Starts to record on this thread.
    ///
    /// # Panics
    ///
    /// If a command runs on this thread already.
    pub fn begin() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        SCOPE.with(|scope| {
            assert!(scope.mode.get() == Mode::Idle, "a command is running on this thread already");
            scope.transaction.set(NEXT.fetch_add(1, Ordering::Relaxed));
            scope.mode.set(Mode::Recording);
        });
        Transaction { _not_send: PhantomData }
    }

    /// Writes every change so far, and the fields of `root`.
    pub fn trace<T: State>(&self, root: &mut T, trace: &mut Trace) {
        /// Lets the command go on, also after a panic of the user's `Serialize`.
        struct Resume<'a>(&'a Scope, Vec<Arc<dyn Pinned>>);
        impl Drop for Resume<'_> {
            fn drop(&mut self) {
                self.0.pinned.replace(std::mem::take(&mut self.1));
                self.0.mode.set(Mode::Recording);
            }
        }
        SCOPE.with(|scope| {
            let pinned = Resume(scope, scope.pinned.take());
            find(scope, &pinned.1, root);
            scope.mode.set(Mode::Tracing);
            for contents in pinned.1.iter().filter(|contents| contents.has().known) {
                contents.trace(trace);
                trace.end_of_contents();
            }
            trace.put(&*root);
        });
    }

    /// Keeps all changes.
    pub fn commit(self) {
        SCOPE.with(end);
        std::mem::forget(self);
    }

    /// Takes all changes back; `put_back` puts the root's own fields back.
    pub fn roll_back<T: State>(self, root: &mut T, put_back: impl FnOnce(&mut T)) -> Result<(), Broken> {
        let result = SCOPE.with(|scope| {
            let mut pinned = scope.pinned.take();
            if !find(scope, &pinned, root) {
                for contents in pinned.extract_if(.., |contents| has_escaped(contents)) {
                    contents.set_pin(ESCAPED);
                    // It is not known what is dropped with it, on which thread.
                    std::mem::forget(contents);
                }
                scope.pinned.replace(pinned);
                end(scope);
                return Err(Broken::Escaped);
            }
            scope.mode.set(Mode::RollingBack);
            let mut whole = true;
            for contents in pinned.iter().rev().filter(|contents| contents.has().known) {
                whole &= contents.unwind();
            }
            whole &= catch_unwind(AssertUnwindSafe(|| put_back(root))).is_ok();
            drop_stale(&mut pinned);
            // Code of the user's has made a second handle, or the search was wrong about what nobody needs.
            let mut escaped = false;
            for contents in pinned.extract_if(.., |contents| contents.has().handles > 1) {
                escaped = true;
                contents.set_pin(ESCAPED);
                std::mem::forget(contents);
            }
            scope.pinned.replace(pinned);
            end(scope);
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
        SCOPE.with(end);
    }
}

#[cfg(test)]
thread_local! {
    /// How often this thread has searched a whole model.
    pub(crate) static THOROUGH_SEARCHES: Cell<u32> = const { Cell::new(0) };
}

/// Makes all pinned contents known that can be; `false` if contents that the state needs are not among them.
///
/// It stays right as long as the mode is one in which pinned contents cannot be changed.
fn find<T: State>(scope: &Scope, pinned: &[Arc<dyn Pinned>], root: &mut T) -> bool {
    scope.mode.set(Mode::Searching);
    [false, true].into_iter().any(|thorough| {
        #[cfg(test)]
        THOROUGH_SEARCHES.set(THOROUGH_SEARCHES.get() + u32::from(thorough));
        pinned.iter().for_each(|contents| contents.forget_what_is_known());
        let mut visitor = Visitor::finding(scope.transaction.get(), thorough);
        // A panic of the user's code leaves something unknown, no more.
        let _ = catch_unwind(AssertUnwindSafe(|| root.visit(&mut visitor)));
        for contents in pinned {
            let _ = catch_unwind(AssertUnwindSafe(|| contents.find_without_handle(&mut visitor)));
        }
        !pinned.iter().any(has_escaped)
    })
}

/// Whether contents are not known although the state may need them.
fn has_escaped(contents: &Arc<dyn Pinned>) -> bool {
    let standing = contents.has();
    // Besides the scope and the handle: tokens, from which somebody may expect the contents as they were.
    let saved = Arc::strong_count(contents) > 2;
    !standing.known && !standing.made_by_this && saved
}

/// Drops the contents that no handle is left of.
///
/// The command made them and moved collections of the model into them, perhaps before they were pinned, so that no
/// log knows. Those are back in the model now, and the handles in here would be second ones.
fn drop_stale(pinned: &mut Vec<Arc<dyn Pinned>>) {
    loop {
        let before = pinned.len();
        let stale =
            |contents: &mut Arc<dyn Pinned>| Arc::strong_count(contents) == 1 && contents.has().handles == 0;
        for contents in pinned.extract_if(.., stale) {
            contents.detach();
            let _ = catch_unwind(AssertUnwindSafe(|| drop(contents)));
        }
        // Each may have held the last handle of others.
        if pinned.len() == before {
            return;
        }
    }
}

/// Empties the logs, unpins, and gives the emptied list back to the scope, so that the next command need not allocate
/// it.
fn end(scope: &Scope) {
    scope.mode.set(Mode::Ending);
    let mut pinned = scope.pinned.take();
    for contents in &pinned {
        contents.forget();
    }
    for contents in &pinned {
        contents.set_pin(FREE);
    }
    scope.mode.set(Mode::Idle);
    scope.transaction.set(0);
    while let Some(contents) = pinned.pop() {
        // The last owner of contents that the command replaced: their elements are dropped here.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(contents)));
    }
    if pinned.capacity() * size_of::<Arc<dyn Pinned>>() <= KEPT_LOG_BYTES && scope.pinned.borrow().is_empty()
    {
        scope.pinned.replace(pinned);
    }
}
