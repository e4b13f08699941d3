//! The handle that a collection is, and the undo log behind it: where the `unsafe` is.
//!
//! A collection is a [`Handle`] to contents on the heap. While a command runs, everything that it can
//! reach through `&mut` was *saved* before, or is found by what was saved: contents that are saved or changed are
//! *pinned* to the command, which keeps them alive until it has ended, and a [`Token`] says which they were. So
//! whatever the command does with the handle (assigns over it, swaps it, drops it, moves it into another collection),
//! its contents are still there when the command fails, with a log of the steps that lead back.
//!
//! # Why this is sound
//!
//! A [`Handle`] gives out `&C` for `&self` and `&mut C` for `&mut self`, like a `Box`. Three things could
//! make that wrong: contents that are freed too early or twice, a second handle to the same contents, and a roll-back
//! that changes contents which somebody still borrows. None needs more than safe code (`Box::leak` makes a borrow that
//! outlives the command), so none is taken on trust:
//!
//! *One owner.* Contents that are not pinned belong to their handle, which frees them. Pinned ones belong to the
//! transaction. A handle that is dropped meanwhile only counts itself out, and the transaction frees the contents when
//! it ends without a handle; if there is one, it gives them back by unpinning them, and that is the last time it looks
//! at them. A handle that is dropped on another thread cannot know whether the transaction has counted the handles already, nor
//! can the transaction, so neither of the two frees such contents: they are *lost*, marked as such and put on a list
//! under a lock, and whoever looks there after they were unpinned frees them. A roll-back that makes a handle to them
//! anew takes them from the list. A token owns nothing. It is only looked into in the roll-back of its transaction, to which
//! the contents are pinned then, and before anything is freed in it.
//!
//! *One handle.* Every contents counts its handles. [`Handle::restore`] makes one where another may be, and
//! only in the roll-back of the transaction that the contents are pinned to. Contents that have two handles when the
//! roll-back ends are never unpinned.
//!
//! *No access.* Contents that a command saved or changed are pinned to its transaction, so to its thread, until it
//! has ended. Through a handle on another thread they cannot be reached ([`Head::admit`] panics). From the
//! search for the handles ([`find`]) to the end of a roll-back they cannot be reached at all, on no thread:
//! code of the user's that runs then (`Drop`, `Ord`, `State` by hand) sees none of it. A command that succeeds is
//! traced after the same search; meanwhile they can be read and not changed.
//!
//! *One pin.* Who pins has `&mut` of the only handle, so nobody else can; or it saves through a shared borrow, and
//! then a compare-and-swap decides between those who do that at once.
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
//! *The log* of contents belongs to the transaction, which takes one from the thread's spare ones at the first change.
//! A [`Log`] points to it and knows the number of the transaction. It is neither `Send` nor `Sync`, and does nothing unless
//! that transaction records on this thread. So one that outlives its command (an iterator over a collection outside of the
//! model) never looks at a log that has gone to other contents, and none is pushed to while it is unwound or emptied.
//!
//! *A step stays on its thread*, so it need not be `Send`, and neither need what it holds: [`State::Saved`]. It is made
//! while its transaction records, and used or dropped before that ends, or kept for ever with contents that have escaped.
//! The saved value of the root is a local variable of the function that runs the command.
//!
//! *The end is reached.* A search, a roll-back or an end that stopped half-way would leave second handles that work, or
//! give a log back twice. So no panic of the user's code gets out of them, nor one of what a panic carries
//! ([`survives`]). Should memstate itself panic there, everything that is still pinned stays so for ever.
//!
//! A leaked handle that nobody borrows from cannot be told from one that somebody does. `mem::forget` of a collection
//! of the model escapes, and so does a collection in a result that is leaked because the destructor of a local
//! panics after the result was computed.
//!
//! # What it costs
//!
//! A command that neither drops nor hands away what it changes comes to its end without one atomic read-modify-write, which
//! would keep the processor from fetching the entries of the next command while it waits for those of this one.
//!
//! The search visits the root's own fields and, of each pinned contents, the places that its log says were changed; of
//! what the command made, everything. That is in proportion to what the command did: one look per step, the
//! lookup of the key again in a sorted map, and where elements have moved, one addition per earlier step (or a
//! look at all elements, where that is less). Elements without a destructor are not looked at.
//!
//! If contents that the model needs are not known after that, the whole model is searched, before the command is
//! said to have hidden something. A command comes to that and is well only if it calls [`State::save`] by hand or
//! fills collections on other threads.

use std::{
    any::TypeId,
    cell::{Cell, UnsafeCell},
    marker::PhantomData,
    mem::ManuallyDrop,
    panic::{RefUnwindSafe, UnwindSafe},
    ptr::NonNull,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering},
    },
};

use super::{State, fetch::Fetch, survives, trace::Trace};

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
pub struct Handle<C>(Option<NonNull<Inner<C>>>, PhantomData<Inner<C>>);

/// What [`Handle::save`] gives: it brings the handle back in the roll-back of its command, and can do nothing else.
pub struct Token<C> {
    contents: Option<NonNull<Inner<C>>>,
    /// The transaction that the contents are pinned to, 0 if none is.
    transaction: u64,
}

/// Contents, open for a change.
pub struct Edit<'a, C: Contents> {
    /// The contents to change.
    pub contents: &'a mut C,
    steps: Log<'a, C::Step>,
}

/// Where the steps back of a borrow go, while a command runs.
///
/// It stays on its thread, and is of no use after its command.
pub struct Log<'a, S> {
    steps: Option<NonNull<Steps<S>>>,
    transaction: u64,
    borrow: PhantomData<&'a Steps<S>>,
}

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
    /// Pinning what a command begins with, of which it has `&mut`.
    Pin,
    /// Letting go of what is about to be discarded.
    Detach,
    /// Finding the handles to the contents that are pinned to this transaction.
    Find { transaction: u64, thorough: bool },
    /// Looking a key up in collections, which do that without their handles.
    Fetch(Box<Fetch>),
}

