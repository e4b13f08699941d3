//! What `assert_deterministic` finds, and that it finds nothing where nothing is.

use std::{
    cell::Cell,
    collections::HashMap,
    hash::{BuildHasher, Hasher, RandomState},
    sync::atomic::{AtomicU64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use memstate::{Ctx, collections, testing::assert_deterministic, testing::assert_deterministic_from};
use memstate_tests::bank::{Bank, BankCommand};

use crate::support::{failure, message};

/// A model that does everything wrong.
#[memstate::model]
#[derive(Default)]
pub struct Fickle {
    kept: collections::HashMap<String, u64>,
    #[memstate(clone)]
    unordered: Unordered,
    lossy: Lossy,
    forgetful: Forgetful,
    last: u64,
}

/// A name that says nothing, so that the macro lets it pass.
pub type Unordered = HashMap<String, u64>;

/// Is written, and read back as something else.
#[memstate::data]
#[derive(Debug, Default)]
pub struct Lossy {
    #[serde(with = "halved")]
    number: u64,
}

mod halved {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        number.serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        u64::deserialize(deserializer).map(|number| number / 2)
    }
}

/// Has something that is neither written nor read.
#[derive(Debug, Clone, Default)]
pub struct Forgetful {
    cache: u64,
}

impl serde::Serialize for Forgetful {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

impl<'de> serde::Deserialize<'de> for Forgetful {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <()>::deserialize(deserializer).map(|()| Forgetful::default())
    }
}

impl memstate::State for Forgetful {
    type Saved = Forgetful;
    fn save(&self) -> Forgetful {
        self.clone()
    }
    fn restore(saved: Forgetful) -> Self {
        saved
    }
    fn visit(&mut self, _: &mut memstate::Visitor) {}
}

// One for each test that counts: they run side by side.
static COUNTER: AtomicU64 = AtomicU64::new(0);
static CHANCES: AtomicU64 = AtomicU64::new(0);
static PANICS: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static OF_THIS_THREAD: Cell<u64> = const { Cell::new(0) };
}

#[memstate::data]
#[derive(Debug)]
pub enum Drawn {
    Number(u64),
}

#[memstate::model(events = Drawn)]
impl Fickle {
    pub fn keep(&mut self, name: String) -> u64 {
        self.kept.insert(name, self.kept.len() as u64);
        self.kept.len() as u64
    }

    pub fn first_of_a_std_map(&mut self) -> Vec<String> {
        let unordered: HashMap<_, _> = self.kept.iter().collect();
        unordered.into_keys().cloned().collect()
    }

    pub fn keep_unordered(&mut self, name: String) {
        self.unordered.insert(name, 1);
    }

    #[memstate(deterministic)]
    pub fn clock(&mut self) {
        self.last = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
    }

    pub fn count(&mut self, by: u64) -> Result<(), u64> {
        Err(COUNTER.fetch_add(by, Ordering::Relaxed))
    }

    pub fn count_on_this_thread(&mut self) -> u64 {
        OF_THIS_THREAD.set(OF_THIS_THREAD.get() + 1);
        OF_THIS_THREAD.get()
    }

    #[memstate(deterministic)]
    pub fn thread(&mut self) -> String {
        format!("{:?}", std::thread::current().id())
    }

    pub fn address_of_the_state(&mut self) -> u64 {
        std::ptr::from_ref(self) as u64
    }

    pub fn address_on_the_heap(&mut self) -> u64 {
        let boxed = Box::new(7);
        std::ptr::from_ref(&*boxed) as u64
    }

    pub fn address_on_the_stack(&mut self) -> u64 {
        let local = self.last;
        std::ptr::from_ref(&local) as u64
    }

    #[memstate(deterministic)]
    pub fn draw(&mut self, ctx: &mut Ctx<Drawn>) {
        ctx.emit(Drawn::Number(RandomState::new().build_hasher().finish()));
    }

    pub fn panic_by_chance(&mut self) {
        let number = CHANCES.fetch_add(1, Ordering::Relaxed);
        assert!(number.is_multiple_of(2), "an odd number");
    }

    pub fn panic_with(&mut self) {
        panic!("after {}", PANICS.fetch_add(1, Ordering::Relaxed));
    }

    pub fn lose(&mut self, number: u64) {
        self.lossy.number = number;
    }

    pub fn cache(&mut self, number: u64) {
        self.forgetful.cache = number;
    }

    pub fn cached(&mut self) -> u64 {
        self.forgetful.cache
    }

    pub fn take_from_the_context(&mut self, ctx: &mut Ctx<Drawn>) -> (u64, String) {
        (ctx.rng().next_u64(), format!("{} {} {:?}", ctx.uuid(), ctx.now(), ctx.position()))
    }
}

type F = FickleCommand;

