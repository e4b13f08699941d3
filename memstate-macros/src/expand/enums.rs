//! The enums of commands, queries and replies.

use std::collections::HashMap;

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::{Attribute, Member, ext::IdentExt};

use super::{
    Crate,
    argument::{get, lent, local, owned, owned_text, put, shape},
    carry,
    methods::Scope,
    without_defaults,
};
use crate::{
    attr,
    check::{Evolution, Kind, Operation, Part},
    types,
};

/// `<Ledger as Model>::Command`, or another of its types.
pub fn of_part(part: &Part, what: &str, krate: &Crate) -> TokenStream {
    let (ty, span) = (&part.ty, types::span_of(&part.ty));
    let what = Ident::new(what, span);
    quote_spanned!(span=> <#ty as #krate::Model>::#what)
}

/// A variant: its fields by name or number, and their types.
struct Variant<'a> {
    cfgs: &'a [Attribute],
    docs: TokenStream,
    hidden: bool,
    name: &'a Ident,
    fields: Vec<(Member, TokenStream)>,
}

impl<'a> Variant<'a> {
    fn of_operation(operation: &'a Operation, fields: Vec<(Member, TokenStream)>, krate: &Crate) -> Self {
        let Operation { cfgs, attrs, ident, variant: name, .. } = operation;
        let called = format!("`{}`.", ident.unraw());
        let has_docs =
            |attr: &Attribute| attr.path().is_ident("doc") && attr.meta.require_name_value().is_ok();
        let docs = match attrs.iter().any(has_docs) {
            true => attr::docs_of(attrs, krate),
            false => quote_mixed!(#called),
        };
        Variant { cfgs, docs, hidden: operation.evolution.retired, name, fields }
    }

    /// With what the model inside has for it: its `Command`, `Query` or `Reply`.
    fn of_part(part: &'a Part, what: &str, krate: &Crate) -> Self {
        let docs = format!("Those of `{}`.", part.name.unraw());
        let docs = quote_mixed!(#docs);
        let ty = of_part(part, what, krate);
        Variant {
            cfgs: &[],
            docs,
            hidden: false,
            name: &part.variant,
            fields: vec![(Member::Unnamed(0.into()), ty)],
        }
    }
}

/// An enum, and what it takes to have it `Clone`, `PartialEq` and `Debug`.
pub struct Enum<'a> {
    pub name: Ident,
    docs: String,
    variants: Vec<Variant<'a>>,
    pub never: Option<TokenStream>,
}

pub fn operation(scope: &Scope<'_>, kind: Kind) -> TokenStream {
    let whole = of_kind(scope, kind);
    let definition = whole.definition(scope);
    let codec = codec(scope, kind, &whole);
    quote_mixed!(#definition #codec)
}

/// The enum of the commands or of the queries, those of the models inside among them.
pub fn of_kind<'a>(scope: &Scope<'a>, kind: Kind) -> Enum<'a> {
    let krate = scope.krate;
    let commands = scope.commands;
    let what = if kind == Kind::Command { "Command" } else { "Query" };
    Enum {
        name: scope.enum_name(kind),
        docs: format!(
            "The {} of [`{}`].",
            if kind == Kind::Command { "commands" } else { "queries" },
            commands.name.unraw()
        ),
        variants: commands
            .of_kind(kind)
            .map(|operation| {
                let fields = operation
                    .arguments()
                    .map(|argument| (Member::Named(argument.name.clone()), owned(argument, krate)));
                Variant::of_operation(operation, fields.collect(), krate)
            })
            .chain(scope.parts.iter().map(|part| Variant::of_part(part, what, krate)))
            .collect(),
        never: never(scope, kind),
    }
}

pub fn of_replies<'a>(scope: &Scope<'a>) -> Enum<'a> {
    let commands = scope.commands;
    Enum {
        name: scope.reply_name(),
        docs: format!("The replies of [`{}`].", scope.commands.name.unraw()),
        variants: commands
            .operations
            .iter()
            .map(|operation| {
                let fields = vec![(Member::Unnamed(0.into()), operation.result.to_token_stream())];
                Variant::of_operation(operation, fields, scope.krate)
            })
            .chain(scope.parts.iter().map(|part| Variant::of_part(part, "Reply", scope.krate)))
            .collect(),
        never: never_reply(scope),
    }
}

/// The pattern of the reply that there never is.
pub fn never_reply(scope: &Scope<'_>) -> Option<TokenStream> {
    (!scope.generics().params.is_empty()).then(|| quote_mixed!(__Of(__never, _)))
}

