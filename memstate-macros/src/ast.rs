//! The user's `impl` block as our types. Structs and enums are `syn`'s [`DeriveInput`](syn::DeriveInput).
//!
//! Bodies are not parsed: a mistake in one is rustc's to report, once.

use proc_macro2::{TokenStream, TokenTree};
use quote::quote;
use syn::{
    Attribute, Generics, Path, Signature, Token, Type, Visibility, braced,
    ext::IdentExt,
    parse::{Parse, ParseStream},
};

/// What `#[memstate::model]` stands on.
pub enum Item {
    Struct,
    Impl,
    /// Anything else, by its keyword.
    Other(String),
}

impl Item {
    /// Looks for the keyword behind attributes and visibility.
    pub fn of(input: ParseStream<'_>) -> syn::Result<Item> {
        input.call(Attribute::parse_outer)?;
        input.parse::<Visibility>()?;
        if input.peek(Token![unsafe]) {
            input.parse::<Token![unsafe]>()?;
        }
        let item = match input.call(proc_macro2::Ident::parse_any) {
            Ok(keyword) if keyword == "struct" => Item::Struct,
            Ok(keyword) if keyword == "impl" => Item::Impl,
            Ok(keyword) => Item::Other(keyword.to_string()),
            Err(_) => Item::Other(String::new()),
        };
        input.parse::<TokenStream>()?;
        Ok(item)
    }
}

/// An `impl` block.
pub struct Block {
    pub generics: Generics,
    /// The trait, if it is the implementation of one.
    pub of_trait: Option<Path>,
    pub self_ty: Type,
    pub methods: Vec<Method>,
    /// The paths of macros that are called among the methods.
    pub macros: Vec<Path>,
    /// Attributes of ours on what is no method.
    pub strays: Vec<Attribute>,
    /// It stands for all blocks of a `#[memstate::model] mod`.
    pub in_module: bool,
    /// Attributes of ours on the block.
    pub attrs: Vec<Attribute>,
}

/// A method or a function.
pub struct Method {
    pub attrs: Vec<Attribute>,
    pub vis: Visibility,
    pub sig: Signature,
    /// The header of its block is a mistake, which is said already.
    pub misplaced: bool,
    /// What differs in a replay is an error in it, whatever is said elsewhere.
    pub strict: bool,
    /// As it stands there.
    pub body: TokenStream,
}

impl Parse for Block {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        input.parse::<Option<Token![unsafe]>>()?;
        input.parse::<Token![impl]>()?;
        let mut generics: Generics = if input.peek(Token![<]) && !input.peek2(Token![<]) {
            input.parse()?
        } else {
            Generics::default()
        };
        input.parse::<Option<Token![!]>>()?;
        let first: Type = input.parse()?;
        let (of_trait, self_ty) = if input.parse::<Option<Token![for]>>()?.is_some() {
            let Type::Path(path) = first else { return Err(input.error("expected a trait before `for`")) };
            (Some(path.path), input.parse()?)
        } else {
            (None, first)
        };
        generics.where_clause = input.parse()?;
        let mut block = Block {
            generics,
            of_trait,
            self_ty,
            methods: Vec::new(),
            macros: Vec::new(),
            strays: Vec::new(),
            in_module: false,
            attrs: attrs.into_iter().filter(|attr| attr.path().is_ident("memstate")).collect(),
        };
        let content;
        braced!(content in input);
        content.call(Attribute::parse_inner)?;
        while !content.is_empty() {
            block.member(&content)?;
        }
        Ok(block)
    }
}

impl Block {
    /// The block with empty bodies, and of the attributes only those that decide what is written.
    pub fn signatures(&self) -> TokenStream {
        let Block { generics, self_ty, methods, .. } = self;
        let (header, _, bounds) = generics.split_for_impl();
        let methods = methods.iter().map(|Method { attrs, vis, sig, .. }| {
            let attrs = attrs.iter().filter(|attr| {
                ["memstate", "cfg", "cfg_attr", "doc"].iter().any(|name| attr.path().is_ident(name))
            });
            quote!(#(#attrs)* #vis #sig {})
        });
        quote!(impl #header #self_ty #bounds { #(#methods)* })
    }

    fn member(&mut self, input: ParseStream<'_>) -> syn::Result<()> {
        let attrs = input.call(Attribute::parse_outer)?;
        let vis: Visibility = input.parse()?;
        if input.peek(Token![default]) && !input.peek2(Token![!]) && !input.peek2(Token![::]) {
            input.call(proc_macro2::Ident::parse_any)?;
        }
        if is_function(input) {
            let sig: Signature = input.parse()?;
            // The body, or the `;` for which rustc has its own words.
            let body = input.parse::<TokenTree>()?.into();
            self.methods.push(Method { attrs, vis, sig, body, misplaced: false, strict: false });
            return Ok(());
        }
        self.strays.extend(attrs.into_iter().filter(|attr| attr.path().is_ident("memstate")));
        if input.peek(Token![const]) || input.peek(Token![type]) {
            while !input.peek(Token![;]) {
                input.parse::<TokenTree>()?;
            }
            input.parse::<Token![;]>()?;
            return Ok(());
        }
        let path: Path = input.call(Path::parse_mod_style)?;
        input.parse::<Token![!]>()?;
        input.parse::<TokenTree>()?;
        input.parse::<Option<Token![;]>>()?;
        self.macros.push(path);
        Ok(())
    }
}

fn is_function(input: ParseStream<'_>) -> bool {
    let ahead = input.fork();
    loop {
        if ahead.peek(Token![fn]) {
            return true;
        }
        let qualifier = ahead.peek(Token![const])
            || ahead.peek(Token![async])
            || ahead.peek(Token![unsafe])
            || ahead.peek(Token![extern])
            || ahead.peek(syn::LitStr);
        if !qualifier || ahead.parse::<TokenTree>().is_err() {
            return false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(tokens: TokenStream) -> Block {
        syn::parse2(tokens).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn bodies_are_not_read() {
        let block = block(quote! {
            impl Bank {
                const A: u8 = { 1; 2 };
                type B = u8;
                pub const fn a(&self) -> u8 { this is : no , rust }
                pub unsafe extern "C" fn b() {}
                generate! { a b }
                other::generate!(a);
                fn c(&mut self, (a, b): (u8, u8)) where u8: Copy { }
            }
        });
        let names: Vec<_> = block.methods.iter().map(|method| method.sig.ident.to_string()).collect();
        assert_eq!(names, ["a", "b", "c"]);
        assert_eq!(block.macros.len(), 2);
    }

    #[test]
    fn headers() {
        assert!(
            block(quote!(
                impl<T: Ord> Store<T> where T: Copy {}
            ))
            .generics
            .where_clause
            .is_some()
        );
        assert!(block(quote!(impl a::Ledger for Bank {})).of_trait.is_some());
        assert!(
            block(quote!(
                #[doc = "x"]
                impl Bank {}
            ))
            .of_trait
            .is_none()
        );
    }
}