#[repr(C)]
struct Inner<C> {
    // The first, so that it can be found without the type.
    head: Head,
    contents: UnsafeCell<C>,
}

/// What is to be known of contents of any type.
struct Head {
    /// The number of the transaction that holds or made these contents, and flags; see [`PINNED`] and the others. While they are
    /// pinned, only the thread of the transaction writes it.
    state: AtomicU64,
    /// How many handles there are; at most one, except during a roll-back. And [`LOST`].
    handles: AtomicU32,
    /// Where the transaction has its [`Pin`], as long as it has one. Only the thread that they are pinned to uses it.
    place: Cell<u32>,
}

/// The steps back of some contents.
type Steps<S> = UnsafeCell<Vec<S>>;

// SAFETY: a handle owns its contents like a `Box`. Of the head, `place` is used on the thread only that the contents are
// pinned to, and the rest is atomic. The transaction that contents are pinned to is another owner of them, but touches
// them only while no handle can.
unsafe impl<C: Send + Sync> Send for Handle<C> {}

// SAFETY: the contents are reached from several threads only as far as `admit` lets it: through the one live handle,
// which borrows like a `Box` does, or by the transaction that they are pinned to.
unsafe impl<C: Send + Sync> Sync for Handle<C> {}

// A handle owns its contents like a `Box`, so it is as safe across a panic as they are.
impl<C: UnwindSafe> UnwindSafe for Handle<C> {}
impl<C: RefUnwindSafe> RefUnwindSafe for Handle<C> {}

/// A command holds these contents.
const PINNED: u64 = 1;
/// The transaction with this number made these contents, whether it holds them or not.
const MADE: u64 = 2;
/// The transaction that they are pinned to has saved them: the state may need them when it comes back.
const SAVED: u64 = 4;
/// It is proved that nobody borrows these contents.
const KNOWN: u64 = 8;
/// The number of the transaction.
const NUMBER: u64 = !15;
/// No command holds these contents.
const FREE: u64 = 0;
/// A handle to them is somewhere out of reach; nobody may use them again.
const ESCAPED: u64 = u64::MAX;
/// Of the number of handles: the last one was dropped on another thread than that of the transaction.
const LOST: u32 = 1 << 31;

/// From the number of a transaction to the next.
const NEXT: u64 = 16;
/// How many numbers a thread takes at a time.
const NUMBERS: u64 = 1 << 16;
/// How many bytes of an emptied log or list stay allocated for the next command.
const KEPT_BYTES: usize = 4096;
/// How many emptied logs stay allocated for the next command.
const KEPT_LOGS: usize = 64;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// No command runs on this thread.
    Idle,
    /// A command runs, and what it changes goes into logs.
    Recording,
    /// The handles are looked for, or stale ones dropped. Pinned contents cannot be reached, and get no second handle.
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
    /// The same, 0 also in every other mode than [`Mode::Recording`].
    recording: Cell<u64>,
    mode: Cell<Mode>,
    /// The next number, and where this thread's numbers end.
    numbers: Cell<(u64, u64)>,
    /// Grows while recording only.
    pinned: List<Pin>,
    spare: List<Spare>,
}

/// A list of a thread, which nobody borrows for longer than a call, and no code of the user's runs in that.
///
/// It has no destructor, because what has one is slower to come by in a thread's memory; see [`AtThreadEnd`].
struct List<T>(UnsafeCell<ManuallyDrop<Vec<T>>>);

/// An emptied log.
struct Spare {
    /// The type of its steps.
    of: TypeId,
    log: NonNull<()>,
    free: unsafe fn(NonNull<()>),
}

/// What a thread leaves behind goes with it.
struct AtThreadEnd;

thread_local! {
    static SCOPE: Scope = const {
        Scope {
            transaction: Cell::new(0),
            recording: Cell::new(0),
            mode: Cell::new(Mode::Idle),
            numbers: Cell::new((0, 0)),
            pinned: List::new(),
            spare: List::new(),
        }
    };
    static AT_THREAD_END: AtThreadEnd = const { AtThreadEnd };
}

impl<T> List<T> {
    const fn new() -> Self {
        List(UnsafeCell::new(ManuallyDrop::new(Vec::new())))
    }

    #[inline]
    fn with<R>(&self, act: impl FnOnce(&mut Vec<T>) -> R) -> R {
        // SAFETY: the list is its thread's own, and nothing that is done in here comes here again.
        act(unsafe { &mut *self.0.get() })
    }

    #[inline]
    fn len(&self) -> usize {
        self.with(|list| list.len())
    }
}

impl List<Pin> {
    #[inline]
    fn at(&self, place: usize) -> Pin {
        self.with(|list| list[place])
    }

    /// Takes one out; the last one takes its place.
    fn take(&self, place: usize) -> Pin {
        self.with(|list| {
            let taken = list.swap_remove(place);
            if let Some(moved) = list.get(place) {
                moved.head().place.set(taken.head().place.get());
            }
            taken
        })
    }
}

impl Drop for AtThreadEnd {
    fn drop(&mut self) {
        SCOPE.with(|scope| {
            drop(scope.pinned.with(std::mem::take));
            for spare in scope.spare.with(std::mem::take) {
                // SAFETY: a spare log is nobody's, and is of this type.
                unsafe { (spare.free)(spare.log) };
            }
        });
    }
}

