//! Safe code against the roll-back: whatever it tries, it ends in a panic or in [`Broken`], and what it still borrows
//! stays as it was.

use std::{
    cell::{Cell, RefCell},
    cmp::Ordering,
    mem,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    rc::Rc,
    sync::{Arc, Barrier, LazyLock, Mutex, mpsc},
    thread,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{
    Broken, Failed, State, Visitor,
    shared::{THOROUGH_SEARCHES, Transaction},
    trace::Trace,
    traced, transaction,
};
use crate::collections::{BTreeMap, HashMap, Vec as List, VecDeque};

type Lists = List<List<String>>;

fn word() -> String {
    "a word on the heap".to_owned()
}

/// Runs a command that fails after `change`.
fn refused<T: State>(root: &mut T, change: impl FnOnce(&mut T)) -> Option<Broken> {
    let outcome: Result<(), _> = transaction(root, |root| {
        change(root);
        Err(())
    });
    match outcome {
        Err(Failed::Refused(())) => None,
        Err(Failed::Broken(broken)) => Some(broken),
        outcome => panic!("unexpected: {outcome:?}"),
    }
}

fn escaped<T: State>(root: &mut T, change: impl FnOnce(&mut T)) {
    assert_eq!(refused(root, change), Some(Broken::Escaped));
}

/// Runs a command that fails after `change`, which leaves everything as it was, and is found without much ado.
fn comes_back<T: State + std::fmt::Debug>(root: &mut T, change: impl FnOnce(&mut T)) {
    let before = format!("{root:?}");
    let searches = THOROUGH_SEARCHES.get();
    assert_eq!(refused(root, change), None);
    assert_eq!(format!("{root:?}"), before);
    assert_eq!(THOROUGH_SEARCHES.get(), searches);
}

fn panics<R>(attempt: impl FnOnce() -> R) {
    assert!(catch_unwind(AssertUnwindSafe(attempt)).is_err());
}

fn leak<T>(value: T) -> &'static mut T {
    Box::leak(Box::new(value))
}

#[test]
fn a_borrow_of_a_leaked_collection_outlives_the_roll_back() {
    let mut root = (List::from([word()]), List::from([word()]));
    let mut words: &'static [String] = &[];
    escaped(&mut root, |(list, other)| {
        other.push(word());
        list.push(word());
        list[0].push('!');
        words = leak(mem::take(list)).as_slice();
    });
    assert_eq!(words, [word() + "!", word()]);
    drop(root);
    assert_eq!(words, [word() + "!", word()]);
}

#[test]
fn so_does_a_mutable_borrow_of_an_element() {
    let mut root = (HashMap::from([(1, List::from([word()]))]),);
    let mut last: Option<&'static mut String> = None;
    escaped(&mut root, |(map,)| {
        let list = leak(map.remove(&1).unwrap());
        list.extend([word(), word()]);
        last = list.last_mut();
    });
    let last = last.unwrap();
    last.push_str(" and more");
    assert_eq!(*last, word() + " and more");
}

#[test]
fn so_does_a_borrow_below_a_leaked_collection() {
    let mut root: (Lists, VecDeque<u8>) = (List::from([List::from([word()])]), VecDeque::new());
    let mut words: &'static [String] = &[];
    escaped(&mut root, |(lists, queue)| {
        queue.push_back(1);
        lists[0].push(word());
        words = leak(mem::take(lists))[0].as_slice();
    });
    assert_eq!(words.len(), 2);
    panics(|| words.is_empty().then_some(()).unwrap());
}

#[test]
fn and_a_borrow_of_an_element_that_the_command_put_into_its_own_leak() {
    let mut root = (Lists::from([List::from([word()]), List::from([word()])]),);
    let mut words: &'static [String] = &[];
    escaped(&mut root, |(lists,)| {
        let mut own: Lists = lists.drain(..).collect();
        own[0].push(word());
        words = leak(own)[0].as_slice();
    });
    assert_eq!(words.len(), 2);
}

#[test]
fn an_iterator_that_saves_outlives_the_command() {
    thread_local! {
        static LEFT: RefCell<Option<Box<dyn Iterator<Item = &'static mut String>>>> = const { RefCell::new(None) };
    }
    for end in [Ok(()), Err(())] {
        let mut root = (List::from([word(), word(), word()]),);
        let outcome = transaction(&mut root, |(list,)| {
            let mut left = leak(mem::take(list)).iter_mut();
            left.next().unwrap().push('1');
            LEFT.set(Some(Box::new(left)));
            end
        });
        assert_eq!(outcome.is_ok(), end.is_ok());
        LEFT.with_borrow_mut(|left| {
            let left = left.as_mut().unwrap();
            left.next().unwrap().push('2');
            let mut other = (List::from([word()]),);
            comes_back(&mut other, |(other,)| {
                other.push(word());
                left.next().unwrap().push('3');
            });
        });
    }
}

