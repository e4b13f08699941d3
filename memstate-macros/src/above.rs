//! Derives above our attribute. They have run when it runs, on the item as it was, and are no more to be seen: rustc would say
//! once for each trait that there are two implementations. So the file is read, where that can be, to say what to type.

use proc_macro2::{Ident, Span, TokenStream};
use syn::{Attribute, parse::Parser};

use crate::{attr, errors::Errors};

/// What the derives above the attribute that is expanded derive of `written`, which our attribute writes
/// for `item` itself.
pub fn derived(item: &Ident, attribute: &str, written: &[&str], errors: &mut Errors) -> Vec<String> {
    let names = before_this().map(|before| derived_in(&before)).unwrap_or_default();
    let of_ours: Vec<String> =
        names.iter().filter(|name| written.iter().any(|ours| name == ours)).cloned().collect();
    if !of_ours.is_empty() {
        let (all, ours) = (names.join(", "), of_ours.join("`, `"));
        errors.at_span(
            // With the user's own mark, so that no macro is said to be the origin.
            Span::call_site().resolved_at(item.span()),
            format!("`#[derive({all})]` stands above `#[memstate::{attribute}]`"),
            &format!(
                "what stands above has run already, so that there would be two implementations of `{ours}`"
            ),
            &format!("put `#[memstate::{attribute}]` above `#[derive({all})]`"),
        );
    }
    of_ours
}

/// The text of the file up to the attribute.
fn before_this() -> Option<String> {
    if !proc_macro::is_available() {
        return None;
    }
    let place = Span::call_site().unwrap();
    let source = std::fs::read_to_string(place.local_file()?).ok()?;
    let mut lines = source.split_inclusive('\n');
    let mut before: String = lines.by_ref().take(place.line().checked_sub(1)?).collect();
    before.extend(lines.next()?.chars().take(place.column().checked_sub(1)?));
    Some(before)
}

/// What is derived by the attributes that a text ends with.
fn derived_in(before: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (start, _) in before.rmatch_indices("#[derive") {
        let line = before[..start].rsplit('\n').next().unwrap_or_default();
        if line.contains("//") {
            continue;
        }
        let Some(attrs) = attributes(&before[start..]) else { break };
        names = attr::derived(&attrs);
    }
    names
}

/// A text that is nothing but attributes.
fn attributes(text: &str) -> Option<Vec<Attribute>> {
    let tokens: TokenStream = text.parse().ok()?;
    Attribute::parse_outer.parse2(tokens).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_derives_right_above_are_found() {
        for (before, names) in [
            ("struct A;\n#[derive(Clone)]\n", &["Clone"][..]),
            (
                "/// Is Clone; and\n#[derive(Debug, serde::Serialize)] // for all\n/// more;\n#[doc = \"x\"] ",
                &["Debug", "Serialize"],
            ),
            ("#[derive(Debug)]\n/* between */ #[derive(Clone)]\n", &["Debug", "Clone"]),
            ("mod m { #[derive(Clone)]", &["Clone"]),
            ("#[derive(Clone)] struct A;", &[]),
            ("#[derive(Clone)] struct A { #[derive", &[]),
            ("// #[derive(Clone)]\n", &[]),
            ("/* #[derive(Clone)] */ ", &[]),
            ("/*\n#[derive(Clone)]\n*/\n", &[]),
            ("/// As with `#[derive(Clone)]`\n", &[]),
            ("#[derive(Debug)]\n// #[derive(Clone)]\n", &["Debug"]),
            ("#[doc = \"\n#[derive(Clone)]\n\"]", &[]),
            ("\"#[derive(Clone)]\"", &[]),
            ("", &[]),
        ] {
            assert_eq!(derived_in(before), names, "{before}");
        }
    }
}
