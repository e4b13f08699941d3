//! Every change, with its class.

use super::{
    Class::{Breaking, Checked, Compatible, NeedsDefault},
    *,
};

#[test]
fn numbers_widen_narrow_and_change_their_sign() {
    assert_class::<u32, u64>(Compatible);
    assert_class::<u32, i64>(Compatible);
    assert_class::<i8, i128>(Compatible);
    assert_class::<f32, f64>(Compatible);
    assert_class::<u64, u32>(Checked);
    assert_class::<i64, i32>(Checked);
    assert_class::<u64, i64>(Checked);
    assert_class::<u64, i8>(Checked);
    assert_class::<i8, u64>(Checked);
    assert_class::<f64, f32>(Checked);
    assert_class::<u8, f64>(Checked);
    assert_class::<i128, f32>(Checked);
    assert_class::<f64, u64>(Breaking);
    assert_between::<u64, u8>(&[(
        Checked,
        "",
        "u64",
        "u8",
        "is narrower now: a number that does not fit is refused",
    )]);
}

#[test]
fn other_simple_values_are_of_another_type() {
    assert_class::<char, String>(Compatible);
    assert_class::<String, char>(Breaking);
    assert_class::<String, u64>(Breaking);
    assert_class::<bool, u8>(Breaking);
    assert_class::<(), u8>(Breaking);
    assert_class::<String, Vec<u8>>(Breaking);
    assert_class::<Vec<u8>, BTreeMap<u8, u8>>(Breaking);
    let found = between::<String, u64>();
    assert_eq!(found[0].remedy, "make it `String` again, or convert what was written");
}

#[test]
fn bytes_and_lists_of_bytes_are_carried_over() {
    assert_class::<Vec<u8>, uuid::Uuid>(Compatible);
    assert_class::<uuid::Uuid, Vec<u8>>(Compatible);
    assert_class::<[u8; 16], uuid::Uuid>(Compatible);
    assert_class::<Vec<Option<u8>>, uuid::Uuid>(Breaking);
    assert_between::<uuid::Uuid, Vec<u16>>(&[
        (Compatible, "", "bytes", "Vec<u16>", "is written as a list now"),
        (Compatible, "[]", "u8", "u16", "is wider now"),
    ]);
    assert_between::<uuid::Uuid, (char, u8)>(&[
        (Checked, "", "bytes", "(char, u8)", "has to have 2 elements now: any other number is refused"),
        (Breaking, "[]", "u8", "char", "is of another type"),
    ]);
}

#[test]
fn a_value_may_become_optional_and_be_required_again() {
    assert_class::<String, Option<String>>(Compatible);
    assert_class::<Option<String>, String>(Checked);
    assert_class::<Option<String>, u8>(Breaking);
    assert_class::<String, Option<u8>>(Breaking);
    assert_between::<u32, Option<u16>>(&[
        (Compatible, "", "u32", "Option<u16>", "may be none now"),
        (Checked, "", "u32", "u16", "is narrower now: a number that does not fit is refused"),
    ]);
}

#[derive(Deserialize)]
struct Meters(u32);

#[derive(Deserialize)]
enum Status {
    Free,
    Lent { by: String },
    Pair(u8, u8),
}

#[derive(Deserialize)]
struct Holder(Status);

#[derive(Deserialize)]
struct Links(Option<Box<Links>>);

#[test]
fn a_value_may_be_put_into_a_type_of_its_own_and_taken_out() {
    assert_class::<u32, Meters>(Compatible);
    assert_class::<Meters, u32>(Compatible);
    assert_class::<String, Meters>(Breaking);
    assert_class::<Meters, Vec<u8>>(Breaking);
    assert_class::<Status, Holder>(Compatible);
    assert_class::<Holder, Status>(Compatible);
    assert_class::<Option<Meters>, Option<u32>>(Compatible);
    assert_class::<Meters, Option<Meters>>(Compatible);
    assert_class::<Links, Option<Links>>(Compatible);
}

#[test]
fn a_type_that_holds_itself_is_taken_apart_only_so_far() {
    assert_class::<u8, Links>(Breaking);
    assert_class::<Links, u8>(Breaking);
}