#[test]
fn a_thread_that_changes_what_was_leaked_is_left_alone() {
    for end in [Ok(()), Err(())] {
        let mut root = (List::from([word()]),);
        let (stop, stopped) = mpsc::channel::<()>();
        let mut thread = None;
        let outcome = traced(&mut root, &mut Trace::default(), |(list,)| {
            list.push(word());
            let element = list.len() - 1;
            let element = &mut leak(mem::take(list))[element];
            thread = Some(thread::spawn(move || {
                while stopped.try_recv() == Err(mpsc::TryRecvError::Empty) {
                    element.push('.');
                    element.truncate(100);
                }
                element.len()
            }));
            end
        });
        drop(stop);
        assert!(thread.unwrap().join().unwrap() > 0);
        match end {
            Ok(()) => outcome.unwrap(),
            Err(()) => assert!(matches!(outcome, Err(Failed::Broken(Broken::Escaped)))),
        }
    }
}

#[test]
fn a_collection_on_another_thread_has_escaped_and_one_that_was_dropped_there_has_not() {
    let mut root = (List::from([word()]), List::from([word()]));
    comes_back(&mut root, |(list, _)| {
        list.push(word());
        let list = mem::take(list);
        thread::spawn(move || drop(list)).join().unwrap();
    });
    let (hide, hidden) = mpsc::channel();
    escaped(&mut root, |(list, _)| {
        list.push(word());
        hide.send(mem::take(list)).unwrap();
    });
    thread::spawn(move || {
        let mut list: List<String> = hidden.recv().unwrap();
        panics(|| list.len());
        panics(|| list.push(word()));
        panics(|| list.save());
    })
    .join()
    .unwrap();
    assert_eq!(root.1.len(), 1);
}

/// Counts how many of it there are.
#[derive(Debug)]
struct Counted(Arc<Mutex<i32>>);
impl Serialize for Counted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

impl Counted {
    fn new(count: &Arc<Mutex<i32>>) -> Self {
        *count.lock().unwrap() += 1;
        Counted(Arc::clone(count))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        *self.0.lock().unwrap() -= 1;
    }
}

impl<'de> Deserialize<'de> for Counted {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        unreachable!("nobody reads it")
    }
}

impl State for Counted {
    type Saved = Arc<Mutex<i32>>;
    fn save(&self) -> Self::Saved {
        Arc::clone(&self.0)
    }
    fn restore(saved: Self::Saved) -> Self {
        Counted::new(&saved)
    }
    fn visit(&mut self, _: &mut Visitor) {}
}

/// Lets what other threads have dropped be freed, which happens at the latest when the next command ends.
fn free_what_is_lost() {
    for _ in 0..100 {
        transaction(&mut (), |()| Ok::<(), ()>(())).unwrap();
    }
}

#[test]
fn what_is_dropped_on_another_thread_is_freed_once() {
    let count = Arc::new(Mutex::new(0));
    let list = || List::from([Counted::new(&count), Counted::new(&count)]);
    let rounds = if cfg!(miri) { 4 } else { 200 };
    for (round, end) in (0..rounds).flat_map(|round| [(round, Ok(())), (round, Err(()))]) {
        let mut root = (list(), List::from([list()]));
        let mut threads = vec![];
        let outcome = transaction(&mut root, |(list, lists)| {
            list[0] = Counted::new(&count);
            lists[0].pop();
            let all = (mem::take(list), mem::take(lists));
            let thread = thread::spawn(move || drop(all));
            match round % 2 {
                // The end of the command may be before, while or after it is dropped.
                1 if end.is_ok() => threads.push(thread),
                _ => thread.join().unwrap(),
            }
            end
        });
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        let left = if end.is_ok() { (0, 0) } else { (2, 1) };
        assert_eq!(outcome.is_ok(), end.is_ok(), "{outcome:?}");
        assert!(!matches!(outcome, Err(Failed::Broken(_))), "{outcome:?}");
        assert_eq!((root.0.len(), root.1.len()), left);
        drop(root);
    }
    free_what_is_lost();
    assert_eq!(*count.lock().unwrap(), 0);
}

#[test]
fn forgetting_a_collection_of_the_model_is_hiding_it() {
    let mut root = (List::from([word()]),);
    escaped(&mut root, |(list,)| {
        list.push(word());
        mem::forget(mem::take(list));
    });
}

#[test]
fn a_result_that_is_leaked_by_a_destructor_is_hidden() {
    struct Late;
    impl Drop for Late {
        fn drop(&mut self) {
            panic!("late");
        }
    }
    fn take(list: &mut List<String>) -> List<String> {
        let _late = Late;
        mem::take(list)
    }
    let mut root = (List::from([word()]),);
    // Whether the result is leaked is the compiler's business; either way the state is right or known not to be.
    match refused(&mut root, |(list,)| panics(|| take(list))) {
        None => assert_eq!(root.0, [word()]),
        Some(broken) => assert_eq!(broken, Broken::Escaped),
    }
}

#[test]
fn a_leaked_extraction_of_collections_is_hidden() {
    let mut root = (Lists::from([List::from([word()]), List::from([word()])]),);
    escaped(&mut root, |(lists,)| {
        lists[1].push(word());
        mem::forget(lists.extract_if(.., |_| true));
    });
}

