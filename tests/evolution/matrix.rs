//! Every change of a type, in every place where a type can stand: the arguments of a command themselves, a field nested in
//! a list in an argument, a variant of an enum, the state in a snapshot and the initial state, and events.
//!
//! A line of the table is a change: the fields as they were with their values, the fields as they are, and either what
//! becomes of the values or what is reported.

use std::path::Path;

use memstate::{Open, Position};

use super::{problems, shown};

/// A model around a struct with these fields; `arguments` are the same as arguments of a command.
macro_rules! version {
    (
        $module:ident,
        { $($(#[$field:meta])* $name:ident: $type:ty),* $(,)? },
        { $($(#[$argument:meta])* $parameter:ident: $parameter_type:ty),* $(,)? }
    ) => {
        pub mod $module {
            #![allow(dead_code, unused_imports)]
            use super::*;

            #[memstate::data]
            #[derive(Debug, PartialEq)]
            pub struct Part {
                $($(#[$field])* pub $name: $type,)*
            }

            #[memstate::data]
            #[derive(Debug, PartialEq)]
            pub enum Kind {
                Nothing,
                Holding {
                    $($(#[$field])* $name: $type,)*
                },
            }

            #[memstate::data]
            #[derive(Debug)]
            pub struct Order {
                pub lines: memstate::collections::Vec<(u8, Part)>,
            }

            #[memstate::model]
            #[derive(Debug, Default)]
            pub struct Shop {
                pub seen: memstate::collections::Vec<Part>,
                pub by_number: memstate::collections::HashMap<u64, Option<Part>>,
                pub kinds: memstate::collections::BTreeMap<u64, Kind>,
            }

            #[memstate::model(events = Part)]
            impl Shop {
                pub fn take(
                    &mut self,
                    ctx: &mut memstate::Ctx<Part>,
                    $($(#[$argument])* $parameter: $parameter_type,)*
                ) {
                    let part = Part { $($parameter,)* };
                    ctx.emit(part.clone());
                    self.seen.push(part);
                }

                pub fn take_nested(&mut self, order: Order) -> u64 {
                    for (_, part) in order.lines.iter() {
                        self.by_number.insert(self.by_number.len() as u64, Some(part.clone()));
                    }
                    7
                }

                pub fn take_kind(&mut self, kind: Kind) -> Result<(), String> {
                    self.kinds.insert(self.kinds.len() as u64, kind);
                    self.kinds.insert(self.kinds.len() as u64, Kind::Nothing);
                    Ok(())
                }
            }

            impl Shop {
                /// A shop that holds this in all of its places.
                pub fn holding(part: &Part, kind: Kind) -> Shop {
                    let mut shop = Shop::default();
                    shop.seen.push(part.clone());
                    shop.by_number.insert(0, Some(part.clone()));
                    shop.kinds.insert(0, kind);
                    shop.kinds.insert(1, Kind::Nothing);
                    shop
                }

                /// What is in all of its places; it must be the same everywhere.
                pub fn held(&self) -> String {
                    assert_eq!(self.by_number[&0].as_ref(), self.seen.first());
                    assert_eq!(self.kinds[&1], Kind::Nothing);
                    let part = format!("{:?}", self.seen[0]);
                    assert_eq!(format!("{:?}", self.kinds[&0]), part.replacen("Part", "Holding", 1));
                    part
                }
            }
        }
    };
}

/// One change, carried over or reported.
macro_rules! change {
    (
        $test:ident:
        { $($(#[$old:meta])* $old_name:ident: $old_type:ty = $value:expr),* $(,)? }
        => $fields:tt, $arguments:tt
        $(, gives $given:literal)?
        $(, reports $reported:expr)?
    ) => {
        mod $test {
            #![allow(unused_imports, dead_code)]
            use super::*;

            version!(old, { $($(#[$old])* $old_name: $old_type,)* }, { $($old_name: $old_type,)* });
            version!(new, $fields, $arguments);

            fn part() -> old::Part {
                old::Part { $($old_name: $value,)* }
            }

            fn kind() -> old::Kind {
                old::Kind::Holding { $($old_name: $value,)* }
            }

            fn holding() -> old::Shop {
                old::Shop::holding(&part(), kind())
            }

            /// A journal with a command in each place, and nothing in its initial state.
            async fn write(dir: &Path, with_snapshot: bool) {
                let shop = memstate::open::<old::Shop>(dir).no_snapshot_on_close().await.unwrap();
                shop.take($($value,)*).await.unwrap();
                let mut lines = memstate::collections::Vec::new();
                lines.push((3, part()));
                assert_eq!(shop.take_nested(old::Order { lines }).await.unwrap(), 7);
                shop.take_kind(kind()).await.unwrap();
                if with_snapshot {
                    shop.snapshot().await.unwrap();
                }
                shop.close().await.unwrap();
            }

            fn open(dir: &Path) -> Open<new::Shop> {
                memstate::open::<new::Shop>(dir).no_snapshot_on_close()
            }

            $(
                #[tokio::test]
                async fn is_carried_over_in_arguments_and_events() {
                    let dir = tempfile::tempdir().unwrap();
                    write(dir.path(), false).await;
                    let shop = open(dir.path()).await.unwrap_or_else(|error| panic!("{error}"));
                    assert_eq!(shop.read(|shop| shop.held()), $given);
                    let mut events = shop.events(Position::START);
                    let (position, event) = events.next().await.unwrap().unwrap();
                    assert_eq!((position, format!("{event:?}").as_str()), (Position::new(1), $given));
                    shop.close().await.unwrap();
                }

                #[tokio::test]
                async fn is_carried_over_in_a_snapshot() {
                    let dir = tempfile::tempdir().unwrap();
                    write(dir.path(), true).await;
                    let shop = open(dir.path()).await.unwrap_or_else(|error| panic!("{error}"));
                    assert_eq!(shop.read(|shop| shop.held()), $given);
                    // And what is written now is read with it.
                    shop.snapshot().await.unwrap();
                    shop.close().await.unwrap();
                    let shop = open(dir.path()).await.unwrap();
                    assert_eq!(shop.read(|shop| shop.held()), $given);
                }

                #[tokio::test]
                async fn is_carried_over_in_the_initial_state() {
                    let dir = tempfile::tempdir().unwrap();
                    let shop = memstate::open_with(dir.path(), holding).no_snapshot_on_close().await.unwrap();
                    shop.close().await.unwrap();
                    let shop = open(dir.path()).await.unwrap_or_else(|error| panic!("{error}"));
                    assert_eq!(shop.read(|shop| shop.held()), $given);
                }
            )?

            $(
                #[tokio::test]
                async fn is_reported_before_anything_is_replayed() {
                    let reported: Reported = $reported;
                    for with_snapshot in [false, true] {
                        let dir = tempfile::tempdir().unwrap();
                        write(dir.path(), with_snapshot).await;
                        let problems = problems::<new::Shop>(dir.path()).await;
                        assert_eq!(shown(&problems), reported.of_commands);
                        assert!(problems.iter().all(|problem| !problem.remedy.is_empty()), "{problems:#?}");
                        // Nothing was changed: the old code goes on.
                        let shop = memstate::open::<old::Shop>(dir.path()).await.unwrap();
                        assert_eq!(shop.position(), Position::new(3));
                    }
                    let dir = tempfile::tempdir().unwrap();
                    let shop = memstate::open_with(dir.path(), holding).no_snapshot_on_close().await.unwrap();
                    shop.close().await.unwrap();
                    assert_eq!(shown(&problems::<new::Shop>(dir.path()).await), reported.of_state);
                }
            )?
        }
    };
}

/// What is reported of a journal with three commands, and of one whose initial state holds values.
struct Reported {
    of_commands: &'static [&'static str],
    of_state: &'static [&'static str],
}

#[memstate::data]
#[derive(Debug, PartialEq)]
pub struct Meters(pub u32);

#[memstate::data]
#[derive(Debug, PartialEq)]
pub enum Color {
    Red,
    Green,
}

mod more {
    #[memstate::data]
    #[derive(Debug, PartialEq)]
    pub enum Color {
        Blue,
        Green,
        Mixed(u8, u8),
        Red,
    }

    #[memstate::data]
    #[derive(Debug, PartialEq)]
    pub enum Fewer {
        Green,
    }
}

fn five() -> u32 {
    5
}

change!(nothing: { a: u32 = 7, b: String = "x".to_owned() } => { a: u32, b: String }, { a: u32, b: String },
    gives r#"Part { a: 7, b: "x" }"#);
change!(reordered: { a: u32 = 7, b: u32 = 8 } => { b: u32, a: u32 }, { b: u32, a: u32 },
    gives "Part { b: 8, a: 7 }");
change!(added_with_a_default: { a: u32 = 7 }
    => { #[serde(default)] z: u64, a: u32, #[serde(default = "five")] b: u32 },
       { #[memstate(default)] z: u64, a: u32, #[memstate(default = five())] b: u32 },
    gives "Part { z: 0, a: 7, b: 5 }");
change!(added_option: { a: u32 = 7 } => { b: Option<String>, a: u32 }, { b: Option<String>, a: u32 },
    gives "Part { b: None, a: 7 }");
change!(removed: { a: u32 = 7, b: String = "x".to_owned(), c: bool = true } => { a: u32, c: bool }, { a: u32, c: bool },
    gives "Part { a: 7, c: true }");
change!(widened: { a: u32 = 300, b: i8 = -7, c: f32 = 1.5, d: u8 = 200, e: char = 'ß' }
    => { a: u64, b: i64, c: f64, d: i16, e: String }, { a: u64, b: i64, c: f64, d: i16, e: String },
    gives r#"Part { a: 300, b: -7, c: 1.5, d: 200, e: "ß" }"#);
change!(made_optional: { a: u32 = 7, b: String = "x".to_owned() } => { a: Option<u32>, b: Option<String> }, { a: Option<u32>, b: Option<String> },
    gives r#"Part { a: Some(7), b: Some("x") }"#);
change!(variant_added: { a: Color = Color::Green } => { a: more::Color }, { a: more::Color },
    gives "Part { a: Green }");
change!(renamed_with_an_alias: { a: u32 = 7, b: String = "x".to_owned() }
    => { #[serde(alias = "b")] text: String, #[serde(alias = "other", alias = "a")] number: u32 },
       { #[memstate(was = "b")] text: String, #[memstate(was = "other", was = "a")] number: u32 },
    gives r#"Part { text: "x", number: 7 }"#);
change!(wrapped: { a: u32 = 7 } => { a: Meters }, { a: Meters }, gives "Part { a: Meters(7) }");
change!(unwrapped: { a: Meters = Meters(7) } => { a: u32 }, { a: u32 }, gives "Part { a: 7 }");
change!(narrowed_and_it_fits: { a: u64 = 255, b: i32 = 5, c: Option<u8> = Some(1) }
    => { a: u8, b: u32, c: u8 }, { a: u8, b: u32, c: u8 }, gives "Part { a: 255, b: 5, c: 1 }");
change!(variant_removed_and_not_used: { a: Color = Color::Green } => { a: more::Fewer }, { a: more::Fewer },
    gives "Part { a: Green }");
change!(several_at_once: { a: u32 = 7, gone: Option<Vec<String>> = Some(vec!["y".to_owned()]), c: (u8, char) = (1, 'c') }
    => { #[serde(default)] new: Option<bool>, c: (u16, String), #[serde(alias = "a")] renamed: Option<u64> },
       { new: Option<bool>, c: (u16, String), #[memstate(was = "a")] renamed: Option<u64> },
    gives r#"Part { new: None, c: (1, "c"), renamed: Some(7) }"#);

change!(narrowed_and_it_does_not_fit: { a: u64 = 256 } => { a: u8 }, { a: u8 }, reports Reported {
    of_commands: &[
        "command `take`, argument `a`: 256 does not fit u8 (it was `u64` and is `u8`); one record, at position 1",
        "command `take_nested`, argument `order.lines[].1.a`: 256 does not fit u8 (it was `u64` and is `u8`); one record, at position 2",
        "command `take_kind`, argument `kind::Holding.a`: 256 does not fit u8 (it was `u64` and is `u8`); one record, at position 3",
    ],
    of_state: &[
        "the state, `seen[].a`: 256 does not fit u8 (it was `u64` and is `u8`)",
    ],
});
change!(signed_and_it_does_not_fit: { a: i64 = -1 } => { a: u64 }, { a: u64 }, reports Reported {
    of_commands: &[
        "command `take`, argument `a`: -1 does not fit u64 (it was `i64` and is `u64`); one record, at position 1",
        "command `take_nested`, argument `order.lines[].1.a`: -1 does not fit u64 (it was `i64` and is `u64`); one record, at position 2",
        "command `take_kind`, argument `kind::Holding.a`: -1 does not fit u64 (it was `i64` and is `u64`); one record, at position 3",
    ],
    of_state: &[
        "the state, `seen[].a`: -1 does not fit u64 (it was `i64` and is `u64`)",
    ],
});
change!(made_mandatory_and_it_is_none: { a: Option<u32> = None } => { a: u32 }, { a: u32 }, reports Reported {
    of_commands: &[
        "command `take`, argument `a`: none was written, and u32 is wanted; make it an `Option` again (it was `Option<u32>` and is `u32`); one record, at position 1",
        "command `take_nested`, argument `order.lines[].1.a`: none was written, and u32 is wanted; make it an `Option` again (it was `Option<u32>` and is `u32`); one record, at position 2",
        "command `take_kind`, argument `kind::Holding.a`: none was written, and u32 is wanted; make it an `Option` again (it was `Option<u32>` and is `u32`); one record, at position 3",
    ],
    of_state: &[
        "the state, `seen[].a`: none was written, and u32 is wanted; make it an `Option` again (it was `Option<u32>` and is `u32`)",
    ],
});
change!(variant_removed_and_used: { a: Color = Color::Red } => { a: more::Fewer }, { a: more::Fewer }, reports Reported {
    of_commands: &[
        "command `take`, argument `a::Red`: this variant was written, and the enum has it no more (it was `()`); one record, at position 1",
        "command `take_nested`, argument `order.lines[].1.a::Red`: this variant was written, and the enum has it no more (it was `()`); one record, at position 2",
        "command `take_kind`, argument `kind::Holding.a::Red`: this variant was written, and the enum has it no more (it was `()`); one record, at position 3",
    ],
    of_state: &[
        "the state, `seen[].a::Red`: this variant was written, and the enum has it no more (it was `()`)",
    ],
});
change!(added_without_a_default: { a: u32 = 7 } => { a: u32, b: u32 }, { a: u32, b: u32 }, reports Reported {
    of_commands: &[
        "the state, `Part.b`: is new, and has no default (it is `u32`)",
        "the state, `Kind::Holding.b`: is new, and has no default (it is `u32`)",
        "command `take`, argument `b`: the argument is new, and what was written has no value for it (it is `u32`); one record, at position 1",
        "command `take_nested`, argument `order: Part.b`: is new, and has no default (it is `u32`); one record, at position 2",
        "command `take_kind`, argument `kind: Kind::Holding.b`: is new, and has no default (it is `u32`); one record, at position 3",
    ],
    of_state: &[
        "the state, `Part.b`: is new, and has no default (it is `u32`)",
        "the state, `Kind::Holding.b`: is new, and has no default (it is `u32`)",
    ],
});
change!(of_another_type: { a: u32 = 7 } => { a: String }, { a: String }, reports Reported {
    of_commands: &[
        "the state, `Part.a`: is of another type (it was `u32` and is `String`)",
        "the state, `Kind::Holding.a`: is of another type (it was `u32` and is `String`)",
        "command `take`, argument `a`: is of another type (it was `u32` and is `String`); one record, at position 1",
        "command `take_nested`, argument `order: Part.a`: is of another type (it was `u32` and is `String`); one record, at position 2",
        "command `take_kind`, argument `kind: Kind::Holding.a`: is of another type (it was `u32` and is `String`); one record, at position 3",
    ],
    of_state: &[
        "the state, `Part.a`: is of another type (it was `u32` and is `String`)",
        "the state, `Kind::Holding.a`: is of another type (it was `u32` and is `String`)",
    ],
});
change!(renamed_without_an_alias: { a: u32 = 7 } => { b: u32 }, { b: u32 }, reports Reported {
    of_commands: &[
        "the state, `Part.b`: is new, and has no default (it is `u32`)",
        "the state, `Kind::Holding.b`: is new, and has no default (it is `u32`)",
        "command `take`, argument `b`: the argument is new, and what was written has no value for it (it is `u32`); one record, at position 1",
        "command `take_nested`, argument `order: Part.b`: is new, and has no default (it is `u32`); one record, at position 2",
        "command `take_kind`, argument `kind: Kind::Holding.b`: is new, and has no default (it is `u32`); one record, at position 3",
    ],
    of_state: &[
        "the state, `Part.b`: is new, and has no default (it is `u32`)",
        "the state, `Kind::Holding.b`: is new, and has no default (it is `u32`)",
    ],
});
