//! `schema_lock!(Bank, "bank.schema")`: a test, which needs a name of its own for each model.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::{
    LitStr, Path, Token, Type,
    parse::{Parse, ParseStream},
};

/// What stands in the parentheses.
struct Lock {
    model: Type,
    file: LitStr,
    krate: Option<Path>,
}

impl Parse for Lock {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let usage = "expected a model and a file: `schema_lock!(Bank, \"bank.schema\")`";
        let wrong = |error: syn::Error| syn::Error::new(error.span(), usage);
        let model = input.parse().map_err(wrong)?;
        input.parse::<Token![,]>().map_err(wrong)?;
        let file = input.parse().map_err(wrong)?;
        let mut krate = None;
        if input.parse::<Option<Token![,]>>()?.is_some() && !input.is_empty() {
            input.parse::<Token![crate]>().map_err(wrong)?;
            input.parse::<Token![=]>()?;
            krate = Some(input.call(Path::parse_mod_style)?);
            input.parse::<Option<Token![,]>>()?;
        }
        if !input.is_empty() {
            return Err(input.error(usage));
        }
        Ok(Lock { model, file, krate })
    }
}

/// The test.
pub fn test(input: TokenStream) -> TokenStream {
    let Lock { model, file, krate } = match syn::parse2(input) {
        Ok(lock) => lock,
        Err(error) => return error.into_compile_error(),
    };
    let krate = krate.map_or_else(|| quote_mixed!(::memstate), |path| path.to_token_stream());
    let name = syn::Ident::new(&name(&model), Span::call_site());
    // Inside of a function the test would never run, which rustc only warns of.
    quote_mixed! {
        #[test]
        #[deny(unnameable_test_items)]
        fn #name() {
            #krate::testing::schema::compare::<#model>(#krate::__private::std::env!("CARGO_MANIFEST_DIR"), #file);
        }
    }
}

fn name(model: &Type) -> String {
    let mut name = String::from("schema_lock");
    let mut before = ' ';
    for letter in model.to_token_stream().to_string().chars() {
        let begins =
            !before.is_ascii_alphanumeric() || before.is_ascii_lowercase() && letter.is_ascii_uppercase();
        before = letter;
        if letter.is_ascii_alphanumeric() {
            name.extend(begins.then_some('_'));
            name.push(letter.to_ascii_lowercase());
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    #[test]
    fn each_model_has_a_test_of_its_own() {
        let of = |model: Type| name(&model);
        assert_eq!(of(syn::parse_quote!(Bank)), "schema_lock_bank");
        assert_eq!(of(syn::parse_quote!(crate::deep::BookShop)), "schema_lock_crate_deep_book_shop");
        assert_eq!(of(syn::parse_quote!(Shelf<u32>)), "schema_lock_shelf_u32");
    }

    #[test]
    fn what_is_missing_is_said() {
        for wrong in [quote!(Bank), quote!(Bank, 7), quote!("a"), quote!(Bank, "a", "b"), quote!()] {
            let text = test(wrong).to_string();
            assert!(text.contains("compile_error") && text.contains("expected a model and a file"), "{text}");
        }
        assert!(!test(quote!(Bank, "a", crate = b)).to_string().contains("compile_error"));
        assert!(!test(quote!(Bank, "a",)).to_string().contains("compile_error"));
    }
}