#[test]
fn what_a_command_made_itself_it_may_keep() {
    static TABLE: LazyLock<HashMap<u8, List<String>>> = LazyLock::new(|| {
        let mut table = HashMap::new();
        table.insert(1, List::new());
        table.get_mut(&1).unwrap().push(word());
        table
    });
    let mut root = (List::from([word()]), Lists::new());
    let mut kept: &'static [String] = &[];
    let searches = THOROUGH_SEARCHES.get();
    assert_eq!(
        refused(&mut root, |(list, lists)| {
            list.push(TABLE[&1][0].clone());
            let mut own = List::new();
            own.push(word());
            lists.push(own);
            // Saved by now, so it has a token in a log.
            let own = leak(mem::take(&mut lists[0]));
            own.push(word());
            kept = own.as_slice();
        }),
        None
    );
    assert_eq!((root.0.len(), root.1.len()), (1, 0));
    assert_eq!(kept, [word(), word()]);
    assert_eq!(TABLE[&1], [word()]);
    assert_eq!(THOROUGH_SEARCHES.get(), searches);
}

#[test]
fn a_static_table_that_a_command_keeps_is_not_part_of_its_outcome() {
    static TABLE: Mutex<List<u8>> = Mutex::new(List::new());
    let digest = || {
        let mut trace = Trace::default();
        let outcome: Result<(), Failed<()>> = traced(&mut (List::from([1u8]),), &mut trace, |(list,)| {
            list.push(2);
            TABLE.lock().unwrap().push(1);
            Ok(())
        });
        outcome.unwrap();
        trace.digest()
    };
    assert_eq!(digest(), digest());
    assert_eq!(*TABLE.lock().unwrap(), [1, 1]);
}

/// A value that is saved as a clone, as a field under `#[memstate(clone)]` is.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Cloned(List<String>);

impl State for Cloned {
    type Saved = Self;
    fn save(&self) -> Self {
        self.clone()
    }
    fn restore(saved: Self) -> Self {
        saved
    }
    fn visit(&mut self, _: &mut Visitor) {}
}

#[test]
fn a_collection_in_a_value_that_is_saved_as_a_clone_comes_back() {
    let mut root = (Cloned(List::from([word()])), List::from([Cloned(List::from([word()]))]));
    comes_back(&mut root, |(one, list)| {
        one.0.push(word());
        list[0].0[0].clear();
        list.swap_remove(0).0.push(word());
    });
}

#[test]
fn handles_are_found_wherever_a_command_carries_them() {
    let lists = |n: u32| (0..n).map(|i| List::from([i.to_string()])).collect::<List<_>>();
    let mut root = (
        lists(40),
        lists(40).into_iter().collect::<VecDeque<_>>(),
        (0..40).zip(lists(40)).collect::<HashMap<_, _>>(),
        (0..40).zip(lists(40)).collect::<BTreeMap<_, _>>(),
        List::<(u8, Option<Box<Lists>>)>::new(),
    );
    comes_back(&mut root, |(list, queue, map, tree, deep)| {
        for i in [3, 30, 7] {
            list[i].push(word());
            queue[i].push(word());
            map.get_mut(&(i as u32)).unwrap().push(word());
            tree.get_mut(&(i as u32)).unwrap().push(word());
            let moved = list.remove(i / 2);
            list.push(moved);
            list.insert(i, List::new());
            list.swap(i, 2);
            list.swap_remove(5);
            list.drain(1..3);
            list.rotate_left(i);
            queue.rotate_left(i);
            queue.push_front(List::from([word()]));
            queue.swap_remove_front(i - 2);
            queue.swap_remove_back(4);
            queue[1].push(word());
            queue.pop_front();
            queue.insert(i, list.pop().unwrap());
            queue.drain(2..5);
            queue.rotate_right(4);
            map.shift_remove(&(i as u32 - 1));
            let moved = map.remove(&(i as u32)).unwrap();
            map.insert(100, moved);
            map.remove(&1);
        }
        tree.extend(map.drain().skip(2).take(5));
        // Into new ones that nobody has saved, nor seen being filled.
        let built: Lists = queue.drain(..).collect();
        deep.push((1, Some(Box::new(built))));
        let (_, built) = &mut deep[0];
        built.as_mut().unwrap()[3].push(word());
        let (_, built) = deep.pop().unwrap();
        queue.push_front(built.unwrap().into_iter().next().unwrap());
        // And into one whose only handle is gone.
        let mut gone = Lists::new();
        gone.append(list);
        gone[1].push(word());
        *list = Lists::new();
    });
}

#[test]
fn collections_that_other_threads_built_are_found_by_a_thorough_search() {
    let mut root = (Lists::from([List::from([word()]), List::from([word()])]), List::<Lists>::new());
    let searches = THOROUGH_SEARCHES.get();
    assert_eq!(
        refused(&mut root, |(from, to)| {
            from[1].push(word());
            let all = from.drain(..).collect::<std::vec::Vec<_>>();
            let mut built: Lists = thread::spawn(|| all.into_iter().collect()).join().unwrap();
            built.push(List::new());
            to.push(built);
        }),
        None
    );
    assert_eq!(format!("{root:?}"), format!("([[{:?}], [{:?}]], [])", word(), word()));
    assert_eq!(THOROUGH_SEARCHES.get(), searches + 1);
}

