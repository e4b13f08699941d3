//! The content of a `mod { … }`, split into items. Nothing is parsed that need not be: where an item ends can be told
//! from its first words, so bodies, and syntax that is newer than this crate, pass through as they are.

mod attributes;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use proc_macro2::{Delimiter, Group, Ident, Punct, Spacing, TokenStream, TokenTree};
use quote::ToTokens;

pub use attributes::{Attributes, options};

/// A module with its content.
pub struct Module {
    pub attributes: Attributes,
    /// All between them and the braces: visibility, `mod` and the name.
    head: TokenStream,
    pub name: Ident,
    body: Group,
    /// `#![…]`, which stand first.
    inner: TokenStream,
    pub items: Vec<Item>,
}

/// An item, in two parts.
pub struct Item {
    pub attributes: Attributes,
    /// All but the attributes.
    pub rest: TokenStream,
    pub kind: Kind,
}

/// What an item is, as far as anybody asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    Struct(Ident),
    /// An enum or a union, with its keyword, which have names as well.
    Other(Ident, Ident),
    Impl,
    /// Anything else.
    Rest,
}

impl Module {
    /// `None` if `item` has no content, as `mod bank;` has none.
    pub fn of(item: TokenStream) -> Option<Module> {
        let mut tokens = Tokens::of(item);
        let attributes = Attributes::of(tokens.attributes());
        let mut head = tokens.visibility();
        while let Some(TokenTree::Ident(word)) = tokens.next_flat() {
            head.extend([TokenTree::from(word.clone())]);
            if word == "mod" {
                break;
            }
        }
        let Some(TokenTree::Ident(name)) = tokens.next_flat() else { return None };
        name.to_tokens(&mut head);
        let Some(TokenTree::Group(body)) = tokens.next_flat() else { return None };
        let mut tokens = Tokens::of(body.stream());
        let inner = tokens.inner_attributes();
        let items = std::iter::from_fn(|| tokens.item()).collect();
        Some(Module { attributes, head, name, body, inner, items })
    }

    /// The module with other items in it.
    pub fn with(&self, items: impl IntoIterator<Item = TokenStream>) -> TokenStream {
        let mut content = self.inner.clone();
        content.extend(items);
        let mut body = Group::new(Delimiter::Brace, content);
        body.set_span(self.body.span());
        let mut module = self.attributes.to_token_stream();
        self.head.to_tokens(&mut module);
        body.to_tokens(&mut module);
        module
    }
}

impl ToTokens for Item {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.attributes.to_tokens(tokens);
        self.rest.to_tokens(tokens);
    }
}

/// How an item ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// At a `;` and nowhere else: braces are a value.
    Semicolon,
    /// At a `;`, or where something begins that is no part of a `use`. The `;` that is missing is said already, and it is put
    /// there, so that it is not said again and what follows exists.
    Use,
    /// At the first braces that are no part of a type, or at a `;` before them.
    Braces,
    /// At the first braces of all, or at a `;` before them.
    MacroCall,
}

/// Tokens that are taken from the front.
pub struct Tokens(VecDeque<TokenTree>);

