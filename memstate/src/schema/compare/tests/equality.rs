//! Which types read each other's bytes.

use super::*;

#[derive(Deserialize)]
struct Account {
    owner: String,
    balance: u64,
}

#[derive(Deserialize)]
enum Status {
    Free,
    Lent(u64),
}

#[derive(Deserialize)]
struct Chain {
    next: Option<Box<Chain>>,
    value: i32,
}

#[test]
fn a_type_is_the_same_as_itself_and_as_its_like_of_another_name() {
    #[derive(Deserialize)]
    struct Konto {
        owner: String,
        balance: u64,
    }
    assert!(is_same::<Vec<Account>, Vec<Konto>>());
    assert!(is_same::<(Status, Chain), (Status, Chain)>());
    assert!(is_same::<HashMap<u8, Account>, BTreeMap<u8, Konto>>());
    assert!(between::<Account, Konto>().is_empty());
}

#[test]
fn types_that_stand_in_themselves_are_compared_to_their_end() {
    mod other {
        #[derive(serde::Deserialize)]
        pub struct Chain {
            next: Option<Box<Chain>>,
            value: i64,
        }
    }
    assert!(is_same::<Chain, Chain>());
    assert!(!is_same::<Chain, other::Chain>());
    assert_between::<Chain, other::Chain>(&[(
        Class::Compatible,
        "Chain.value",
        "i32",
        "i64",
        "is wider now",
    )]);
}

#[test]
fn a_type_whose_numbers_number_in_a_schema_differs_is_the_same() {
    let mut tracer = Tracer::default();
    tracer.shape_of::<Status>();
    let was = tracer.shape_of::<Account>();
    let was_schema = tracer.into_schema();
    let (now_schema, now) = traced::<Account>();
    assert_ne!(was, now);
    assert!(same(was_schema.of(&was), now_schema.of(&now)));
}

#[test]
fn numbers_have_to_be_exactly_the_same() {
    assert!(is_same::<u32, u32>());
    assert!(!is_same::<u32, u64>());
    assert!(!is_same::<u32, i32>());
    assert!(!is_same::<f32, f64>());
    assert!(!is_same::<Vec<u8>, [u8; 3]>());
    assert!(!is_same::<(u8,), u8>());
    assert!(!is_same::<(u8, u8), (u8, u8, u8)>());
    assert!(!is_same::<BTreeMap<u8, u8>, BTreeMap<u8, u16>>());
}

#[test]
fn fields_have_to_stand_in_their_order_under_their_names() {
    #[derive(Deserialize)]
    struct Exchanged {
        balance: u64,
        owner: String,
    }
    #[derive(Deserialize)]
    struct Renamed {
        name: String,
        balance: u64,
    }
    #[derive(Deserialize)]
    struct Alias {
        #[serde(alias = "owner")]
        name: String,
        balance: u64,
    }
    assert!(!is_same::<Account, Exchanged>());
    assert!(!is_same::<Account, Renamed>());
    assert!(is_same::<Account, Alias>());
    assert!(is_same::<Alias, Account>());
}

#[test]
fn fields_that_have_exchanged_their_names_are_not_the_same() {
    let field = |name: &str, alias: &str| crate::schema::Field {
        aliases: vec![String::from(alias)],
        ..crate::schema::Field::new(name, Shape::Unsigned(8))
    };
    let schema = |fields| Schema {
        types: vec![Named { name: String::from("Pair"), kind: Kind::Struct(Content::Fields(fields)) }],
    };
    let was = schema(vec![field("left", "right"), field("right", "left")]);
    let now = schema(vec![field("right", "left"), field("left", "right")]);
    let (was, now) = (was.of(&Shape::Named(0)), now.of(&Shape::Named(0)));
    assert!(!same(was, now));
    let found = differences(was, now);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].what, "the fields stand in another order");
}

#[test]
fn variants_may_be_added_behind_the_others_and_nowhere_else() {
    #[derive(Deserialize)]
    enum More {
        Free,
        Lent(u64),
        Lost,
    }
    #[derive(Deserialize)]
    enum Inserted {
        Free,
        Lost,
        Lent(u64),
    }
    assert!(is_same::<Status, More>());
    assert!(!is_same::<More, Status>());
    assert!(!is_same::<Status, Inserted>());
}

#[test]
fn what_is_opaque_is_the_same_as_what_is_opaque() {
    let schema = Schema::default();
    let (opaque, number) = (Shape::Opaque, Shape::Unsigned(8));
    assert!(same(schema.of(&opaque), schema.of(&opaque)));
    assert!(!same(schema.of(&opaque), schema.of(&number)));
    assert!(differences(schema.of(&opaque), schema.of(&opaque)).is_empty());
    assert_eq!(differences(schema.of(&number), schema.of(&opaque))[0].class, Class::Breaking);
}