#[test]
fn collections_saved_by_hand_come_back() {
    let mut root = (HashMap::from([(1, List::from([word()]))]),);
    assert_eq!(
        refused(&mut root, |(map,)| {
            let _ = map[&1].save();
        }),
        None
    );
    let mut token = None;
    // The token makes somebody expect the list, and it is found where it always was.
    assert_eq!(refused(&mut root, |(map,)| token = Some(map[&1].save())), None);
    assert_eq!(root.0[&1], [word()]);
    panics(|| List::restore(token.take().unwrap()));
    assert_eq!(root.0[&1], [word()]);
}

#[test]
fn a_token_gives_no_second_handle() {
    let mut list = List::from([word()]);
    let token = list.save();
    list.push(word());
    panics(|| List::restore(token));
    let token = list.save();
    drop(list);
    // Nor does it look at what is gone.
    panics(|| List::restore(token));

    // One that is kept from an earlier command.
    let mut root = (List::from([word(), word(), word()]),);
    let mut kept = None;
    assert_eq!(refused(&mut root, |(list,)| kept = Some(list.save())), None);
    for token in [root.0.save(), kept.unwrap()] {
        assert_eq!(refused(&mut root, |(list,)| list.push(word())), None);
        let outcome: Result<(), _> = transaction(&mut root, |(list,)| {
            list.push(word());
            *list = List::restore(token);
            Err(())
        });
        assert!(matches!(outcome, Err::<_, Failed<()>>(Failed::Panicked(_))));
        assert_eq!(root.0.len(), 3);
    }
    let token = root.0.save();
    root.0.put_back(token);
    assert_eq!(root.0.len(), 3);
}

thread_local! {
    static HOOK: RefCell<Option<Box<dyn FnMut()>>> = const { RefCell::new(None) };
    static CALLS: Cell<u32> = const { Cell::new(0) };
}

/// Runs the hook whenever any code of the user's is called.
#[derive(Debug, Default, PartialEq, Eq)]
struct Hooked(u8);

fn hook() {
    CALLS.set(CALLS.get() + 1);
    if let Some(mut act) = HOOK.take() {
        act();
        HOOK.set(Some(act));
    }
}

/// Runs `change` as a command, with `act` in all hooks; counts how often it ran.
fn with_hook<T: State, E>(
    root: &mut T,
    act: impl FnMut() + 'static,
    change: impl FnOnce(&mut T) -> Result<(), E>,
) -> (Result<(), Failed<E>>, u32) {
    CALLS.set(0);
    let outcome = traced(root, &mut Trace::default(), |root| {
        let result = change(root);
        HOOK.set(Some(Box::new(act)));
        CALLS.set(0);
        result
    });
    HOOK.set(None);
    (outcome, CALLS.get())
}

impl Drop for Hooked {
    fn drop(&mut self) {
        hook();
    }
}

impl PartialOrd for Hooked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Hooked {
    fn cmp(&self, other: &Self) -> Ordering {
        hook();
        self.0.cmp(&other.0)
    }
}

impl Serialize for Hooked {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        hook();
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Hooked {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u8::deserialize(deserializer).map(Hooked)
    }
}

impl State for Hooked {
    type Saved = u8;
    fn save(&self) -> u8 {
        self.0
    }
    fn restore(saved: u8) -> Self {
        Hooked(saved)
    }
    fn visit(&mut self, _: &mut Visitor) {
        hook();
    }
}

type Hooks = (List<Hooked>, BTreeMap<Hooked, List<Hooked>>, List<String>);

fn hooks() -> Hooks {
    let list = || [Hooked(1), Hooked(2)].into();
    (list(), (0..9).map(|n| (Hooked(n), list())).collect(), [word()].into())
}

fn stir((list, map, words): &mut Hooks) {
    list.push(Hooked(3));
    list[0] = Hooked(4);
    map.get_mut(&Hooked(5)).unwrap().push(Hooked(6));
    map.remove(&Hooked(7));
    map.insert(Hooked(20), List::from([Hooked(1)]));
    words.push(word());
}

#[test]
fn code_of_the_users_may_panic_anywhere_at_the_end_of_a_command() {
    for refuse in [false, true] {
        let end = || if refuse { Err(()) } else { Ok(()) };
        let (outcome, calls) = with_hook(
            &mut hooks(),
            || (),
            |root| {
                stir(root);
                end()
            },
        );
        assert_eq!(outcome.is_ok(), !refuse);
        assert!(calls > 10);
        for call in 1..=calls {
            let mut root = hooks();
            let act = move || assert_ne!(CALLS.get(), call);
            let (outcome, _) = with_hook(&mut root, act, |root| {
                stir(root);
                end()
            });
            // A destructor may be on the way when the next one panics; what counts is that the state is whole or broken.
            if !matches!(outcome, Ok(()) | Err(Failed::Broken(_))) {
                assert_eq!((&root, call), (&hooks(), call));
            }
        }
    }
}

