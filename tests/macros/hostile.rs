//! A module in which every name that an expansion might use means something else.

/// Constants, statics, functions, types and macros of the user's, with the names that an expansion has inside, or had.
#[allow(non_upper_case_globals, non_camel_case_types, dead_code, unused_macros, clippy::derivable_impls)]
mod taken {
    macro_rules! constants {
        ($($name:ident)*) => { $(pub const $name: u8 = 0;)* };
    }
    constants! {
        argument0 argument1 argument2 argument3 bytes reply ctx method model number written version query command verdict
        left0 left1 right0 right1 here0 there0 field0 other this saved f client never visitor value result name
    }
    pub static w: u8 = 0;
    pub struct unit;

    pub fn put() {}
    pub fn get() {}
    pub fn execute() {}

    macro_rules! vec {
        ($($tokens:tt)*) => {
            compile_error!("the user's `vec!`")
        };
    }
    macro_rules! matches {
        ($($tokens:tt)*) => {
            compile_error!("the user's `matches!`")
        };
    }
    macro_rules! unreachable {
        ($($tokens:tt)*) => {
            compile_error!("the user's `unreachable!`")
        };
    }
    macro_rules! write {
        ($($tokens:tt)*) => {
            compile_error!("the user's `write!`")
        };
    }
    macro_rules! format {
        ($($tokens:tt)*) => {
            compile_error!("the user's `format!`")
        };
    }

    pub struct String;
    pub struct Vec;
    pub struct Option;
    pub struct Result;
    pub struct Box;
    pub struct Ok;
    pub struct Err;
    pub struct Some;
    pub struct None;
    pub struct Client;
    pub struct Past;
    pub struct Model;
    pub struct State;
    pub struct Operation;
    pub struct Argument;
    pub struct Into;
    pub struct From;
    pub struct Default;
    pub struct Clone;
    pub struct PartialEq;
    pub struct Debug;
    pub struct Sized;
    pub struct Send;
    pub struct Iterator;
    pub struct Deref;
    pub struct PhantomData;
    pub struct Infallible;
    pub struct C;
    pub struct E;
    pub struct T;
    pub struct std;
    pub struct core;

    #[::memstate::data(error)]
    #[derive(::std::cmp::PartialEq)]
    pub enum Refusal {
        Plain(u8, u8),
        Named {
            bytes_: u8,
            number_: ::std::string::String,
        },
        #[memstate(display = "told {_at}")]
        Told {
            _at: u8,
        },
    }

    #[::memstate::data]
    #[derive(::std::fmt::Debug, ::std::cmp::PartialEq)]
    pub struct Data(u8, u8);

    #[::memstate::model]
    pub struct Names {
        total: u8,
        data: ::std::option::Option<Data>,
    }

    impl ::std::default::Default for Names {
        fn default() -> Self {
            Names { total: 0, data: ::std::option::Option::None }
        }
    }

    #[::memstate::model]
    impl Names {
        #[memstate(upcast = from_one)]
        pub fn add(
            &mut self,
            one: u8,
            #[memstate(default = 3)] two: u8,
            three: &str,
            four: ::std::option::Option<&[u8]>,
        ) -> ::std::result::Result<u8, Refusal> {
            let _ = (three, four);
            self.total += one + two;
            if self.total > 200 {
                return ::std::result::Result::Err(Refusal::Plain(one, two));
            }
            ::std::result::Result::Ok(self.total)
        }

        #[memstate(was = "hold")]
        pub fn keep(
            &mut self,
            #[memstate(default)] data_: ::std::option::Option<Data>,
            ctx_: &mut ::memstate::Ctx,
        ) -> bool {
            let _ = ctx_.now();
            self.data = data_;
            self.data.is_some()
        }

        pub fn total(&self, plus: u8, _minus: ::std::string::String) -> u8 {
            self.total + plus
        }

        pub fn each(&self) -> impl ::std::iter::Iterator<Item = u8> {
            0..self.total
        }

        #[cfg(not(any()))]
        pub fn there(&mut self, one: u8) -> u8 {
            one
        }
    }

    #[::memstate::data]
    struct One {
        one: u8,
    }

    fn from_one(old: One) -> (u8, u8, ::std::string::String, ::std::option::Option<::std::vec::Vec<u8>>) {
        (old.one, 1, ::std::string::String::new(), ::std::option::Option::None)
    }
}