/// Contents that a transaction holds.
#[derive(Clone, Copy)]
struct Pin {
    contents: NonNull<dyn Pinned>,
    /// The [`Steps`] of these contents, once there was one.
    log: Option<NonNull<()>>,
}

/// Contents of any type, as the scope of a command sees them.
///
/// All of it is only called by [`Transaction`], on the thread that the contents are pinned to. `log` is that of their
/// [`Pin`].
trait Pinned {
    /// Makes these contents known, and looks for handles in them.
    ///
    /// # Safety
    ///
    /// The caller has `&mut` of the only handle, or there is none, and the mode is [`Mode::Searching`].
    unsafe fn search(&self, visitor: &mut Visitor);

    /// Writes what was changed.
    ///
    /// # Safety
    ///
    /// The contents are known, and the mode has been [`Mode::Searching`] and then [`Mode::Tracing`] since.
    unsafe fn trace(&self, log: NonNull<()>, trace: &mut Trace);

    /// Plays the log backwards: the changes go. `false` if code of the user's panicked on the way.
    ///
    /// # Safety
    ///
    /// The contents are known, and the mode has been [`Mode::Searching`] and then [`Mode::RollingBack`] since.
    unsafe fn unwind(&self, log: NonNull<()>) -> bool;

    /// Empties the log, and gives it back: the changes stay.
    ///
    /// # Safety
    ///
    /// The transaction does not record any more. The log is not used again.
    unsafe fn forget(&self, log: NonNull<()>, scope: &Scope);

    /// Lets go of what belongs elsewhere, before these contents are dropped.
    ///
    /// # Safety
    ///
    /// There is no handle.
    unsafe fn detach(&self);
}

/// The log behind a pointer without a type.
///
/// # Safety
///
/// It is the log of contents whose steps are `S`, and was not given back yet.
#[inline]
unsafe fn steps<'a, S>(log: NonNull<()>) -> &'a Steps<S> {
    // SAFETY: the caller says so; a log is on the heap, and nobody has more than a shared borrow of its cell.
    unsafe { log.cast().as_ref() }
}

/// Frees a log, which is empty.
///
/// # Safety
///
/// As for [`steps`], and nobody else has it.
unsafe fn free_log<S>(log: NonNull<()>) {
    // SAFETY: the caller says so; `take_log` has leaked it as this type.
    drop(unsafe { Box::from_raw(log.cast::<Steps<S>>().as_ptr()) });
}

impl<C: Contents> Pinned for Inner<C> {
    #[inline]
    unsafe fn search(&self, visitor: &mut Visitor) {
        // The user's `visit` may come here again from below.
        let state = self.head.state.load(Ordering::Relaxed);
        if state & KNOWN != 0 {
            return;
        }
        self.head.state.store(state | KNOWN, Ordering::Relaxed);
        // SAFETY: nobody borrows the contents by the old handle, nobody can reach them now, and the flag above keeps
        // this function out.
        let contents = unsafe { &mut *self.contents.get() };
        if state & MADE != 0 || matches!(visitor.task, Task::Find { thorough: true, .. }) {
            return contents.visit(visitor);
        }
        let log = SCOPE.with(|scope| scope.pinned.at(self.head.place.get() as usize).log);
        // SAFETY: it is the log of these contents. Nobody can push while the mode is not `Mode::Recording`.
        let steps = log.map(|log| unsafe { &*steps::<C::Step>(log).get() });
        contents.visit_changed(steps.map_or(&[], Vec::as_slice), visitor);
    }

    unsafe fn trace(&self, log: NonNull<()>, trace: &mut Trace) {
        // SAFETY: the contents are known, and `Mode::Tracing` has kept everybody from editing them since; that
        // keeps everybody from the steps, too.
        let (contents, steps) = unsafe { (&*self.contents.get(), &*steps::<C::Step>(log).get()) };
        for step in steps {
            contents.trace(step, trace);
        }
    }

    unsafe fn unwind(&self, log: NonNull<()>) -> bool {
        // SAFETY: the contents are known, and `Mode::Searching` and then `Mode::RollingBack` have kept everybody from
        // them since. `undo` runs the user's code, which cannot get at them either.
        let contents = unsafe { &mut *self.contents.get() };
        // SAFETY: it is the log of these contents.
        let log = unsafe { steps::<C::Step>(log) };
        // SAFETY: nobody borrows the steps for longer than a call; this borrow ends before the step is used.
        let next = || unsafe { &mut *log.get() }.pop();
        let mut whole = true;
        // After a panic the steps that are left are taken back as well.
        while !survives(|| {
            while let Some(step) = next() {
                contents.undo(step);
            }
        }) {
            whole = false;
        }
        whole
    }

    unsafe fn forget(&self, log: NonNull<()>, scope: &Scope) {
        // SAFETY: it is the log of these contents, and only the caller has it still.
        let steps = unsafe { &mut *steps::<C::Step>(log).get() };
        if std::mem::needs_drop::<C::Step>() {
            // The command is done; a panic in a destructor of what it replaced changes nothing any more.
            while !survives(|| while steps.pop().is_some() {}) {}
        } else {
            steps.clear();
        }
        let is_small = steps.capacity() * size_of::<C::Step>() <= KEPT_BYTES;
        let spare = Spare { of: TypeId::of::<C::Step>(), log, free: free_log::<C::Step> };
        scope.spare.with(|all| match is_small && all.len() < KEPT_LOGS {
            true => all.push(spare),
            // SAFETY: as above.
            false => unsafe { free_log::<C::Step>(log) },
        });
    }

    unsafe fn detach(&self) {
        // SAFETY: there is no handle, and nobody else looks into contents while stale ones are dropped.
        let contents = unsafe { &mut *self.contents.get() };
        survives(|| contents.visit(&mut Visitor::detaching()));
    }
}