impl Tokens {
    pub fn of(tokens: TokenStream) -> Self {
        Tokens(tokens.into_iter().collect())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn into_stream(self) -> TokenStream {
        self.0.into_iter().collect()
    }

    pub fn next(&mut self) -> Option<TokenTree> {
        self.0.pop_front()
    }

    /// An `impl` with attributes, if there is one here.
    pub fn attributed_block(&mut self) -> Option<(Attributes, TokenStream)> {
        let mut place = 0;
        while self.is_punct(place, '#') && self.is_group(place + 1, Delimiter::Bracket) {
            place += 2;
        }
        let keyword = if self.word(place).as_deref() == Some("unsafe") { place + 1 } else { place };
        if place == 0 || self.word(keyword).as_deref() != Some("impl") {
            return None;
        }
        let item = self.item()?;
        Some((item.attributes, item.rest))
    }

    /// Opens the groups without delimiters at the front: what a `macro_rules!` passes on as `$item:item` or `$vis:vis`
    /// is one.
    fn flatten(&mut self) {
        while let Some(TokenTree::Group(group)) = self.0.front()
            && group.delimiter() == Delimiter::None
        {
            let inside = group.stream();
            self.0.pop_front();
            for (place, token) in inside.into_iter().enumerate() {
                self.0.insert(place, token);
            }
        }
    }

    fn next_flat(&mut self) -> Option<TokenTree> {
        self.flatten();
        self.0.pop_front()
    }

    fn peek(&mut self) -> Option<&TokenTree> {
        self.flatten();
        self.0.front()
    }

    /// The word at a place behind what is flat already.
    fn word(&self, place: usize) -> Option<String> {
        match self.0.get(place) {
            Some(TokenTree::Ident(word)) => Some(word.to_string()),
            _ => None,
        }
    }

    fn is_punct(&self, place: usize, char: char) -> bool {
        matches!(self.0.get(place), Some(TokenTree::Punct(punct)) if punct.as_char() == char)
    }

    fn is_group(&self, place: usize, delimiter: Delimiter) -> bool {
        matches!(self.0.get(place), Some(TokenTree::Group(group)) if group.delimiter() == delimiter)
    }

    fn take(&mut self, count: usize) -> TokenStream {
        self.0.drain(..count.min(self.0.len())).collect()
    }

    fn inner_attributes(&mut self) -> TokenStream {
        let mut attributes = TokenStream::new();
        self.flatten();
        while self.is_punct(0, '#') && self.is_punct(1, '!') && self.is_group(2, Delimiter::Bracket) {
            attributes.extend(self.take(3));
            self.flatten();
        }
        attributes
    }

    pub fn attributes(&mut self) -> TokenStream {
        let mut attributes = TokenStream::new();
        self.flatten();
        while self.is_punct(0, '#') && self.is_group(1, Delimiter::Bracket) {
            attributes.extend(self.take(2));
            self.flatten();
        }
        attributes
    }

    /// `pub`, `pub(crate)` and their like.
    fn visibility(&mut self) -> TokenStream {
        self.flatten();
        match self.word(0).as_deref() {
            Some("pub") if self.is_group(1, Delimiter::Parenthesis) => self.take(2),
            Some("pub") => self.take(1),
            _ => TokenStream::new(),
        }
    }

    fn item(&mut self) -> Option<Item> {
        self.peek()?;
        let attributes = Attributes::of(self.attributes());
        let mut rest = self.visibility();
        self.flatten();
        let (kind, end) = self.kind();
        self.rest(end, &mut rest);
        Some(Item { attributes, rest, kind })
    }

    /// What begins here, behind the visibility.
    fn kind(&self) -> (Kind, End) {
        if self.is_macro_call() {
            return (Kind::Rest, End::MacroCall);
        }
        let mut place = 0;
        while let Some(word) = self.word(place) {
            let next = self.word(place + 1);
            match (word.as_str(), &next) {
                ("struct", _) => return (self.named(place, None), End::Braces),
                ("enum", _) | ("union", Some(_)) => return (self.named(place, Some(place)), End::Braces),
                ("impl", _) => return (Kind::Impl, End::Braces),
                ("const", Some(next)) if is_qualified(next) => {}
                ("use", _) => return (Kind::Rest, End::Use),
                ("type" | "static" | "const", _) => return (Kind::Rest, End::Semicolon),
                ("unsafe" | "default" | "async" | "auto" | "safe" | "gen", _) => {}
                _ => break,
            }
            place += 1;
        }
        (Kind::Rest, End::Braces)
    }

    fn named(&self, keyword: usize, other: Option<usize>) -> Kind {
        let ident = |place: usize| match self.0.get(place) {
            Some(TokenTree::Ident(word)) => Some(word.clone()),
            _ => None,
        };
        match (ident(keyword + 1), other.and_then(ident)) {
            (Some(name), Some(keyword)) => Kind::Other(keyword, name),
            (Some(name), None) => Kind::Struct(name),
            _ => Kind::Rest,
        }
    }

    /// `path::name! …`, under whatever path.
    fn is_macro_call(&self) -> bool {
        let mut place = 0;
        loop {
            if self.is_punct(place, ':') && self.is_punct(place + 1, ':') {
                place += 2;
            }
            if self.word(place).is_none() {
                return false;
            }
            place += 1;
            if self.is_punct(place, '!') {
                return true;
            }
            if !self.is_punct(place, ':') {
                return false;
            }
        }
    }

    /// Whether an item begins here that is no path.
    fn begins(&self) -> bool {
        let keywords = [
            "pub", "struct", "enum", "impl", "fn", "const", "static", "type", "mod", "use", "trait", "unsafe",
        ];
        self.is_punct(0, '#') || self.word(0).is_some_and(|word| keywords.contains(&word.as_str()))
    }

    fn rest(&mut self, end: End, rest: &mut TokenStream) {
        // How many `<` are open, and what stood before.
        let (mut open, mut before) = (0_u32, Before::Nothing);
        while let Some(token) = self.0.pop_front() {
            let is_end = match &token {
                TokenTree::Punct(punct) if punct.as_char() == ';' => true,
                _ if end == End::Semicolon => false,
                token if end == End::Use && self.begins() => {
                    let mut missing = Punct::new(';', Spacing::Alone);
                    missing.set_span(token.span());
                    self.0.push_front(missing.into());
                    false
                }
                _ if end == End::Use => false,
                token if is_braces(token) => {
                    end == End::MacroCall || open == 0 && before != Before::MacroInType
                }
                _ => false,
            };
            (open, before) = match &token {
                TokenTree::Punct(punct) => match punct.as_char() {
                    '<' => (open + 1, Before::Nothing),
                    // The `>` of a `->` closes nothing.
                    '>' if before != Before::Arrow => (open.saturating_sub(1), Before::Nothing),
                    '-' | '=' if punct.spacing() == Spacing::Joint => (open, Before::Arrow),
                    '!' if before == Before::Word => (open, Before::MacroInType),
                    _ => (open, Before::Nothing),
                },
                // As in `for ! {`, the type that nothing is of.
                TokenTree::Ident(word) if word == "for" => (open, Before::Nothing),
                TokenTree::Ident(_) => (open, Before::Word),
                _ => (open, Before::Nothing),
            };
            rest.extend([token]);
            if is_end {
                return;
            }
        }
    }
}

/// The last thing that was seen in front of a token.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    Word,
    /// The `-` of `->`.
    Arrow,
    /// `name!`, whose braces are no body.
    MacroInType,
}

/// Whether `const` is followed by what makes it a qualifier, as in `const fn`.
fn is_qualified(next: &str) -> bool {
    ["fn", "unsafe", "async", "extern", "trait", "impl", "auto", "gen"].contains(&next)
}

/// Braces, or a group without delimiters around them alone, as `$body:block` is passed on.
fn is_braces(token: &TokenTree) -> bool {
    let TokenTree::Group(group) = token else { return false };
    match group.delimiter() {
        Delimiter::Brace => true,
        Delimiter::None => {
            let mut inside = group.stream().into_iter();
            matches!((inside.next(), inside.next()), (Some(token), None) if is_braces(&token))
        }
        _ => false,
    }
}
