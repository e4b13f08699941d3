//! What becomes of simple values that are of another simple type now.

use super::Class;
use crate::schema::Shape;

/// How a simple value of one type becomes one of another, and in which words; `None` if it does not.
pub(super) fn change(written: &Shape, today: &Shape) -> Option<(Class, &'static str)> {
    use Shape::{Bytes, Char, F32, F64, List, Signed, Text, Unsigned};
    let checked = |what: &'static str| Some((Class::Checked, what));
    let compatible = |what: &'static str| Some((Class::Compatible, what));
    match (written, today) {
        (Unsigned(was), Unsigned(now)) | (Signed(was), Signed(now)) if was < now => {
            compatible("is wider now")
        }
        (Unsigned(was), Signed(now)) if was < now => compatible("is wider now, and may be negative"),
        (Unsigned(_), Unsigned(_)) | (Signed(_), Signed(_)) => {
            checked("is narrower now: a number that does not fit is refused")
        }
        (Unsigned(_), Signed(_)) => checked("may be negative now: a number that does not fit is refused"),
        (Signed(_), Unsigned(_)) => {
            checked("cannot be negative any more: a number that does not fit is refused")
        }
        (F32, F64) => compatible("is more precise now"),
        (F64, F32) => checked("is less precise now: a number that is not exact in it is refused"),
        (Signed(_) | Unsigned(_), F32 | F64) => {
            checked("is a number with a point now: one that is not exact in it is refused")
        }
        (Char, Text) => compatible("is a text now, of one character"),
        (List(element), Bytes) if **element == Unsigned(8) => compatible("is written as bytes now"),
        (Bytes, List(element)) if **element == Unsigned(8) => compatible("is written as a list now"),
        _ => None,
    }
}
