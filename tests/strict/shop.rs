//! A model with every form of method.

use core::iter::empty;
use std::path::Path;

use memstate::{Ctx, State, collections::BTreeMap};

/// Why not.
#[memstate::data(error)]
#[derive(PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// There are not so many.
    Few {
        /// So many there are.
        count: u64,
    },
    /// Of that there is none.
    #[memstate(display = "there is no {0}")]
    None(String),
    /// It is closed.
    Closed,
}

/// What happened.
#[memstate::data]
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// So many came.
    Came(u64),
}

/// A place.
#[memstate::data]
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
#[non_exhaustive]
pub struct Place {
    /// What it is called.
    pub name: String,
    /// Where it is.
    pub path: Option<String>,
}

/// A shop.
#[memstate::model]
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Shop {
    /// By name.
    stock: BTreeMap<String, u64>,
    /// Where things are.
    places: Vec<Place>,
}

#[memstate::model(events = Event)]
impl Shop {
    /// Takes in.
    #[inline]
    pub fn add(&mut self, ctx: &mut Ctx<Event>, name: &str, count: u64, place: Option<&Place>) -> u64 {
        let total = self.stock.entry(name.to_owned()).or_default();
        *total = total.saturating_add(count);
        let sum = *total;
        self.places.extend(place.cloned());
        ctx.emit(Event::Came(count));
        sum
    }

    /// Gives out.
    ///
    /// # Errors
    ///
    /// If there are not so many.
    #[inline]
    pub fn sell(&mut self, name: String, count: u64) -> Result<u64, Refusal> {
        let Some(there) = self.stock.get_mut(&name) else { return Err(Refusal::None(name)) };
        *there = there.checked_sub(count).ok_or(Refusal::Few { count: *there })?;
        Ok(*there)
    }

    /// Everything at once.
    #[inline]
    pub fn forms(
        &mut self,
        path: &Path,
        places: &[Place],
        more: Option<&[Place]>,
        at: Option<&Path>,
        of: &Place,
    ) {
        self.places.extend(places.iter().chain(more.unwrap_or_default()).cloned());
        self.places.push(Place {
            name: path.display().to_string(),
            path: at.map(|path_at| path_at.display().to_string()),
        });
        self.places.push(of.clone());
    }

    /// As it was done before.
    #[deprecated(note = "use `add`")]
    #[inline]
    pub fn old(&mut self, name: &str) -> Option<u64> {
        self.stock.insert(name.to_owned(), 1)
    }

    /// It is there for the past.
    #[memstate(retired)]
    fn gone(&mut self, #[memstate(default)] name: &str) {
        let _gone = self.stock.remove(name);
    }

    /// It is of a second version.
    #[memstate(was = "tidy", upcast = of_before)]
    #[inline]
    pub fn clean(&mut self, #[memstate(was = "place")] name: &str, all: bool) {
        self.places.retain(|place| !all && place.name != name);
    }

    /// Not always there.
    #[cfg(debug_assertions)]
    #[inline]
    pub fn debug(&mut self, of: u8) -> u8 {
        of
    }

    /// How many.
    #[must_use]
    #[inline]
    pub fn count(&self, name: &str) -> Option<u64> {
        self.stock.get(name).copied()
    }

    /// One after another.
    #[inline]
    pub fn names(&self) -> impl Iterator<Item = String> {
        self.stock.keys().cloned()
    }

    /// The same in a box.
    #[must_use]
    #[inline]
    pub fn places(&self, from: Option<&str>) -> Box<dyn Iterator<Item = Place> + '_> {
        let Some(from_name) = from.map(str::to_owned) else { return Box::new(empty()) };
        Box::new(self.places.iter().filter(move |place| place.name >= from_name).cloned())
    }

    /// It may fail.
    ///
    /// # Errors
    ///
    /// If there is none.
    #[inline]
    pub fn first(&self) -> Result<Place, Refusal> {
        self.places.first().cloned().ok_or(Refusal::Closed)
    }

    /// For this crate.
    pub(crate) fn inside(&self) -> usize {
        self.places.len()
    }
}

/// The arguments of `clean` as they were.
#[memstate::data]
struct Before {
    /// A name.
    place: String,
}

/// What they are today.
fn of_before(before: Before) -> (String, bool) {
    (before.place, false)
}

/// A generic model.
#[memstate::model]
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Shelf<Thing>
where
    Thing: Ord,
{
    /// What is there.
    things: BTreeMap<Thing, Option<Thing>>,
}

#[memstate::model]
impl<Thing: State + Ord + Clone> Shelf<Thing> {
    /// Puts one.
    #[inline]
    pub fn put(&mut self, thing: Thing, beside: Option<&Thing>) -> Option<Thing> {
        self.things.insert(thing, beside.cloned()).flatten()
    }

    /// All of them.
    #[inline]
    pub fn all(&self) -> impl Iterator<Item = Thing> {
        self.things.keys().cloned()
    }
}

/// A model for this module.
#[memstate::model]
#[derive(Debug, Default)]
struct Hidden(u64);

#[memstate::model]
impl Hidden {
    /// Counts.
    fn next(&self) -> u64 {
        self.0.saturating_add(1)
    }

    /// Counts.
    pub(crate) fn count(&mut self) -> u64 {
        self.0 = self.next();
        self.0
    }
}

#[cfg(test)]
mod tests {
    //! All of it is used.

    use core::error::Error;
    use std::path::Path;

    use super::{Hidden, Place, Refusal, Shelf, Shop};

    #[tokio::test]
    #[expect(deprecated, reason = "it is called all the same")]
    #[expect(clippy::significant_drop_tightening, reason = "a client is there until the end of a test")]
    async fn every_form_of_method_is_called() -> Result<(), Box<dyn Error>> {
        let shop = memstate::open::<Shop>("memory:").await?;
        let place = Place { name: "here".to_owned(), path: None };
        assert_eq!(shop.add("pear", 3, Some(&place)).await?, 3);
        assert_eq!(shop.sell("pear", 1).await?, 2);
        let Err(memstate::Error::Rejected(refusal)) = shop.sell("pear", 7).await else {
            return Err("it is refused".into());
        };
        assert_eq!(refusal, Refusal::Few { count: 2 });
        shop.forms(Path::new("a"), &[], None, Some(Path::new("b")), &place).await?;
        assert_eq!(shop.old("apple").await?, None);
        shop.clean("here", false).await?;
        assert_eq!(shop.count("pear").await?, Some(2));
        assert_eq!(shop.names().await?, ["apple", "pear"]);
        assert_eq!(shop.places(Some("")).await?.len(), 1);
        assert_eq!(shop.first().await?.name, "a");
        assert_eq!(shop.inside().await?, 1);
        let shelf = memstate::open::<Shelf<u8>>("memory:").await?;
        assert_eq!(shelf.put(1, Some(&2)).await?, None);
        assert_eq!(shelf.all().await?, [1]);
        let hidden = memstate::open::<Hidden>("memory:").await?;
        assert_eq!(hidden.count().await?, 1);
        Ok(())
    }
}
