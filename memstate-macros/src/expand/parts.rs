//! A model with models inside: its enums have a variant for each of them, and its dispatch leads there.
//!
//! The `impl` block does not know the fields, and the struct does not know the methods. So the block leaves its signatures
//! in a macro beside it, which the struct calls, if it has models inside, to get at both. What the block has written
//! for itself is used as it is: here it is wrapped.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote_spanned};
use syn::{Generics, ext::IdentExt};

use super::{
    Crate,
    argument::local,
    carry, client,
    enums::{self, of_part},
    lenient,
    methods::{Scope, number_enums},
    without_defaults,
};
use crate::{
    check::{Commands, Kind, Operation, Part, Record},
    types,
};

/// The macro that the `impl` block leaves for the struct. Its name is what the compiler prints when there is none.
pub fn callback(model: &Ident) -> Ident {
    Ident::new(&format!("impl_block_of_{}_with_memstate_model", model.unraw()), model.span())
}

/// Leaves the signatures of a block for the struct. `then` gets them in braces, behind what it is called with.
pub fn leave(model: &Ident, block: &TokenStream) -> TokenStream {
    let name = callback(model);
    let module = types::module_at(model, "methods");
    quote_mixed! {
        #[doc(hidden)]
        mod #module {
            #[allow(unused_macros)]
            macro_rules! #name {
                ([$($then:tt)*] $structure:tt) => { $($then)* ! { $structure { #block } } };
            }
            #[allow(unused_imports)]
            pub(crate) use #name;
        }
        #[allow(unused_imports, clippy::wildcard_imports)]
        use #module::*;
    }
}

/// Calls the macro of the `impl` block with the struct.
pub fn ask(model: &Ident, options: &TokenStream, structure: &TokenStream, krate: &Crate) -> TokenStream {
    let name = callback(model);
    quote_spanned!(model.span()=> #name! { [#krate::compose] { { #options } { #structure } } })
}

/// Takes apart what `compose` gets: the options and the struct, and the block.
pub fn given(input: TokenStream) -> Option<[TokenStream; 3]> {
    let [whole, block] = groups(input)?.try_into().ok()?;
    let [options, structure] = groups(whole.stream())?.try_into().ok()?;
    Some([options.stream(), structure.stream(), block.stream()])
}

fn groups(input: TokenStream) -> Option<Vec<Group>> {
    let group = |token| match token {
        TokenTree::Group(group) => Some(group),
        _ => None,
    };
    input.into_iter().map(group).collect()
}

pub fn implementation(record: &Record, commands: &Commands, parts: &[Part], krate: &Crate) -> TokenStream {
    let composed = Composed { scope: Scope { krate, commands, parts }, record };
    let names = [Kind::Command, Kind::Query].map(|kind| composed.own_names(kind));
    let reply_name = composed.alias("Reply");
    let (command, query) = (composed.operation(Kind::Command), composed.operation(Kind::Query));
    let reply = enums::of_replies(&composed.scope).definition(&composed.scope);
    let merge = composed.merge_replies();
    let (model, fields) = (composed.model(), composed.fields());
    let numbers = number_enums(commands);
    let lenient = lenient();
    quote_mixed! {
        #lenient
        const _: () = {
            use #krate::Announce as _;
            #numbers
            #(#names)*
            #reply_name
            #command
            #query
            #reply
            #merge
            #model
            #fields
        };
    }
}

fn own_name(what: &str) -> Ident {
    format_ident!("__Own{what}", span = Span::mixed_site())
}

struct Composed<'a> {
    scope: Scope<'a>,
    record: &'a Record,
}

fn what(kind: Kind) -> &'static str {
    if kind == Kind::Command { "Command" } else { "Query" }
}

