//! The error of a place that ends a pass.

use crate::schema::trouble::Trouble;

/// A sample was refused, or the tracing itself ends the pass.
pub(super) fn of_sample() -> Trouble {
    Trouble::new("the sample was refused")
}
