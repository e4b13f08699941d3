//! Models that come out of `macro_rules!`, in whole and in parts of every kind.

use memstate::Ctx;

/// A field, a setter and a getter for each: an attribute of any kind, a visibility, names, types and blocks.
macro_rules! record {
    (
        $(#[$on_model:meta])*
        $vis:vis struct $name:ident, events = $events:ty {
            $($(#[$on_field:meta])* $field:ident: $field_ty:ty = $value:literal,)*
        }
        $(
            $(#[$on_method:meta])*
            $method_vis:vis fn $method:ident(
                &mut $this:ident, $ctx:ident $(, $(#[$on_argument:meta])* $argument:ident: $argument_ty:ty)*
            ) -> $result:ty
            $body:block
        )*
    ) => {
        #[memstate::model]
        $(#[$on_model])*
        $vis struct $name {
            $($(#[$on_field])* $field: $field_ty,)*
        }

        impl Default for $name {
            fn default() -> Self {
                $name { $($field: $value.into(),)* }
            }
        }

        #[memstate::model(events = $events)]
        impl $name {
            $(
                $(#[$on_method])*
                $method_vis fn $method(
                    &mut $this,
                    $ctx: &mut Ctx<$events>,
                    $($(#[$on_argument])* $argument: $argument_ty,)*
                ) -> $result $body
            )*

            $($vis fn $field(&self) -> $field_ty {
                self.$field.clone()
            })*
        }
    };
}

record! {
    /// A model of many parts.
    #[derive(Debug)]
    pub(crate) struct Parts, events = (u8, String) {
        /// How many.
        count: u64 = 3u8,
        #[serde(default)]
        name: String = "none",
    }

    /// Renames it.
    #[memstate(was = "rename")]
    #[allow(clippy::needless_return)]
    pub fn call_it(
        &mut self, ctx,
        name: &str, #[memstate(default = Some("by nobody".to_owned()))] by: Option<&str>, times: impl_free::Times
    ) -> Result<u64, impl_free::Refused> {
        if name.is_empty() {
            return Err(impl_free::Refused(1));
        }
        ctx.emit((1, format!("{name} {by:?}")));
        self.name = name.to_owned();
        self.count += times;
        return Ok(self.count);
    }

    pub(crate) fn count_it(&mut self, ctx) -> u64 {
        let _ = ctx;
        self.count += 1;
        self.count
    }
}

mod impl_free {
    pub type Times = u64;

    #[memstate::data(error)]
    #[derive(PartialEq)]
    pub struct Refused(pub u8);
}

#[tokio::test]
async fn a_model_is_made_of_parts_of_every_kind() {
    let client = memstate::open::<Parts>("memory:").await.unwrap();
    let mut events = client.events(1.into());
    assert_eq!(client.call_it("x", None, 2).await.unwrap(), 5);
    assert_eq!(client.call_it("", Some("y"), 2).await.unwrap_err().to_string(), "refused: 1");
    assert_eq!(client.count_it().await.unwrap(), 6);
    assert_eq!((client.count().await.unwrap(), client.name().await.unwrap().as_str()), (6, "x"));
    let (_, event) = events.next().await.unwrap().unwrap();
    assert_eq!(event, (1, "x None".to_owned()));
}

/// Whole methods, as items, and a block of tokens that nobody has looked into.
macro_rules! of_items {
    ($name:ident { $($item:item)* } { $($tokens:tt)* }) => {
        #[memstate::model]
        #[derive(Default)]
        pub struct $name { values: Vec<u64> }

        #[memstate::model]
        impl $name {
            $($item)*
            $($tokens)*
        }
    };
}

of_items! {
    Items {
        /// Puts one in.
        #[memstate(was = "add")]
        pub fn put(&mut self, value: u64, #[memstate(default)] more: Option<&[u64]>) -> usize {
            self.values.push(value);
            self.values.extend(more.into_iter().flatten());
            self.values.len()
        }
        #[memstate(skip)]
        pub fn skipped(&self, f: impl Fn(u64)) {
            self.values.iter().copied().for_each(f);
        }
        fn private(&self) -> &[u64] {
            &self.values
        }
        #[memstate(retired)]
        fn once(&mut self) {}
    } {
        pub fn values(&self) -> impl Iterator<Item = u64> {
            self.private().iter().copied()
        }
        pub fn of(value: u64) -> Self {
            Items { values: vec![value] }
        }
    }
}

#[tokio::test]
async fn whole_methods_may_be_handed_on() {
    let client = memstate::open_with("memory:", || Items::of(1)).await.unwrap();
    assert_eq!(client.put(2, Some(&[3, 4])).await.unwrap(), 4);
    assert_eq!(client.values().await.unwrap(), [1, 2, 3, 4]);
    let mut sum = 0;
    client.read(|items| items.skipped(|_| ()));
    client.read(|items| sum = items.values().sum());
    assert_eq!(sum, 10);
}

/// Several models of one macro, generic ones too, and one that is written by a macro in a macro.
macro_rules! stores {
    ($($name:ident<$($param:ident: $bound:path),*>($key:ty => $value:ty) where { $($wheres:tt)* };)*) => {
        $(stores! { @one $name [$($param: $bound),*] [$($param),*] $key, $value, [$($wheres)*] })*
    };
    (@one $name:ident [$($params:tt)*] [$($args:tt)*] $key:ty, $value:ty, [$($wheres:tt)*]) => {
        #[memstate::model]
        pub struct $name<$($args)*> where $key: Ord {
            entries: memstate::collections::BTreeMap<$key, $value>,
        }
        impl<$($args)*> Default for $name<$($args)*> where $key: Ord + memstate::State, $value: memstate::State {
            fn default() -> Self {
                $name { entries: Default::default() }
            }
        }
        #[memstate::model]
        impl<$($params)*> $name<$($args)*> where $($wheres)* {
            pub fn put(&mut self, key: $key, value: Option<&$value>) -> Option<$value> {
                match value {
                    Some(value) => self.entries.insert(key, value.clone()),
                    None => self.entries.remove(&key),
                }
            }
            pub fn entries(&self) -> impl Iterator<Item = ($key, $value)> + '_ {
                self.entries.iter().map(|(key, value)| (key.clone(), value.clone()))
            }
        }
    };
}
pub trait Whole: memstate::State + Clone + Ord {}
impl<T: memstate::State + Clone + Ord> Whole for T {}
stores! {
    Plain<>(u8 => String) where {};
    Keyed<K: Whole>(K => u64) where { K: std::hash::Hash };
}

#[tokio::test]
async fn one_macro_may_make_several_models() {
    let plain = memstate::open::<Plain>("memory:").await.unwrap();
    assert_eq!(plain.put(1, Some(&"a".to_owned())).await.unwrap(), None);
    assert_eq!(plain.put(1, None).await.unwrap().as_deref(), Some("a"));
    let keyed = memstate::open::<Keyed<String>>("memory:").await.unwrap();
    assert_eq!(keyed.put("k".to_owned(), Some(&7)).await.unwrap(), None);
    assert_eq!(keyed.entries().await.unwrap(), [("k".to_owned(), 7)]);
}
