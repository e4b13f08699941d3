//! The user's item, handed back: all that is ours is taken out of it, and nothing else is touched.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// `item` without `#[memstate(…)]`, looking into braces that are at most `depth` deep: an `impl` block's methods
/// are one deep, and their bodies are the user's own.
pub fn without_helpers(item: TokenStream, depth: usize) -> TokenStream {
    let mut tokens = item.into_iter().peekable();
    let mut out = TokenStream::new();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(hash) if hash.as_char() == '#' && tokens.peek().is_some_and(is_helper) => {
                tokens.next();
            }
            TokenTree::Group(group) => {
                let depth_inside = match group.delimiter() {
                    Delimiter::Brace => depth.checked_sub(1),
                    Delimiter::Bracket => None,
                    Delimiter::Parenthesis | Delimiter::None => Some(depth),
                };
                out.extend([TokenTree::Group(match depth_inside {
                    Some(depth) => {
                        let mut inside =
                            Group::new(group.delimiter(), without_helpers(group.stream(), depth));
                        inside.set_span(group.span());
                        inside
                    }
                    None => group,
                })]);
            }
            other => out.extend([other]),
        }
    }
    out
}

fn is_helper(token: &TokenTree) -> bool {
    let TokenTree::Group(group) = token else { return false };
    let mut inside = group.stream().into_iter();
    // What a macro has taken as `$attribute:meta` it gives on in a group without delimiters.
    if let Some(TokenTree::Group(meta)) = group.stream().into_iter().next()
        && meta.delimiter() == Delimiter::None
    {
        inside = meta.stream().into_iter();
    }
    let is_attribute = group.delimiter() == Delimiter::Bracket;
    let (name, arguments) = (inside.next(), inside.next());
    let (Some(TokenTree::Ident(name)), true) = (name, is_attribute) else { return false };
    match arguments {
        // One under a condition has been refused.
        Some(TokenTree::Group(arguments)) if name == "cfg_attr" => is_among(arguments.stream()),
        None | Some(TokenTree::Group(_)) => name == "memstate",
        Some(_) => false,
    }
}

/// Whether one of the attributes under a condition is ours.
fn is_among(arguments: TokenStream) -> bool {
    let tokens: Vec<_> = arguments.into_iter().collect();
    tokens.windows(3).any(|tokens| match tokens {
        [TokenTree::Punct(comma), TokenTree::Ident(name), TokenTree::Group(_)] => {
            comma.as_char() == ',' && name == "memstate"
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    #[test]
    fn helpers_are_taken_out_of_an_impl_but_not_out_of_its_bodies() {
        let item = quote! {
            #[doc = "x"] impl A { #[memstate(skip)] #[inline] fn a(#[memstate(b)] &self) { #[memstate(mine)] let a; } }
        };
        let expected = quote! { #[doc = "x"] impl A { #[inline] fn a(&self) { #[memstate(mine)] let a; } } };
        assert_eq!(without_helpers(item, 1).to_string(), expected.to_string());
    }

    #[test]
    fn helpers_that_a_macro_has_passed_on_are_taken_out_too() {
        let meta = TokenTree::Group(Group::new(Delimiter::None, quote!(memstate(default = 5))));
        let doc = TokenTree::Group(Group::new(Delimiter::None, quote!(doc = "x")));
        let item = quote! { impl A { fn a(#[#meta] b: u8, #[#doc] c: u8) {} } };
        let expected = quote! { impl A { fn a(b: u8, #[#doc] c: u8) {} } };
        assert_eq!(without_helpers(item, 1).to_string(), expected.to_string());
    }

    #[test]
    fn helpers_under_a_condition_are_taken_out_too() {
        let item = quote! { impl A { #[cfg_attr(a, inline, memstate(skip))] fn a() {} #[cfg_attr(b, memstate::x(y))] fn b() {} } };
        let expected = quote! { impl A { fn a() {} #[cfg_attr(b, memstate::x(y))] fn b() {} } };
        assert_eq!(without_helpers(item, 1).to_string(), expected.to_string());
    }

    #[test]
    fn our_own_attribute_by_its_path_stays() {
        let item = quote! { #[memstate::data] struct A { #[memstate(clone)] a: u8, b: u8 } };
        let expected = quote! { #[memstate::data] struct A { a: u8, b: u8 } };
        assert_eq!(without_helpers(item, 2).to_string(), expected.to_string());
    }
}
