//! The blocks in a file: which of them stand in the same module or function.

use std::hash::{DefaultHasher, Hash, Hasher};

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};

use crate::{check::name_of, module::Tokens};

/// A block under `#[memstate::model]`.
pub struct Found {
    /// The braces that it stands in, which are numbered.
    scope: usize,
    fingerprint: Fingerprint,
    /// It is there under a condition only.
    conditional: bool,
    /// The struct that it is of, by the last part of its path.
    pub model: Option<Ident>,
}

/// Whether two blocks are certainly two, and in one place.
pub fn stand_together(blocks: &[Found], one: Fingerprint, other: Fingerprint) -> bool {
    let with = |fingerprint| -> Vec<&Found> {
        blocks.iter().filter(|block| block.fingerprint == fingerprint).collect()
    };
    let pair = match (with(one).as_slice(), with(other).as_slice()) {
        ([one], [other]) if one.fingerprint != other.fingerprint => [*one, *other],
        ([one, other], [_, _]) if one.fingerprint == other.fingerprint => [*one, *other],
        _ => return false,
    };
    pair[0].scope == pair[1].scope && pair.iter().all(|block| !block.conditional)
}

/// All blocks of a file. `None` if it cannot be read.
pub fn blocks(source: &str) -> Option<Vec<Found>> {
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    let is_script = source.starts_with("#!") && !source[2..].trim_start().starts_with('[');
    let source = if is_script { source.split_once('\n')?.1 } else { source };
    let mut found = Vec::new();
    scan(source.parse().ok()?, 0, &mut 0, &mut found);
    Some(found)
}

fn scan(tokens: TokenStream, scope: usize, last: &mut usize, found: &mut Vec<Found>) {
    let mut tokens = Tokens::of(tokens);
    // What is given to a macro may end up anywhere.
    let mut in_macro = false;
    while !tokens.is_empty() {
        if let Some((attributes, block)) = tokens.attributed_block() {
            if attributes.has_macro("model") {
                let conditional = attributes.has("cfg") || attributes.has("cfg_attr");
                let (fingerprint, model) = (Fingerprint::of(&block), name_of(&block));
                found.push(Found { scope, fingerprint, conditional, model });
            }
            inside(block, scope, last, found);
            continue;
        }
        match tokens.next() {
            Some(TokenTree::Group(_)) if in_macro => in_macro = false,
            Some(TokenTree::Group(group)) => inside(TokenTree::from(group).into(), scope, last, found),
            // The name of a `macro_rules!`.
            Some(TokenTree::Ident(_)) if in_macro => {}
            Some(TokenTree::Punct(punct)) => in_macro = punct.as_char() == '!',
            _ => in_macro = false,
        }
    }
}

/// Looks into the groups.
fn inside(tokens: TokenStream, scope: usize, last: &mut usize, found: &mut Vec<Found>) {
    for token in tokens {
        let TokenTree::Group(group) = token else { continue };
        let mut within = scope;
        if group.delimiter() == Delimiter::Brace {
            *last += 1;
            within = *last;
        }
        scan(group.stream(), within, last, found);
    }
}

/// What a block says, the same for a block that a macro is given and for one that is read from a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(u64);

impl Fingerprint {
    pub fn of(item: &TokenStream) -> Self {
        let mut tokens = Tokens::of(item.clone());
        tokens.attributes();
        let mut text = String::new();
        write(tokens.into_stream(), &mut text);
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        Fingerprint(hasher.finish())
    }
}

fn write(tokens: TokenStream, text: &mut String) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::None => ("", ""),
                };
                text.push_str(open);
                write(group.stream(), text);
                text.push_str(close);
            }
            TokenTree::Punct(punct) => text.push(punct.as_char()),
            word => {
                text.push_str(&word.to_string());
                text.push(' ');
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the blocks `impl A { a }` and `impl A { b }` of a file stand together.
    fn together(source: &str) -> bool {
        let blocks = blocks(source).unwrap_or_else(|| panic!("{source}"));
        stand_together(&blocks, fingerprint("impl A { a }"), fingerprint("impl A { b }"))
    }

    fn fingerprint(block: &str) -> Fingerprint {
        Fingerprint::of(&block.parse().unwrap_or_else(|error| panic!("{error}")))
    }

    #[test]
    fn two_blocks_of_one_module_or_function_stand_together() {
        for source in [
            "#[model] impl A { a } #[memstate::model] impl A{b}",
            "#!/bin/rust\nuse x; mod m { struct A; #[model(x)] #[allow(y)] impl A { a } fn c() {} #[doc = \"x\"] #[model] impl A { b } }",
            "impl B { fn f(&self) { loop { #[model] impl A { a } #[model] impl A { b } } } }",
            "#![allow(x)] /// Docs.\n#[model] /// More.\nimpl A { a } const C: bool = !false; #[model] impl A { b }",
        ] {
            assert!(together(source), "{source}");
        }
    }

    #[test]
    fn others_may_belong_to_two_structs_or_not_be_there_both() {
        for source in [
            "mod m { #[model] impl A { a } } mod n { #[model] impl A { b } }",
            "mod m { #[model] impl A { a } } #[model] impl A { b }",
            "fn f() { #[model] impl A { a } { #[model] impl A { b } } }",
            "#[model] impl A { a } impl A { b }",
            "#[model] impl A { a } #[inline] impl A { b }",
            "#[model] impl A { a }",
            "#[cfg(x)] #[model] impl A { a } #[cfg(not(x))] #[model] impl A { b }",
            "put! { #[model] impl A { a } } put! { #[model] impl A { b } }",
            "put! { #[model] impl A { a } #[model] impl A { b } }",
            "macro_rules! m { () => { #[model] impl A { a } #[model] impl A { b } } }",
            "#[model] impl A { a } #[model] impl A { b } mod m { #[model] impl A { b } }",
        ] {
            assert!(!together(source), "{source}");
        }
    }

    #[test]
    fn two_blocks_may_say_the_same() {
        let block = fingerprint("impl A { a }");
        let same = |source: &str| stand_together(&blocks(source).unwrap(), block, block);
        assert!(same("#[model] impl A { a } #[model] impl A { a }"));
        assert!(!same("#[model] impl A { a }"));
        assert!(!same("#[model] impl A { a } mod m { #[model] impl A { a } }"));
    }
}