impl Composed<'_> {
    /// A name for an enum of the block's own, so that its variants can be named.
    fn alias(&self, what: &str) -> TokenStream {
        let Scope { krate, commands, .. } = &self.scope;
        let (name, model, kind) = (own_name(what), &commands.self_ty, Ident::new(what, Span::mixed_site()));
        let generics = without_defaults(&commands.generics);
        let aliases = (!generics.params.is_empty()).then(|| super::bare_parameters(&generics));
        quote_mixed!(type #name #aliases = <#model as #krate::Methods>::#kind;)
    }

    fn own_names(&self, kind: Kind) -> TokenStream {
        self.alias(what(kind))
    }

    /// Bounds under which the model is one. Those of the block are said to be enough for the models inside: were they said
    /// here once more, the compiler would take their types for unknown.
    fn generics(&self) -> Generics {
        let Scope { krate, commands, .. } = &self.scope;
        let model = &commands.self_ty;
        let mut generics = without_defaults(&commands.generics);
        if !generics.params.is_empty() {
            generics.make_where_clause().predicates.push(syn::parse_quote!(#model: #krate::State));
        }
        generics
    }

    /// An enum of the block's own, whose variants can be named.
    fn own(&self, what: &str) -> TokenStream {
        let name = own_name(what);
        let generics = &self.scope.commands.generics;
        let (_, parameters, _) = generics.split_for_impl();
        let parameters = (!generics.params.is_empty()).then(|| parameters.as_turbofish());
        quote_mixed!(#name #parameters)
    }

    /// The enum of a kind, with its `Operation`.
    fn operation(&self, kind: Kind) -> TokenStream {
        let scope = &self.scope;
        let Scope { krate, commands, parts } = scope;
        let whole = enums::of_kind(scope, kind);
        let definition = whole.definition(scope);
        let (name, own, model) = (&whole.name, self.own(what(kind)), &commands.self_ty);
        let generics = without_defaults(&commands.generics);
        let (header, parameters, bounds) = generics.split_for_impl();
        let described = parts.iter().map(|part| {
            let (text, operations) = (part.name.unraw().to_string(), of_part(part, what(kind), krate));
            let was = (!part.was.is_empty()).then(|| {
                let was = &part.was;
                quote_mixed!(.was(&[#(#was),*]))
            });
            quote_mixed!(#krate::Part::of::<#operations>(#text) #was)
        });
        let (numbers, puts) = (enums::numbers(scope, kind), enums::puts(scope, kind));
        let part_numbers = parts.iter().enumerate().map(|(number, Part { variant, .. })| {
            let first = self.first(kind, number);
            quote_mixed!(Self::#variant(__part) => #first + #krate::Operation::method(__part),)
        });
        let part_puts = parts.iter().map(
            |Part { variant, .. }| quote_mixed!(Self::#variant(__part) => #krate::Operation::put(__part, __bytes),),
        );
        let never = whole.never.as_ref().map(|never| quote_mixed!(Self::#never => match *__never {},));
        let wrap = self.wrap(kind);
        let get = self.routed(kind, &quote_mixed!(__method), |operations, part| {
            let read = quote_mixed!(<#operations as #krate::Operation>::get(__method, __bytes));
            wrapped(part, read, krate)
        });
        let carry = (kind == Kind::Command).then(|| {
            let carry = self.routed(kind, &quote_mixed!(__method), |operations, part| {
                let read =
                    quote_mixed!(<#operations as #krate::Operation>::carry(__method, __version, __written));
                wrapped(part, read, krate)
            });
            quote_mixed! {
                fn carry(
                    __method: #krate::std::primitive::u16,
                    __version: #krate::std::primitive::u32,
                    __written: #krate::Written<'_>,
                ) -> #krate::std::result::Result<Self, #krate::Unreadable> {
                    #carry
                }
            }
        });
        let of_model = (kind == Kind::Command).then(|| {
            quote_mixed! {
                #[automatically_derived]
                impl #header #krate::CommandOf<#model> for #name #parameters #bounds {}
            }
        });
        quote_mixed! {
            #definition

            impl #header #name #parameters #bounds {
                fn __wrap(__own: #own) -> Self {
                    match __own { #wrap }
                }
            }

            #[automatically_derived]
            impl #header #krate::Operation for #name #parameters #bounds {
                const METHODS: &'static [#krate::Method] = <#own as #krate::Operation>::METHODS;
                const PARTS: &'static [#krate::Part] = &[#(#described),*];

                fn method(&self) -> #krate::std::primitive::u16 {
                    match self { #numbers #(#part_numbers)* #never }
                }

                fn put(
                    &self,
                    __bytes: &mut #krate::std::vec::Vec<#krate::std::primitive::u8>,
                ) -> #krate::std::result::Result<(), #krate::Unwritable> {
                    match self { #puts #(#part_puts)* #never }
                }

                fn get(
                    __method: #krate::std::primitive::u16,
                    __bytes: &mut &[#krate::std::primitive::u8],
                ) -> #krate::std::result::Result<Self, #krate::Unreadable> {
                    #get
                }

                #carry
            }

            #of_model
        }
    }

    /// The number of a part's first operation.
    fn first(&self, kind: Kind, part: usize) -> TokenStream {
        let krate = self.scope.krate;
        let counts = (0..=part).map(|number| {
            let operations = self.operations(kind, number);
            quote_mixed!(<#operations as #krate::Operation>::COUNT)
        });
        quote_mixed!(#(#counts)+*)
    }

    /// The enum of the block's own (0), or that of a part.
    fn operations(&self, kind: Kind, number: usize) -> TokenStream {
        let Scope { krate, parts, .. } = &self.scope;
        match number.checked_sub(1) {
            Some(part) => of_part(&parts[part], what(kind), krate),
            None => self.own(what(kind)),
        }
    }

    /// Whichever it is that operation number `method` belongs to; there it is another number.
    fn routed(
        &self,
        kind: Kind,
        method: &TokenStream,
        to: impl Fn(TokenStream, Option<&Part>) -> TokenStream,
    ) -> TokenStream {
        let krate = self.scope.krate;
        let routes = (0..=self.scope.parts.len()).map(|number| {
            let operations = self.operations(kind, number);
            let to = to(operations.clone(), number.checked_sub(1).map(|part| &self.scope.parts[part]));
            quote_mixed! {
                if #method < <#operations as #krate::Operation>::COUNT {
                    return #to;
                }
                let __method = #method - <#operations as #krate::Operation>::COUNT;
            }
        });
        quote_mixed! {
            #(#routes)*
            #krate::std::result::Result::Err(#krate::no_such_method(__method))
        }
    }

    /// The arms that make a variant of the whole of one of the block's own.
    fn wrap(&self, kind: Kind) -> TokenStream {
        let own = self.own(what(kind));
        let never = self.never(kind, &own);
        let arms = self.scope.commands.of_kind(kind).map(|operation| {
            let Operation { cfgs, variant, .. } = operation;
            let fields = fields(operation);
            quote_mixed!(#(#cfgs)* #own::#variant { #fields } => Self::#variant { #fields },)
        });
        quote_mixed!(#(#arms)* #never)
    }

    fn never(&self, kind: Kind, of: &impl ToTokens) -> Option<TokenStream> {
        enums::never(&self.scope, kind).map(|never| quote_mixed!(#of::#never => match __never {},))
    }

    fn merge_replies(&self) -> TokenStream {
        let scope = &self.scope;
        let (name, own) = (scope.reply_name(), self.own("Reply"));
        let generics = without_defaults(&scope.commands.generics);
        let (header, parameters, bounds) = generics.split_for_impl();
        let never = enums::never_reply(scope).map(|never| quote_mixed!(#own::#never => match __never {},));
        let arms = scope.commands.operations.iter().map(|Operation { cfgs, variant, .. }| {
            quote_mixed!(#(#cfgs)* #own::#variant(__reply) => Self::#variant(__reply),)
        });
        quote_mixed! {
            impl #header #name #parameters #bounds {
                fn __wrap(__own: #own) -> Self {
                    match __own { #(#arms)* #never }
                }
            }
        }
    }

    /// The arms of a dispatch: the block's own operations to `own`, those of parts to `part`.
    fn arms(
        &self,
        kind: Kind,
        own_to: impl Fn(TokenStream) -> TokenStream,
        part_to: impl Fn(&Part) -> TokenStream,
    ) -> TokenStream {
        let (whole, own) = (self.scope.enum_name(kind), self.own(what(kind)));
        let never = self.never(kind, &whole);
        let of_own = self.scope.commands.of_kind(kind).map(|operation| {
            let Operation { cfgs, variant, .. } = operation;
            let fields = fields(operation);
            let run = own_to(quote_mixed!(#own::#variant { #fields }));
            quote_mixed!(#(#cfgs)* #whole::#variant { #fields } => #run,)
        });
        let of_parts = self.scope.parts.iter().map(|part| {
            let (variant, run) = (&part.variant, part_to(part));
            quote_mixed!(#whole::#variant(__part) => #run,)
        });
        quote_mixed!(#(#of_own)* #(#of_parts)* #never)
    }

    /// `Model`.
    fn model(&self) -> TokenStream {
        let scope = &self.scope;
        let Scope { krate, commands, .. } = scope;
        let model = &commands.self_ty;
        let generics = self.generics();
        let (header, parameters, bounds) = generics.split_for_impl();
        let (command, query, reply) =
            (scope.enum_name(Kind::Command), scope.enum_name(Kind::Query), scope.reply_name());
        let around = client::lender(Span::mixed_site());
        let client_of = |of: TokenStream| {
            let mut path = commands.client();
            client::push_argument(&mut path, &of);
            path
        };
        let (live, past, around_it) = (
            client_of(quote_mixed!(#krate::Client<#model>)),
            client_of(quote_mixed!(#krate::Past<#model>)),
            client_of(quote_mixed!(#around)),
        );
        let text = commands.name.unraw().to_string();
        let event = quote_mixed!(<#model as #krate::Methods>::Event);
        let execute = self.arms(
            Kind::Command,
            |own| quote_mixed!(#krate::Methods::execute(self, #own, __ctx, __reply)),
            |part| {
                let (ty, field, span) = (&part.ty, &part.name, types::span_of(&part.ty));
                let inner = of_part(part, "Event", krate);
                let convert = types::at(quote_mixed!(#krate::Announced::<#event, #inner>::convert), span);
                quote_spanned! {span=>
                    #krate::Ctx::lend(
                        __ctx,
                        |__ctx| <#ty as #krate::Model>::execute(&mut self.#field, __part, __ctx, __reply),
                        #convert,
                    )
                }
            },
        );
        let to_field = |part: &Part, method: &str, more: TokenStream| {
            let (ty, field, method) = (&part.ty, &part.name, Ident::new(method, Span::mixed_site()));
            quote_spanned!(types::span_of(ty)=> <#ty as #krate::Model>::#method(&self.#field, __part #more))
        };
        let answer = self.arms(
            Kind::Query,
            |own| quote_mixed!(#reply::__wrap(#krate::Methods::answer(self, #own))),
            |part| {
                let (variant, answer) = (&part.variant, to_field(part, "answer", TokenStream::new()));
                quote_mixed!(#reply::#variant(#answer))
            },
        );
        let respond = self.arms(
            Kind::Query,
            |own| quote_mixed!(#krate::Methods::respond(self, #own, __reply)),
            |part| to_field(part, "respond", quote_mixed!(, __reply)),
        );
        let reads = |kind, function: &str| {
            self.routed(kind, &quote_mixed!(__method), |_, part| match part {
                Some(part) => {
                    let (ty, variant) = (&part.ty, &part.variant);
                    let function = Ident::new(function, types::span_of(ty).resolved_at(Span::mixed_site()));
                    let read = quote_spanned!(types::span_of(ty)=> <#ty as #krate::Model>::#function(__method, __verdict, __bytes));
                    quote_mixed!(#krate::std::result::Result::map(#read, #reply::#variant))
                }
                None => {
                    let function = Ident::new(function, Span::mixed_site());
                    let read =
                        quote_mixed!(<#model as #krate::Methods>::#function(__method, __verdict, __bytes));
                    quote_mixed!(#krate::std::result::Result::map(#read, #reply::__wrap))
                }
            })
        };
        let read = reads(Kind::Command, "reply");
        let answer_of = super::is_for_remote().then(|| {
            let read = reads(Kind::Query, "answer_of");
            quote_mixed! {
                fn answer_of(
                    __method: #krate::std::primitive::u16,
                    __verdict: #krate::Verdict,
                    __bytes: &mut &[#krate::std::primitive::u8],
                ) -> #krate::std::result::Result<#reply #parameters, #krate::Unreadable> {
                    #read
                }
            }
        });
        let versions = carry::state(&self.record.migrations, model, krate);
        quote_mixed! {
            #[automatically_derived]
            impl #header #krate::Model for #model #bounds {
                const NAME: &'static #krate::std::primitive::str = #text;
                type Command = #command #parameters;
                type Query = #query #parameters;
                type Reply = #reply #parameters;
                type Event = #event;
                type Client = #live;
                type Past = #past;
                type Around<#around> = #around_it;

                fn execute(
                    &mut self,
                    __command: #command #parameters,
                    __ctx: &mut #krate::Ctx<#event>,
                    __reply: &mut #krate::std::vec::Vec<#krate::std::primitive::u8>,
                ) -> #krate::std::result::Result<#krate::Verdict, #krate::Unwritable> {
                    match __command { #execute }
                }

                fn answer(&self, __query: #query #parameters) -> #reply #parameters {
                    match __query { #answer }
                }

                fn respond(
                    &self,
                    __query: #query #parameters,
                    __reply: &mut #krate::std::vec::Vec<#krate::std::primitive::u8>,
                ) -> #krate::std::result::Result<#krate::Verdict, #krate::Unwritable> {
                    match __query { #respond }
                }

                fn reply(
                    __method: #krate::std::primitive::u16,
                    __verdict: #krate::Verdict,
                    __bytes: &mut &[#krate::std::primitive::u8],
                ) -> #krate::std::result::Result<#reply #parameters, #krate::Unreadable> {
                    #read
                }

                #answer_of

                #versions
            }
        }
    }

    /// The client's methods that lead to the models inside.
    fn fields(&self) -> TokenStream {
        let Scope { krate, commands, parts } = &self.scope;
        let model = &commands.self_ty;
        let lender = client::lender(types::span_of(model));
        let mut client = commands.client();
        client::push_argument(&mut client, &quote_spanned!(lender.span()=> #lender));
        let mut generics = self.generics();
        generics.params.push(syn::parse_quote!(#lender: #krate::Look<#model> + #krate::std::clone::Clone));
        let (header, _, bounds) = generics.split_for_impl();
        let shown = parts.iter().enumerate().filter(|(_, part)| !part.hidden);
        let methods = shown.map(|(number, part)| {
            let Part { name, vis, ty, docs, .. } = part;
            let vis = match vis {
                syn::Visibility::Inherited => &self.record.input.vis,
                given => given,
            };
            let text = name.unraw().to_string();
            let docs = match docs.is_empty() {
                true => format!("The client of the model inside, in the field `{text}`."),
                false => docs.clone(),
            };
            let (command, query) = (self.first(Kind::Command, number), self.first(Kind::Query, number));
            let inner = quote_spanned!(types::span_of(ty)=> #krate::Inner<#lender, #model, #ty>);
            let around = quote_spanned!(types::span_of(ty)=> <#ty as #krate::Model>::Around<#inner>);
            let outer = local("outer", number);
            quote_mixed! {
                #[doc = #docs]
                #vis fn #name(&self) -> #around {
                    let __client = #krate::std::clone::Clone::clone(#krate::std::ops::Deref::deref(self));
                    #krate::std::convert::From::from(
                        #krate::Inner::__new(__client, #command, #query, |#outer: &#model| &#outer.#name),
                    )
                }
            }
        });
        quote_mixed! {
            impl #header #client #bounds { #(#methods)* }
        }
    }
}

/// The names of the arguments, as a pattern and as an expression.
fn fields(operation: &Operation) -> TokenStream {
    let fields = operation.arguments().enumerate().map(|(number, argument)| {
        let (name, local) = (&argument.name, local("argument", number));
        quote_mixed!(#name: #local)
    });
    quote_mixed!(#(#fields),*)
}

fn wrapped(part: Option<&Part>, read: TokenStream, krate: &Crate) -> TokenStream {
    let wrap = match part {
        Some(Part { variant, .. }) => quote_mixed!(Self::#variant),
        None => quote_mixed!(Self::__wrap),
    };
    quote_mixed!(#krate::std::result::Result::map(#read, #wrap))
}