#[test]
fn lists_tuples_and_arrays_become_each_other() {
    assert_class::<(u8, u8), Vec<u8>>(Compatible);
    assert_class::<[String; 4], Vec<String>>(Compatible);
    assert_class::<Vec<String>, [String; 4]>(Checked);
    assert_class::<(u8, u8), (u8, u8, u8)>(Breaking);
    assert_between::<(u8, String), Vec<u8>>(&[
        (Compatible, "", "(u8, String)", "Vec<u8>", "may be of any length now"),
        (Breaking, "[]", "String", "u8", "is of another type"),
    ]);
}

#[test]
fn what_stands_in_lists_maps_and_tuples_is_told_with_its_place() {
    assert_between::<Vec<(u8, u8)>, Vec<(u8, u16)>>(&[(Compatible, "[].1", "u8", "u16", "is wider now")]);
    assert_between::<BTreeMap<u8, Vec<u8>>, BTreeMap<u16, Vec<Option<u8>>>>(&[
        (Compatible, "[key]", "u8", "u16", "is wider now"),
        (Compatible, "[][]", "u8", "Option<u8>", "may be none now"),
    ]);
    assert_between::<(u8, bool), (u16, bool)>(&[(Compatible, "0", "u8", "u16", "is wider now")]);
}

mod before {
    use serde::Deserialize;

    #[derive(Deserialize)]
    pub struct Account {
        owner: String,
        balance: u32,
        note: String,
        limit: u64,
    }

    #[derive(Deserialize)]
    pub struct Bank {
        accounts: Vec<Account>,
        closed: Vec<Account>,
        best: Option<Account>,
    }
}

mod after {
    use serde::Deserialize;

    #[derive(Deserialize)]
    pub struct Account {
        #[serde(alias = "owner")]
        name: String,
        limit: u64,
        balance: u64,
        #[serde(default)]
        opened: u64,
        email: Option<String>,
        address: String,
    }

    #[derive(Deserialize)]
    pub struct Bank {
        accounts: Vec<Account>,
        closed: Vec<Account>,
        best: Option<Account>,
    }
}

#[test]
fn fields_are_found_by_name_and_a_type_is_told_once() {
    assert_between::<before::Bank, after::Bank>(&[
        (Compatible, "Account.name", "String", "String", "was called `owner`"),
        (Compatible, "Account.balance", "u32", "u64", "is wider now"),
        (Compatible, "Account.opened", "", "u64", "is new, and has a default"),
        (Compatible, "Account.email", "", "Option<String>", "is new, and has a default"),
        (NeedsDefault, "Account.address", "", "String", "is new, and has no default"),
        (
            Compatible,
            "Account",
            "owner, balance, note, limit",
            "name, limit, balance, opened, email, address",
            "the fields stand in another order",
        ),
        // There is a new field of its type, which may be the same under another name.
        (Compatible, "Account.note", "String", "", "is not there any more: its values are left out"),
    ]);
    let found = between::<before::Bank, after::Bank>();
    assert_eq!(
        found[4].remedy,
        "if it was called `note`, write `#[serde(alias = \"note\")]` on it, or, if it is new, put `#[serde(default)]` on it"
    );
    assert_eq!(found[6].remedy, "if it is `address` now, write `#[serde(alias = \"note\")]` on that");
}

#[test]
fn a_new_field_of_which_no_default_is_known_is_taken_to_have_one() {
    let field = |name: &str, default| crate::schema::Field {
        default,
        ..crate::schema::Field::new(name, Shape::Bool)
    };
    let schema = |fields| Schema {
        types: vec![Named { name: String::from("Flags"), kind: Kind::Struct(Content::Fields(fields)) }],
    };
    let (was, now) = (schema(vec![field("a", None)]), schema(vec![field("a", None), field("b", None)]));
    let found = differences(was.of(&Shape::Named(0)), now.of(&Shape::Named(0)));
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].class, found[0].path.as_str()), (Compatible, "Flags.b"));
    assert_eq!(found[0].what, "is new, and can be read if it has a default");
}

mod enums {
    use serde::Deserialize;

