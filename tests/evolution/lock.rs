//! A schema in a file.

use std::{panic::catch_unwind, path::Path};

use memstate::{Model, testing::schema::compare};

mod first {
    #[memstate::model]
    #[derive(Debug, Default)]
    pub struct Shop {
        pub sold: u64,
        pub names: memstate::collections::BTreeMap<u8, String>,
    }

    #[memstate::model]
    impl Shop {
        pub fn sell(&mut self, pieces: u64) -> Result<u8, String> {
            self.sold += pieces;
            Ok(1)
        }

        pub fn rename(&mut self, number: u8, name: String) {
            self.names.insert(number, name);
        }

        pub fn old(&mut self) {}
    }
}

mod second {
    #[memstate::model]
    #[derive(Debug, Default)]
    pub struct Shop {
        pub sold: u32,
        pub names: memstate::collections::BTreeMap<u8, u64>,
        #[serde(default)]
        pub closed: bool,
    }

    #[memstate::model]
    impl Shop {
        pub fn sell(&mut self, pieces: u64, to: String) -> Result<u8, String> {
            let _ = to;
            self.sold += pieces as u32;
            Ok(1)
        }

        #[memstate(was = "rename")]
        pub fn call(&mut self, number: u16, name: String) {
            let _ = (number, name);
        }

        #[memstate(client = "close_shop")]
        pub fn close(&mut self) {}
    }
}

fn said<M: Model>(dir: &Path) -> Option<String> {
    let folder = dir.to_str().unwrap();
    let panic = catch_unwind(|| compare::<M>(folder, "shop.schema")).err()?;
    Some(*panic.downcast::<String>().expect("it is a sentence"))
}

memstate::testing::schema_lock!(first::Shop, "golden/shop.schema");

#[test]
fn a_schema_is_written_once_and_then_compared() {
    let dir = tempfile::tempdir().unwrap();
    let wrote = said::<first::Shop>(dir.path()).expect("a new file has to be looked at");
    assert!(wrote.contains("shop.schema was not there and is written now"), "{wrote}");
    assert_eq!(said::<first::Shop>(dir.path()), None);
    let text = std::fs::read_to_string(dir.path().join("shop.schema")).unwrap();
    assert!(text.contains("command sell(pieces: u64) -> Result<u8, String>"), "{text}");
    assert!(text.contains("struct Shop {\n    sold: u64,\n    names: Map<u8, String>,\n}"), "{text}");
}

#[test]
fn a_difference_is_told_with_its_class() {
    let dir = tempfile::tempdir().unwrap();
    said::<first::Shop>(dir.path()).unwrap();
    let report = said::<second::Shop>(dir.path()).expect("it differs");
    for line in [
        "  checked: the state, `Shop.sold`",
        "  breaking: the state, `Shop.names[]`",
        "  compatible: the state, `Shop.closed`",
        "  needs a default: command `sell`, `to`",
        "  compatible: command `rename`, `number`",
        "  compatible: command `rename`: the command has another name (it was `rename` and is `call`)",
        "  breaking: command `old`: the command is not in the code any more",
        "  compatible: command `close`: the command is new",
        "MEMSTATE_SCHEMA=overwrite cargo test",
    ] {
        assert!(report.contains(line), "{line} is not in:\n{report}");
    }
}

#[test]
fn a_file_that_was_edited_by_hand_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    said::<first::Shop>(dir.path()).unwrap();
    let file = dir.path().join("shop.schema");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("sell(pieces: u64)", "sell(pieces: u32)")).unwrap();
    let report = said::<first::Shop>(dir.path()).expect("it is refused");
    assert!(report.contains("do not belong together"), "{report}");
    std::fs::write(&file, text.replace('\n', "\r\n")).unwrap();
    assert_eq!(said::<first::Shop>(dir.path()), None, "line ends may be converted");
    std::fs::write(&file, &text[..text.len() - 20]).unwrap();
    assert!(said::<first::Shop>(dir.path()).is_some_and(|report| report.contains("cannot be read")));
}