#[test]
fn no_transaction_begins_while_another_ends() {
    for refuse in [false, true] {
        let mut root = hooks();
        let begun = Arc::new(Mutex::new((0, 0)));
        let count = Arc::clone(&begun);
        let act = move || {
            let attempt = catch_unwind(|| {
                let mut other = (List::from([1]), Lists::from([List::from([word()])]));
                comes_back(&mut other, |(list, lists)| {
                    list.push(2);
                    lists[0].push(word());
                });
            });
            match attempt {
                Ok(()) => count.lock().unwrap().0 += 1,
                Err(_) => count.lock().unwrap().1 += 1,
            }
        };
        let (outcome, _) = with_hook(&mut root, act, |root| {
            stir(root);
            if refuse { Err(()) } else { Ok(()) }
        });
        assert_eq!(outcome.is_ok(), !refuse);
        assert!(begun.lock().unwrap().1 > 0);
        // Everything works as before.
        comes_back(&mut root, stir);
    }
}

#[test]
fn collections_may_be_made_and_used_wherever_code_of_the_users_runs() {
    for refuse in [false, true] {
        let mut root = hooks();
        let act = || {
            let mut lists = Lists::new();
            lists.push(List::new());
            lists[0].push(word());
            let token = lists.save();
            lists.put_back(token);
            assert_eq!(lists.len(), 1);
        };
        let (outcome, calls) = with_hook(&mut root, act, |root| {
            stir(root);
            if refuse { Err(()) } else { Ok(()) }
        });
        assert_eq!(outcome.is_ok(), !refuse);
        assert!(calls > 10);
        comes_back(&mut root, stir);
    }
}

#[test]
fn what_code_of_the_users_has_leaked_it_cannot_reach_in_a_roll_back() {
    let mut root = hooks();
    let hidden: &'static Mutex<List<Hooked>> = leak(Mutex::new(List::new()));
    let act = || {
        panics(|| hidden.lock().unwrap_or_else(|lock| lock.into_inner()).push(Hooked(1)));
        panics(|| hidden.lock().unwrap_or_else(|lock| lock.into_inner()).len());
        panics(|| hidden.lock().unwrap_or_else(|lock| lock.into_inner()).save());
    };
    let (outcome, _) = with_hook(&mut root, act, |root| {
        stir(root);
        *hidden.lock().unwrap() = mem::take(&mut root.0);
        Err(())
    });
    assert!(matches!(outcome, Err(Failed::Broken(Broken::Escaped))), "{outcome:?}");
}

#[test]
fn a_token_that_is_used_while_a_command_ends_gives_no_second_handle_that_works() {
    for (refuse, at) in (0..40).flat_map(|at| [(false, at), (true, at)]) {
        let mut root = hooks();
        let token = Rc::new(RefCell::new(None));
        let second = Rc::new(RefCell::new(None));
        let (given, taken) = (Rc::clone(&token), Rc::clone(&second));
        let act = move || {
            if CALLS.get() == at {
                let token = given.take().unwrap();
                let list = catch_unwind(AssertUnwindSafe(|| List::restore(token)));
                taken.replace(list.ok());
            }
        };
        let (outcome, _) = with_hook(&mut root, act, |root| {
            stir(root);
            token.replace(Some(root.2.save()));
            if refuse { Err(()) } else { Ok(()) }
        });
        let second: Option<List<String>> = second.take();
        match second {
            Some(list) => {
                assert!(matches!(outcome, Err(Failed::Broken(Broken::Escaped))), "{outcome:?}");
                panics(|| list.len());
                panics(|| root.2.len());
            }
            None if refuse => assert_eq!(root, hooks()),
            None => outcome.unwrap(),
        }
    }
}

/// A collection that can be reached by `&self`, which no `State` should do.
#[derive(Clone, Default)]
struct Inside(Arc<Mutex<Option<List<Inside>>>>);

static NO_HANDS: bool = false;

impl Inside {
    fn with<R>(&self, act: impl FnOnce(&mut List<Inside>) -> R) -> R {
        act(self.0.lock().unwrap_or_else(|lock| lock.into_inner()).get_or_insert_default())
    }
}

impl Serialize for Inside {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let other = self.clone();
        // This very element may be in the list that is traced.
        let _ = catch_unwind(AssertUnwindSafe(|| {
            INSIDE
                .with_borrow(|all| all.iter().for_each(|inside| inside.with(|list| list.push(other.clone()))))
        }));
        NO_HANDS.serialize(serializer)
    }
}

thread_local! {
    static INSIDE: RefCell<std::vec::Vec<Inside>> = const { RefCell::new(std::vec::Vec::new()) };
}

impl<'de> Deserialize<'de> for Inside {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Ok(Inside::default())
    }
}

impl State for Inside {
    type Saved = <List<Inside> as State>::Saved;
    fn save(&self) -> Self::Saved {
        self.with(|list| list.save())
    }
    fn restore(saved: Self::Saved) -> Self {
        Inside(Arc::new(Mutex::new(Some(List::restore(saved)))))
    }
    fn visit(&mut self, visitor: &mut Visitor) {
        self.with(|list| {
            list.visit(visitor);
            list.visit(visitor);
        });
        // Not only its own parts: whatever it finds.
        INSIDE.with_borrow(|all| {
            for inside in all {
                if let Ok(mut list) = inside.0.try_lock() {
                    list.get_or_insert_default().visit(visitor);
                }
            }
        });
    }
}

