//! What stands for the scenario `peers` where the feature is not built in.

use super::Rows;
use crate::setting::Setting;

/// What it measures, and how to get it.
pub const ABOUT: &str =
    "the same transfers on other stores; not in this build, which lacks `--features peers`";

/// Says how to get it.
pub fn run(_: &Setting) -> Rows {
    Err("the other stores are not in this build: cargo run --release -p memstate-bench --features peers -- peers".into())
}