#[tokio::test]
async fn a_model_stands_among_names_that_mean_something_else() {
    let client = memstate::open::<taken::Names>("memory:").await.unwrap();
    assert_eq!(client.add(1, 2, "x", Some(&[1])).await.unwrap(), 3);
    let refused = client.add(200, 2, "x", None).await.unwrap_err();
    assert_eq!(refused.to_string(), "plain: 200, 2");
    assert!(!client.keep(None).await.unwrap());
    assert_eq!(client.total(4, String::new()).await.unwrap(), 7);
    assert_eq!(client.each().await.unwrap(), [0, 1, 2]);
    assert_eq!(client.there(4).await.unwrap(), 4);
    let one = taken::NamesCommand::Add { one: 1, two: 2, three: "a".into(), four: None };
    assert_eq!(one.clone(), one);
    assert!(format!("{one:?}").starts_with("Add { one: 1"));
    let told = taken::Refusal::Told { _at: 3 };
    assert_eq!(told.to_string(), "told 3");
}

/// Methods with the names of keywords and of everything that is usual.
#[memstate::model]
#[derive(Default)]
pub struct Words {
    last: String,
}

macro_rules! words {
    ($($name:ident)*) => {
        #[memstate::model]
        #[allow(clippy::new_ret_no_self, clippy::wrong_self_convention)]
        impl Words {
            $(pub fn $name(&mut self) -> String {
                std::mem::replace(&mut self.last, stringify!($name).to_owned())
            })*
        }

        #[tokio::test]
        async fn methods_may_be_called_anything() {
            let client = memstate::open::<Words>("memory:").await.unwrap();
            let mut last = String::new();
            $(assert_eq!(client.$name().await.unwrap(), last); last = stringify!($name).to_owned();)*
            assert_eq!(client.read(|words| words.last.clone()), last);
        }
    };
}
words! {
    get new drop default union auto macro_rules raw safe a b c x f t e _z
    r#type r#fn r#try r#gen r#async r#await r#dyn r#match r#struct r#abstract r#become r#box r#do r#final r#macro r#override
    r#priv r#typeof r#unsized r#virtual r#yield r#static r#true r#in
    put insert len is_empty iter next try_from eq cmp hash fmt to_string as_ref borrow
    self_ some none ok err vec string option result command reply model state operation method bytes
    æther größe 名前
}

/// Arguments with the names of all that an expansion binds.
#[memstate::model]
#[derive(Default)]
pub struct Locals {
    sum: u64,
}

macro_rules! locals {
    ($($name:ident)*) => {
        #[memstate::model]
        impl Locals {
            #[allow(clippy::too_many_arguments)]
            pub fn all(&mut self, $($name: u64),*) -> u64 {
                self.sum = 0 $(+ $name)*;
                self.sum
            }
            #[allow(clippy::too_many_arguments)]
            pub fn told(&self, $($name: &str),*) -> String {
                String::new() $(+ $name)*
            }
        }

        #[tokio::test]
        async fn arguments_may_be_called_anything() {
            let client = memstate::open::<Locals>("memory:").await.unwrap();
            let expected = [$(stringify!($name)),*];
            $(let $name = 1;)*
            assert_eq!(client.all($($name),*).await.unwrap(), expected.len() as u64);
            $(let $name = stringify!($name);)*
            assert_eq!(client.told($($name),*).await.unwrap(), expected.concat());
        }
    };
}
locals! {
    bytes reply ctx method model number written version query command verdict self_ argument0 argument1 f other left0 right0
    client never value r#type r#fn r#gen krate memstate std core u8 u16 bool str a b r w
}

/// Types that hold each other.
#[memstate::data]
#[derive(Debug, PartialEq)]
pub struct Tree {
    name: String,
    below: Vec<Tree>,
    shorter: Option<Box<Tree>>,
}

#[memstate::model]
#[derive(Default)]
pub struct Forest {
    trees: Vec<Tree>,
}

#[memstate::model]
impl Forest {
    pub fn plant(&mut self, tree: Tree, beside: Option<&Tree>, more: &[Tree]) -> usize {
        self.trees.push(tree);
        self.trees.extend(beside.into_iter().chain(more).cloned());
        self.trees.len()
    }
    pub fn graft(&mut self, forest: Self) -> Vec<Tree> {
        std::mem::replace(&mut self.trees, forest.trees)
    }
    pub fn trees(&self) -> impl Iterator<Item = Tree> {
        self.trees.iter().cloned()
    }
}

