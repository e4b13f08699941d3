//! Every mistake is one message. `TRYBUILD=overwrite cargo test --test compile_fail` writes the texts anew.

#[test]
fn one_mistake_is_one_message() {
    trybuild::TestCases::new().compile_fail("compile_fail/*.rs");
}
