//! Completion of keys: what rust-analyzer needs to know of them.
//!
//! Inside of an attribute's parentheses it knows nothing. But it expands the macro, and follows a token of the user's into
//! the expansion: there each key, finished or not, names an item of `memstate::__private::keys`. The compiler does not see it.

use proc_macro2::{Ident, Span, TokenStream};
use quote::ToTokens;
use syn::Path;

use crate::attr::Place;

/// The keys that were met.
#[derive(Default)]
pub struct Completion {
    keys: Vec<(Place, Ident)>,
    krate: Option<Path>,
}

impl Completion {
    /// A key, right or wrong. `crate` is a keyword and can be no item.
    pub fn met(&mut self, place: Place, key: &Ident) {
        if place != Place::Nowhere && key != "crate" {
            self.keys.push((place, key.clone()));
        }
    }

    /// Where memstate is.
    pub fn within(&mut self, krate: &Path) {
        self.krate = Some(krate.clone());
    }

    pub fn append(&mut self, more: Completion) {
        self.keys.extend(more.keys);
        self.krate = self.krate.take().or(more.krate);
    }

    pub fn into_tokens(self) -> TokenStream {
        if self.keys.is_empty() {
            return TokenStream::new();
        }
        let krate = self.krate.map_or_else(|| quote_mixed!(::memstate), ToTokens::into_token_stream);
        let uses = self.keys.iter().map(|(place, key)| {
            let module = Ident::new(place.module(), Span::mixed_site());
            quote_mixed!(let _ = #krate::__private::keys::#module::#key;)
        });
        quote_mixed! {
            // The condition is none that rustc knows, and its warning belongs to what stands around it.
            #[allow(unexpected_cfgs)]
            const _: () = {
                #[cfg(rust_analyzer)]
                const _: () = { #(#uses)* };
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;
    use syn::{Item, ItemMod};

    use super::*;
    use crate::{attr::Keys, errors::Errors, expand};

    #[test]
    fn every_key_of_every_place_is_an_item_with_its_docs() {
        let path = format!("{}/../memstate/src/keys.rs", env!("CARGO_MANIFEST_DIR"));
        let source = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let mut modules: Vec<ItemMod> = syn::parse_file(&source)
            .unwrap()
            .items
            .into_iter()
            .filter_map(|item| match item {
                Item::Mod(module) => Some(module),
                _ => None,
            })
            .collect();
        for place in Place::ALL {
            let at = modules
                .iter()
                .position(|module| module.ident == place.module())
                .unwrap_or_else(|| panic!("{}", place.module()));
            let items = modules.remove(at).content.unwrap().1;
            let names: Vec<String> = items
                .iter()
                .map(|item| match item {
                    Item::Const(item) if !crate::attr::docs(&item.attrs).is_empty() => item.ident.to_string(),
                    other => panic!("{}", other.to_token_stream()),
                })
                .collect();
            let keys: Vec<&str> = place.all_keys().into_iter().filter(|key| *key != "crate").collect();
            assert_eq!(names, keys, "{}", place.module());
        }
        assert!(modules.is_empty());
    }

    #[test]
    fn a_key_that_is_not_finished_is_there_to_be_completed() {
        let mut errors = Errors::default();
        Keys::of_options(quote!(eve), Place::ModelImpl, &mut errors);
        Keys::of_attrs(&[syn::parse_quote!(#[memstate(skip, ski)])], Place::Method, &mut errors);
        let text = errors.into_tokens().to_string();
        for path in ["keys :: model_impl :: eve ;", "keys :: method :: skip ;", "keys :: method :: ski ;"] {
            assert!(text.contains(path), "{path}: {text}");
        }
    }

    #[test]
    fn what_has_no_keys_has_nothing_for_them() {
        assert!(Errors::default().into_tokens().is_empty());
    }

    #[test]
    fn keys_are_looked_up_where_memstate_is() {
        let item = quote!(
            enum Kind {
                #[memstate(display = "x")]
                One,
            }
        );
        let text = expand::data(quote!(crate = a::b, error), item).to_string();
        assert!(text.contains("a :: b :: __private :: keys :: data :: error"), "{text}");
        assert!(text.contains("a :: b :: __private :: keys :: variant :: display"), "{text}");
        assert!(!text.contains("keys :: data :: crate"));
    }
}