fn keep(names: &str) -> Vec<FickleCommand> {
    names.chars().map(|name| F::Keep { name: name.to_string() }).collect()
}

/// What is said of a command after some that are right.
fn said_of(command: FickleCommand) -> String {
    let mut commands = keep("abcdefgh");
    commands.push(command);
    let text = message(|| assert_deterministic(commands));
    let begins = text.starts_with("`Fickle` is not deterministic. command 9, `")
        && text.contains("was run twice on the same state");
    assert!(begins, "{text}");
    text
}

#[test]
fn a_model_that_does_the_same_again_passes_also_where_it_refuses_and_panics() {
    let open = |owner: &str| BankCommand::Open { owner: owner.to_owned() };
    assert_deterministic([
        open("ann"),
        BankCommand::Deposit { account: 1, amount: 9 },
        BankCommand::Transfer { from: 1, to: 7, amount: 3 },
        BankCommand::Explode,
        BankCommand::Learn,
        open("bob"),
        BankCommand::CloseAccount { account: 1 },
        BankCommand::Learn,
    ]);
    assert_deterministic::<Bank>([BankCommand::Learn]);
    let mut commands = keep("abcdefgh");
    commands.extend([F::TakeFromTheContext, F::TakeFromTheContext]);
    assert_deterministic(commands);
}

#[test]
fn the_order_of_a_std_map_in_a_reply_is_found() {
    let text = said_of(F::FirstOfAStdMap);
    assert!(
        text.contains("`first_of_a_std_map()`") && text.contains("the reply\n  accepted with [\""),
        "{text}"
    );
}

#[test]
fn a_std_map_in_the_state_is_found_as_soon_as_it_has_several_entries() {
    let text = message(|| {
        let names = "abcdefgh".chars();
        assert_deterministic(names.map(|name| F::KeepUnordered { name: name.to_string() }));
    });
    assert!(text.contains("the same values, in another order: a hash collection of `std`"), "{text}");
}

#[test]
fn a_clock_is_found_and_shown_by_path() {
    let text = said_of(F::Clock);
    assert!(text.contains("the state\n  last: "), "{text}");
}

#[test]
fn a_static_counter_is_found_also_in_what_a_rejection_says() {
    let text = said_of(F::Count { by: 1 });
    assert!(text.contains("`count(by: 1)`") && text.contains("the reply\n  rejected with "), "{text}");
}

#[test]
fn threads_and_what_belongs_to_them_are_found() {
    for command in [F::CountOnThisThread, F::Thread] {
        let text = said_of(command);
        assert!(text.contains("the reply\n  accepted with "), "{text}");
    }
}

#[test]
fn addresses_are_found_wherever_they_point() {
    for command in [F::AddressOfTheState, F::AddressOnTheHeap, F::AddressOnTheStack] {
        let text = said_of(command);
        assert!(text.contains("the reply\n  accepted with "), "{text}");
    }
}

#[test]
fn a_random_number_in_an_event_is_found() {
    let text = said_of(F::Draw);
    assert!(text.contains("the events\n  [Number("), "{text}");
}

#[test]
fn panics_are_compared_by_whether_they_happen_and_by_what_they_say() {
    let text = said_of(F::PanicByChance);
    assert!(text.contains("the outcome\n  ") && text.contains("panicked: an odd number"), "{text}");
    let text = said_of(F::PanicWith);
    assert!(text.contains("the message\n  panicked: after "), "{text}");
}

#[test]
fn a_value_that_is_read_back_as_another_is_found_by_path_after_the_command_that_wrote_it() {
    let first = line!();
    let (text, file, line) = failure(|| assert_deterministic([F::Cached, F::Lose { number: 9 }]));
    let expected = "\
`Fickle` is not read back as it was written. The state after command 2, `lose(number: 9)` is, once written, read and written again:

  lossy.number: 9 → 4";
    assert_eq!(text, expected);
    assert_eq!((file.as_str(), line), (file!(), first + 1));
}

#[test]
fn what_is_not_written_at_all_is_found_by_what_a_command_makes_of_it() {
    let text = message(|| {
        assert_deterministic([F::Cache { number: 5 }, F::Keep { name: "a".to_owned() }, F::Cached])
    });
    assert!(
        text.starts_with("`Fickle` is not read back as it was written. command 3, `cached()`, was run"),
        "{text}"
    );
    assert!(text.contains("the reply\n  accepted with 5\n  accepted with 0\n"), "{text}");
}

#[test]
fn it_begins_in_any_state() {
    let fickle = Fickle { lossy: Lossy { number: 3 }, ..Fickle::default() };
    let text = message(|| assert_deterministic_from(fickle, [F::Cached]));
    assert!(
        text.contains("The state before the first command is") && text.contains("lossy.number: 3 → 1"),
        "{text}"
    );
    assert_deterministic_from(Bank::default(), [BankCommand::Learn]);
}
