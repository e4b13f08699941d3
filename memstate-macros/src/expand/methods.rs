//! What is written for the `impl` block: its enums, its dispatch and the client's methods.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote_spanned};
use syn::{Generics, Type};

use super::{Crate, client, counted, enums, lenient};
use crate::{
    check::{Argument, Commands, Form, Input, Kind, Operation},
    types,
};

/// What every part of the expansion needs to know.
pub struct Scope<'a> {
    pub krate: &'a Crate,
    pub commands: &'a Commands,
    pub event: Type,
}

impl Scope<'_> {
    pub fn generics(&self) -> &Generics {
        &self.commands.generics
    }

    /// The enum of a kind, by its name in the block.
    pub fn enum_name(&self, kind: Kind) -> Ident {
        crate::check::beside(&self.commands.name, if kind == Kind::Command { "Command" } else { "Query" })
    }

    pub fn reply_name(&self) -> Ident {
        crate::check::beside(&self.commands.name, "Reply")
    }

    /// Whether a result is a `Result`, as an argument for `Call` and its like; `None` for `false`.
    pub fn is_result(&self, operation: &Operation) -> Option<TokenStream> {
        let (krate, ty) = (self.krate, &operation.result);
        if types::is_certainly_result(ty) == Some(false) {
            return None;
        }
        if self.is_generic(ty) {
            return types::looks_like_result(ty).then(|| quote_mixed!(true));
        }
        Some(quote_spanned!(types::span_of(ty)=> { #krate::Probe::<#ty>::IS_RESULT }))
    }

    /// `<R as Returned<K>>`.
    pub fn returned(&self, operation: &Operation) -> TokenStream {
        let (krate, ty) = (self.krate, &operation.result);
        let is_result = self.is_result(operation).unwrap_or_else(|| quote_mixed!(false));
        quote_spanned!(types::span_of(ty)=> <#ty as #krate::Returned<#is_result>>)
    }

    /// In a generic model the spelling has decided; that it agrees with the type.
    fn spelled(&self, operation: &Operation) -> Option<TokenStream> {
        let (krate, ty) = (self.krate, &operation.result);
        if types::is_certainly_result(ty).is_some() || !self.is_generic(ty) {
            return None;
        }
        let looks = types::looks_like_result(ty);
        Some(
            quote_spanned! {types::span_of(ty)=> #krate::Spelled::<#looks>::spelled(#krate::Probe::<#ty>::kind()); },
        )
    }

    fn is_generic(&self, ty: &Type) -> bool {
        let mut names = self.generics().params.iter().filter_map(|param| match param {
            syn::GenericParam::Type(param) => Some(&param.ident),
            syn::GenericParam::Const(param) => Some(&param.ident),
            syn::GenericParam::Lifetime(_) => None,
        });
        names.any(|name| types::mentions(ty, name))
    }

    /// The numbers of a kind's methods, and whether they can be patterns.
    pub fn number(&self, operation: &Operation, number: usize) -> TokenStream {
        if self.commands.numbered_by_cfg {
            let (numbers, variant) = (numbers(operation.kind), &operation.variant);
            return quote_mixed!(#numbers::#variant as u16);
        }
        let number = u16::try_from(number).unwrap_or(u16::MAX);
        quote_mixed!(#number)
    }

    /// The pattern for a method's number.
    pub fn number_pattern(&self, operation: &Operation, number: usize) -> TokenStream {
        let number = self.number(operation, number);
        match self.commands.numbered_by_cfg {
            true => quote_mixed!(number if number == #number),
            false => number,
        }
    }
}

fn numbers(kind: Kind) -> Ident {
    format_ident!("__{}Number", if kind == Kind::Command { "Command" } else { "Query" })
}

pub fn local(name: &str, number: usize) -> Ident {
    format_ident!("{name}{number}", span = Span::mixed_site())
}

/// The type that the variant holds.
pub fn owned(argument: &Argument, krate: &Crate) -> TokenStream {
    let ty = &argument.ty;
    match argument.form {
        _ if argument.broken => quote_mixed!(()),
        Form::Owned | Form::Text | Form::Borrowed => quote_mixed!(#ty),
        Form::Slice => quote_mixed!(#krate::std::vec::Vec<#ty>),
        Form::Unsized(path) => {
            let path = path.iter().map(|segment| Ident::new(segment, Span::mixed_site()));
            quote_mixed!(#krate::std #(::#path)*)
        }
    }
}

/// Writes an argument; `value` is a reference to it.
pub fn put(argument: &Argument, value: &TokenStream, krate: &Crate) -> TokenStream {
    let ty = &argument.ty;
    let span = types::span_of(ty);
    match argument.form {
        _ if argument.broken => quote_mixed!(#krate::std::result::Result::Ok(())),
        Form::Owned | Form::Text | Form::Borrowed => {
            quote_spanned!(span=> <#ty as #krate::Argument>::put(#value, bytes))
        }
        Form::Slice => quote_spanned!(span=> <#ty as #krate::Argument>::put_slice(#value, bytes)),
        Form::Unsized(_) => quote_spanned!(span=> #krate::put::<#ty>(#value, bytes)),
    }
}

/// The function that tells what an argument looks like.
pub fn shape(argument: &Argument, krate: &Crate) -> TokenStream {
    let ty = &argument.ty;
    let span = types::span_of(ty);
    match argument.form {
        _ if argument.broken => quote_mixed!(<() as #krate::Argument>::shape),
        Form::Owned | Form::Text | Form::Borrowed => {
            quote_spanned!(span=> <#ty as #krate::Argument>::shape)
        }
        Form::Slice => quote_spanned!(span=> <#ty as #krate::Argument>::shape_slice),
        Form::Unsized(_) => {
            let owned = owned(argument, krate);
            quote_mixed!(<#owned as #krate::Argument>::shape)
        }
    }
}

/// The place of an argument that is carried over; `place` is a `&mut Option` of it.
pub fn slot(argument: &Argument, place: &TokenStream, krate: &Crate) -> TokenStream {
    let ty = &argument.ty;
    let span = types::span_of(ty);
    match argument.form {
        _ if argument.broken => quote_mixed!(<() as #krate::Argument>::slot(#place)),
        Form::Owned | Form::Text | Form::Borrowed => {
            quote_spanned!(span=> <#ty as #krate::Argument>::slot(#place))
        }
        Form::Slice => quote_spanned!(span=> <#ty as #krate::Argument>::slot_slice(#place)),
        Form::Unsized(_) => {
            let owned = owned(argument, krate);
            quote_mixed!(<#owned as #krate::Argument>::slot(#place))
        }
    }
}

/// Reads an argument.
pub fn get(argument: &Argument, krate: &Crate) -> TokenStream {
    let ty = &argument.ty;
    let span = types::span_of(ty);
    match argument.form {
        _ if argument.broken => quote_mixed!(()),
        Form::Owned | Form::Text | Form::Borrowed => {
            quote_spanned!(span=> <#ty as #krate::Argument>::get(bytes)?)
        }
        Form::Slice => quote_spanned!(span=> <#ty as #krate::Argument>::get_slice(bytes)?),
        Form::Unsized(_) => {
            let owned = owned(argument, krate);
            quote_mixed!(<#owned as #krate::Argument>::get(bytes)?)
        }
    }
}

pub fn implementation(commands: &Commands, events: Option<&Type>, krate: &Crate) -> TokenStream {
    if commands.has_lifetimes() {
        return lifetimes(commands, krate);
    }
    let event = match events {
        Some(events) => events.clone(),
        None => syn::parse2(quote_mixed!(#krate::NoEvents)).unwrap_or_else(|_| syn::parse_quote!(())),
    };
    let scope = Scope { krate, commands, event };
    let lenient = lenient();
    let numbers = [Kind::Command, Kind::Query].map(|kind| {
        let (name, operations) = (numbers(kind), commands.of_kind(kind));
        let variants = operations.map(|Operation { cfgs, variant, .. }| quote_mixed!(#(#cfgs)* #variant));
        commands.numbered_by_cfg.then(|| quote_mixed!(enum #name { #(#variants),* }))
    });
    let (command, query, reply) = (
        enums::operation(&scope, Kind::Command),
        enums::operation(&scope, Kind::Query),
        enums::reply(&scope),
    );
    let dispatch = dispatch(&scope);
    let client = client::methods(&scope);
    let fallback = client::fallback(&scope);
    let counted = counted::of_methods(&scope);
    quote_mixed! {
        #fallback

        #lenient
        const _: () = {
            use #krate::NotResult as _;
            #(#numbers)*
            #command
            #query
            #reply
            #dispatch
            #client
            #counted
        };
    }
}

/// Nothing is written; the struct has been told why, unless it is no model at all.
fn lifetimes(commands: &Commands, krate: &Crate) -> TokenStream {
    let (header, _, bounds) = commands.generics.split_for_impl();
    let model = &commands.self_ty;
    let lenient = lenient();
    quote_spanned! {types::span_of(model)=>
        #lenient
        const _: () = { fn annotated #header() #bounds { <#model as #krate::Annotated>::OK } };
    }
}

fn dispatch(scope: &Scope<'_>) -> TokenStream {
    let Scope { krate, commands, event } = scope;
    let (header, parameters, bounds) = scope.generics().split_for_impl();
    let model = &commands.self_ty;
    let (command, query, reply) =
        (scope.enum_name(Kind::Command), scope.enum_name(Kind::Query), scope.reply_name());
    let execute = commands.of_kind(Kind::Command).map(|operation| {
        let Operation { cfgs, variant, .. } = operation;
        let returned = scope.returned(operation);
        let spelled = scope.spelled(operation);
        let (pattern, call) = call(scope, operation);
        let span = types::span_of(&operation.result);
        let run = match operation.broken {
            true => quote_mixed!(#krate::std::unreachable!()),
            false => quote_spanned!(span=> #returned::conclude(#call, reply)),
        };
        quote_mixed!(#(#cfgs)* #command::#variant { #pattern } => { #spelled #run })
    });
    let answer = commands.of_kind(Kind::Query).map(|operation| {
        let Operation { cfgs, variant, .. } = operation;
        let returned = scope.returned(operation);
        let spelled = scope.spelled(operation);
        let (pattern, call) = call(scope, operation);
        let span = types::span_of(&operation.result);
        let run = match operation.broken {
            true => quote_mixed!(#krate::std::unreachable!()),
            false => quote_spanned!(span=> { let () = #returned::OK; #reply::#variant(#call) }),
        };
        quote_mixed!(#(#cfgs)* #query::#variant { #pattern } => { #spelled #run })
    });
    let respond = commands.of_kind(Kind::Query).map(|operation| {
        let Operation { cfgs, variant, .. } = operation;
        let returned = scope.returned(operation);
        let (pattern, call) = call(scope, operation);
        let span = types::span_of(&operation.result);
        let run = match operation.broken {
            true => quote_mixed!(#krate::std::unreachable!()),
            false => quote_spanned!(span=> #returned::conclude(#call, reply)),
        };
        quote_mixed!(#(#cfgs)* #query::#variant { #pattern } => #run,)
    });
    let read = commands.of_kind(Kind::Command).enumerate().filter(|(_, operation)| !operation.broken).map(
        |(number, operation)| {
            let Operation { cfgs, variant, .. } = operation;
            let number = scope.number_pattern(operation, number);
            let returned = scope.returned(operation);
            let span = types::span_of(&operation.result);
            let read = quote_spanned!(span=> #returned::read(verdict, bytes)?);
            quote_mixed!(#(#cfgs)* #number => #krate::std::result::Result::Ok(#reply::#variant(#read)),)
        },
    );
    let never = |kind| {
        enums::never(scope, kind).map(|never| {
            let name = scope.enum_name(kind);
            quote_mixed!(#name::#never => match never {},)
        })
    };
    let (no_command, no_query, no_response) = (never(Kind::Command), never(Kind::Query), never(Kind::Query));
    quote_mixed! {
        #[automatically_derived]
        impl #header #krate::Methods for #model #bounds {
            type Command = #command #parameters;
            type Query = #query #parameters;
            type Reply = #reply #parameters;
            type Event = #event;

            fn execute(
                &mut self,
                command: #command #parameters,
                ctx: &mut #krate::Ctx<#event>,
                reply: &mut #krate::std::vec::Vec<u8>,
            ) -> #krate::std::result::Result<#krate::Verdict, #krate::Unwritable> {
                match command { #(#execute)* #no_command }
            }

            fn answer(&self, query: #query #parameters) -> #reply #parameters {
                match query { #(#answer)* #no_query }
            }

            fn respond(
                &self,
                query: #query #parameters,
                reply: &mut #krate::std::vec::Vec<u8>,
            ) -> #krate::std::result::Result<#krate::Verdict, #krate::Unwritable> {
                match query { #(#respond)* #no_response }
            }

            fn reply(
                method: u16,
                verdict: #krate::Verdict,
                bytes: &mut &[u8],
            ) -> #krate::std::result::Result<#reply #parameters, #krate::Unreadable> {
                match method {
                    #(#read)*
                    _ => #krate::std::result::Result::Err(#krate::no_such_method(method)),
                }
            }
        }
    }
}

/// The fields of the variant's pattern, and the call of the user's method with them.
fn call(scope: &Scope<'_>, operation: &Operation) -> (TokenStream, TokenStream) {
    let krate = scope.krate;
    let (model, method, event) = (&scope.commands.self_ty, &operation.ident, &scope.event);
    let fields = operation.arguments().enumerate().map(|(number, argument)| {
        let (name, local) = (&argument.name, local("argument", number));
        quote_mixed!(#name: #local)
    });
    let mut number = 0;
    let inputs = operation.inputs.iter().map(|input| match input {
        Input::Ctx(ty) => {
            let lend = quote_mixed!(<#krate::Ctx<#event> as #krate::Lend<#ty>>::lend(ctx));
            types::at(lend, types::start_of(ty))
        }
        Input::Argument(argument) => {
            let local = local("argument", number);
            number += 1;
            match argument.form {
                Form::Owned | Form::Text => quote_mixed!(#local),
                Form::Borrowed | Form::Slice | Form::Unsized(_) => quote_mixed!(&#local),
            }
        }
    });
    (quote_mixed!(#(#fields),*), quote_mixed!(<#model>::#method(self #(, #inputs)*)))
}