#[tokio::test]
async fn types_may_hold_each_other() {
    let client = memstate::open::<Forest>("memory:").await.unwrap();
    let leaf = Tree { name: "leaf".into(), below: vec![], shorter: None };
    let oak = Tree { name: "oak".into(), below: vec![leaf.clone()], shorter: Some(Box::new(leaf.clone())) };
    assert_eq!(client.plant(oak.clone(), Some(&leaf), std::slice::from_ref(&leaf)).await.unwrap(), 3);
    assert_eq!(client.trees().await.unwrap(), [oak, leaf.clone(), leaf.clone()]);
    assert_eq!(client.graft(Forest { trees: vec![leaf] }).await.unwrap().len(), 3);
}

/// Visibilities, and several models in one module.
mod visible {
    pub mod inner {
        #[memstate::model]
        #[derive(Default)]
        pub(crate) struct Wide(u8);

        #[memstate::model]
        impl Wide {
            pub(crate) fn set(&mut self, to: u8) -> u8 {
                std::mem::replace(&mut self.0, to)
            }
            pub(in crate::hostile) fn is(&self) -> u8 {
                self.0
            }
            pub(super) fn above(&self) -> impl Iterator<Item = u8> {
                self.0..self.0 + 2
            }
            #[allow(dead_code)]
            fn hidden(&self, of: &dyn Fn(u8)) {
                of(self.0);
            }
        }

        #[memstate::model]
        #[derive(Default)]
        pub(in crate::hostile::visible) struct Narrow(u8);

        #[memstate::model]
        impl Narrow {
            pub(super) fn set(&mut self, to: Option<&Inside>) -> Option<Inside> {
                to.map(|to| Inside(std::mem::replace(&mut self.0, to.0)))
            }
        }

        #[memstate::data]
        pub(super) struct Inside(pub(super) u8);

        /// The name of another model, elsewhere.
        pub mod forest {
            #[memstate::model]
            #[derive(Default)]
            pub struct Forest(pub u8);

            #[memstate::model]
            impl Forest {
                pub fn plant(&mut self) -> u8 {
                    self.0 += 1;
                    self.0
                }
            }
        }
    }

    pub async fn narrow() -> Option<u8> {
        let client = memstate::open::<inner::Narrow>("memory:").await.unwrap();
        client.set(Some(&inner::Inside(3))).await.unwrap().map(|was| was.0)
    }

    pub async fn above(client: &inner::WideClient) -> Vec<u8> {
        client.above().await.unwrap()
    }
}

#[tokio::test]
async fn a_client_is_as_visible_as_its_model_and_its_methods() {
    let client = memstate::open::<visible::inner::Wide>("memory:").await.unwrap();
    assert_eq!(client.set(7).await.unwrap(), 0);
    assert_eq!(client.is().await.unwrap(), 7);
    assert_eq!(visible::above(&client).await, [7, 8]);
    assert_eq!(visible::narrow().await, Some(0));
    let other = memstate::open::<visible::inner::forest::Forest>("memory:").await.unwrap();
    assert_eq!(other.plant().await.unwrap(), 1);
}

#[tokio::test]
async fn a_model_in_a_function_has_all_that_others_have() {
    #[memstate::data(error)]
    enum Full {
        Here,
    }

    #[memstate::model]
    #[derive(Default)]
    struct Local<T> {
        values: Vec<T>,
    }

    #[memstate::model]
    impl<T: memstate::State + Clone> Local<T> {
        pub fn put(&mut self, value: T, more: Option<&[T]>) -> Result<usize, Full> {
            self.values.push(value);
            self.values.extend_from_slice(more.unwrap_or_default());
            if self.values.len() > 3 { Err(Full::Here) } else { Ok(self.values.len()) }
        }
        pub fn values(&self) -> impl Iterator<Item = T> {
            self.values.iter().cloned()
        }
    }

    let client: LocalClient<String> = memstate::open::<Local<String>>("memory:").await.unwrap();
    assert_eq!(client.put("a".to_owned(), Some(&["b".to_owned()])).await.unwrap(), 2);
    assert!(client.put("c".to_owned(), Some(&["d".to_owned()])).await.is_err());
    assert_eq!(client.values().await.unwrap(), ["a", "b"]);
    let _ = LocalCommand::<u8>::Put { value: 1, more: None };
}
