//! What is different between two values of one type, by path.
//!
//! Works on their bytes: what is the same in bytes is the same, and is never decoded. A map is compared key by key,
//! a list after the elements at its two ends that have stayed.

use std::fmt;

use indexmap::IndexMap;

#[cfg(test)]
mod tests;

use super::{
    Content, Kind, Shape, Type,
    value::{Value, read, skip},
};
use crate::codec::{Unreadable, get_bytes, get_varint};

/// One thing that is different.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Change {
    /// Where, from the model on: `accounts[7].balance`, `names[0]`, `size.1`; empty for the whole model.
    ///
    /// A text as a key is in quotes. An element that was added to a list has the number that it has afterwards, every other the
    /// one that it had before.
    pub path: String,
    /// What was there; `None` if nothing was.
    pub before: Option<Value>,
    /// What is there afterwards; `None` if nothing is.
    pub after: Option<Value>,
}

/// As `accounts[7].balance: 10 → 30`, `accounts[8]: added {balance: 10}`, `accounts[9]: removed {balance: 0}`.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => write!(f, "{} → {}", before, after),
            (None, Some(after)) => write!(f, "added {}", after),
            (Some(before), None) => write!(f, "removed {}", before),
            (None, None) => f.write_str("nothing"),
        }
    }
}

/// All differences between two values of the type `of`, whose bytes these are.
///
/// # Errors
///
/// If the bytes are not such values, or hold something opaque: it is not known where that ends.
pub(crate) fn changes(of: Type<'_>, before: &[u8], after: &[u8]) -> Result<Vec<Change>, Unreadable> {
    let mut changes = Vec::new();
    if before != after {
        let (mut left, mut right) = (before, after);
        value(of, &mut left, &mut right, &Path::Root, &mut changes)?;
        if !left.is_empty() || !right.is_empty() {
            return Err(Unreadable::new("bytes are left over"));
        }
    }
    Ok(changes)
}

/// Where a value is: written out only for what has changed.
enum Path<'a> {
    Root,
    Field(&'a Path<'a>, &'a str),
    Part(&'a Path<'a>, usize),
    Element(&'a Path<'a>, usize),
    Key(&'a Path<'a>, Type<'a>, &'a [u8]),
}

impl Path<'_> {
    fn write(&self) -> Result<String, Unreadable> {
        let (outer, step) = match self {
            Path::Root => return Ok(String::new()),
            Path::Field(outer, name) => (outer, format!(".{name}")),
            Path::Part(outer, number) => (outer, format!(".{number}")),
            Path::Element(outer, number) => (outer, format!("[{number}]")),
            Path::Key(outer, of, bytes) => (outer, format!("[{}]", read(*of, &mut &**bytes)?)),
        };
        let outer = outer.write()?;
        let is_first = outer.is_empty();
        Ok(outer + if is_first { step.trim_start_matches('.') } else { &step })
    }
}

/// Takes a value from the front of each, and notes what is different.
fn value(
    of: Type<'_>,
    before: &mut &[u8],
    after: &mut &[u8],
    path: &Path<'_>,
    changes: &mut Vec<Change>,
) -> Result<(), Unreadable> {
    let (mut before, mut after) = (take(of, before)?, take(of, after)?);
    if before == after {
        return Ok(());
    }
    let (left, right) = (&mut before, &mut after);
    match of.shape {
        // What is in it is only a number.
        Shape::Named(_) if of.is_time() => whole(of, Some(left), Some(right), path, changes),
        Shape::Option(inner) if left.first() == right.first() => {
            for tag in [&mut *left, &mut *right] {
                get_bytes(tag, 1)?;
            }
            value(of.schema.of(inner), left, right, path, changes)
        }
        Shape::List(element) if !is_byte(element) => list(of.schema.of(element), left, right, path, changes),
        Shape::Tuple(parts) => tuple(of, parts, left, right, path, changes),
        Shape::Map(key, content) => map(of.schema.of(key), of.schema.of(content), left, right, path, changes),
        Shape::Named(number) => match of.schema.named(*number).map(|named| &named.kind) {
            Some(Kind::Struct(content)) => contents(of, content, left, right, path, changes),
            Some(Kind::Enum(variants)) => {
                let (mut variant_left, mut variant_right) = (*left, *right);
                let number = get_varint(&mut variant_left)?;
                if number != get_varint(&mut variant_right)? {
                    return whole(of, Some(left), Some(right), path, changes);
                }
                let variant = usize::try_from(number).ok().and_then(|number| variants.get(number));
                let variant =
                    variant.ok_or_else(|| Unreadable::new(format!("there is no variant {number}")))?;
                contents(of, &variant.content, &mut variant_left, &mut variant_right, path, changes)
            }
            None => Err(Unreadable::new(format!("there is no type {number} in the schema"))),
        },
        _ => whole(of, Some(left), Some(right), path, changes),
    }
}

