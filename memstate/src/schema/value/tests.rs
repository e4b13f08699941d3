use super::*;
use crate::schema::{Content, Field, Kind, Named, Schema, Shape, Variant};

/// `Status`: `Free`, `Lent {by: String, until: Option<u64>}`, `Sold(u64)`, `Pair(u8, u8)`.
fn schema() -> Schema {
    let fields = vec![
        Field { aliases: vec!["owner".into()], ..Field::new("by", Shape::Text) },
        Field::new("until", Shape::Option(Box::new(Shape::Unsigned(64)))),
    ];
    let variants = [
        ("Free", Content::Unit),
        ("Lent", Content::Fields(fields)),
        ("Sold", Content::Newtype(Shape::Unsigned(64))),
        ("Pair", Content::Tuple(vec![Shape::Unsigned(8), Shape::Unsigned(8)])),
    ];
    let variant =
        |(name, content): (&str, Content)| Variant { name: name.into(), aliases: Vec::new(), content };
    let kind = Kind::Enum(variants.into_iter().map(variant).collect());
    Schema { types: vec![Named { name: "Status".into(), kind }] }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn some(value: Value) -> Value {
    Value::Option(Some(Box::new(value)))
}

fn variant(name: &str, content: Value) -> Value {
    Value::Variant(name.to_owned(), Box::new(content))
}

fn fields(fields: &[(&str, Value)]) -> Value {
    Value::Struct(fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
}

/// `given` written as `shape` and read again; or why not.
fn meant(shape: &Shape, given: &Value) -> Result<Value, String> {
    let schema = schema();
    let mut bytes = vec![0xee];
    let written = write(schema.of(shape), given, &mut bytes);
    if let Err(error) = written {
        assert_eq!(bytes, [0xee], "what was there before is not touched");
        return Err(error.to_string());
    }
    let mut rest = &bytes[1..];
    let value = read(schema.of(shape), &mut rest).expect("what was written is read");
    assert!(rest.is_empty());
    Ok(value)
}

#[track_caller]
fn takes(shape: &Shape, given: Value, meaning: Value) {
    assert_eq!(meant(shape, &given), Ok(meaning), "{given}");
}

#[track_caller]
fn refuses(shape: &Shape, given: Value, why: &str) {
    let error = meant(shape, &given).expect_err("it is refused");
    assert!(error.contains(why), "{error}");
}

#[test]
fn numbers_and_truth_values_are_taken_from_texts_and_of_either_sign_where_they_fit() {
    takes(&Shape::Unsigned(8), text("255"), Value::Unsigned(255));
    takes(&Shape::Unsigned(64), Value::Signed(7), Value::Unsigned(7));
    takes(&Shape::Signed(16), Value::Unsigned(7), Value::Signed(7));
    takes(&Shape::Signed(8), text("-128"), Value::Signed(-128));
    takes(&Shape::Unsigned(128), text(&u128::MAX.to_string()), Value::Unsigned(u128::MAX));
    takes(&Shape::Signed(128), text(&i128::MIN.to_string()), Value::Signed(i128::MIN));
    takes(&Shape::Bool, text("true"), Value::Bool(true));
    takes(&Shape::F64, text("-0.5"), Value::F64(-0.5));
    takes(&Shape::F64, Value::Unsigned(3), Value::F64(3.0));
    takes(&Shape::F32, Value::F64(0.1), Value::F32(0.1));
    takes(&Shape::F32, Value::F32(0.1), Value::F32(0.1));
    takes(&Shape::Char, text("x"), Value::Char('x'));
    takes(&Shape::Text, Value::Char('x'), text("x"));
    refuses(&Shape::Unsigned(8), Value::Unsigned(256), "256 does not fit u8");
    refuses(&Shape::Unsigned(8), text("-1"), "does not fit u8");
    refuses(&Shape::Signed(8), Value::Unsigned(128), "128 does not fit i8");
    refuses(&Shape::Signed(64), Value::Unsigned(u128::MAX), "does not fit i64");
    refuses(&Shape::F32, Value::F64(1e300), "does not fit f32");
    refuses(&Shape::F64, Value::Unsigned((1 << 53) + 1), "is wanted");
    refuses(&Shape::Bool, text("yes"), "\"yes\" was given, and bool is wanted");
    refuses(&Shape::Char, text("xy"), "is wanted");
    refuses(&Shape::Unsigned(8), Value::F64(1.0), "1.0 was given, and u8 is wanted");
}

#[test]
fn bytes_are_taken_in_hexadecimal_and_as_lists_of_numbers() {
    let bytes = Shape::List(Box::new(Shape::Unsigned(8)));
    let list = Value::List(vec![Value::Unsigned(0), Value::Unsigned(255)]);
    takes(&Shape::Bytes, text("0x00ff"), Value::Bytes(vec![0, 255]));
    takes(&Shape::Bytes, text("0x00FF"), Value::Bytes(vec![0, 255]));
    takes(&Shape::Bytes, text("0x"), Value::Bytes(Vec::new()));
    takes(&Shape::Bytes, list.clone(), Value::Bytes(vec![0, 255]));
    takes(&bytes, text("0x00ff"), list.clone());
    takes(&bytes, Value::Bytes(vec![0, 255]), list);
    for wrong in ["00ff", "0x0", "0x0g", "0xß"] {
        refuses(&Shape::Bytes, text(wrong), "is wanted");
    }
    refuses(&Shape::List(Box::new(Shape::Unsigned(16))), text("0x00ff"), "is wanted");
}

#[test]
fn maps_are_taken_from_objects_and_from_lists_of_pairs() {
    let shape = Shape::Map(Box::new(Shape::Unsigned(32)), Box::new(Shape::Text));
    let meaning = Value::Map(vec![(Value::Unsigned(7), text("a"))]);
    takes(&shape, fields(&[("7", text("a"))]), meaning.clone());
    takes(&shape, Value::Map(vec![(text("7"), text("a"))]), meaning.clone());
    takes(&shape, Value::List(vec![Value::List(vec![Value::Unsigned(7), text("a")])]), meaning.clone());
    takes(&shape, Value::List(vec![Value::Tuple(vec![text("7"), text("a")])]), meaning);
    takes(&shape, Value::List(Vec::new()), Value::Map(Vec::new()));
    refuses(&shape, Value::List(vec![Value::Unsigned(7)]), "is wanted");
    refuses(&shape, fields(&[("x", text("a"))]), "[key 0]");
}

#[test]
fn variants_and_fields_are_taken_by_name() {
    let status = Shape::Named(0);
    let lent = variant("Lent", fields(&[("by", text("Ann")), ("until", Value::Option(None))]));
    takes(&status, text("Free"), variant("Free", Value::Unit));
    takes(&status, fields(&[("Sold", text("7"))]), variant("Sold", Value::Unsigned(7)));
    takes(&status, fields(&[("Lent", fields(&[("by", text("Ann"))]))]), lent.clone());
    takes(&status, fields(&[("Lent", fields(&[("owner", text("Ann")), ("until", Value::Unit)]))]), lent);
    let pair = Value::Tuple(vec![Value::Unsigned(1), Value::Unsigned(2)]);
    let list = Value::List(vec![Value::Unsigned(1), Value::Unsigned(2)]);
    takes(&status, fields(&[("Pair", list)]), variant("Pair", pair));
    refuses(&status, text("Lost"), "there is no variant `Lost`; there are: Free, Lent, Sold, Pair");
    refuses(&status, fields(&[("Lent", fields(&[]))]), "Lent.by: is missing");
    refuses(&status, fields(&[("Lent", fields(&[("to", text("Ann"))]))]), "there is no field `to`");
    let twice = fields(&[("by", text("Ann")), ("owner", text("Bob"))]);
    refuses(&status, fields(&[("Lent", twice)]), "the field `by` is given twice");
    refuses(&status, fields(&[("Pair", Value::List(Vec::new()))]), "0 values were given, and 2 are wanted");
}

#[test]
fn an_option_is_taken_from_its_value_and_from_nothing() {
    let shape = Shape::Option(Box::new(Shape::Unsigned(8)));
    takes(&shape, Value::Unsigned(7), some(Value::Unsigned(7)));
    takes(&shape, Value::Unit, Value::Option(None));
    takes(&shape, Value::Option(None), Value::Option(None));
    let twice = Shape::Option(Box::new(shape));
    takes(&twice, some(Value::Option(None)), some(Value::Option(None)));
    takes(&twice, Value::Option(None), Value::Option(None));
    takes(&Shape::Option(Box::new(Shape::Unit)), some(Value::Unit), some(Value::Unit));
}

#[test]
fn json_says_what_can_be_said_in_it() {
    let json = |value: &Value| serde_json::to_string(value).expect("it is written");
    assert_eq!(json(&Value::Unit), "null");
    assert_eq!(json(&Value::Unsigned(u64::MAX.into())), "18446744073709551615");
    assert_eq!(json(&Value::Unsigned(1 << 64)), "\"18446744073709551616\"");
    assert_eq!(json(&Value::Signed(i128::MIN)), format!("\"{}\"", i128::MIN));
    assert_eq!(json(&Value::F64(0.5)), "0.5");
    assert_eq!(json(&Value::Bytes(vec![0, 255])), "\"0x00ff\"");
    assert_eq!(json(&some(Value::Char('"'))), r#""\"""#);
    assert_eq!(json(&Value::Option(None)), "null");
    assert_eq!(json(&Value::Tuple(vec![Value::Bool(true), Value::Unit])), "[true,null]");
    assert_eq!(json(&fields(&[("b", Value::Unsigned(1)), ("a", text("x"))])), r#"{"b":1,"a":"x"}"#);
    assert_eq!(json(&variant("Free", Value::Unit)), r#""Free""#);
    assert_eq!(json(&variant("Sold", Value::Unsigned(7))), r#"{"Sold":7}"#);
}

#[test]
fn the_keys_of_an_object_are_texts_and_other_maps_are_lists_of_pairs() {
    let map = |key: Value| {
        let map = Value::Map(vec![(key, Value::Bool(true))]);
        serde_json::to_string(&map).expect("it is written")
    };
    assert_eq!(map(text("a")), r#"{"a":true}"#);
    assert_eq!(map(Value::Char('a')), r#"{"a":true}"#);
    assert_eq!(map(Value::Signed(-7)), r#"{"-7":true}"#);
    assert_eq!(map(Value::Unsigned(u128::MAX)), format!("{{\"{}\":true}}", u128::MAX));
    assert_eq!(map(Value::Bool(false)), r#"{"false":true}"#);
    assert_eq!(map(variant("Free", Value::Unit)), r#"{"Free":true}"#);
    assert_eq!(map(variant("Sold", Value::Unsigned(7))), r#"[[{"Sold":7},true]]"#);
    assert_eq!(map(Value::Tuple(vec![Value::Unsigned(1)])), "[[[1],true]]");
}

#[test]
fn everything_is_shown_and_nothing_is_shown_as_something_else() {
    let shown = [
        (Value::Unit, "()"),
        (Value::Bool(true), "true"),
        (text("true"), "\"true\""),
        (Value::Unsigned(1), "1"),
        (Value::Signed(-1), "-1"),
        (Value::F64(1.0), "1.0"),
        (Value::Char('1'), "'1'"),
        (text("1"), "\"1\""),
        (text("\"\n"), "\"\\\"\\n\""),
        (Value::Bytes(vec![0, 255]), "0x00ff"),
        (text("0x00ff"), "\"0x00ff\""),
        (Value::Option(None), "none"),
        (text("none"), "\"none\""),
        (some(Value::Option(None)), "some(none)"),
        (some(some(Value::Unsigned(7))), "some(7)"),
        (Value::List(vec![Value::Unsigned(1), Value::Unsigned(2)]), "[1, 2]"),
        (Value::Tuple(vec![Value::Unsigned(1), Value::Unsigned(2)]), "(1, 2)"),
        (Value::Tuple(vec![Value::Unsigned(3)]), "(3,)"),
        (Value::Map(vec![(text("a"), Value::Unsigned(1))]), "{\"a\": 1}"),
        (fields(&[("a", Value::Unsigned(1))]), "{a: 1}"),
        (variant("Free", Value::Unit), "Free"),
        (variant("Sold", Value::Unsigned(7)), "Sold(7)"),
        (variant("Pair", Value::Tuple(vec![Value::Unsigned(1), Value::Unsigned(2)])), "Pair(1, 2)"),
        (variant("Lent", fields(&[("by", text("Ann"))])), "Lent {by: \"Ann\"}"),
    ];
    for (value, as_text) in &shown {
        assert_eq!(value.to_string(), *as_text);
        assert_eq!(shown.iter().filter(|(_, other)| other == as_text).count(), 1);
    }
}

#[test]
fn what_is_in_a_value_is_found_through_options_and_variants() {
    let lent = some(variant("Lent", fields(&[("by", text("Ann")), ("until", some(Value::Unsigned(7)))])));
    assert_eq!(lent.get("by").and_then(Value::as_str), Some("Ann"));
    assert_eq!(lent.get("until").and_then(Value::as_u64), Some(7));
    assert_eq!(lent.get("to"), None);
    assert_eq!(lent.as_variant().map(|(name, _)| name), Some("Lent"));
    let map = Value::Map(vec![(text("a"), Value::Signed(-1)), (text("b"), Value::Option(None))]);
    assert_eq!(map.get("a").and_then(Value::as_i64), Some(-1));
    assert_eq!(map.get("a").and_then(Value::as_u64), None);
    assert!(map.get("b").is_some_and(Value::is_none));
    assert_eq!(map.iter().count(), 2);
    let pair = variant("Pair", Value::Tuple(vec![Value::F32(0.5), Value::Bool(true)]));
    assert_eq!(pair.nth(0).and_then(Value::as_f64), Some(0.5));
    assert_eq!(pair.nth(1).and_then(Value::as_bool), Some(true));
    assert_eq!(pair.nth(2), None);
    assert_eq!(Value::List(vec![Value::F64(1.5)]).iter().filter_map(Value::as_f64).sum::<f64>(), 1.5);
    assert_eq!(Value::Bytes(vec![1]).as_bytes(), Some(&[1][..]));
    assert_eq!((Value::Unit.as_bytes(), Value::Unit.iter().count(), Value::Unit.as_bool()), (None, 0, None));
    assert_eq!(Value::Unsigned(u128::MAX).as_i64(), None);
}