#[test]
fn a_state_that_hands_its_collections_around_does_no_harm() {
    for end in [Ok(()), Err(())] {
        let mut root = (Inside::default(), List::from([Inside::default()]));
        INSIDE.set(vec![root.0.clone(), root.1[0].clone()]);
        let outcome = traced(&mut root, &mut Trace::default(), |(inside, list)| {
            inside.with(|list| list.push(Inside::default()));
            inside.with(|list| list[0].with(|list| list.push(Inside::default())));
            list[0].with(|list| list.push(Inside::default()));
            list.push(inside.clone());
            end
        });
        assert!(!matches!(outcome, Err(Failed::Panicked(_))), "{outcome:?}");
        INSIDE.take();
    }
}

#[test]
fn a_shared_borrow_can_be_saved_on_two_threads_at_once() {
    let mut root = (List::from([word()]),);
    for _ in 0..50 {
        let outcome: Result<(), Failed<()>> = transaction(&mut root, |(list,)| {
            let list = &*list;
            thread::scope(|scope| {
                let other = scope.spawn(|| {
                    refused(&mut (List::from([1]),), |_| {
                        let _ = catch_unwind(|| list.save());
                    })
                });
                let _ = list.save();
                assert_eq!(other.join().unwrap(), None);
            });
            Err(())
        });
        assert!(matches!(outcome, Err(Failed::Refused(()))), "{outcome:?}");
    }
    assert_eq!(root.0, [word()]);
}

#[test]
fn a_payload_of_a_panic_may_be_a_collection() {
    let mut root = (List::from([word()]),);
    let outcome: Result<(), Failed<()>> = transaction(&mut root, |(list,)| {
        list.push(word());
        resume_unwind(Box::new(mem::take(list)))
    });
    assert!(matches!(outcome, Err(Failed::Panicked(_))), "{outcome:?}");
    assert_eq!(root.0, [word()]);
}

#[test]
fn an_error_that_holds_a_collection_of_the_model_breaks_the_state() {
    let mut root = (List::from([word()]),);
    let outcome: Result<(), _> = transaction(&mut root, |(list,)| {
        list.push(word());
        Err(mem::take(list))
    });
    assert!(matches!(outcome, Err(Failed::Broken(Broken::Escaped))), "{outcome:?}");
}

#[test]
fn a_drain_that_is_kept_holds_what_it_took() {
    let mut root = (Lists::from([List::from([word()]), List::from([word()])]),);
    comes_back(&mut root, |(lists,)| {
        let mut drain = lists.drain(..);
        drain.next().unwrap().push(word());
    });
    escaped(&mut root, |(lists,)| mem::forget(lists.drain(..)));
}

/// Saved as something that cannot leave its thread.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Homebound(u64);

impl State for Homebound {
    type Saved = std::rc::Rc<u64>;
    fn save(&self) -> Self::Saved {
        std::rc::Rc::new(self.0)
    }
    fn restore(saved: Self::Saved) -> Self {
        Homebound(*saved)
    }
    fn visit(&mut self, _: &mut Visitor) {}
}

#[test]
fn what_comes_into_a_log_after_its_command_is_never_used() {
    let mut root = 0_u64;
    let mut map: HashMap<u64, Homebound> = (0..3).map(|key| (key, Homebound(key))).collect();
    let mut borrow = None;
    transaction(&mut root, |_| {
        borrow = Some(map.iter_mut());
        Ok::<(), ()>(())
    })
    .unwrap();
    // The command is over, and its log is still open.
    borrow.unwrap().for_each(|(_, value)| value.0 += 10);

    thread::spawn(move || {
        let refused = transaction(&mut map, |map| {
            map.get_mut(&1).unwrap().0 = 99;
            Err::<(), ()>(())
        });
        assert!(matches!(refused, Err(Failed::Refused(()))));
        assert_eq!(map.values().map(|value| value.0).collect::<Vec<_>>(), [10, 11, 12]);
    })
    .join()
    .unwrap();
}

#[test]
fn a_log_is_dropped_on_any_thread() {
    let mut root = 0_u64;
    let mut map: HashMap<u64, Homebound> = [(1, Homebound(1))].into();
    let mut borrow = None;
    transaction(&mut root, |_| {
        borrow = Some(map.values_mut());
        Ok::<(), ()>(())
    })
    .unwrap();
    borrow.unwrap().for_each(|value| value.0 += 1);
    thread::spawn(move || drop(map)).join().unwrap();
}

/// What a panic carries; it panics when it is dropped, with such a one again.
struct Bomb(u8);

impl Drop for Bomb {
    fn drop(&mut self) {
        if let Some(left) = self.0.checked_sub(1) {
            resume_unwind(Box::new(Bomb(left)));
        }
    }
}

thread_local! {
    /// Where a bomb is thrown, after so many calls.
    static ARMED: Cell<Option<(At, u32)>> = const { Cell::new(None) };
}

