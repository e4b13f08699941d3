//! What a newcomer does wrong first, and the one message that it gets, word for word.
//!
//! The words around ours are rustc's and change with its versions, so they are compared under one version only.

/// The version of Rust that the texts were written with.
const PINNED: &str = "rustc 1.95.";

#[test]
fn one_mistake_is_one_message() {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = std::process::Command::new(rustc).arg("--version").output().expect("rustc runs").stdout;
    if !version.starts_with(PINNED.as_bytes()) {
        eprintln!(
            "NOT COMPARED: the texts are those of {PINNED}, this is {}",
            String::from_utf8_lossy(&version)
        );
        return;
    }
    trybuild::TestCases::new().compile_fail("compile_fail/*.rs");
}