fn is_byte(shape: &Shape) -> bool {
    matches!(shape, Shape::Unsigned(8) | Shape::Signed(8))
}

fn contents(
    of: Type<'_>,
    content: &Content,
    before: &mut &[u8],
    after: &mut &[u8],
    path: &Path<'_>,
    changes: &mut Vec<Change>,
) -> Result<(), Unreadable> {
    match content {
        Content::Unit => Ok(()),
        Content::Newtype(inner) => value(of.schema.of(inner), before, after, path, changes),
        Content::Tuple(parts) => tuple(of, parts, before, after, path, changes),
        Content::Fields(fields) => fields.iter().try_for_each(|field| {
            let path = Path::Field(path, &field.name);
            value(of.schema.of(&field.shape), before, after, &path, changes)
        }),
    }
}

fn tuple(
    of: Type<'_>,
    parts: &[Shape],
    before: &mut &[u8],
    after: &mut &[u8],
    path: &Path<'_>,
    changes: &mut Vec<Change>,
) -> Result<(), Unreadable> {
    parts.iter().enumerate().try_for_each(|(number, part)| {
        value(of.schema.of(part), before, after, &Path::Part(path, number), changes)
    })
}

fn list(
    element: Type<'_>,
    before: &mut &[u8],
    after: &mut &[u8],
    path: &Path<'_>,
    changes: &mut Vec<Change>,
) -> Result<(), Unreadable> {
    let (before, after) = (elements(element, before)?, elements(element, after)?);
    let same = |(left, right): &(&&[u8], &&[u8])| left == right;
    let start = before.iter().zip(&after).take_while(same).count();
    let (before, after) = (&before[start..], &after[start..]);
    let end = before.iter().rev().zip(after.iter().rev()).take_while(same).count();
    let (before, after) = (&before[..before.len() - end], &after[..after.len() - end]);
    for number in 0..before.len().max(after.len()) {
        let path = Path::Element(path, start + number);
        match (before.get(number), after.get(number)) {
            (Some(left), Some(right)) => value(element, &mut &**left, &mut &**right, &path, changes)?,
            (left, right) => whole(element, left.copied(), right.copied(), &path, changes)?,
        }
    }
    Ok(())
}

fn map(
    key: Type<'_>,
    content: Type<'_>,
    before: &mut &[u8],
    after: &mut &[u8],
    path: &Path<'_>,
    changes: &mut Vec<Change>,
) -> Result<(), Unreadable> {
    let (before, mut after) = (entries(key, content, before)?, entries(key, content, after)?);
    for (bytes, left) in &before {
        let path = Path::Key(path, key, bytes);
        match after.get_mut(bytes).and_then(Option::take) {
            Some(right) if *left == Some(right) => {}
            Some(mut right) => {
                let mut left = left.unwrap_or_default();
                value(content, &mut left, &mut right, &path, changes)?;
            }
            None => whole(content, *left, None, &path, changes)?,
        }
    }
    for (bytes, right) in &after {
        if let Some(right) = right {
            whole(content, None, Some(right), &Path::Key(path, key, bytes), changes)?;
        }
    }
    Ok(())
}

/// Notes a change of all that is here.
fn whole(
    of: Type<'_>,
    before: Option<&[u8]>,
    after: Option<&[u8]>,
    path: &Path<'_>,
    changes: &mut Vec<Change>,
) -> Result<(), Unreadable> {
    let value = |bytes: Option<&[u8]>| bytes.map(|mut bytes| read(of, &mut bytes)).transpose();
    changes.push(Change { path: path.write()?, before: value(before)?, after: value(after)? });
    Ok(())
}

/// Takes the bytes of a value from the front.
fn take<'a>(of: Type<'_>, bytes: &mut &'a [u8]) -> Result<&'a [u8], Unreadable> {
    let mut rest = *bytes;
    skip(of, &mut rest)?;
    get_bytes(bytes, bytes.len() - rest.len())
}

fn elements<'a>(of: Type<'_>, bytes: &mut &'a [u8]) -> Result<Vec<&'a [u8]>, Unreadable> {
    let count = get_varint(bytes)?;
    // Not allocated by the count, which nothing bounds.
    (0..count).map(|_| take(of, bytes)).collect()
}

type Entries<'a> = IndexMap<&'a [u8], Option<&'a [u8]>, foldhash::fast::RandomState>;

fn entries<'a>(key: Type<'_>, content: Type<'_>, bytes: &mut &'a [u8]) -> Result<Entries<'a>, Unreadable> {
    let count = get_varint(bytes)?;
    (0..count).map(|_| Ok((take(key, bytes)?, Some(take(content, bytes)?)))).collect()
}
