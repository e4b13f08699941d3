//! The client's methods.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;
use syn::{AngleBracketedGenericArguments, GenericArgument, GenericParam, Generics, Path, PathArguments};

use super::{
    argument::{parameter, put},
    bare_parameter, bare_parameters,
    enums::sequence,
    lenient,
    methods::Scope,
};
use crate::{
    check::{Argument, Form, Kind, Operation, client_name},
    types,
};

pub fn methods(scope: &Scope<'_>) -> TokenStream {
    let Scope { krate, commands, .. } = scope;
    let model = &commands.self_ty;
    let span = types::span_of(model);
    let (of_live, of_all) = (of_kind(scope, Kind::Command), of_kind(scope, Kind::Query));
    let generics = generics(scope);
    let (header, _, bounds) = generics.split_for_impl();
    let client = commands.client();
    let located = types::at(quote_mixed!(#model), span);
    quote_spanned! {span=>
        #of_live
        #of_all

        fn __client_in_scope #header() #bounds {
            <<#located as #krate::Model>::Client as #krate::ClientInScope<#client>>::OK
        }
    }
}

fn generics(scope: &Scope<'_>) -> Generics {
    let Scope { krate, commands, .. } = scope;
    let model = &commands.self_ty;
    let mut generics = commands.generics.clone();
    if !generics.params.is_empty() {
        generics.make_where_clause().predicates.push(syn::parse_quote!(#model: #krate::State));
    }
    generics
}

/// The commands for the client of whatever takes them, or the queries for that of whatever lends the model.
fn of_kind(scope: &Scope<'_>, kind: Kind) -> TokenStream {
    let Scope { krate, commands, .. } = scope;
    let model = &commands.self_ty;
    let methods: Vec<_> = commands
        .of_kind(kind)
        .enumerate()
        .filter(|(_, operation)| !operation.evolution.retired)
        .map(|(number, operation)| method(scope, operation, number))
        .collect();
    if methods.is_empty() {
        return TokenStream::new();
    }
    let (mut generics, mut client) = (generics(scope), commands.client());
    let of = lender(types::span_of(model));
    let bound = match kind {
        Kind::Command => quote_mixed!(TakesCommands),
        Kind::Query => quote_mixed!(Look),
    };
    generics.params.push(syn::parse_quote!(#of: #krate::#bound<#model>));
    push_argument(&mut client, &quote_mixed!(#of));
    let (header, _, bounds) = generics.split_for_impl();
    quote_spanned! {types::span_of(model)=>
        impl #header #client #bounds {
            #(#methods)*
        }
    }
}

/// The client's own parameter: what lends it the model. Among the user's types it must not meet one of its name.
pub fn lender(span: Span) -> Ident {
    Ident::new("__C", span.resolved_at(Span::mixed_site()))
}

/// `BankClient<C>` of `BankClient`.
pub fn push_argument(client: &mut Path, argument: &TokenStream) {
    let Some(last) = client.segments.last_mut() else { return };
    let mut arguments: AngleBracketedGenericArguments = match &last.arguments {
        PathArguments::AngleBracketed(arguments) => arguments.clone(),
        _ => syn::parse_quote!(<>),
    };
    arguments.args.push(syn::parse_quote!(#argument));
    last.arguments = PathArguments::AngleBracketed(arguments);
}

fn method(scope: &Scope<'_>, operation: &Operation, number: usize) -> TokenStream {
    let Scope { krate, commands, .. } = scope;
    let Operation { attrs, vis, ident, client: name, result, .. } = operation;
    let model = &commands.self_ty;
    let number = scope.number(operation, number);
    let is_result = scope.is_result(operation).map(|is_result| quote_mixed!(, #is_result));
    let parameters =
        operation.arguments().enumerate().map(|(number, argument)| parameter(argument, number, krate));
    let conversions = operation.arguments().filter(|argument| argument.form == Form::Text && !argument.broken).map(
        |Argument { name, ty, .. }| quote_mixed!(let #name: #ty = #krate::std::convert::Into::into(#name);),
    );
    let client = quote_mixed!(#krate::std::ops::Deref::deref(self));
    let puts = || {
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
        sequence(&puts, scope)
    };
    let read = || match operation.broken {
        true => quote_mixed!(#krate::ReadReply::__unread()),
        false => {
            let returned = scope.returned(operation);
            quote_spanned!(types::span_of(result)=> #returned::READ)
        }
    };
    let (ty, body) = match operation.kind {
        Kind::Command => {
            let (puts, read) = (puts(), read());
            (
                quote_mixed!(#krate::Call<#result #is_result>),
                quote_mixed!(#krate::TakesCommands::<#model>::__call(#client, #number, &mut |__bytes| #puts, #read)),
            )
        }
        Kind::Query => {
            let inputs = operation.arguments().map(|argument| &argument.name);
            let call = quote_mixed!(<#model>::#ident(__model #(, #inputs)*));
            let look = match operation.broken {
                true => quote_mixed!(#krate::std::unreachable!()),
                false => scope.collected(operation, call),
            };
            let near = quote_mixed!(#krate::Look::__ask(#client, #number, |__model: &#model| #look));
            let (ty, near, answer) = match &operation.streams {
                Some(item) => (
                    quote_spanned!(types::span_of(item)=> #krate::Items<#item>),
                    quote_mixed!(#krate::Items::__near(#near)),
                    quote_mixed!(Items),
                ),
                None => (quote_mixed!(#krate::Ask<#result #is_result>), near, quote_mixed!(Ask)),
            };
            let far = super::is_for_remote().then(|| {
                let puts = puts();
                let more = operation.streams.is_none().then(read).map(|read| quote_mixed!(, #read));
                quote_mixed! {
                    if let #krate::std::option::Option::Some(__far) =
                        #krate::Look::<#model>::__far(#client, #number, &mut |__bytes| #puts)
                    {
                        return #krate::#answer::__far(__far #more);
                    }
                }
            });
            (ty, quote_mixed!(#far #near))
        }
    };
    // A query takes nanoseconds, and longer if its answer goes through memory on its way to who awaits it.
    let inline = (operation.kind == Kind::Query).then(|| quote_mixed!(#[inline(always)]));
    quote_mixed! {
        #(#attrs)*
        #inline
        #vis fn #name(&self #(, #parameters)*) -> #ty {
            #(#conversions)*
            #body
        }
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
    let module = types::module_at(&commands.name, "fallback");
    let mut generics = commands.generics.clone();
    let lender = lender(Span::mixed_site());
    generics.params.push(syn::parse_quote!(#lender));
    let parameters = bare_parameters(&generics);
    let definition = {
        let own = commands.generics.params.iter().map(bare_parameter);
        quote_mixed!(<#(#own,)* #lender = #krate::NoClient>)
    };
    let (_, arguments, _) = generics.split_for_impl();
    let types = commands.generics.type_params().map(|param| &param.ident);
    let lenient = lenient();
    Some(quote_mixed! {
        #[doc(hidden)]
        #lenient
        mod #module {
            pub struct #client #definition(#lender, #krate::std::marker::PhantomData<fn() -> (#(#types,)*)>);
            impl #parameters #krate::std::ops::Deref for #client #arguments {
                type Target = #lender;
                fn deref(&self) -> &#lender {
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
