//! What the keys of the past do to the table of methods, to the enums and to the client.

use memstate::{
    Ask, Ctx, Model, Past, Timestamp,
    model::{Method, Operation, Verdict},
};

#[memstate::data]
#[derive(Debug, PartialEq)]
pub struct Note(u8);

/// The arguments of `lend` in its first version.
#[derive(serde::Deserialize)]
pub struct LendV1 {
    amount: u32,
}

/// And in its second.
#[derive(serde::Deserialize)]
struct LendV2 {
    amount: u64,
}

#[derive(serde::Deserialize)]
struct Empty {}

#[derive(serde::Deserialize)]
struct LibraryV1 {
    count: u8,
}

#[derive(serde::Deserialize)]
struct LibraryV2 {
    count: u32,
}

fn library_of_v1(old: LibraryV1) -> Library {
    Library { count: old.count.into() }
}

impl LibraryV2 {
    fn update(self) -> Library {
        // So that it is seen to have been here.
        Library { count: u64::from(self.count) + 1_000_000 }
    }
}

#[memstate::model(migrate = library_of_v1)]
#[memstate(migrate = LibraryV2::update)]
#[derive(Default, Debug, PartialEq)]
pub struct Library {
    count: u64,
}

fn everyone() -> String {
    "all".to_owned()
}

#[memstate::model]
impl Library {
    const MANY: u64 = 9;

    #[memstate(was = "insert", was = "put")]
    pub fn add(
        &mut self,
        #[memstate(was = "number", was = "count")] r#amount: u64,
        #[memstate(default = everyone())] who: &str,
        #[memstate(default)] tags: &[u8],
        #[memstate(default = Self::MANY)] limit: u64,
        note: Option<Note>,
    ) -> Result<u64, Note> {
        self.count += amount + who.len() as u64 + tags.len() as u64 + limit;
        match note {
            Some(note) => Err(note),
            None => Ok(self.count),
        }
    }

    /// The first.
    #[memstate(replays = "add", version = 1)]
    fn add_v1(&mut self, amount: u8) {
        self.count += u64::from(amount);
    }

    #[memstate(replays = "add", version = 2)]
    pub fn add_v2(&mut self, amount: u16) {
        self.count += u64::from(amount);
    }

    #[memstate(upcast = Self::lend_of_v1)]
    #[memstate(upcast = lend_of_v2)]
    pub fn lend(&mut self, amount: u64, to: String) {
        self.count -= amount + to.len() as u64;
    }

    #[memstate(upcast = one)]
    pub fn one(&mut self, text: &str) {
        self.count += text.len() as u64;
    }

    #[memstate(upcast = nothing, version = 2)]
    pub fn clear(&mut self) {
        self.count = 0;
    }

    #[memstate(retired, version = 4)]
    pub fn burn(&mut self) {
        self.count = 0;
    }

    #[memstate(retired)]
    fn secret(&mut self) {}

    pub fn count(&self) -> u64 {
        self.count
    }

    pub fn half(&self, least: u64) -> Result<u64, String> {
        let half = self.count / 2;
        if half < least { Err("too little".to_owned()) } else { Ok(half) }
    }

    fn lend_of_v1(old: LendV1) -> (u64, String) {
        (old.amount.into(), String::new())
    }
}

fn lend_of_v2(old: LendV2) -> (u64, String) {
    (old.amount, "Ann".to_owned())
}

fn one(_: Empty) -> String {
    "one".to_owned()
}

fn nothing(_: Empty) {}

fn method(name: &str) -> &'static Method {
    LibraryCommand::METHODS.iter().find(|method| method.name == name).expect("it is there")
}

#[test]
fn methods_say_what_they_were() {
    assert_eq!(method("add").was, ["insert", "put"]);
    assert_eq!(method("lend").was, [""; 0]);
    let [amount, who, tags, limit, note] = method("add").arguments else { panic!("there are five") };
    assert_eq!((amount.name, amount.was, amount.default), ("amount", &["number", "count"][..], false));
    assert!(who.default && tags.default && limit.default && !note.default);
    assert_eq!((who.type_name, tags.type_name), ("String", "Vec<u8>"));
}

#[test]
fn a_version_is_one_more_than_those_of_the_past() {
    let versions: Vec<_> =
        LibraryCommand::METHODS.iter().map(|method| (method.name, method.version)).collect();
    assert_eq!(
        versions,
        [
            ("add", 3),
            ("add_v1", 1),
            ("add_v2", 1),
            ("lend", 3),
            ("one", 2),
            ("clear", 2),
            ("burn", 4),
            ("secret", 1)
        ]
    );
}

#[test]
fn what_replays_another_command_says_which() {
    assert_eq!(method("add_v1").replays, Some(("add", 1)));
    assert_eq!(method("add_v2").replays, Some(("add", 2)));
    assert_eq!(method("add").replays, None);
    let retired: Vec<_> =
        LibraryCommand::METHODS.iter().filter(|method| method.retired).map(|method| method.name).collect();
    assert_eq!(retired, ["add_v1", "add_v2", "burn", "secret"]);
}