/// Which code of the user's throws bombs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Command,
    Visit,
    Serialize,
    Restore,
    Drop,
    DropOfSaved,
}

fn throw(at: At) {
    match ARMED.get() {
        Some((armed, 0)) if armed == at && !thread::panicking() => resume_unwind(Box::new(Bomb(3))),
        Some((armed, calls)) if armed == at => ARMED.set(Some((at, calls.saturating_sub(1)))),
        _ => {}
    }
}

#[derive(Debug, PartialEq, Deserialize)]
struct Armed(u8);
struct SavedArmed(u8);

impl Drop for Armed {
    fn drop(&mut self) {
        throw(At::Drop);
    }
}

impl Drop for SavedArmed {
    fn drop(&mut self) {
        throw(At::DropOfSaved);
    }
}

impl Serialize for Armed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        throw(At::Serialize);
        self.0.serialize(serializer)
    }
}

impl State for Armed {
    type Saved = SavedArmed;
    fn save(&self) -> SavedArmed {
        SavedArmed(self.0)
    }
    fn restore(saved: SavedArmed) -> Self {
        throw(At::Restore);
        Armed(saved.0)
    }
    fn visit(&mut self, _: &mut Visitor) {
        throw(At::Visit);
    }
}

#[test]
fn what_a_panic_carries_may_panic_when_it_is_dropped() {
    let lists = || {
        let list = || List::from([Armed(1), Armed(2), Armed(3)]);
        (list(), list(), Lists::from([List::from([word()])]))
    };
    let stir = |(one, two, words): &mut (List<Armed>, List<Armed>, Lists)| {
        for list in [one, two] {
            list[0] = Armed(9);
            list.remove(1);
            list.push(Armed(8));
        }
        words[0].push(word());
        words.insert(0, List::new());
    };
    let everywhere = [At::Command, At::Visit, At::Serialize, At::Restore, At::Drop, At::DropOfSaved];
    let mut got_out = vec![];
    let cases = everywhere
        .into_iter()
        .flat_map(|at| (0..9).flat_map(move |calls| [(at, calls, false), (at, calls, true)]));
    for (at, calls, refuse) in cases {
        let mut root = lists();
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            traced(&mut root, &mut Trace::default(), |root| {
                stir(root);
                ARMED.set(Some((at, calls)));
                throw(At::Command);
                if refuse { Err(()) } else { Ok(()) }
            })
        }));
        ARMED.set(None);
        match outcome {
            Err(bomb) => {
                mem::forget(bomb);
                got_out.push((at, calls, refuse));
            }
            Ok(Ok(())) => assert_eq!((root.0.len(), root.2.len()), (3, 2)),
            Ok(Err(Failed::Broken(broken))) => {
                // What is not visited is not found.
                assert!(broken == Broken::Panicked || at == At::Visit, "{broken:?} {at:?}");
                assert!([At::Visit, At::Restore, At::DropOfSaved].contains(&at), "{broken:?} {at:?}");
            }
            Ok(Err(_)) => assert_eq!((&root, at), (&lists(), at)),
        }
        drop(root);
        // Every list has a log of its own.
        comes_back(&mut lists(), |root| {
            stir(root);
            stir(root);
        });
    }
    assert_eq!(got_out, []);
}

#[test]
fn a_transaction_that_comes_to_no_end_keeps_what_it_held() {
    let mut root = (List::from([word()]), List::from([word()]), List::from([1]));
    let running = Transaction::begin();
    let token = running.save(&mut root.0);
    let _ = running.save(&mut root.1);
    root.0.push(word());
    drop(running);
    panics(|| root.0.len());
    panics(|| root.1.push(word()));
    panics(|| List::restore(token));
    comes_back(&mut root.2, |list| list.push(2));
}

#[test]
fn of_two_threads_that_save_what_is_neithers_one_does() {
    let count = Arc::new(Mutex::new(0));
    let rounds = if cfg!(miri) { 5 } else { 300 };
    let mut saved = 0;
    for round in 0..rounds {
        let mut list = List::from([Counted::new(&count), Counted::new(&count)]);
        let barrier = Barrier::new(2);
        let save = || {
            let mut done = false;
            let outcome = transaction(&mut List::from([1]), |own| {
                own.push(2);
                barrier.wait();
                done = catch_unwind(AssertUnwindSafe(|| list.save())).is_ok();
                if round % 2 == 0 {
                    barrier.wait();
                }
                Ok::<(), ()>(())
            });
            outcome.unwrap();
            done
        };
        let (here, there) = thread::scope(|scope| {
            let other = scope.spawn(save);
            (save(), other.join().unwrap())
        });
        assert!(here || there);
        assert!(!(here && there) || round % 2 == 1);
        saved += u32::from(here) + u32::from(there);
        assert_eq!(list.len(), 2);
        list.pop();
        let list = (list,);
        match round % 3 {
            0 => drop(list),
            _ => thread::spawn(move || drop(list)).join().unwrap(),
        }
    }
    assert!(saved >= rounds);
    assert_eq!(*count.lock().unwrap(), 0);
}

