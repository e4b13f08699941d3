//! [`Code`]: what carriers, airports and aircraft go by.

use std::{fmt, str::FromStr};

use memstate::{State, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A carrier's, an airport's or an aircraft's short name: `UA`, `JFK`, `N14228`.
///
/// Six bytes in place of a `String`, because every flight holds four of them. It is written as a string, so that the
/// journal stays readable; and as its serialization is its own, so is its `State`: for a value that is `Copy`, the
/// saved value is the value.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code([u8; Code::LENGTH_MAX]);

impl Code {
    const LENGTH_MAX: usize = 6;

    /// The code as text.
    pub fn as_str(&self) -> &str {
        let length = self.0.iter().position(|&byte| byte == 0).unwrap_or(Self::LENGTH_MAX);
        str::from_utf8(&self.0[..length]).expect("a code is ASCII")
    }
}

/// Why a text is no code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a code of one to six letters and digits")]
pub struct NoCode(String);

impl FromStr for Code {
    type Err = NoCode;

    fn from_str(text: &str) -> Result<Self, NoCode> {
        let fits = (1..=Self::LENGTH_MAX).contains(&text.len());
        if !fits || !text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(NoCode(text.to_owned()));
        }
        let mut bytes = [0; Self::LENGTH_MAX];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Code(bytes))
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl serde::de::Visitor<'_> for Text {
            type Value = Code;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a code of one to six letters and digits")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Code, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text).map_err(D::Error::custom)
    }
}

impl State for Code {
    type Saved = Code;

    fn save(&self) -> Code {
        *self
    }

    fn restore(saved: Code) -> Code {
        saved
    }

    fn visit(&mut self, _: &mut Visitor) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_one_to_six_letters_and_digits() {
        assert_eq!("N14228".parse::<Code>().unwrap().as_str(), "N14228");
        assert_eq!(format!("[{:<4}]", "UA".parse::<Code>().unwrap()), "[UA  ]");
        for text in ["", "N142281", "J K", "Zürich"] {
            assert_eq!(text.parse::<Code>(), Err(NoCode(text.to_owned())));
        }
    }
}