/// The pattern of the variant that there never is, if the enum needs one to mention the model's parameters.
pub fn never(scope: &Scope<'_>, kind: Kind) -> Option<TokenStream> {
    let types: TokenStream = scope
        .commands
        .of_kind(kind)
        .flat_map(Operation::arguments)
        .map(|argument| owned(argument, scope.krate))
        .collect();
    let unused = scope.generics().type_params().any(|param| !types::mentions(&types, &param.ident));
    unused.then(|| quote_mixed!(__Of(__never, _)))
}

impl Enum<'_> {
    pub fn definition(&self, scope: &Scope<'_>) -> TokenStream {
        let krate = scope.krate;
        let Enum { name, docs, variants, .. } = self;
        let generics = without_defaults(scope.generics());
        let (header, _, bounds) = generics.split_for_impl();
        let model = &scope.commands.self_ty;
        let never = self.never.as_ref().map(|_| {
            quote_mixed! {
                #[doc(hidden)]
                __Of(#krate::std::convert::Infallible, #krate::std::marker::PhantomData<fn() -> #model>),
            }
        });
        let written = variants.iter().map(|variant| {
            let Variant { cfgs, docs, name, .. } = variant;
            let hidden = variant.hidden.then(|| quote_mixed!(#[doc(hidden)]));
            let attrs = quote_mixed!(#(#cfgs)* #hidden #[doc = #docs]);
            let fields = variant.fields.iter().map(|(member, ty)| match member {
                Member::Named(name) => quote_mixed!(#name: #ty),
                Member::Unnamed(_) => quote_mixed!(#ty),
            });
            match variant.fields.first() {
                Some((Member::Unnamed(_), _)) => quote_mixed!(#attrs #name(#(#fields),*),),
                Some(_) => quote_mixed!(#attrs #name { #(#fields),* },),
                None => quote_mixed!(#attrs #name,),
            }
        });
        let each = self.each(scope);
        quote_mixed! {
            #[doc = #docs]
            pub enum #name #header #bounds { #(#written)* #never }
            #each
        }
    }

    /// `Clone`, `PartialEq` and `Debug`, if all fields have them.
    fn each(&self, scope: &Scope<'_>) -> TokenStream {
        let krate = scope.krate;
        let generic = !scope.generics().params.is_empty();
        let mut aliases = TokenStream::new();
        let mut seen = HashMap::new();
        let mut types = Vec::new();
        // Which of the bounds is that of each field. They are told apart by their numbers, because two types that are written
        // differently may be one, and of two equal bounds the compiler would not know which is meant.
        let mut bound_of: Vec<Vec<usize>> = Vec::new();
        for (number, variant) in self.variants.iter().enumerate() {
            bound_of.push(Vec::new());
            let cfgs = variant.cfgs.iter().filter_map(|cfg| cfg.meta.require_list().ok());
            let cfgs: Vec<_> = cfgs.map(|list| &list.tokens).collect();
            for (place, (_, ty)) in variant.fields.iter().enumerate() {
                if cfgs.is_empty() {
                    let bound = *seen.entry(ty.to_string()).or_insert_with(|| {
                        types.push(ty.clone());
                        types.len() - 1
                    });
                    bound_of[number].push(bound);
                    continue;
                }
                if generic {
                    // An alias cannot leave parameters unused, so there is no name for a type that may not exist.
                    return TokenStream::new();
                }
                // The type of a variant that is not there may not be there either.
                let alias = quote::format_ident!("__{}{number}Field{place}", self.name);
                aliases.extend(quote_mixed! {
                    #[cfg(all(#(#cfgs),*))]
                    type #alias = #ty;
                    #[cfg(not(all(#(#cfgs),*)))]
                    type #alias = ();
                });
                types.push(alias.to_token_stream());
                bound_of[number].push(types.len() - 1);
            }
        }
        let with = |bound: &str| {
            let bound = quote::format_ident!("{bound}");
            let mut generics = without_defaults(scope.generics());
            let predicates = &mut generics.make_where_clause().predicates;
            for (number, ty) in types.iter().enumerate() {
                predicates.push(syn::parse_quote!(for<'each> #ty: #krate::#bound<'each, #number>));
            }
            generics
        };
        let name = &self.name;
        let (clone, eq, debug) = (with("CloneEach"), with("EqEach"), with("DebugEach"));
        let (header, parameters, clone_bounds) = clone.split_for_impl();
        let (_, _, eq_bounds) = eq.split_for_impl();
        let (_, _, debug_bounds) = debug.split_for_impl();
        let (mut clones, mut eqs, mut debugs) = (TokenStream::new(), TokenStream::new(), TokenStream::new());
        for (variant, numbers) in self.variants.iter().zip(&bound_of) {
            let Variant { cfgs, name, .. } = variant;
            let members = || variant.fields.iter().map(|(member, _)| member);
            let locals = |name| (0..variant.fields.len()).map(move |number| local(name, number));
            let types = || variant.fields.iter().map(|(_, ty)| ty);
            let (m, l, t) = (members(), locals("left"), types());
            let (again, cloned) = (members(), locals("left"));
            clones.extend(quote_mixed! {
                #(#cfgs)* Self::#name { #(#m: #l),* } => Self::#name {
                    #(#again: <#t as #krate::CloneEach<'_, #numbers>>::clone_each(#cloned)),*
                },
            });
            let (m, l, t) = (members(), locals("left"), types());
            let (again, r) = (members(), locals("right"));
            let (left, right) = (locals("left"), locals("right"));
            eqs.extend(quote_mixed! {
                #(#cfgs)* (Self::#name { #(#m: #l),* }, Self::#name { #(#again: #r),* }) => {
                    true #(&& <#t as #krate::EqEach<'_, #numbers>>::eq_each(#left, #right))*
                }
            });
            let (m, l) = (members(), locals("left"));
            let text = name.to_string();
            let fields = variant.fields.iter().enumerate().map(|(number, (member, ty))| {
                let left = local("left", number);
                let bound = numbers[number];
                let shown = quote_mixed!(<#ty as #krate::DebugEach<'_, #bound>>::as_debug(#left));
                match member {
                    Member::Named(name) => {
                        let name = name.unraw().to_string();
                        quote_mixed!(.field(#name, #shown))
                    }
                    Member::Unnamed(_) => quote_mixed!(.field(#shown)),
                }
            });
            let builder = match variant.fields.first() {
                Some((Member::Unnamed(_), _)) => quote_mixed!(debug_tuple),
                _ => quote_mixed!(debug_struct),
            };
            debugs.extend(quote_mixed! {
                #(#cfgs)* Self::#name { #(#m: #l),* } => __f.#builder(#text) #(#fields)*.finish(),
            });
        }
        let never = self.never.as_ref().map(|never| quote_mixed!(Self::#never => match *__never {},));
        let none = quote_mixed!(match *self {});
        let empty = self.variants.is_empty() && never.is_none();
        let clone_body = if empty { none.clone() } else { quote_mixed!(match self { #clones #never }) };
        let eq_body =
            if empty { none.clone() } else { quote_mixed!(match (self, __other) { #eqs _ => false }) };
        let debug_body = if empty { none } else { quote_mixed!(match self { #debugs #never }) };
        quote_mixed! {
            #aliases
            #[automatically_derived]
            impl #header #krate::std::clone::Clone for #name #parameters #clone_bounds {
                fn clone(&self) -> Self {
                    #clone_body
                }
            }
            #[automatically_derived]
            impl #header #krate::std::cmp::PartialEq for #name #parameters #eq_bounds {
                fn eq(&self, __other: &Self) -> #krate::std::primitive::bool {
                    #eq_body
                }
            }
            #[automatically_derived]
            impl #header #krate::std::fmt::Debug for #name #parameters #debug_bounds {
                fn fmt(&self, __f: &mut #krate::std::fmt::Formatter<'_>) -> #krate::std::fmt::Result {
                    #debug_body
                }
            }
        }
    }
}

fn codec(scope: &Scope<'_>, kind: Kind, whole: &Enum<'_>) -> TokenStream {
    let krate = scope.krate;
    let name = &whole.name;
    let generics = without_defaults(scope.generics());
    let (header, parameters, bounds) = generics.split_for_impl();
    let operations: Vec<_> = scope.commands.of_kind(kind).enumerate().collect();
    let descriptions = operations.iter().map(|(_, operation)| description(scope, operation));
    let (numbers, puts) = (numbers(scope, kind), puts(scope, kind));
    let gets = operations.iter().map(|(number, operation)| {
        let Operation { cfgs, variant, .. } = operation;
        let number = scope.number_pattern(operation, *number);
        let fields = operation.arguments().map(|argument| {
            let (name, get) = (&argument.name, get(argument, krate));
            quote_mixed!(#name: #get)
        });
        quote_mixed!(#(#cfgs)* #number => #krate::std::result::Result::Ok(Self::#variant { #(#fields),* }),)
    });
    let never = whole.never.as_ref().map(|never| quote_mixed!(Self::#never => match *__never {},));
    let empty = operations.is_empty() && never.is_none();
    let body = |arms: TokenStream| match empty {
        true => quote_mixed!(match *self {}),
        false => quote_mixed!(match self { #arms #never }),
    };
    let carry = (kind == Kind::Command).then(|| carry::operation(scope));
    let model = &scope.commands.self_ty;
    let of_model = (kind == Kind::Command).then(|| {
        quote_mixed! {
            #[automatically_derived]
            impl #header #krate::CommandOf<#model> for #name #parameters #bounds {}
        }
    });
    let (method, put) = (body(numbers), body(puts));
    quote_mixed! {
        #[automatically_derived]
        impl #header #krate::Operation for #name #parameters #bounds {
            const METHODS: &'static [#krate::Method] = &[#(#descriptions),*];

            fn method(&self) -> #krate::std::primitive::u16 {
                #method
            }

            fn put(
                &self,
                __bytes: &mut #krate::std::vec::Vec<#krate::std::primitive::u8>,
            ) -> #krate::std::result::Result<(), #krate::Unwritable> {
                #put
            }

            fn get(
                __method: #krate::std::primitive::u16,
                __bytes: &mut &[#krate::std::primitive::u8],
            ) -> #krate::std::result::Result<Self, #krate::Unreadable> {
                match __method {
                    #(#gets)*
                    _ => #krate::std::result::Result::Err(#krate::no_such_method(__method)),
                }
            }

            #carry
        }

        #of_model
    }
}

/// The arms that tell the number of a variant of the model's own.
pub fn numbers(scope: &Scope<'_>, kind: Kind) -> TokenStream {
    let of = |(number, operation): (usize, &Operation)| {
        let Operation { cfgs, variant, .. } = operation;
        let number = scope.number(operation, number);
        quote_mixed!(#(#cfgs)* Self::#variant { .. } => #number,)
    };
    scope.commands.of_kind(kind).enumerate().map(of).collect()
}

/// The arms that write the arguments of a variant of the model's own.
pub fn puts(scope: &Scope<'_>, kind: Kind) -> TokenStream {
    let of = |operation: &Operation| {
        let Operation { cfgs, variant, .. } = operation;
        let mut fields = Vec::new();
        let mut puts = Vec::new();
        for (number, argument) in operation.arguments().enumerate() {
            let (name, local) = (&argument.name, local("argument", number));
            fields.push(quote_mixed!(#name: #local));
            let lent = lent(argument, &quote_mixed!(#local), scope.krate);
            puts.push(put(argument, &lent, scope.krate));
        }
        let body = sequence(&puts, scope);
        quote_mixed!(#(#cfgs)* Self::#variant { #(#fields),* } => #body,)
    };
    scope.commands.of_kind(kind).map(of).collect()
}

/// One after another, until one fails.
pub fn sequence(puts: &[TokenStream], scope: &Scope<'_>) -> TokenStream {
    let krate = scope.krate;
    match puts.split_last() {
        None => quote_mixed!(#krate::std::result::Result::Ok(())),
        Some((last, rest)) => quote_mixed!({ #(#rest?;)* #last }),
    }
}

fn description(scope: &Scope<'_>, operation: &Operation) -> TokenStream {
    let krate = scope.krate;
    let Operation { cfgs, attrs, result_text, ident, .. } = operation;
    let docs = attr::docs_of(attrs, krate);
    let name = ident.unraw().to_string();
    let parameters = operation.arguments().map(|argument| {
        let name = argument.name.unraw().to_string();
        let ty = owned_text(argument);
        let shape = shape(argument, krate);
        let was = &argument.origin.was;
        let was = (!was.is_empty()).then(|| quote_mixed!(.was(&[#(#was),*])));
        let default = argument.origin.default.is_some().then(|| quote_mixed!(.or_default()));
        quote_mixed!(#krate::Parameter::new(#name, #ty, #shape) #was #default)
    });
    let past = past(operation, krate);
    let returns = (!operation.broken).then(|| {
        let returned = scope.returned(operation);
        let shapes = quote_spanned!(types::span_of(&operation.result)=> #returned::shapes);
        quote_mixed!(.returns(#shapes))
    });
    let streams = operation.streams.is_some().then(|| quote_mixed!(.streams()));
    quote_mixed! {
        #(#cfgs)* #krate::Method::new(#name, &[#(#parameters),*], #result_text, #docs) #past #returns #streams
    }
}

/// What a command says of its past.
fn past(operation: &Operation, krate: &Crate) -> TokenStream {
    let Evolution { was, retired, replays, version, .. } = &operation.evolution;
    let was = (!was.is_empty()).then(|| quote_mixed!(.was(&[#(#was),*])));
    let version = (*version > 1).then(|| quote_mixed!(.version(#version)));
    let retired = match replays {
        Some((command, version)) => Some(quote_mixed!(.replays(#command, #version))),
        None => retired.then(|| quote_mixed!(.retired())),
    };
    let upcasts = if operation.broken { Vec::new() } else { carry::upcast_shapes(operation, krate) };
    let upcasts = (!upcasts.is_empty()).then(|| quote_mixed!(.upcasts(&[#(#upcasts),*])));
    quote_mixed!(#was #version #retired #upcasts)
}
