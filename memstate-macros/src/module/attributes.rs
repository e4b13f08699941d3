//! The attributes of an item, of which ours can be taken away.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Attribute, ext::IdentExt, parse::Parser};

/// Each as it was written, and read if it can be.
pub struct Attributes(Vec<(TokenStream, Option<Attribute>)>);

impl Attributes {
    /// `tokens` is nothing but `#[…]`s.
    pub fn of(tokens: TokenStream) -> Self {
        let mut tokens = tokens.into_iter();
        let mut attributes = Vec::new();
        while let (Some(hash), Some(brackets)) = (tokens.next(), tokens.next()) {
            let written: TokenStream = [hash, brackets].into_iter().collect();
            let read = Attribute::parse_outer.parse2(written.clone()).ok().and_then(|mut read| read.pop());
            attributes.push((written, read));
        }
        Attributes(attributes)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Attribute> {
        self.0.iter().filter_map(|(_, read)| read.as_ref())
    }

    /// Whether one is an attribute macro of that name, under whatever path.
    pub fn has_macro(&self, name: &str) -> bool {
        self.iter().any(|attribute| is_macro(attribute, name))
    }

    /// Whether one is `#[name…]`.
    pub fn has(&self, name: &str) -> bool {
        self.iter().any(|attribute| attribute.path().is_ident(name))
    }

    /// Takes those away that are the attribute macro `name`.
    pub fn take_macros(&mut self, name: &str) -> Vec<Attribute> {
        self.take(|attribute| is_macro(attribute, name))
    }

    /// Takes every `#[memstate(…)]` away.
    pub fn take_helpers(&mut self) -> Vec<Attribute> {
        self.take(|attribute| attribute.path().is_ident("memstate"))
    }

    /// Takes the key `name`, which has no value, out of every `#[memstate(…)]`; says whether it was there.
    pub fn take_key(&mut self, name: &str) -> bool {
        let mut found = false;
        self.0.retain_mut(|(written, read)| {
            let Some(attribute) = read.as_mut().filter(|attribute| attribute.path().is_ident("memstate"))
            else {
                return true;
            };
            let syn::Meta::List(list) = &mut attribute.meta else { return true };
            let Some(rest) = without_key(list.tokens.clone(), name) else { return true };
            found = true;
            list.tokens = rest;
            let keep = !list.tokens.is_empty();
            *written = attribute.to_token_stream();
            keep
        });
        found
    }

    fn take(&mut self, which: impl Fn(&Attribute) -> bool) -> Vec<Attribute> {
        let is_one = |read: &Option<Attribute>| read.as_ref().is_some_and(&which);
        let (taken, rest) = std::mem::take(&mut self.0).into_iter().partition(|(_, read)| is_one(read));
        self.0 = rest;
        taken.into_iter().filter_map(|(_, read)| read).collect()
    }
}

impl ToTokens for Attributes {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.extend(self.0.iter().map(|(written, _)| written.clone()));
    }
}

fn is_macro(attribute: &Attribute, name: &str) -> bool {
    attribute.path().segments.last().is_some_and(|last| last.ident.unraw() == name)
}

/// What is in an attribute's parentheses, in parentheses or not.
pub fn options(attribute: &Attribute) -> TokenStream {
    match &attribute.meta {
        syn::Meta::List(list) => list.tokens.clone(),
        _ => TokenStream::new(),
    }
}

/// The keys without one; `None` if it is not among them.
fn without_key(keys: TokenStream, name: &str) -> Option<TokenStream> {
    let mut tokens: Vec<TokenTree> = Vec::new();
    flatten(keys, &mut tokens);
    let is_comma = |token: Option<&TokenTree>| {
        token.is_none_or(|token| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ','))
    };
    let is_key = |token: &TokenTree| matches!(token, TokenTree::Ident(key) if *key == name);
    let place = (0..tokens.len()).find(|&place| {
        is_key(&tokens[place])
            && (place == 0 || is_comma(tokens.get(place - 1)))
            && is_comma(tokens.get(place + 1))
    })?;
    let end = (place + 2).min(tokens.len());
    tokens.drain(place..end);
    Some(tokens.into_iter().collect())
}

/// Opens groups without delimiters.
fn flatten(tokens: TokenStream, into: &mut Vec<TokenTree>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::None => flatten(group.stream(), into),
            token => into.push(token),
        }
    }
}