impl Pin {
    #[inline]
    fn head(&self) -> &Head {
        // SAFETY: the transaction owns the contents as long as it has this, and the head is the first of them. The
        // pointer is that to the whole.
        unsafe { self.contents.cast::<Head>().as_ref() }
    }

    #[inline]
    fn contents(&self) -> &dyn Pinned {
        // SAFETY: as above; of the contents themselves that borrows nothing, because they are in a cell.
        unsafe { self.contents.as_ref() }
    }

    /// Empties the log, and gives it back.
    ///
    /// # Safety
    ///
    /// The transaction does not record any more.
    #[inline]
    unsafe fn forget(&mut self, scope: &Scope) {
        if let Some(log) = self.log.take() {
            // SAFETY: it was the log of these contents, and is no longer.
            unsafe { self.contents().forget(log, scope) };
        }
    }

    /// Frees contents of which no handle is left, and the log, on which nobody may rely any more.
    ///
    /// # Safety
    ///
    /// The list of the transaction has them no more, and they are not lost.
    unsafe fn free(self) {
        // SAFETY: every contents was a box; without a handle and a place in a list, this is its only owner.
        let contents = unsafe { Box::from_raw(self.contents.as_ptr()) };
        survives(|| drop(contents));
    }
}

impl Visitor {
    /// A visitor whose task holds nothing that has to be dropped.
    #[inline]
    fn of(task: Task) -> ManuallyDrop<Self> {
        ManuallyDrop::new(Visitor { task, _not_send: PhantomData })
    }

    pub(super) fn detaching() -> Self {
        Visitor { task: Task::Detach, _not_send: PhantomData }
    }

    pub(crate) fn fetching() -> Self {
        Visitor { task: Task::Fetch(Box::default()), _not_send: PhantomData }
    }

    /// What is to be looked up, if that is the task.
    #[inline]
    pub(crate) fn fetch(&mut self) -> Option<&mut Fetch> {
        match &mut self.task {
            Task::Fetch(fetch) => Some(fetch),
            Task::Pin | Task::Detach | Task::Find { .. } => None,
        }
    }
}

impl std::fmt::Debug for Visitor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Visitor").finish_non_exhaustive()
    }
}

impl Head {
    /// Panics unless these contents may be read from this thread now, or changed if `change` is set.
    #[inline]
    fn admit(&self, change: bool) {
        let state = self.state.load(Ordering::Acquire);
        if state & PINNED != 0 {
            Self::admit_pinned(state, change);
        }
    }

    fn admit_pinned(state: u64, change: bool) {
        let mine = SCOPE.with(|scope| {
            state & NUMBER == scope.transaction.get()
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

    /// How many handles there are. Whoever reads that one is gone knows that its borrows are over.
    #[inline]
    fn handles(&self) -> u32 {
        self.handles.load(Ordering::Acquire) & !LOST
    }

    #[inline]
    fn is_lost(&self) -> bool {
        self.handles.load(Ordering::Acquire) & LOST != 0
    }

    /// Whether the state may need these contents although they are not known.
    #[inline]
    fn has_escaped(&self) -> bool {
        self.state.load(Ordering::Relaxed) & (SAVED | KNOWN | MADE) == SAVED
    }
}

/// What becomes the state of contents that a transaction pins.
#[inline]
fn pinned(state: u64, transaction: u64) -> u64 {
    let made = if state & NUMBER == transaction { state & MADE } else { 0 };
    transaction | PINNED | made
}

impl Scope {
    #[inline]
    fn set(&self, mode: Mode) {
        self.mode.set(mode);
        self.recording.set(if mode == Mode::Recording { self.transaction.get() } else { 0 });
    }

    /// A number that no other transaction of this process has.
    #[inline]
    fn number(&self) -> u64 {
        let (mut next, mut end) = self.numbers.get();
        if next == end {
            (next, end) = Self::more_numbers();
        }
        self.numbers.set((next + NEXT, end));
        next
    }

    #[cold]
    fn more_numbers() -> (u64, u64) {
        static TAKEN: AtomicU64 = AtomicU64::new(NEXT);
        // Every thread comes here before its first transaction. What has one after its thread's end leaves a list behind.
        let _ = AT_THREAD_END.try_with(|_| ());
        let next = TAKEN.fetch_add(NUMBERS * NEXT, Ordering::Relaxed);
        (next, next + NUMBERS * NEXT)
    }

    /// What is pinned, one after the other; nothing is added meanwhile.
    #[inline]
    fn pinned(&self) -> impl DoubleEndedIterator<Item = Pin> + use<'_> {
        (0..self.pinned.len()).map(|place| self.pinned.at(place))
    }

    /// The place of what is pinned next.
    #[inline]
    fn next_place(&self) -> u32 {
        u32::try_from(self.pinned.len()).expect("a command touches less than 2^32 collections")
    }

    /// Adds contents that are about to be pinned to this transaction, or are since a moment, at [`Self::next_place`].
    #[inline]
    fn add<C: Contents>(&self, inner: NonNull<Inner<C>>, place: u32) {
        // SAFETY: the caller borrows the handle, so the contents are there.
        unsafe { inner.as_ref() }.head.place.set(place);
        self.pinned.with(|pinned| pinned.push(Pin { contents: inner, log: None }));
    }

    /// The log of contents that are pinned to this transaction, which records.
    #[inline]
    fn log<C: Contents>(&self, inner: &Inner<C>) -> NonNull<Steps<C::Step>> {
        self.pinned.with(|pinned| {
            let pin = &mut pinned[inner.head.place.get() as usize];
            pin.log.get_or_insert_with(|| self.take_log::<C::Step>()).cast()
        })
    }

    /// A log that is empty and nobody's.
    #[cold]
    fn take_log<S: 'static>(&self) -> NonNull<()> {
        let spare = self.spare.with(|spare| {
            let place = spare.iter().rposition(|spare| spare.of == TypeId::of::<S>())?;
            Some(spare.swap_remove(place).log)
        });
        spare.unwrap_or_else(|| NonNull::from(Box::leak(Box::new(Steps::<S>::default()))).cast())
    }
}

/// The contents behind the only handle to them, of which the caller has `&mut`: pinned, if a command records.
#[inline]
fn pin_exclusively<C: Contents>(scope: &Scope, inner: NonNull<Inner<C>>) {
    let transaction = scope.recording.get();
    // SAFETY: the caller borrows the handle, so the contents are there.
    let state = &unsafe { inner.as_ref() }.head.state;
    let before = state.load(Ordering::Acquire);
    if transaction != 0 && before & PINNED == 0 {
        scope.add(inner, scope.next_place());
        // Nobody else can pin them meanwhile, which would need a borrow.
        state.store(pinned(before, transaction), Ordering::Relaxed);
    }
}

impl<C> Handle<C> {
    /// A handle to empty contents; allocates nothing.
    pub const fn new() -> Self {
        Handle(None, PhantomData)
    }

