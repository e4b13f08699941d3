//! The expansion of a small model, as the documentation of `model` shows it.

use proc_macro2::{Group, TokenStream, TokenTree};
use quote::quote;
use syn::{
    Attribute, File, Item,
    visit_mut::{self, VisitMut},
};

/// What stands in `expansion.md` in front of the code.
const HEAD: &str = "The paths and the `#[allow(…)]` are left out, and what only serves better messages; `cargo expand` shows \
                    all of it. `examples/without_macro.rs` is the same, written by hand.\n\n```text\n";

fn model() -> TokenStream {
    let structure = quote! {
        #[derive(Default)]
        pub struct Counter {
            count: u64,
        }
    };
    let block = quote! {
        impl Counter {
            /// Adds to it.
            pub fn add(&mut self, number: u64) -> Result<u64, Overflow> {
                self.count = self.count.checked_add(number).ok_or(Overflow)?;
                Ok(self.count)
            }

            /// How much it is.
            pub fn count(&self) -> u64 {
                self.count
            }
        }
    };
    let (structure, block) = (super::model(quote!(), structure), super::model(quote!(), block));
    quote!(#structure #block)
}

/// Leaves out what nobody would write by hand.
struct Readable;

impl VisitMut for Readable {
    fn visit_file_mut(&mut self, file: &mut File) {
        file.items.retain(|item| !matches!(item, Item::Mod(_) | Item::Use(_)));
        visit_mut::visit_file_mut(self, file);
    }

    fn visit_attributes_mut(&mut self, attributes: &mut Vec<Attribute>) {
        let says_nothing = |attribute: &Attribute| {
            ["allow", "automatically_derived"].iter().any(|name| attribute.path().is_ident(name))
        };
        attributes.retain(|attribute| !says_nothing(attribute));
    }
}

/// The tokens without the way to memstate's private module, and without that from there into `std`.
fn short(tokens: TokenStream) -> TokenStream {
    let mut tokens = tokens.into_iter().peekable();
    let mut short: Vec<TokenTree> = Vec::new();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Group(group) => {
                short.push(Group::new(group.delimiter(), self::short(group.stream())).into());
            }
            TokenTree::Ident(name) if name == "__private" => {
                // `:: memstate :: __private ::`
                short.truncate(short.len() - 5);
                tokens.nth(1);
                let in_std = tokens.next_if(|next| next.to_string() == "std").is_some();
                if in_std {
                    while tokens.next_if(|next| next.to_string() == ":").is_some() {}
                    // The last name is what is meant.
                    while tokens.peek().is_some_and(is_lower_case) {
                        let name = tokens.next();
                        if tokens.next_if(|next| next.to_string() == ":").is_none() {
                            short.extend(name);
                            break;
                        }
                        tokens.next();
                    }
                }
            }
            other => short.push(other),
        }
    }
    short.into_iter().collect()
}

fn is_lower_case(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Ident(name) if name.to_string().starts_with(char::is_lowercase))
}

#[test]
fn the_documentation_shows_what_is_written() {
    let tokens = short(model());
    let mut file: File = syn::parse2(tokens.clone()).unwrap_or_else(|error| panic!("{error}: {tokens}"));
    Readable.visit_file_mut(&mut file);
    let code = prettyplease::unparse(&file).replace("::memstate::__private::", "").replace("__", "");
    let page = format!("{HEAD}{code}```\n");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/expansion.md");
    if std::env::var_os("EXPANSION").is_some_and(|it| it == "overwrite") {
        std::fs::write(path, &page).expect("it can be written");
    }
    let shown = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        shown == page,
        "src/expansion.md shows another expansion than there is; read the difference and write it anew: \
         EXPANSION=overwrite cargo test -p memstate-macros"
    );
}