#[test]
fn what_is_dropped_on_another_thread_while_a_command_ends_is_freed_once() {
    let count = Arc::new(Mutex::new(0));
    let calls = if cfg!(miri) { 0..4 } else { 0..40 };
    for (at, refuse) in calls.flat_map(|at| [(at, false), (at, true)]) {
        let mut root = hooks();
        let given = Arc::new(Mutex::new(None));
        let taken = Arc::clone(&given);
        let (send, threads) = mpsc::channel();
        let act = move || {
            if CALLS.get() == at {
                let lists = taken.lock().unwrap().take();
                let thread = thread::spawn(move || drop(lists));
                match at % 2 {
                    0 => thread.join().unwrap(),
                    _ => send.send(thread).unwrap(),
                }
            }
        };
        let (outcome, calls) = with_hook(&mut root, act, |root| {
            stir(root);
            // Made by the command, and pinned to it.
            let mut lists = List::new();
            for _ in 0..3 {
                lists.push(List::from([Counted::new(&count)]));
                lists.last_mut().unwrap().push(Counted::new(&count));
            }
            *given.lock().unwrap() = Some(lists);
            if refuse { Err(()) } else { Ok(()) }
        });
        drop(given);
        threads.into_iter().for_each(|thread: thread::JoinHandle<()>| thread.join().unwrap());
        if refuse {
            assert!(matches!(outcome, Err(Failed::Refused(()))), "{outcome:?}");
            assert_eq!(root, hooks());
        } else {
            outcome.unwrap();
        }
        assert!(cfg!(miri) || calls > 10);
        free_what_is_lost();
        assert_eq!(*count.lock().unwrap(), 0, "{at} {refuse}");
    }
}

#[test]
fn a_handle_made_in_a_roll_back_may_be_dropped_on_another_thread() {
    // The list stays where it was, or is dropped here or there before it is restored twice.
    let calls = (0..60).step_by(if cfg!(miri) { 6 } else { 1 });
    let mut restored = 0;
    for (at, how) in calls.flat_map(|at| [(at, 0), (at, 1), (at, 2)]) {
        let mut root = hooks();
        let token = Rc::new(Cell::new(None));
        let (given, was_restored) = (Rc::clone(&token), Rc::new(Cell::new(false)));
        let noted = Rc::clone(&was_restored);
        let act = move || {
            if CALLS.get() == at
                && let Ok(list) = catch_unwind(AssertUnwindSafe(|| List::restore(given.take().unwrap())))
            {
                noted.set(true);
                let _: &List<String> = &list;
                thread::spawn(move || drop(list)).join().unwrap();
            }
        };
        let (outcome, _) = with_hook(&mut root, act, |root| {
            stir(root);
            token.set(Some(root.2.save()));
            match how {
                0 => {}
                1 => drop(mem::take(&mut root.2)),
                _ => {
                    let list = mem::take(&mut root.2);
                    thread::spawn(move || drop(list)).join().unwrap();
                }
            }
            Err(())
        });
        restored += u32::from(was_restored.get());
        match outcome {
            Err(Failed::Refused(())) => assert_eq!(root, hooks()),
            Err(Failed::Broken(Broken::Escaped)) if was_restored.get() => panics(|| root.2.len()),
            outcome => panic!("{outcome:?}"),
        }
        free_what_is_lost();
    }
    assert!(restored > 0);
}

#[test]
fn collections_in_collections_that_the_command_made_are_freed_in_whatever_order_it_pinned_them() {
    #[derive(Debug, Serialize, Deserialize)]
    struct Nested(Counted, List<Nested>);
    impl State for Nested {
        type Saved = (<Counted as State>::Saved, <List<Nested> as State>::Saved);
        fn save(&self) -> Self::Saved {
            (self.0.save(), self.1.save())
        }
        fn restore((counted, list): Self::Saved) -> Self {
            Nested(Counted::restore(counted), List::restore(list))
        }
        fn visit(&mut self, visitor: &mut Visitor) {
            self.1.visit(visitor);
        }
    }

    let depth = if cfg!(miri) { 10 } else { 300 };
    let count = Arc::new(Mutex::new(0));
    let mut root = (List::new(), List::from([word()]));
    comes_back(&mut root, |(list, words)| {
        let mut inside_out = List::new();
        for _ in 0..depth {
            let mut outer = List::new();
            outer.push(Nested(Counted::new(&count), inside_out));
            inside_out = outer;
        }
        let mut place = &mut *list;
        for _ in 0..depth {
            place.push(Nested(Counted::new(&count), List::new()));
            place = &mut place[0].1;
        }
        place.push(Nested(Counted::new(&count), inside_out));
        words.push(word());
    });
    assert_eq!(*count.lock().unwrap(), 0);
}

#[test]
fn a_thread_may_run_more_commands_than_it_takes_numbers_at_a_time() {
    let mut list = List::from([0_u32]);
    for number in 0..70_000 {
        let refused = transaction(&mut list, |list| {
            list[0] += 1;
            list.push(number);
            if number % 2 == 0 { Ok(()) } else { Err(()) }
        });
        assert_eq!(refused.is_err(), number % 2 == 1);
        list.truncate(1);
    }
    assert_eq!(list, [35_000]);
}
