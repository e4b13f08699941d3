//! The forms that arguments and results may have, each through a real engine.

use std::{
    borrow::Cow,
    ffi::{CStr, OsStr},
    path::Path,
};

use memstate::{Open, State, collections::BTreeMap, model::Operation};

/// A model whose last call is to be seen.
macro_rules! seen {
    ($self:ident, $($value:expr),*) => { $self.seen = format!("{:?}", ($($value,)*)) };
}

type Outcome<T> = Result<T, String>;

#[memstate::data]
#[derive(Debug, PartialEq)]
pub struct Tag(String);

pub trait Key {
    type Owned: State + Clone + std::fmt::Debug + PartialEq;
}

#[derive(Debug, Default)]
pub struct ByNumber;
impl Key for ByNumber {
    type Owned = u64;
}

#[memstate::model]
#[derive(Debug, Default, PartialEq)]
pub struct Forms {
    seen: String,
    tags: Vec<Tag>,
}

#[memstate::model]
impl Forms {
    pub fn text(&mut self, text: Option<&str>) {
        seen!(self, text);
    }
    pub fn spelled(
        &mut self,
        text: ::core::option::Option<&'_ str>,
        of: std::option::Option<&std::primitive::str>,
    ) {
        seen!(self, text, of);
    }
    #[allow(clippy::needless_lifetimes)]
    pub fn slice<'a>(&mut self, slice: Option<&'a [Tag]>) -> usize {
        seen!(self, slice);
        slice.map_or(0, <[Tag]>::len)
    }
    pub fn owned(&mut self, tag: Option<&Tag>, whole: Option<&Option<String>>, nested: &Option<u8>) {
        seen!(self, tag, whole, nested);
    }
    pub fn paths(&mut self, path: Option<&Path>, os: Option<&OsStr>, c: Option<&CStr>) {
        seen!(self, path, os, c);
    }
    pub fn shared(
        &mut self,
        cow: Cow<'static, str>,
        boxed: Box<str>,
        slice: Box<[u8]>,
        deep: Box<Option<Box<str>>>,
    ) {
        seen!(self, cow, boxed, slice, deep);
    }
    pub fn projected(&mut self, key: Option<&<ByNumber as Key>::Owned>, keys: &[<ByNumber as Key>::Owned]) {
        seen!(self, key, keys);
    }
    pub fn fallible(&mut self, text: Option<&str>) -> Outcome<usize> {
        seen!(self, text);
        text.map(str::len).ok_or_else(|| "no text".to_owned())
    }

    pub const LIMIT: usize = 3;

    pub fn array(&mut self, of: [u8; Self::LIMIT], other: Option<&Self>) -> [u8; Self::LIMIT] {
        seen!(self, of, other.map(|other| &other.seen));
        of
    }

    pub fn seen(&self) -> String {
        self.seen.clone()
    }
    pub fn starts_with(&self, text: Option<&str>, tags: Option<&[Tag]>, tag: Option<&Tag>) -> bool {
        text.is_none_or(|text| self.seen.starts_with(text)) && tags.is_none() && tag.is_none()
    }
}

async fn forms() -> FormsClient {
    memstate::open::<Forms>("memory:").await.unwrap()
}