    /// A handle to these contents.
    pub fn from_contents(contents: C) -> Self {
        let transaction = SCOPE.try_with(|scope| scope.transaction.get()).unwrap_or(0);
        let state = if transaction == 0 { FREE } else { transaction | MADE };
        let head =
            Head { state: AtomicU64::new(state), handles: AtomicU32::new(1), place: Cell::new(u32::MAX) };
        let inner = Box::new(Inner { head, contents: UnsafeCell::new(contents) });
        Handle(Some(NonNull::from(Box::leak(inner))), PhantomData)
    }

    #[inline]
    fn inner(&self) -> Option<&Inner<C>> {
        // SAFETY: the handle owns the contents, or the transaction does that they are pinned to, until the handle is gone.
        self.0.map(|inner| unsafe { inner.as_ref() })
    }

    /// The contents; `None` while they are empty and were never written.
    #[inline]
    pub fn get(&self) -> Option<&C> {
        self.inner().map(|inner| {
            inner.head.admit(false);
            // SAFETY: this is the only live handle, and `&self` keeps `edit` away; see the module.
            unsafe { &*inner.contents.get() }
        })
    }

    #[inline]
    fn let_go(&mut self) {
        let Some(inner) = self.0.take() else { return };
        // SAFETY: as in `inner`.
        let state = unsafe { inner.as_ref() }.head.state.load(Ordering::Acquire);
        if state & PINNED == 0 {
            // SAFETY: contents that are not pinned belong to their only handle, which this was.
            drop(unsafe { Box::from_raw(inner.as_ptr()) });
        } else {
            lose(inner.cast(), state, free::<C>);
        }
    }
}

impl<C: Contents> Handle<C> {
    /// Opens the contents for a change.
    #[inline]
    pub fn edit(&mut self) -> Edit<'_, C> {
        if self.0.is_none() {
            self.begin();
        }
        let pointer = self.0.expect("made above");
        // SAFETY: as in `inner`.
        let inner = unsafe { pointer.as_ref() };
        let state = inner.head.state.load(Ordering::Acquire);
        let transaction = SCOPE.with(|scope| scope.recording.get());
        // What is asked most often is asked first, and the rest is out of the way: the fewer instructions there are between two
        // lookups, the sooner the processor comes to the second while it waits for the first.
        let steps = if transaction != 0 && state & (NUMBER | PINNED) == transaction | PINNED {
            Log { steps: Some(SCOPE.with(|scope| scope.log(inner))), transaction, borrow: PhantomData }
        } else if transaction == 0 && state & PINNED == 0 {
            Log::off()
        } else {
            Self::edit_first(pointer, state, transaction)
        };
        // SAFETY: this is the only live handle, and `&mut self` makes the borrow exclusive; see the module.
        let contents = unsafe { &mut *inner.contents.get() };
        Edit { contents, steps }
    }

    /// Makes the contents.
    #[cold]
    fn begin(&mut self) {
        *self = Handle::from_contents(C::default());
    }

    /// The log of contents that are not pinned to the transaction that records, or are pinned while none does. The caller has `&mut` of
    /// their handle.
    #[cold]
    fn edit_first<'a>(pointer: NonNull<Inner<C>>, state: u64, transaction: u64) -> Log<'a, C::Step> {
        if state & PINNED != 0 {
            Head::admit_pinned(state, true);
            return Log::off();
        }
        SCOPE.with(|scope| {
            pin_exclusively(scope, pointer);
            // SAFETY: as in `inner`.
            let steps = Some(scope.log(unsafe { pointer.as_ref() }));
            Log { steps, transaction, borrow: PhantomData }
        })
    }

    /// What brings this handle back if the command fails, which it pins the contents to.
    #[inline]
    pub fn save(&self) -> Token<C> {
        let (Some(contents), Some(inner)) = (self.0, self.inner()) else {
            return Token { contents: None, transaction: 0 };
        };
        let transaction = SCOPE.with(|scope| {
            let transaction = scope.recording.get();
            let state = inner.head.state.load(Ordering::Acquire);
            if state & PINNED != 0 && state & NUMBER != transaction {
                Head::admit_pinned(state, false);
                return 0;
            }
            if transaction == 0 {
                return 0;
            }
            if state & PINNED != 0 {
                inner.head.state.store(state | SAVED, Ordering::Relaxed);
                return transaction;
            }
            let saved = pinned(state, transaction) | SAVED;
            // Before they are pinned, because it may panic, and what is pinned has its place.
            let place = scope.next_place();
            match inner.head.state.compare_exchange(state, saved, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => scope.add(contents, place),
                // A shared borrow was saved on another thread.
                Err(state) => Head::admit_pinned(state, true),
            }
            transaction
        });
        Token { contents: Some(contents), transaction }
    }

