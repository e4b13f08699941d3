//! [`Errors`]: every mistake in an item, said at once.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;

use crate::completion::Completion;

/// The mistakes so far. They must be handed on: [`into_tokens`](Errors::into_tokens).
#[derive(Default)]
#[must_use]
pub struct Errors(Vec<syn::Error>, Completion);

impl Errors {
    /// What is wrong, at the tokens of `place`; why it is; what to type instead.
    pub fn at(&mut self, place: impl ToTokens, what: impl AsRef<str>, why: &str, help: &str) {
        self.0.push(syn::Error::new_spanned(place, text(what.as_ref(), why, help)));
    }

    pub fn at_span(&mut self, place: Span, what: impl AsRef<str>, why: &str, help: &str) {
        self.0.push(syn::Error::new(place, text(what.as_ref(), why, help)));
    }

    pub fn push(&mut self, error: syn::Error) {
        self.0.push(error);
    }

    pub fn append(&mut self, more: Errors) {
        self.0.extend(more.0);
        self.1.append(more.1);
    }

    /// The keys that were met, right or wrong.
    pub fn completion(&mut self) -> &mut Completion {
        &mut self.1
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn into_tokens(self) -> TokenStream {
        let errors = self.0.into_iter().map(syn::Error::into_compile_error);
        errors.chain([self.1.into_tokens()]).collect()
    }

    #[cfg(test)]
    pub fn texts(&self) -> Vec<String> {
        self.0.iter().map(ToString::to_string).collect()
    }
}

pub fn text(what: &str, why: &str, help: &str) -> String {
    let mut text = what.to_owned();
    for (label, line) in [("\n= note: ", why), ("\n= help: ", help)] {
        if !line.is_empty() {
            text.push_str(label);
            text.push_str(line);
        }
    }
    text
}