#[tokio::test]
async fn an_option_of_a_reference_is_an_argument() {
    let client = forms().await;
    let seen = async || client.seen().await.unwrap();
    client.text(Some("a")).await.unwrap();
    assert_eq!(seen().await, r#"(Some("a"),)"#);
    client.text(None).await.unwrap();
    assert_eq!(seen().await, "(None,)");
    let text = String::from("kept");
    client.spelled(Some(&text), Some(&text)).await.unwrap();
    assert_eq!(seen().await, r#"(Some("kept"), Some("kept"))"#);
    assert_eq!(client.slice(Some(&[Tag("x".into())])).await.unwrap(), 1);
    assert_eq!(seen().await, r#"(Some([Tag("x")]),)"#);
    assert_eq!(client.slice(Some(&[])).await.unwrap(), 0);
    assert_eq!(seen().await, "(Some([]),)");
    client.owned(Some(&Tag("y".into())), Some(&None), &Some(3)).await.unwrap();
    assert_eq!(seen().await, r#"(Some(Tag("y")), Some(None), Some(3))"#);
    client.paths(Some(Path::new("p")), Some(OsStr::new("o")), Some(c"c")).await.unwrap();
    assert_eq!(seen().await, r#"(Some("p"), Some("o"), Some("c"))"#);
    client.projected(Some(&1), &[2, 3]).await.unwrap();
    assert_eq!(seen().await, "(Some(1), [2, 3])");
    let other = Forms { seen: "other".into(), tags: vec![] };
    assert_eq!(client.array([1, 2, 3], Some(&other)).await.unwrap(), [1, 2, 3]);
    assert_eq!(seen().await, r#"([1, 2, 3], Some("other"))"#);
    client.fallible(None).await.unwrap_err();
    assert!(client.starts_with(Some("([1"), None, None).await.unwrap());
    assert!(!client.starts_with(None, Some(&[]), None).await.unwrap());
}

#[tokio::test]
async fn what_is_owned_without_being_a_string_is_an_argument() {
    let client = forms().await;
    client.shared("a".into(), "b".into(), [1, 2].into(), Box::new(Some("c".into()))).await.unwrap();
    assert_eq!(client.seen().await.unwrap(), r#"("a", "b", [1, 2], Some("c"))"#);
}

#[test]
fn the_variant_holds_an_option_of_what_is_owned() {
    let command = FormsCommand::Slice { slice: Some(vec![Tag("x".into())]) };
    let bytes = command.encode().unwrap();
    assert_eq!(bytes[1..], postcard::to_stdvec(&Some(vec![Tag("x".into())])).unwrap());
    assert_eq!(FormsCommand::decode(&bytes).unwrap(), command);
    let command = FormsCommand::Paths { path: Some("p".into()), os: None, c: Some(c"c".into()) };
    assert_eq!(FormsCommand::decode(&command.encode().unwrap()).unwrap(), command);
    let types = |name: &str| -> Vec<_> {
        let method = FormsCommand::METHODS.iter().find(|method| method.name == name).unwrap();
        method.arguments.iter().map(|argument| argument.type_name).collect()
    };
    assert_eq!(types("text"), ["Option<String>"]);
    assert_eq!(types("slice"), ["Option<Vec<Tag>>"]);
    assert_eq!(types("owned"), ["Option<Tag>", "Option<Option<String>>", "Option<u8>"]);
    assert_eq!(types("paths"), ["Option<PathBuf>", "Option<OsString>", "Option<CString>"]);
}

/// A model that is made by a macro, whose types come in groups that cannot be seen.
macro_rules! grouped {
    ($name:ident, $option:ty, $inner:ty, $slice:ty, $result:ty, $item:ty) => {
        #[memstate::model]
        #[derive(Default)]
        pub struct $name {
            seen: std::string::String,
        }

        #[memstate::model]
        impl $name {
            pub fn put(&mut self, option: $option, inner: Option<$inner>, slice: $slice) -> $result {
                seen!(self, option, inner, slice);
                option.map(str::len).ok_or_else(|| "none".to_owned())
            }
            pub fn each(&self) -> impl Iterator<Item = $item> {
                self.seen.chars().map(<$item>::from)
            }
        }
    };
}
grouped!(Grouped, Option<&str>, &str, &[u8], Result<usize, String>, u32);

#[tokio::test]
async fn types_that_a_macro_hands_on_are_seen_through() {
    let client = memstate::open::<Grouped>("memory:").await.unwrap();
    assert_eq!(client.put(Some("ab"), None, &[1]).await.unwrap(), 2);
    assert!(client.put(None, Some("c"), &[]).await.is_err());
    assert_eq!(client.each().await.unwrap().len(), r#"(Some("ab"), None, [1])"#.len());
}

mod before {
    #[memstate::model]
    #[derive(Default)]
    pub struct Diary {
        pub lines: Vec<String>,
    }

    #[memstate::model]
    impl Diary {
        pub fn write(&mut self, title: String) {
            self.lines.push(title);
        }
        pub fn mark(&mut self, note: Option<&str>, pages: Option<&[u8]>) {
            self.lines.push(format!("{note:?} {pages:?}"));
        }
    }
}

mod after {
    use std::path::Path;

    #[memstate::model]
    #[derive(Default)]
    pub struct Diary {
        pub lines: Vec<String>,
    }

    #[memstate::model]
    impl Diary {
        pub fn write(
            &mut self,
            title: Option<&str>,
            place: Option<&Path>,
            #[memstate(default = Some("ink".to_owned()))] with: Option<&str>,
            #[memstate(default)] pages: Option<&[u16]>,
        ) {
            self.lines.push(format!("{title:?} {place:?} {with:?} {pages:?}"));
        }
        #[memstate(upcast = of_mark)]
        pub fn mark(&mut self, #[memstate(was = "note")] remark: Option<&str>, pages: Option<&[u16]>) {
            self.lines.push(format!("{remark:?} {pages:?}"));
        }
    }

    #[memstate::data]
    struct Mark {
        note: Option<String>,
        pages: Option<Vec<u16>>,
    }

    fn of_mark(old: Mark) -> (Option<String>, Option<Vec<u16>>) {
        (old.note.map(|note| note + "!"), old.pages)
    }
}

#[tokio::test]
async fn options_of_references_are_carried_over() {
    let dir = tempfile::tempdir().unwrap();
    fn open<M: memstate::Model + Default>(dir: &Path) -> Open<M> {
        memstate::open::<M>(dir).no_snapshot_on_close()
    }
    let diary = open::<before::Diary>(dir.path()).await.unwrap();
    diary.write("first").await.unwrap();
    diary.mark(Some("good"), Some(&[1, 2])).await.unwrap();
    diary.mark(None, None).await.unwrap();
    diary.close().await.unwrap();
    let diary = open::<after::Diary>(dir.path()).accept_divergence().await.unwrap();
    let lines = diary.read(|diary| diary.lines.clone());
    assert_eq!(
        lines,
        [r#"Some("first") None Some("ink") None"#, r#"Some("good!") Some([1, 2])"#, "None None"]
    );
}

#[memstate::model]
#[derive(Default)]
pub struct Ledger {
    rows: BTreeMap<u64, String>,
}

#[memstate::model]
impl Ledger {
    pub fn add(&mut self, key: u64, row: &str) -> bool {
        self.rows.insert(key, row.to_owned()).is_none()
    }

    pub fn rows(&self) -> impl Iterator<Item = String> {
        self.rows.values().cloned()
    }
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = u64> + ExactSizeIterator + '_ {
        self.rows.keys().copied()
    }
    pub fn entries<'a>(
        &'a self,
        from: u64,
        with: Option<&str>,
    ) -> impl Iterator<Item = (u64, String)> + use<'a> {
        let with = with.map(str::to_owned);
        self.rows
            .range(from..)
            .filter(move |(_, row)| with.as_ref().is_none_or(|with| row.contains(with)))
            .map(|(key, row)| (*key, row.clone()))
    }
    pub fn boxed(&self, down: bool) -> Box<dyn Iterator<Item = u64> + '_> {
        if down { Box::new(self.keys().rev()) } else { Box::new(self.keys()) }
    }
    pub fn listed(&self) -> impl IntoIterator<Item = u64> {
        self.keys().collect::<Vec<_>>()
    }
    pub fn checked(&self) -> impl Iterator<Item = Outcome<u64>> {
        self.keys().map(|key| if key > 1 { Ok(key) } else { Err("small".to_owned()) })
    }
    pub fn none(&self) -> impl Iterator<Item = Self> {
        std::iter::empty()
    }
}

#[tokio::test]
async fn a_query_may_return_an_iterator() {
    let client = memstate::open::<Ledger>("memory:").await.unwrap();
    for (key, row) in [(2, "b"), (1, "a"), (3, "c")] {
        assert!(client.add(key, row).await.unwrap());
    }
    let rows: Vec<String> = client.rows().await.unwrap();
    assert_eq!(rows, ["a", "b", "c"]);
    assert_eq!(client.keys().await.unwrap(), [1, 2, 3]);
    assert_eq!(client.entries(2, Some("c")).await.unwrap(), [(3, "c".to_owned())]);
    assert_eq!(client.boxed(true).await.unwrap(), [3, 2, 1]);
    assert_eq!(client.listed().await.unwrap(), [1, 2, 3]);
    assert_eq!(client.checked().await.unwrap(), [Err("small".to_owned()), Ok(2), Ok(3)]);
    assert_eq!(client.none().await.unwrap().len(), 0);
    let past = client.at(1).await.unwrap();
    assert_eq!(past.rows().await.unwrap(), ["b"]);
}

#[test]
fn the_method_itself_stays_an_iterator_and_says_that_it_is_one() {
    let mut ledger = Ledger::default();
    ledger.add(7, "g");
    assert_eq!(ledger.keys().next_back(), Some(7));
    let LedgerReply::Keys(keys) = memstate::Model::answer(&ledger, LedgerQuery::Keys) else { panic!() };
    assert_eq!(keys, [7]);
    let mut bytes = Vec::new();
    memstate::Model::respond(&ledger, LedgerQuery::Rows, &mut bytes).unwrap();
    assert_eq!(bytes, [1, 1, b'g']);
    let of = |name: &str| LedgerQuery::METHODS.iter().find(|method| method.name == name).unwrap();
    assert!(of("rows").stream && of("boxed").stream && of("entries").stream);
    assert_eq!(of("entries").result, "Vec<(u64, String)>");
    assert!(LedgerCommand::METHODS.iter().all(|method| !method.stream));
}

#[memstate::model]
#[derive(Default)]
pub struct Shelf<K: Key, const N: usize> {
    items: Vec<(u64, Option<String>)>,
    #[memstate(clone)]
    of: std::marker::PhantomData<fn() -> K>,
}

#[memstate::model]
impl<K: Key + 'static, const N: usize> Shelf<K, N>
where
    K::Owned: Into<u64>,
{
    pub fn put(
        &mut self,
        key: K::Owned,
        more: Option<&K::Owned>,
        note: Option<&str>,
    ) -> Result<usize, K::Owned> {
        if self.items.len() >= N {
            return Err(key);
        }
        for key in std::iter::once(key).chain(more.cloned()) {
            self.items.push((key.into(), note.map(str::to_owned)));
        }
        Ok(self.items.len())
    }
    pub fn items(&self, from: Option<&[K::Owned]>) -> impl Iterator<Item = (u64, Option<String>)> {
        let from: Vec<u64> = from.into_iter().flatten().cloned().map(Into::into).collect();
        self.items.iter().filter(move |(key, _)| from.is_empty() || from.contains(key)).cloned()
    }
}

#[tokio::test]
async fn generic_models_have_all_forms() {
    let client = memstate::open::<Shelf<ByNumber, 2>>("memory:").await.unwrap();
    assert_eq!(client.put(1, Some(&2), Some("x")).await.unwrap(), 2);
    assert!(client.put(3, None, None).await.is_err());
    assert_eq!(client.items(Some(&[2])).await.unwrap(), [(2, Some("x".to_owned()))]);
    assert_eq!(client.items(None).await.unwrap().len(), 2);
}

/// Types that are written differently and are one.
mod associated {
    pub trait Keyed {
        type Id;
        const FIRST: u64;
    }

    #[memstate::model]
    #[derive(Default)]
    pub struct Cart {
        last: u64,
    }

    impl Keyed for Cart {
        type Id = u64;
        const FIRST: u64 = 7;
    }

    type Number = u64;

    #[memstate::model]
    impl Cart {
        pub fn by_projection(&mut self, id: <Self as Keyed>::Id) -> <Self as Keyed>::Id {
            self.last = id + <Self as Keyed>::FIRST;
            self.last
        }
        pub fn by_name(&mut self, id: u64) -> u64 {
            self.last = id;
            self.last
        }
        pub fn by_alias(&mut self, id: Number, other: std::primitive::u64) -> Number {
            self.last = id + other;
            self.last
        }
    }
}

#[tokio::test]
async fn one_type_may_be_written_in_several_ways() {
    use associated::{Cart, CartCommand, CartReply};
    let cart = memstate::open::<Cart>("memory:").await.unwrap();
    assert_eq!(cart.by_projection(1).await, Ok(8));
    assert_eq!(cart.by_name(2).await, Ok(2));
    assert_eq!(cart.by_alias(2, 3).await, Ok(5));
    let command = CartCommand::ByProjection { id: 1 };
    assert_eq!(format!("{:?}", command.clone()), "ByProjection { id: 1 }");
    assert_eq!(cart.execute(command).await, Ok(CartReply::ByProjection(8)));
}
