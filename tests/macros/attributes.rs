//! Attributes of the user's, on methods, arguments and whole items.

use memstate::model::Operation;

#[deny(warnings, clippy::all)]
mod denied {
    /// A model with every attribute that stands on methods.
    #[memstate::model]
    #[derive(Default)]
    pub struct Told {
        value: u64,
    }

    #[memstate::model]
    #[allow(non_snake_case)]
    impl Told {
        /// Adds.
        ///
        /// In two lines.
        #[deprecated(since = "2.0.0", note = "use `put`")]
        #[doc(alias = "plus")]
        pub fn add(&mut self, value: u64) -> u64 {
            self.value += value;
            self.value
        }

        #[deprecated]
        pub fn sum(&self) -> u64 {
            self.value
        }

        #[doc = include_str!("attributes.txt")]
        /// And this.
        #[doc(hidden)]
        #[inline]
        #[track_caller]
        #[rustfmt::skip]
        pub fn put(&mut self, value: u64) -> u64 { std::mem::replace(&mut self.value, value) }

        #[must_use = "why else ask?"]
        #[inline(always)]
        #[allow(clippy::inline_always)]
        #[cold]
        pub fn is(&self) -> u64 {
            self.value
        }

        #[must_use]
        #[expect(clippy::too_many_arguments, reason = "that many there are")]
        #[expect(unused_variables)]
        pub fn many(&self, a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8) -> u8 {
            a
        }

        #[cfg_attr(
            not(any()),
            doc = "There is none.",
            deprecated(note = "not any more"),
            allow(unused_variables)
        )]
        #[cfg_attr(any(), inline, deprecated(note = "never said"))]
        pub fn unused(
            &mut self,
            #[allow(unused_variables)] first: u8,
            #[cfg_attr(not(any()), allow(unused))] second: u8,
        ) {
        }

        #[cfg_attr(not(any()), cfg(any()))]
        pub fn gone(&mut self, of: NoSuchType) -> NoSuchType {
            of
        }

        #[cfg_attr(any(), cfg(any()))]
        #[cfg(not(any()))]
        pub fn there(&mut self, some: u8) -> u8 {
            some
        }

        pub fn camelCase(&mut self, someValue: u8) -> u8 {
            someValue
        }
    }

    /// The whole of it is not there.
    #[memstate::model]
    #[cfg(any())]
    pub struct Missing {
        value: NoSuchType,
    }

    #[memstate::model(events = u8)]
    #[cfg(any())]
    impl Missing {
        pub fn put(&mut self, value: NoSuchType) {}
    }

    /// It is there, and so is its block, once.
    #[memstate::model(crate = memstate)]
    #[cfg(not(any()))]
    #[derive(Default)]
    pub struct Either(u8);

    #[memstate::model(crate = ::memstate)]
    #[cfg(not(any()))]
    impl Either {
        /// Sets it.
        pub fn set(&mut self, to: u8) -> u8 {
            std::mem::replace(&mut self.0, to)
        }
    }

    #[memstate::model]
    #[cfg(any())]
    impl Either {
        pub fn set(&mut self, to: NoSuchType) {}
    }

    /// Not there.
    #[memstate::data]
    #[cfg(any())]
    pub struct Part(NoSuchType);
}

#[tokio::test]
async fn attributes_do_not_get_in_the_way() {
    let client = memstate::open::<denied::Told>("memory:").await.unwrap();
    #[expect(deprecated)]
    let added = client.add(3).await.unwrap();
    assert_eq!(added, 3);
    #[expect(deprecated)]
    let sum = client.sum().await.unwrap();
    assert_eq!(sum, 3);
    assert_eq!(client.put(5).await.unwrap(), 3);
    assert_eq!(client.is().await.unwrap(), 5);
    assert_eq!(client.many(1, 2, 3, 4, 5, 6, 7).await.unwrap(), 1);
    #[expect(deprecated)]
    client.unused(1, 2).await.unwrap();
    assert_eq!(client.there(4).await.unwrap(), 4);
    assert_eq!(client.camelCase(4).await.unwrap(), 4);
    let either = memstate::open::<denied::Either>("memory:").await.unwrap();
    assert_eq!(either.set(1).await.unwrap(), 0);
}

#[test]
fn documentation_is_told_wherever_it_comes_from() {
    let of = |name: &str| denied::ToldCommand::METHODS.iter().find(|method| method.name == name);
    assert_eq!(of("add").unwrap().docs, "Adds.\n\nIn two lines.");
    assert_eq!(of("put").unwrap().docs, "From a file.\n\nAnd this.");
    assert!(of("gone").is_none() && of("there").is_some());
}
