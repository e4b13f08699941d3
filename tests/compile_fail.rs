//! What a newcomer does wrong first, and the one message that it gets, word for word.
//!
//! The mistakes that are made most, and where each is:
//!
//! | mistake | file |
//! |---|---|
//! | async method | `async_method` |
//! | argument, result or error type not serializable | `argument_not_serializable`, `result_not_serializable`, `error_not_serializable` |
//! | `&mut` argument; closure, `dyn`, `impl Trait`, function pointer | `argument_that_is_no_data` |
//! | type or const parameter on a method | `generic_method` |
//! | lifetime parameter on the model | `lifetime_on_the_model`, `lifetime_on_a_struct_that_is_no_model` |
//! | pattern or `_` as argument | `argument_without_a_name` |
//! | `self` by value, `Arc<Self>` | `self_by_value` |
//! | query returning a reference | `query_lends_from_the_model` |
//! | two impl blocks | `second_impl_block` |
//! | trait impl | `trait_impl` |
//! | struct not annotated | `struct_not_annotated`, `generic_struct_not_annotated` |
//! | impl not annotated | `impl_not_annotated` |
//! | macro call inside the impl | `macro_in_the_impl` |
//! | two names that meet after casing, a method twice | `names_that_meet`, `method_twice` |
//! | a name that the client reserves, two names that meet on it | `reserved_by_the_client` |
//! | unknown, duplicate, conflicting key | `unknown_keys`, `keys_that_conflict`, `past_of_one_command` |
//! | key on the wrong side | `keys_that_conflict`, `past_of_one_command`, `past_of_arguments`, `stray_keys` |
//! | serde attribute that postcard cannot read back | `serde_attributes_that_…` |
//! | interior mutability in the state | `types_that_are_no_state`, `types_with_insides_that_change` |
//! | std hash collections, `Instant`, `SystemTime`, `Rc`, raw pointers, `File`, `JoinHandle` | `types_that_are_no_state`, `hash_map_of_std_by_use` |
//! | clock or randomness in a command | `clock_and_chance_in_a_command`, `clock_in_a_helper_of_a_command`, `clock_in_a_strict_block`, `hash_collections_in_a_command` |
//! | gap in versions, stale `was` | `past_of_several_commands`, `past_of_one_command` |
//! | stray helper attribute outside of a model | `stray_helper_outside_of_a_model` |
//! | `unsafe`, `const`, `extern` methods | `qualified_methods` |
//! | syntax error in a body | `syntax_error_in_a_body`, `typo_in_a_body` |
//! | model that is not `Default` | `model_without_default` |
//! | event type missing, wrong or not serializable | `event_type_missing`, `events_not_named`, `wrong_event_type`, `event_not_serializable` |
//! | union or enum as model | `union_or_enum_as_model`, `union_or_enum_without_an_impl_block`; tuple and unit structs work: `macros/shapes.rs` |
//! | zero-sized elements | `elements_without_bytes` |
//! | `data` or `model` below a derive of the same trait | `derives_above_data` |
//! | syntax error in the fields | `syntax_error_in_the_fields`, `module_with_a_syntax_error_in_the_fields` |
//! | arguments and results that serde has no words for, or only for writing | `arguments_that_cannot_be_read_back`, `results_that_cannot_be_sent` |
//! | a call of the client that does not fit is told the user's own method | `client_called_wrongly` |
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
