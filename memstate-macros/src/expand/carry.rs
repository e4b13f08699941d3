//! How arguments and states of earlier versions are read.

use proc_macro2::{Ident, TokenStream};
use quote::quote_spanned;
use syn::{Expr, ExprPath, Lit, Type, spanned::Spanned};

use super::{
    Crate,
    argument::{local, owned, slot},
    methods::Scope,
};
use crate::{
    check::{Argument, Form, Kind, Operation},
    types,
};

/// `Operation::carry` of the commands.
pub fn operation(scope: &Scope<'_>) -> TokenStream {
    let krate = scope.krate;
    let arms = scope.commands.of_kind(Kind::Command).enumerate().map(|(number, operation)| {
        let upcasts = upcasts(scope, operation, number);
        let arm = arguments(scope, operation, number);
        quote_mixed!(#upcasts #arm)
    });
    quote_mixed! {
        fn carry(
            __method: #krate::std::primitive::u16,
            __version: #krate::std::primitive::u32,
            __written: #krate::Written<'_>,
        ) -> #krate::std::result::Result<Self, #krate::Unreadable> {
            match __method {
                #(#arms)*
                _ => #krate::std::result::Result::Err(#krate::no_such_method(__method)),
            }
        }
    }
}

/// The arguments by their names.
fn arguments(scope: &Scope<'_>, operation: &Operation, number: usize) -> TokenStream {
    let krate = scope.krate;
    let Operation { cfgs, variant, .. } = operation;
    let pattern = scope.number_pattern(operation, number);
    let locals = (0..operation.arguments().count()).map(|number| local("argument", number));
    let slots = operation.arguments().enumerate().map(|(number, argument)| {
        let local = local("argument", number);
        slot(argument, &quote_mixed!(&mut #local), krate)
    });
    let fields = operation.arguments().enumerate().map(|(number, argument)| {
        let (name, value) = (&argument.name, value(argument, &local("argument", number), krate));
        quote_mixed!(#name: #value)
    });
    quote_mixed! {
        #(#cfgs)* #pattern => {
            #(let mut #locals = #krate::std::option::Option::None;)*
            #krate::arguments(__written, <Self as #krate::Operation>::METHODS, __method, &mut [#(#slots),*])?;
            #krate::std::result::Result::Ok(Self::#variant { #(#fields),* })
        }
    }
}

fn value(argument: &Argument, local: &Ident, krate: &Crate) -> TokenStream {
    let Some(default) = argument.origin.default.as_ref().filter(|_| !argument.broken) else {
        return quote_mixed!(#krate::filled(#local));
    };
    let ty = owned(argument, krate);
    let default = match default {
        // What is written as a text is meant as one, of the type that holds it.
        Some(value) if is_text(value) && matches!(argument.form, Form::Text | Form::Unsized(_)) => {
            quote_spanned!(value.span()=> <#ty as #krate::std::convert::From<_>>::from(#value))
        }
        // In a function of its own, out of which no `return` and no `?` can lead.
        Some(value) => quote_mixed!((|| -> #ty { #value })()),
        None => {
            let span = types::span_of(&argument.ty);
            quote_spanned!(span=> <#ty as #krate::std::default::Default>::default())
        }
    };
    quote_mixed! {
        match #local {
            #krate::std::option::Option::Some(__written) => __written,
            #krate::std::option::Option::None => #default,
        }
    }
}

/// `"nobody"`.
fn is_text(value: &Expr) -> bool {
    match value {
        Expr::Lit(value) => matches!(value.lit, Lit::Str(_)),
        Expr::Group(group) => is_text(&group.expr),
        _ => false,
    }
}

/// An arm for each version that is converted.
fn upcasts(scope: &Scope<'_>, operation: &Operation, number: usize) -> TokenStream {
    let krate = scope.krate;
    if operation.broken {
        return TokenStream::new();
    }
    let Operation { cfgs, variant, .. } = operation;
    let same = scope.number(operation, number);
    let locals: Vec<_> = (0..operation.arguments().count()).map(|number| local("argument", number)).collect();
    let (names, values) = (operation.arguments().map(|argument| &argument.name), &locals);
    let pattern = match locals.as_slice() {
        [one] => quote_mixed!(#one),
        several => quote_mixed!((#(#several),*)),
    };
    let made = quote_mixed!(#krate::std::result::Result::Ok(Self::#variant { #(#names: #values),* }));
    let arms = operation.evolution.upcasts.iter().zip(1u32..).map(|(path, version)| {
        let conversion = conversion(path, &arguments_type(operation, krate), krate);
        quote_mixed! {
            #(#cfgs)* __number if __number == #same && __version == #version => {
                let #pattern = #conversion.arguments(__written)?;
                #made
            }
        }
    });
    quote_mixed!(#(#arms)*)
}

/// What an upcast gives: the one argument, or a tuple of them.
fn arguments_type(operation: &Operation, krate: &Crate) -> TokenStream {
    let types: Vec<_> = operation.arguments().map(|argument| owned(argument, krate)).collect();
    match types.as_slice() {
        [one] => quote_mixed!(#one),
        several => quote_mixed!((#(#several),*)),
    }
}

/// The shapes of what the upcasts of a command read.
pub fn upcast_shapes(operation: &Operation, krate: &Crate) -> Vec<TokenStream> {
    let new = arguments_type(operation, krate);
    operation.evolution.upcasts.iter().map(|path| shape(path, &new, krate)).collect()
}

fn shape(path: &ExprPath, new: &TokenStream, krate: &Crate) -> TokenStream {
    let conversion = conversion(path, new, krate);
    quote_mixed!(#conversion.shape())
}

/// A function of the user's with its types. It is written in the same words wherever it stands, so that a wrong one is
/// one error.
fn conversion(path: &ExprPath, new: &TokenStream, krate: &Crate) -> TokenStream {
    let span = path.span().resolved_at(proc_macro2::Span::mixed_site());
    let new = types::at(new.clone(), span);
    quote_spanned!(span=> #krate::conversion::<_, _, #new>(&#path))
}

/// The version of a state, the shapes of those before it, and how they are read.
pub fn state(migrations: &[ExprPath], model: &Type, krate: &Crate) -> TokenStream {
    if migrations.is_empty() {
        return TokenStream::new();
    }
    let new = quote_mixed!(#model);
    let last = u32::try_from(migrations.len()).unwrap_or(u32::MAX);
    let today = last.saturating_add(1);
    let shapes = migrations.iter().map(|path| shape(path, &new, krate));
    let arms = migrations.iter().zip(1u32..).map(|(path, version)| {
        let conversion = conversion(path, &new, krate);
        quote_mixed!(#version => #conversion.state(__written, __bytes),)
    });
    quote_mixed! {
        const VERSION: #krate::std::primitive::u32 = #today;
        const MIGRATIONS: &'static [#krate::ShapeOf] = &[#(#shapes),*];

        fn migrate(
            __version: #krate::std::primitive::u32,
            __written: #krate::Type<'_>,
            __bytes: &mut &[#krate::std::primitive::u8],
        ) -> #krate::std::result::Result<Self, #krate::Unreadable> {
            match __version {
                #(#arms)*
                _ => #krate::read_written(__written, __bytes),
            }
        }
    }
}
