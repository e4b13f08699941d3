//! Warnings. A macro has none of its own on stable Rust, so each is the use of a constant that is deprecated, at the
//! user's tokens.

use proc_macro2::{Ident, TokenStream};
use quote::quote_spanned;

use crate::check::{Commands, Warning};

pub fn warnings(commands: &Commands) -> TokenStream {
    commands.warnings.iter().map(warning).collect()
}

fn warning(Warning { cfgs, place, name, text }: &Warning) -> TokenStream {
    let (Some(first), Some(last)) = (place.first(), place.last()) else { return TokenStream::new() };
    let named = Ident::new(name, proc_macro2::Span::call_site());
    // The compiler points from the first segment of a path to its last.
    let path = {
        let (from, to) = (Ident::new("not_deterministic", first.span()), Ident::new(name, last.span()));
        quote_spanned!(last.span()=> #from::#to)
    };
    let note = text;
    quote::quote! {
        #(#cfgs)*
        #[allow(
            dead_code, missing_docs, non_upper_case_globals, unreachable_pub, unused_qualifications, clippy::all,
            clippy::pedantic, clippy::nursery
        )]
        const _: () = {
            mod not_deterministic {
                #[deprecated(note = #note)]
                pub const #named: () = ();
            }
            #path
        };
    }
}