    /// The handle that `token` was made from.
    ///
    /// # Panics
    ///
    /// Outside of the roll-back of the command that the token is from.
    pub fn restore(token: Token<C>) -> Self {
        if let Some(contents) = token.contents {
            let rolling_back = SCOPE.with(|scope| {
                scope.mode.get() == Mode::RollingBack && token.transaction == scope.transaction.get()
            });
            assert!(
                rolling_back,
                "a saved collection can only be restored by the roll-back of the command that saved it \
                 (and a key of a BTreeMap or BTreeSet cannot hold a collection)"
            );
            // SAFETY: they were pinned to this transaction when the token was made, and still are, because in
            // `Mode::RollingBack` nothing was freed yet.
            let head = unsafe { &contents.as_ref().head };
            assert!(head.handles() < LOST / 2, "a collection was restored too often");
            if head.is_lost() {
                Lost::find_again(head);
            }
            head.handles.fetch_add(1, Ordering::Relaxed);
        }
        Handle(token.contents, PhantomData)
    }

    /// Puts the handle back in its place; no work if it never left.
    pub fn put_back(&mut self, token: Token<C>) {
        if self.0 != token.contents {
            let stale = std::mem::replace(self, Handle::restore(token));
            stale.discard();
        }
    }

    /// [`State::visit`].
    #[inline]
    pub fn visit(&mut self, visitor: &mut Visitor) {
        let Some(pointer) = self.0 else { return };
        // SAFETY: as in `inner`.
        let inner = unsafe { pointer.as_ref() };
        let state = inner.head.state.load(Ordering::Acquire);
        match visitor.task {
            Task::Pin => SCOPE.with(|scope| pin_exclusively(scope, pointer)),
            // SAFETY: contents that are not pinned have one handle, of which we have `&mut`. Nobody else knows these, but
            // some of the elements may have come from the model.
            Task::Detach if state & PINNED == 0 => unsafe { &mut *inner.contents.get() }.visit(visitor),
            // A token may still bring them back: what is about to be discarded must not reach them.
            Task::Detach => self.let_go(),
            Task::Find { transaction, thorough } => {
                if state & PINNED == 0 {
                    // What the command did not make and did not touch holds nothing that it touched, unless other
                    // threads had a hand in it.
                    if thorough || state & NUMBER == transaction {
                        // SAFETY: as above.
                        unsafe { &mut *inner.contents.get() }.visit(visitor);
                    }
                } else if state & NUMBER == transaction && inner.head.handles() == 1 {
                    // SAFETY: of the only handle we have `&mut`; a visitor that finds is only there in a search.
                    unsafe { inner.search(visitor) };
                }
            }
            Task::Fetch(_) => {}
        }
    }

    fn discard(mut self) {
        self.visit(&mut Visitor::detaching());
        survives(|| drop(self));
    }
}

/// [`State::save`] of what the command has `&mut` of: to pin collections through that costs less than through `&`.
#[inline]
pub fn save_exclusively<T: State>(value: &mut T) -> T::Saved {
    if std::mem::needs_drop::<T>() {
        value.visit(&mut Visitor::of(Task::Pin));
    }
    value.save()
}

/// A copy of a value that holds no collection. Nothing is pinned for it.
///
/// # Panics
///
/// If it holds one that was ever written.
pub fn copy_of<T: State>(value: &T) -> T {
    /// Lets the command go on.
    struct Resume<'a>(&'a Scope, Mode);
    impl Drop for Resume<'_> {
        fn drop(&mut self) {
            self.0.set(self.1);
        }
    }
    if !std::mem::needs_drop::<T>() {
        return T::restore(value.save());
    }
    SCOPE.with(|scope| {
        let _resume = Resume(scope, scope.mode.get());
        scope.set(Mode::Searching);
        T::restore(value.save())
    })
}

impl<C> Drop for Handle<C> {
    #[inline]
    fn drop(&mut self) {
        self.let_go();
    }
}

/// Frees contents.
///
/// # Safety
///
/// It is the head of an [`Inner<C>`] that has no other owner.
unsafe fn free<C>(head: NonNull<Head>) {
    // SAFETY: the caller says so; the pointer is that to the whole.
    drop(unsafe { Box::from_raw(head.cast::<Inner<C>>().as_ptr()) });
}

/// Counts out a handle of pinned contents, which belong to their transaction.
#[cold]
fn lose(head: NonNull<Head>, state: u64, free: unsafe fn(NonNull<Head>)) {
    if state == ESCAPED {
        return;
    }
    let here = SCOPE.try_with(|scope| scope.transaction.get() == state & NUMBER).unwrap_or(false);
    if here {
        // SAFETY: this thread's transaction owns the contents.
        unsafe { head.as_ref() }.handles.fetch_sub(1, Ordering::Release);
    } else {
        Lost { head, free }.add();
    }
}

/// Contents whose last handle was dropped on another thread than that of the transaction that holds or held them.
///
/// Whoever takes them from the list owns them, if they are no longer pinned.
struct Lost {
    head: NonNull<Head>,
    free: unsafe fn(NonNull<Head>),
}

// SAFETY: it stands for a handle, and what has a transaction is `Send`: see `Contents`.
unsafe impl Send for Lost {}

static ALL_LOST: Mutex<Vec<Lost>> = Mutex::new(Vec::new());
/// How many are on the list, so that the end of a command need not take the lock.
static LOST_COUNT: AtomicUsize = AtomicUsize::new(0);

