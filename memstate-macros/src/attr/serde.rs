//! serde's attributes, of which some cannot be read back from postcard's format.

use std::collections::HashMap;

use quote::ToTokens;
use syn::{Attribute, LitStr, Meta, Token, meta::ParseNestedMeta, punctuated::Punctuated};

use super::skip_value;
use crate::errors::Errors;

/// Those that cannot, and why.
const UNREADABLE: &[(&str, &str)] = &[
    ("flatten", "it needs a format that names its fields"),
    ("untagged", "it needs a format that says what comes next"),
    ("tag", "it needs a format that names its fields"),
    ("content", "it needs a format that names its fields"),
    ("field_identifier", "it is read as the name of a field, and names are not written"),
    ("variant_identifier", "it is read as the name of a variant, and names are not written"),
    (
        "skip_serializing_if",
        "what is left out is not missed when it is read, so the next field is read in its place",
    ),
    (
        "skip_serializing",
        "what is left out is not missed when it is read, so the next field is read in its place",
    ),
    ("skip_deserializing", "what is not read is read as the next field"),
    (
        "skip",
        "what is left out is lost, so that a snapshot would bring back another state than the journal does",
    ),
    ("getter", "it writes what a function gives, and reads a field"),
];

/// Those that leave out a variant, and why they cannot.
const LEFT_OUT: &[&str] = &["skip", "skip_serializing", "skip_deserializing"];
const UNEQUAL: &str = "variants are written by their number, and one that is left out is counted only when they are written or only when \
     they are read, so another variant would be read in its place";

/// Those of which one says how a value is written and the other how it is read.
const PAIRS: &[(&str, &[&str])] = &[
    ("serialize_with", &["deserialize_with", "with"]),
    ("deserialize_with", &["serialize_with", "with"]),
    ("into", &["from", "try_from"]),
    ("from", &["into"]),
    ("try_from", &["into"]),
];

/// Those that may give two names, one to write and one to read.
const NAMES: &[&str] = &["rename", "rename_all", "rename_all_fields"];

/// Refuses what postcard cannot read back; gives the names of the other keys, and `attr` without the refused ones.
pub fn keys(attrs: &mut Vec<Attribute>, errors: &mut Errors) -> Vec<String> {
    keys_but(attrs, |_| None, errors)
}

/// [`keys`] of a variant.
pub fn keys_of_variant(attrs: &mut Vec<Attribute>, errors: &mut Errors) -> Vec<String> {
    keys_but(attrs, |name| LEFT_OUT.contains(&name).then_some(UNEQUAL), errors)
}

/// [`keys`], where another reason for a refusal may be known.
fn keys_but(
    attrs: &mut Vec<Attribute>,
    reason: impl Fn(&str) -> Option<&'static str>,
    errors: &mut Errors,
) -> Vec<String> {
    let mut found: Vec<(String, syn::Path)> = Vec::new();
    let mut refused = Vec::new();
    let ours = attrs.iter().enumerate().flat_map(|(number, attr)| {
        let conditional = attr.path().is_ident("cfg_attr");
        in_attribute(attr).into_iter().map(move |attr| (number, conditional, attr))
    });
    for (number, conditional, attr) in ours {
        let _ = attr.parse_nested_meta(|meta| {
            let name = meta.path.to_token_stream().to_string();
            if let Some((_, why)) = UNREADABLE.iter().find(|(unreadable, _)| *unreadable == name) {
                let why = format!("they are written in postcard's format: {}", reason(&name).unwrap_or(why));
                refuse(&meta.path, &why, REMOVE, errors);
                refused.push(number);
            }
            if !conditional {
                found.push((name.clone(), meta.path.clone()));
            }
            match meta.input.peek(syn::token::Paren) && NAMES.contains(&name.as_str()) {
                true => names(&meta, errors),
                false => {
                    skip_value(meta.input);
                    Ok(())
                }
            }
        });
    }
    let names: Vec<String> = found.iter().map(|(name, _)| name.clone()).collect();
    for (name, path) in &found {
        let pair = PAIRS.iter().find(|(one, _)| one == name);
        let Some((_, others)) = pair else { continue };
        if !others.iter().any(|other| names.iter().any(|name| name == other)) {
            let why = format!(
                "it says how a value is {}",
                if writes(name) {
                    "written, and not how it is read"
                } else {
                    "read, and not how it is written"
                }
            );
            refuse(path, &why, &format!("add `{}`", others[0]), errors);
        }
    }
    let mut number = 0;
    attrs.retain(|_| {
        number += 1;
        !refused.contains(&(number - 1))
    });
    names
}

