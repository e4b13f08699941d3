//! What is written for the `impl` block: its enums, its dispatch and the client's methods.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote_spanned};
use syn::{Generics, Type};

use super::{
    Crate,
    argument::{local, passed},
    client, counted, enums, lenient,
};
use crate::{
    check::{Commands, Input, Kind, Operation, Part},
    types,
};

/// What every part of the expansion needs to know.
pub struct Scope<'a> {
    pub krate: &'a Crate,
    pub commands: &'a Commands,
    /// The models inside, where their operations stand beside the model's own.
    pub parts: &'a [Part],
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
        if operation.streams.is_some() || types::is_certainly_result(ty) == Some(false) {
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

    /// A call of the user's method; what it gives one after another is collected.
    pub fn collected(&self, operation: &Operation, call: TokenStream) -> TokenStream {
        let krate = self.krate;
        match &operation.streams {
            Some(item) => quote_spanned!(types::span_of(item)=> #krate::collect::<#item>(#call)),
            None => call,
        }
    }

    /// In a generic model the spelling has decided; that it agrees with the type.
    fn spelled(&self, operation: &Operation) -> Option<TokenStream> {
        let (krate, ty) = (self.krate, &operation.result);
        if operation.streams.is_some() || types::is_certainly_result(ty).is_some() || !self.is_generic(ty) {
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
            let krate = self.krate;
            return quote_mixed!(#numbers::#variant as #krate::std::primitive::u16);
        }
        let number = u16::try_from(number).unwrap_or(u16::MAX);
        quote_mixed!(#number)
    }

    /// The pattern for a method's number.
    pub fn number_pattern(&self, operation: &Operation, number: usize) -> TokenStream {
        let number = self.number(operation, number);
        match self.commands.numbered_by_cfg {
            true => quote_mixed!(__number if __number == #number),
            false => number,
        }
    }
}

fn numbers(kind: Kind) -> Ident {
    format_ident!("__{}Number", if kind == Kind::Command { "Command" } else { "Query" })
}

/// What is given one after another is a `Vec` for the client, of the standard library wherever memstate is.
pub fn collect(commands: &mut Commands, krate: &Crate) {
    for operation in &mut commands.operations {
        let Some(item) = &operation.streams else { continue };
        let span = types::span_of(item);
        let path = types::at(quote_mixed!(#krate::std::vec::Vec), span);
        operation.result = syn::parse_quote!(#path<#item>);
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
    let scope = Scope { krate, commands, parts: &[] };
    let lenient = lenient();
    let numbers = number_enums(commands);
    let (command, query, reply) = (
        enums::operation(&scope, Kind::Command),
        enums::operation(&scope, Kind::Query),
        enums::of_replies(&scope).definition(&scope),
    );
    let dispatch = dispatch(&scope, &event);
    let client = client::methods(&scope);
    let fallback = client::fallback(&scope);
    let counted = counted::of_methods(&scope);
    quote_mixed! {
        #fallback

        #lenient
        const _: () = {
            use #krate::NotResult as _;
            #numbers
            #command
            #query
            #reply
            #dispatch
            #client
            #counted
        };
    }
}

/// Enums that count the methods, where it depends on `#[cfg]`s which there are.
pub fn number_enums(commands: &Commands) -> Option<TokenStream> {
    let of_kind = |kind| {
        let (name, operations) = (numbers(kind), commands.of_kind(kind));
        let variants = operations.map(|Operation { cfgs, variant, .. }| quote_mixed!(#(#cfgs)* #variant));
        quote_mixed!(enum #name { #(#variants),* })
    };
    commands.numbered_by_cfg.then(|| [Kind::Command, Kind::Query].map(of_kind).into_iter().collect())
}

/// The client's methods and nothing else, for a block that is one too many. They are never run.
pub fn client_alone(commands: &Commands, krate: &Crate) -> TokenStream {
    if commands.has_lifetimes() {
        return TokenStream::new();
    }
    let scope = Scope { krate, commands, parts: &[] };
    let (numbers, client, lenient) = (number_enums(commands), client::methods(&scope), lenient());
    quote_mixed! {
        #lenient
        const _: () = {
            use #krate::NotResult as _;
            #numbers
            #client
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

fn dispatch(scope: &Scope<'_>, event: &Type) -> TokenStream {
    let Scope { krate, commands, .. } = scope;
    let (header, parameters, bounds) = scope.generics().split_for_impl();
    let model = &commands.self_ty;
    let (command, query, reply) =
        (scope.enum_name(Kind::Command), scope.enum_name(Kind::Query), scope.reply_name());
    let execute = commands.of_kind(Kind::Command).map(|operation| {
        let Operation { cfgs, variant, .. } = operation;
        let returned = scope.returned(operation);
        let spelled = scope.spelled(operation);
        let (pattern, call) = call(scope, operation, event);
        let span = types::span_of(&operation.result);
        let run = match operation.broken {
            true => quote_mixed!(#krate::std::unreachable!()),
            false => quote_spanned!(span=> #returned::conclude(#call, __reply)),
        };
        quote_mixed!(#(#cfgs)* #command::#variant { #pattern } => { #spelled #run })
    });
    let answer = commands.of_kind(Kind::Query).map(|operation| {
        let Operation { cfgs, variant, .. } = operation;
        let returned = scope.returned(operation);
        let spelled = scope.spelled(operation);
        let (pattern, call) = call(scope, operation, event);
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
        let (pattern, call) = call(scope, operation, event);
        let span = types::span_of(&operation.result);
        let run = match operation.broken {
            true => quote_mixed!(#krate::std::unreachable!()),
            false => quote_spanned!(span=> #returned::conclude(#call, __reply)),
        };
        quote_mixed!(#(#cfgs)* #query::#variant { #pattern } => #run,)
    });
    let reads = |kind| {
        let reads = commands.of_kind(kind).enumerate().filter(|(_, operation)| !operation.broken).map(
            |(number, operation)| {
                let Operation { cfgs, variant, .. } = operation;
                let number = scope.number_pattern(operation, number);
                let returned = scope.returned(operation);
                let span = types::span_of(&operation.result);
                let read = quote_spanned!(span=> #returned::read(__verdict, __bytes)?);
                quote_mixed!(#(#cfgs)* #number => #krate::std::result::Result::Ok(#reply::#variant(#read)),)
            },
        );
        reads.collect::<Vec<_>>()
    };
    let read = reads(Kind::Command);
    // Only what is asked of another process has its answer in bytes.
    let answer_of = super::is_for_remote().then(|| {
        let read = reads(Kind::Query);
        quote_mixed! {
            fn answer_of(
                __method: #krate::std::primitive::u16,
                __verdict: #krate::Verdict,
                __bytes: &mut &[#krate::std::primitive::u8],
            ) -> #krate::std::result::Result<#reply #parameters, #krate::Unreadable> {
                match __method {
                    #(#read)*
                    _ => #krate::std::result::Result::Err(#krate::no_such_method(__method)),
                }
            }
        }
    });
    let never = |kind| {
        enums::never(scope, kind).map(|never| {
            let name = scope.enum_name(kind);
            quote_mixed!(#name::#never => match __never {},)
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
                __command: #command #parameters,
                __ctx: &mut #krate::Ctx<#event>,
                __reply: &mut #krate::std::vec::Vec<#krate::std::primitive::u8>,
            ) -> #krate::std::result::Result<#krate::Verdict, #krate::Unwritable> {
                match __command { #(#execute)* #no_command }
            }

            fn answer(&self, __query: #query #parameters) -> #reply #parameters {
                match __query { #(#answer)* #no_query }
            }

            fn respond(
                &self,
                __query: #query #parameters,
                __reply: &mut #krate::std::vec::Vec<#krate::std::primitive::u8>,
            ) -> #krate::std::result::Result<#krate::Verdict, #krate::Unwritable> {
                match __query { #(#respond)* #no_response }
            }

            fn reply(
                __method: #krate::std::primitive::u16,
                __verdict: #krate::Verdict,
                __bytes: &mut &[#krate::std::primitive::u8],
            ) -> #krate::std::result::Result<#reply #parameters, #krate::Unreadable> {
                match __method {
                    #(#read)*
                    _ => #krate::std::result::Result::Err(#krate::no_such_method(__method)),
                }
            }

            #answer_of
        }
    }
}

/// The fields of the variant's pattern, and the call of the user's method with them.
fn call(scope: &Scope<'_>, operation: &Operation, event: &Type) -> (TokenStream, TokenStream) {
    let krate = scope.krate;
    let (model, method) = (&scope.commands.self_ty, &operation.ident);
    let fields = operation.arguments().enumerate().map(|(number, argument)| {
        let (name, local) = (&argument.name, local("argument", number));
        quote_mixed!(#name: #local)
    });
    let mut number = 0;
    let inputs = operation.inputs.iter().map(|input| match input {
        Input::Ctx(ty) => {
            let lend = quote_mixed!(<#krate::Ctx<#event> as #krate::Lend<#ty>>::lend(__ctx));
            types::at(lend, types::start_of(ty))
        }
        Input::Argument(argument) => {
            let local = local("argument", number);
            number += 1;
            passed(argument, &local, krate)
        }
    });
    let call = quote_mixed!(<#model>::#method(self #(, #inputs)*));
    (quote_mixed!(#(#fields),*), scope.collected(operation, call))
}