#[test]
fn conversions_and_results_are_described() {
    assert_eq!(method("lend").upcasts.len(), 2);
    assert_eq!(method("clear").upcasts.len(), 1);
    assert!(method("add").upcasts.is_empty());
    assert!(
        LibraryCommand::METHODS.iter().chain(LibraryQuery::METHODS).all(|method| method.returns.is_some())
    );
    let mut tracer = Default::default();
    let returns = |method: &Method| method.returns.expect("it is described");
    assert!(returns(method("add"))(&mut tracer).1.is_some());
    assert!(returns(method("lend"))(&mut tracer).1.is_none());
    assert_eq!((Library::VERSION, Library::MIGRATIONS.len()), (3, 2));
    assert_eq!(crate::bank::Bank::VERSION, 1);
}

#[test]
fn a_retired_command_is_run_as_ever() {
    let mut library = Library::default();
    let mut run = |command: LibraryCommand| {
        let bytes = command.encode().unwrap();
        assert_eq!(LibraryCommand::decode(&bytes).unwrap(), command);
        library.execute(command, &mut Ctx::for_test(Timestamp::default()), &mut Vec::new()).unwrap()
    };
    assert_eq!(run(LibraryCommand::AddV1 { amount: 3 }), Verdict::Accepted);
    assert_eq!(run(LibraryCommand::AddV2 { amount: 400 }), Verdict::Accepted);
    assert_eq!(run(LibraryCommand::Secret), Verdict::Accepted);
    assert_eq!(library.count, 403);
    run_burn(&mut library);
    assert_eq!(library.count, 0);
}

fn run_burn(library: &mut Library) {
    let mut ctx = Ctx::for_test(Timestamp::default());
    library.execute(LibraryCommand::Burn, &mut ctx, &mut Vec::new()).unwrap();
}

#[test]
fn an_answer_is_written_as_a_reply_is() {
    let library = Library { count: 10 };
    let respond = |query: LibraryQuery| {
        let mut bytes = Vec::new();
        let verdict = library.respond(query, &mut bytes).unwrap();
        (verdict, bytes)
    };
    assert_eq!(respond(LibraryQuery::Count), (Verdict::Accepted, vec![10]));
    assert_eq!(respond(LibraryQuery::Half { least: 1 }), (Verdict::Accepted, vec![5]));
    let (verdict, bytes) = respond(LibraryQuery::Half { least: 6 });
    assert_eq!(verdict, Verdict::Rejected);
    assert_eq!(postcard::from_bytes::<String>(&bytes).unwrap(), "too little");
}

/// Nobody runs these; they say what types there are.
#[allow(dead_code)]
mod types {
    use super::*;

    fn queries_of_the_past(past: LibraryClient<Past<Library>>) -> Ask<u64> {
        let again: <Library as Model>::Past = past.clone();
        let _ = again.read(|library| library.count);
        past.count()
    }

    async fn live(library: LibraryClient) -> Result<(), Box<dyn std::error::Error>> {
        let client: memstate::Client<Library> = (*library).clone();
        let library = LibraryClient::from(client);
        let _: Result<u64, memstate::Error<Note>> = library.add(1, "Ann", &[], 2, None).await;
        let _: Result<u64, memstate::Error<String>> = library.half(1).await;
        Ok(())
    }

    fn from(past: Past<Library>) -> Ask<u64> {
        LibraryClient::from(past).count()
    }

    /// Whatever lends the model.
    fn of_every<C: memstate::Look<Library>>(library: &LibraryClient<C>) -> Ask<u64> {
        library.count()
    }

    struct Holder {
        library: LibraryClient,
        all: Vec<LibraryClient>,
    }

    trait Named {
        fn name(&self) -> Ask<u64>;
    }

    impl Named for LibraryClient {
        fn name(&self) -> Ask<u64> {
            self.count()
        }
    }

    fn by_path(library: &LibraryClient) -> Ask<u64> {
        LibraryClient::count(library)
    }
}

/// A model with a parameter of the name that a client's own has elsewhere.
#[memstate::model]
pub struct Pile<C, const N: usize = 2> {
    values: Vec<C>,
}

#[memstate::model]
impl<C: memstate::State + Clone, const N: usize> Pile<C, N> {
    #[memstate(upcast = pile_up::<C>)]
    pub fn put(&mut self, value: C, #[memstate(default)] more: Vec<C>) {
        self.values.push(value);
        self.values.extend(more);
    }

    pub fn top(&self) -> Option<C> {
        self.values.last().cloned()
    }
}

#[derive(serde::Deserialize)]
struct PutV1<C> {
    value: C,
}

fn pile_up<C>(old: PutV1<C>) -> (C, Vec<C>) {
    (old.value, Vec::new())
}

#[allow(dead_code)]
fn generic(live: PileClient<u8>, past: PileClient<u8, 2, Past<Pile<u8>>>) {
    let _ = (live.put(1, vec![]), live.top(), past.top());
}

#[test]
fn generic_models_have_a_past() {
    assert_eq!(PileCommand::<String, 3>::METHODS[0].version, 2);
    assert_eq!(PileCommand::<String, 3>::METHODS[0].upcasts.len(), 1);
}