/// The attributes of serde in one attribute, which may be a `cfg_attr`.
fn in_attribute(attr: &Attribute) -> Vec<Attribute> {
    if attr.path().is_ident("serde") {
        return vec![attr.clone()];
    }
    if !attr.path().is_ident("cfg_attr") {
        return Vec::new();
    }
    let metas = attr.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated).unwrap_or_default();
    let of_serde = metas.into_iter().skip(1).filter(|meta| meta.path().is_ident("serde"));
    of_serde.map(|meta| syn::parse_quote!(#[#meta])).collect()
}

const REMOVE: &str = "remove it, or give the type its own `Serialize` and `Deserialize`";

fn refuse(place: &syn::Path, why: &str, help: &str, errors: &mut Errors) {
    let name = place.to_token_stream();
    errors.at(
        place,
        format!("`#[serde({name})]` cannot be read back from a snapshot or a journal"),
        why,
        help,
    );
}

fn writes(name: &str) -> bool {
    matches!(name, "serialize_with" | "into")
}

/// `rename(serialize = "a", deserialize = "b")`.
fn names(meta: &ParseNestedMeta<'_>, errors: &mut Errors) -> syn::Result<()> {
    let mut names = HashMap::new();
    meta.parse_nested_meta(|side| {
        side.input.parse::<Token![=]>()?;
        let name: LitStr = side.input.parse()?;
        names.insert(side.path.to_token_stream().to_string(), name.value());
        Ok(())
    })?;
    if names.get("serialize") != names.get("deserialize") {
        let why = "a journal says what its types look like by the names that they are read under, so what is written \
                   must have the same";
        refuse(&meta.path, why, "give one name; for old ones there is `alias`", errors);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    fn read(attrs: &mut Vec<Attribute>) -> (Vec<String>, Vec<String>) {
        let mut errors = Errors::default();
        let names = keys(attrs, &mut errors);
        (names, errors.texts())
    }

    #[test]
    fn keys_that_cannot_be_read_back_are_refused_one_by_one() {
        let mut attrs: Vec<Attribute> =
            vec![parse_quote!(#[serde(rename = "a", flatten)]), parse_quote!(#[serde(default)])];
        let (names, errors) = read(&mut attrs);
        assert_eq!(names, ["rename", "flatten", "default"]);
        assert_eq!((attrs.len(), errors.len()), (1, 1));
    }

    #[test]
    fn a_variant_that_is_left_out_is_refused_for_its_own_reason() {
        for name in LEFT_OUT {
            let name = syn::Ident::new(name, proc_macro2::Span::call_site());
            let (mut attrs, mut errors) = (vec![parse_quote!(#[serde(#name)])], Errors::default());
            keys_of_variant(&mut attrs, &mut errors);
            assert!(attrs.is_empty());
            let texts = errors.texts();
            assert!(texts.len() == 1 && texts[0].contains(UNEQUAL), "{texts:?}");
        }
    }

    #[test]
    fn what_is_written_in_one_way_must_be_read_in_it() {
        for (attr, mistakes) in [
            (parse_quote!(#[serde(serialize_with = "a")]), 1),
            (parse_quote!(#[serde(deserialize_with = "a::b")]), 1),
            (parse_quote!(#[serde(serialize_with = "a", deserialize_with = "b")]), 0),
            (parse_quote!(#[serde(with = "a")]), 0),
            (parse_quote!(#[serde(into = "A")]), 1),
            (parse_quote!(#[serde(try_from = "A")]), 1),
            (parse_quote!(#[serde(into = "A", try_from = "A", bound(serialize = "T: A"))]), 0),
            (parse_quote!(#[serde(rename(serialize = "a", deserialize = "b"))]), 1),
            (parse_quote!(#[serde(rename(serialize = "a"), alias = "c")]), 1),
            (parse_quote!(#[serde(rename_all(serialize = "a", deserialize = "a"), other)]), 0),
        ] {
            let attr: Attribute = attr;
            let text = attr.to_token_stream();
            let (_, errors) = read(&mut vec![attr]);
            assert_eq!(errors.len(), mistakes, "{text}: {errors:?}");
        }
    }

    #[test]
    fn what_stands_under_a_condition_is_read_too() {
        let mut attrs: Vec<Attribute> = vec![
            parse_quote!(#[cfg_attr(feature = "a", serde(default, skip), doc = "x")]),
            parse_quote!(#[cfg_attr(all(a, b), serde(rename = "b"))]),
        ];
        let (names, errors) = read(&mut attrs);
        assert_eq!((names.len(), errors.len(), attrs.len()), (0, 1, 1));
    }

    #[test]
    fn a_pair_may_stand_in_two_attributes() {
        let mut attrs: Vec<Attribute> =
            vec![parse_quote!(#[serde(from = "A")]), parse_quote!(#[serde(into = "A")])];
        assert!(read(&mut attrs).1.is_empty());
    }
}
