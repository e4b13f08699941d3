//! What a model's own tests are written with: `given … when … then`, and `assert_deterministic`.

mod deterministic;
mod given;
mod support;