impl Lost {
    fn all() -> MutexGuard<'static, Vec<Lost>> {
        ALL_LOST.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts out a handle that is dropped on this thread.
    fn add(self) {
        let mut all = Lost::all();
        // SAFETY: the contents are there as long as the handle counts, and after that as long as they are on the list.
        let handles = unsafe { &self.head.as_ref().handles };
        if handles.fetch_or(LOST, Ordering::Relaxed) & LOST == 0 {
            all.push(self);
            LOST_COUNT.store(all.len(), Ordering::Relaxed);
        }
        handles.fetch_sub(1, Ordering::Release);
        drop(all);
        Lost::free_all();
    }

    /// Takes contents from the list, which the caller's transaction holds.
    fn find_again(head: &Head) {
        let mut all = Lost::all();
        all.retain(|lost| !std::ptr::eq(lost.head.as_ptr(), head));
        LOST_COUNT.store(all.len(), Ordering::Relaxed);
        head.handles.fetch_and(!LOST, Ordering::Relaxed);
    }

    /// Frees all that are no longer pinned.
    #[cold]
    fn free_all() {
        let mut all = Lost::all();
        // SAFETY: what is on the list is there.
        let state = |lost: &Lost| unsafe { lost.head.as_ref() }.state.load(Ordering::Acquire);
        all.retain(|lost| state(lost) != ESCAPED);
        let freed: Vec<Lost> = all.extract_if(.., |lost| state(lost) & PINNED == 0).collect();
        LOST_COUNT.store(all.len(), Ordering::Relaxed);
        // The destructors are the user's code.
        drop(all);
        for Lost { head, free } in freed {
            // SAFETY: they have no handle, or they would have been found again; the transaction has looked at them for the
            // last time; and they are off the list.
            survives(|| unsafe { free(head) });
        }
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
    #[inline]
    fn off() -> Self {
        Log { steps: None, transaction: 0, borrow: PhantomData }
    }

    /// What is open for a change, and where the steps back of the change go.
    #[inline]
    pub fn open<C: Contents<Step = S>>(handle: &'a mut Handle<C>) -> (&'a mut C, Self) {
        let Edit { contents, steps } = handle.edit();
        (contents, steps)
    }

    /// The same, unless there never was anything in it.
    #[inline]
    pub fn open_written<C: Contents<Step = S>>(handle: &'a mut Handle<C>) -> Option<(&'a mut C, Self)> {
        handle.0.is_some().then(|| Log::open(handle))
    }

    /// The steps, while the command records.
    #[inline]
    fn steps(&self) -> Option<*mut Vec<S>> {
        let steps = self.steps?;
        let records = SCOPE.with(|scope| scope.recording.get() == self.transaction);
        // SAFETY: a log is given back only when its transaction does not record any more. This makes no borrow of the
        // steps.
        records.then(|| unsafe { steps.as_ref() }.get())
    }

    /// Whether a command runs.
    #[inline]
    pub fn is_on(&self) -> bool {
        self.steps().is_some()
    }

    /// Notes a step back, which is only made while a command runs.
    #[inline]
    pub fn push(&mut self, step: impl FnOnce() -> S) {
        if let Some(steps) = self.steps() {
            let step = step();
            // SAFETY: the command still records, because its end is further down on this stack. Only this thread uses the
            // steps, nobody borrows them for longer than a call, and no code of the user's runs in this one.
            unsafe { &mut *steps }.push(step);
        }
    }

    /// Notes a step back, unless the last one is such a one. `test` must not be code of the user's.
    #[inline]
    pub fn push_unless(&mut self, test: impl FnOnce(&S) -> bool, step: impl FnOnce() -> S) {
        // SAFETY: as in `push`.
        if !self.steps().is_some_and(|steps| unsafe { &*steps }.last().is_some_and(test)) {
            self.push(step);
        }
    }

    /// Changes the last step. `change` must not be code of the user's.
    pub fn change_last(&mut self, change: impl FnOnce(&mut S)) {
        // SAFETY: as in `push`.
        if let Some(last) = self.steps().and_then(|steps| unsafe { &mut *steps }.last_mut()) {
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
    #[inline]
    pub fn begin() -> Self {
        SCOPE.with(|scope| {
            assert!(scope.mode.get() == Mode::Idle, "a command is running on this thread already");
            scope.transaction.set(scope.number());
            scope.set(Mode::Recording);
        });
        Transaction { _not_send: PhantomData }
    }

    /// Saves what the command begins with.
    #[inline]
    pub fn save<T: State>(&self, root: &mut T) -> T::Saved {
        save_exclusively(root)
    }

    /// Writes every change so far, and the fields of `root`.
    pub fn trace<T: State>(&self, root: &mut T, trace: &mut Trace) {
        /// Lets the command go on, also after a panic of the user's `Serialize`.
        struct Resume<'a>(&'a Scope);
        impl Drop for Resume<'_> {
            fn drop(&mut self) {
                self.0.set(Mode::Recording);
            }
        }
        SCOPE.with(|scope| {
            let _resume = Resume(scope);
            find(scope, root);
            scope.set(Mode::Tracing);
            for pin in scope.pinned() {
                if let Some(log) = pin.log
                    && pin.head().state.load(Ordering::Relaxed) & KNOWN != 0
                {
                    // SAFETY: they are known since the search.
                    unsafe { pin.contents().trace(log, trace) };
                    trace.end_of_contents();
                }
            }
            trace.put(&*root);
        });
    }

    /// Keeps all changes.
    #[inline]
    pub fn commit(self) {
        SCOPE.with(end);
        std::mem::forget(self);
    }

    /// Takes all changes back; `put_back` puts the root's own fields back.
    pub fn roll_back<T: State>(self, root: &mut T, put_back: impl FnOnce(&mut T)) -> Result<(), Broken> {
        let result = SCOPE.with(|scope| {
            if !find(scope, root) {
                scope.pinned.with(|pinned| escape(pinned, Head::has_escaped));
                end(scope);
                return Err(Broken::Escaped);
            }
            scope.set(Mode::RollingBack);
            let mut whole = true;
            for pin in scope.pinned().rev() {
                if let Some(log) = pin.log
                    && pin.head().state.load(Ordering::Relaxed) & KNOWN != 0
                {
                    // SAFETY: they are known since the search.
                    whole &= unsafe { pin.contents().unwind(log) };
                }
            }
            whole &= survives(|| put_back(root));
            // From here on no handle is made anew, so something can be freed.
            scope.set(Mode::Searching);
            drop_stale(scope);
            // Code of the user's has made a second handle, or the search was wrong about what nobody needs.
            let has_another = |head: &Head| head.handles() > u32::from(!head.is_lost());
            let escaped = scope.pinned.with(|pinned| escape(pinned, has_another));
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
        // Only reached when something between begin and end panicked that is not the user's. Nothing is known to be right
        // then: there may be second handles, and logs that are half unwound.
        SCOPE.with(|scope| {
            scope.pinned.with(|pinned| escape(pinned, |_| true));
            end(scope);
        });
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
fn find<T: State>(scope: &Scope, root: &mut T) -> bool {
    scope.set(Mode::Searching);
    [false, true].into_iter().any(|thorough| {
        #[cfg(test)]
        THOROUGH_SEARCHES.set(THOROUGH_SEARCHES.get() + u32::from(thorough));
        for pin in scope.pinned() {
            let state = &pin.head().state;
            let known = state.load(Ordering::Relaxed);
            if known & KNOWN != 0 {
                state.store(known & !KNOWN, Ordering::Relaxed);
            }
        }
        let task = Task::Find { transaction: scope.transaction.get(), thorough };
        let mut visitor = Visitor::of(task);
        // A panic of the user's code leaves something unknown, no more.
        survives(|| root.visit(&mut visitor));
        for pin in scope.pinned().filter(|pin| pin.head().handles() == 0) {
            // SAFETY: there is no handle, and nobody can make one while the mode is this.
            survives(|| unsafe { pin.contents().search(&mut visitor) });
        }
        !scope.pinned().any(|pin| pin.head().has_escaped())
    })
}

/// Keeps contents from everybody for ever; `true` if there are such. Their steps are kept, too: it is not known what is dropped
/// with them, on which thread.
#[inline]
fn escape(pinned: &mut Vec<Pin>, escapes: impl Fn(&Head) -> bool) -> bool {
    if !pinned.iter().any(|pin| escapes(pin.head())) {
        return false;
    }
    let count = pinned.len();
    pinned.retain(|pin| {
        let escapes = escapes(pin.head());
        if escapes {
            pin.head().state.store(ESCAPED, Ordering::Release);
        }
        !escapes
    });
    pinned.len() < count
}

/// Drops the contents that no handle is left of.
///
/// The command made them and moved collections of the model into them, perhaps before they were pinned, so that no
/// log knows. Those are back in the model now, and the handles in here would be second ones.
#[inline]
fn drop_stale(scope: &Scope) {
    // One may hold the last handle of any other.
    while scope.pinned().any(|pin| is_stale(&pin)) {
        drop_some_stale(scope);
    }
}

#[inline]
fn is_stale(pin: &Pin) -> bool {
    pin.head().handles() == 0
}

#[cold]
fn drop_some_stale(scope: &Scope) {
    let mut place = 0;
    while place < scope.pinned.len() {
        if !is_stale(&scope.pinned.at(place)) {
            place += 1;
            continue;
        }
        let mut pin = scope.pinned.take(place);
        if pin.head().is_lost() {
            Lost::find_again(pin.head());
        }
        // SAFETY: there is no handle and nothing that makes one, the transaction does not record, and the contents
        // are off both lists.
        unsafe {
            pin.contents().detach();
            pin.forget(scope);
            pin.free();
        }
    }
}

/// Empties the logs and unpins.
#[inline]
fn end(scope: &Scope) {
    scope.set(Mode::Ending);
    for place in 0..scope.pinned.len() {
        // Not the whole of it: it was written a moment ago, field by field, and would have to arrive in memory first.
        let (contents, log) = scope.pinned.with(|pinned| (pinned[place].contents, pinned[place].log.take()));
        if let Some(log) = log {
            // SAFETY: it was the log of these contents, which the transaction owns, and is no longer. The transaction does not record.
            unsafe { contents.as_ref().forget(log, scope) };
        }
    }
    // Off the list, so that nothing finds there what may be freed from here on.
    let mut pinned = scope.pinned.with(std::mem::take);
    let mut left = Vec::new();
    for pin in &pinned {
        let head = pin.head();
        let is_left = head.handles.load(Ordering::Acquire) == 0;
        // The last look at contents that have a handle, or are lost: now they may be freed on another thread.
        head.state.store(FREE, Ordering::Release);
        if is_left {
            left.push(*pin);
        }
    }
    if pinned.capacity() * size_of::<Pin>() <= KEPT_BYTES {
        // The next command need not allocate it.
        pinned.clear();
        scope.pinned.with(|list| *list = pinned);
    }
    scope.transaction.set(0);
    scope.set(Mode::Idle);
    for pin in left {
        // SAFETY: no handle is left of them, nor was the last one dropped on another thread, and they are off the list.
        unsafe { pin.free() };
    }
    if LOST_COUNT.load(Ordering::Relaxed) != 0 {
        Lost::free_all();
    }
}
