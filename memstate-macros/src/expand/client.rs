//! The client's methods.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote_spanned};
use syn::{GenericArgument, GenericParam, PathArguments, ext::IdentExt};

use super::{
    Crate, bare_parameters,
    enums::sequence,
    lenient,
    methods::{Scope, put},
};
use crate::{
    check::{Argument, Form, Kind, Operation, client_name},
    types,
};

pub fn methods(scope: &Scope<'_>) -> TokenStream {
    let Scope { krate, commands, .. } = scope;
    let model = &commands.self_ty;
    let mut generics = commands.generics.clone();
    let generic = !generics.params.is_empty();
    if generic {
        generics.make_where_clause().predicates.push(syn::parse_quote!(#model: #krate::State));
    }
    let (header, _, bounds) = generics.split_for_impl();
    let client = commands.client();
    let mut numbers = [0usize; 2];
    let methods: Vec<_> = commands
        .operations
        .iter()
        .map(|operation| {
            let number = &mut numbers[usize::from(operation.kind == Kind::Query)];
            *number += 1;
            method(scope, operation, *number - 1)
        })
        .collect();
    let span = types::span_of(model);
    let located = types::at(quote_mixed!(#model), span);
    quote_spanned! {span=>
        impl #header #client #bounds {
            #(#methods)*
        }

        fn __client_in_scope #header() #bounds {
            <<#located as #krate::Model>::Client as #krate::ClientInScope<#client>>::OK
        }
    }
}

fn method(scope: &Scope<'_>, operation: &Operation, number: usize) -> TokenStream {
    let Scope { krate, commands, .. } = scope;
    let Operation { attrs, vis, ident, result, .. } = operation;
    let model = &commands.self_ty;
    let number = scope.number(operation, number);
    let is_result = scope.is_result(operation).map(|is_result| quote_mixed!(, #is_result));
    let parameters =
        operation.arguments().enumerate().map(|(number, argument)| parameter(argument, number, krate));
    let conversions = operation.arguments().filter(|argument| argument.form == Form::Text && !argument.broken).map(
        |Argument { name, ty, .. }| quote_mixed!(let #name: #ty = #krate::std::convert::Into::into(#name);),
    );
    let client = quote_mixed!(#krate::std::ops::Deref::deref(self));
    let (ty, body) = match operation.kind {
        Kind::Command => {
            let puts: Vec<_> = operation
                .arguments()
                .map(|argument| {
                    let name = &argument.name;
                    let value = match argument.form {
                        Form::Owned | Form::Text => quote_mixed!(&#name),
                        _ => quote_mixed!(#name),
                    };
                    put(argument, &value, krate)
                })
                .collect();
            let puts = sequence(&puts, scope);
            let returned = scope.returned(operation);
            let read = match operation.broken {
                true => quote_mixed!(|_, _| #krate::std::unreachable!()),
                false => quote_spanned!(types::span_of(result)=> #returned::read),
            };
            (quote_mixed!(Call), quote_mixed!(#client.__call(#number, |bytes| #puts, #read)))
        }
        Kind::Query => {
            let inputs = operation.arguments().map(|argument| &argument.name);
            let look = match operation.broken {
                true => quote_mixed!(#krate::std::unreachable!()),
                false => quote_mixed!(<#model>::#ident(model #(, #inputs)*)),
            };
            (quote_mixed!(Ask), quote_mixed!(#client.__ask(#number, |model: &#model| #look)))
        }
    };
    quote_mixed! {
        #(#attrs)*
        #vis fn #ident(&self #(, #parameters)*) -> #krate::#ty<#result #is_result> {
            #(#conversions)*
            #body
        }
    }
}

fn parameter(argument: &Argument, number: usize, krate: &Crate) -> TokenStream {
    let Argument { name, ty, form, broken } = argument;
    if *broken {
        let name = format_ident!("argument{number}", span = Span::mixed_site());
        return quote_mixed!(#name: impl #krate::std::marker::Sized);
    }
    match form {
        Form::Owned => quote_mixed!(#name: #ty),
        Form::Text => quote_mixed!(#name: impl #krate::std::convert::Into<#ty>),
        Form::Borrowed | Form::Unsized(_) => quote_mixed!(#name: &#ty),
        Form::Slice => quote_mixed!(#name: &[#ty]),
    }
}

/// A client for the case that the struct has none, so that only that is said.
///
/// It is imported by a glob, which the struct's own client takes precedence over.
pub fn fallback(scope: &Scope<'_>) -> Option<TokenStream> {
    let Scope { krate, commands, .. } = scope;
    if !krate.absolute
        || commands.path.segments.len() > 1
        || commands.path.leading_colon.is_some()
        || !is_as_declared(scope)
    {
        return None;
    }
    let client = client_name(&commands.name);
    // A second block must not meet the first here, so the module is named after the place.
    let place = commands.name.span().unwrap();
    let module = format_ident!(
        "__{}_fallback_{}_{}",
        commands.name.unraw().to_string().to_lowercase(),
        place.line(),
        place.column()
    );
    let generic = !commands.generics.params.is_empty();
    let parameters = generic.then(|| bare_parameters(&commands.generics));
    let (_, arguments, _) = commands.generics.split_for_impl();
    let types = commands.generics.type_params().map(|param| &param.ident);
    let (header, lenient) = (parameters.clone(), lenient());
    Some(quote_mixed! {
        #[doc(hidden)]
        #lenient
        mod #module {
            pub struct #client #parameters(#krate::NoClient, #krate::std::marker::PhantomData<fn() -> (#(#types,)*)>);
            impl #header #krate::std::ops::Deref for #client #arguments {
                type Target = #krate::NoClient;
                fn deref(&self) -> &#krate::NoClient {
                    &self.0
                }
            }
        }
        #[allow(unused_imports, clippy::wildcard_imports)]
        use #module::*;
    })
}

/// Whether the block is for all parameters, like `impl<T> Store<T>`.
fn is_as_declared(scope: &Scope<'_>) -> bool {
    let params = &scope.commands.generics.params;
    let Some(last) = scope.commands.path.segments.last() else { return false };
    match &last.arguments {
        PathArguments::None => params.is_empty(),
        PathArguments::AngleBracketed(arguments) => {
            arguments.args.len() == params.len()
                && arguments.args.iter().zip(params).all(|(argument, param)| match (argument, param) {
                    (GenericArgument::Type(ty), GenericParam::Type(param)) => {
                        types::is_plain(ty, &param.ident.to_string())
                    }
                    (GenericArgument::Type(ty), GenericParam::Const(param)) => {
                        types::is_plain(ty, &param.ident.to_string())
                    }
                    _ => false,
                })
        }
        PathArguments::Parenthesized(_) => false,
    }
}