    #[derive(Deserialize)]
    pub enum Status {
        Lost,
        Pair(u8, u16),
        Free {
            #[serde(default)]
            since: u64,
        },
        #[serde(alias = "Lent")]
        Borrowed {
            by: Option<String>,
            until: u64,
        },
    }

    #[derive(Deserialize)]
    pub enum Bare {
        Free,
        Lent,
    }

    #[derive(Deserialize)]
    pub enum Other {
        Free(u8),
        Lent(String),
        Pair(u8, u8, u8),
    }
}

#[test]
fn variants_are_found_by_name() {
    assert_between::<Vec<Status>, Vec<enums::Status>>(&[
        (Compatible, "Status::Lost", "", "()", "is a new variant"),
        (Compatible, "Status::Pair.1", "u8", "u16", "is wider now"),
        (Compatible, "Status::Free", "()", "{ since: u64 }", "has fields now"),
        (Compatible, "Status::Free.since", "", "u64", "is new, and has a default"),
        (Compatible, "Status::Borrowed", "Lent", "Borrowed", "was called `Lent`"),
        (Compatible, "Status::Borrowed.by", "String", "Option<String>", "may be none now"),
        (NeedsDefault, "Status::Borrowed.until", "", "u64", "is new, and has no default"),
        (
            Compatible,
            "Status",
            "Free, Lent, Pair",
            "Lost, Pair, Free, Borrowed",
            "the variants stand in another order",
        ),
    ]);
}

#[test]
fn a_variant_that_is_gone_is_refused_only_where_there_is_one() {
    assert_between::<Status, enums::Bare>(&[
        (Compatible, "Bare::Lent", "{ by: String }", "()", "has no fields any more"),
        (Compatible, "Bare::Lent.by", "String", "", "is not there any more: its values are left out"),
        (
            Checked,
            "Bare::Pair",
            "(u8, u8)",
            "",
            "is not there any more: a value that is this variant is refused",
        ),
    ]);
    assert!(between::<Status, enums::Bare>()[2].remedy.contains("`#[serde(alias = \"Pair\")]`"));
}

#[test]
fn a_variant_that_holds_something_of_another_kind_cannot_be_read() {
    assert_between::<Status, enums::Other>(&[
        (Breaking, "Other::Free", "()", "(u8)", "has one unnamed field, and had no fields"),
        (
            Breaking,
            "Other::Lent",
            "{ by: String }",
            "(String)",
            "has one unnamed field, and had named fields",
        ),
        (Breaking, "Other::Pair", "(u8, u8)", "(u8, u8, u8)", "has 3 unnamed fields, and had 2"),
    ]);
    let found = between::<Status, enums::Other>();
    assert_eq!(found[0].remedy, "put `()` back, or convert what was written");
}

#[test]
fn structs_of_another_kind_cannot_be_read() {
    #[derive(Deserialize)]
    struct Point(u8, u8);
    #[derive(Deserialize)]
    struct Space(u8, u8, u8);
    #[derive(Deserialize)]
    struct Named {
        x: u8,
    }
    assert_class::<Point, Space>(Breaking);
    assert_class::<Point, Named>(Breaking);
    assert_class::<Named, Status>(Breaking);
    assert_between::<Named, Status>(&[(Breaking, "", "Named", "Status", "a struct became an enum")]);
}

#[test]
fn two_fields_that_are_one_today_by_an_alias_cannot_be_read_and_two_variants_can() {
    #[derive(Deserialize)]
    struct Was {
        note: String,
        memo: u8,
    }
    #[derive(Deserialize)]
    struct Now {
        #[serde(alias = "memo")]
        note: String,
    }
    assert_between::<Was, Now>(&[(
        Breaking,
        "Now.note",
        "note: String, memo: u8",
        "String",
        "is read for `note` and for `memo`, which were two fields",
    )]);
    #[derive(Deserialize)]
    enum Light {
        Off,
        Old,
        On(u8),
    }
    #[derive(Deserialize)]
    enum Lamp {
        #[serde(alias = "Old")]
        Off,
        On(u8),
    }
    assert_between::<Light, Lamp>(&[(Compatible, "Lamp::Off", "Old", "Off", "was called `Old`")]);
    assert!(!is_same::<Light, Lamp>());
}
