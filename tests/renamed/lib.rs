//! Models in a crate that knows memstate as `ms`.
#![no_implicit_prelude]

/// Why not.
#[::ms::data(error, crate = ::ms)]
pub enum Refused {
    /// There is no room for more.
    Full {
        /// So many there are.
        count: u64,
    },
}

/// What happened.
#[::ms::data(crate = ::ms)]
pub struct Added(pub u64);

/// A model.
#[::ms::model(crate = ::ms)]
#[derive(::std::default::Default)]
pub struct Shelf<T> {
    things: ::ms::collections::Vec<T>,
    limit: ::std::option::Option<u64>,
}

#[::ms::model(crate = ::ms, events = Added)]
impl<T: ::ms::State + ::std::clone::Clone> Shelf<T> {
    /// Adds a thing, and others.
    ///
    /// # Errors
    ///
    /// If there is no room.
    pub fn add(
        &mut self,
        ctx: &mut ::ms::Ctx<Added>,
        thing: T,
        more: ::std::option::Option<&[T]>,
        #[memstate(default = 9)] limit: u64,
        note: &str,
    ) -> ::std::result::Result<u64, Refused> {
        use ::std::iter::{IntoIterator, Iterator};
        let _ = note;
        self.things.push(thing);
        for thing in more.into_iter().flatten() {
            self.things.push(::std::clone::Clone::clone(thing));
        }
        let count = self.things.len() as u64;
        if count > self.limit.unwrap_or(limit) {
            return ::std::result::Result::Err(Refused::Full { count });
        }
        ctx.emit(Added(count));
        ::std::result::Result::Ok(count)
    }

    /// All of them.
    pub fn things(&self) -> impl ::std::iter::Iterator<Item = T> {
        use ::std::iter::Iterator;
        self.things.iter().cloned()
    }
}

/// By a path that is not absolute.
pub mod inner {
    use ::ms;

    /// Another model.
    #[ms::model(crate = ms)]
    #[derive(::std::default::Default)]
    pub struct Count(u64);

    #[ms::model(crate = ms)]
    impl Count {
        /// Counts.
        pub fn count(&mut self) -> u64 {
            self.0 += 1;
            self.0
        }
    }
}

#[cfg(test)]
mod tests {
    use ::std::{assert, assert_eq, prelude::v1::*};

    use ::{ms, tokio};

    use super::{Shelf, inner::Count};

    #[tokio::test]
    async fn a_model_works_under_another_name_of_the_crate() {
        let client = ms::open::<Shelf<String>>("memory:").await.unwrap();
        let names = ["b".to_owned(), "c".to_owned()];
        assert_eq!(client.add("a".to_owned(), Some(&names), 9, "x").await.unwrap(), 3);
        assert!(client.add("d".to_owned(), None, 3, "x").await.is_err());
        assert_eq!(client.things().await.unwrap(), ["a", "b", "c"]);
        let count = ms::open::<Count>("memory:").await.unwrap();
        assert_eq!(count.count().await.unwrap(), 1);
    }
}
