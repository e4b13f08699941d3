//! What stands beside the struct: its client, the names of its enums, and `Model`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::{DeriveInput, Generics, Path, ext::IdentExt};

use super::{
    Crate, bare_parameters, carry,
    client::{self, push_argument},
    lenient, self_ty, without_defaults,
};
use crate::{
    check::{Record, beside, client_name},
    types,
};

pub fn implementation(record: &Record, krate: &Crate) -> TokenStream {
    // At the struct's name: this is where a missing `impl` block is said.
    let of_methods = |rest: &str| of_trait(record, "Methods", rest, krate);
    let (client, names) = (client(record, krate), names(record, of_methods));
    let model = model(record, of_methods, krate);
    quote_mixed!(#client #names #model)
}

/// The same for a model with models inside; `Model` is written elsewhere.
pub fn around_parts(record: &Record, krate: &Crate) -> TokenStream {
    let (client, names) =
        (client(record, krate), names(record, |rest| of_trait(record, "Model", rest, krate)));
    quote_mixed!(#client #names)
}

/// `<Bank as Model>::Command`, at the struct's name.
fn of_trait(record: &Record, name: &str, rest: &str, krate: &Crate) -> TokenStream {
    let model = &record.self_ty;
    let [name, rest] = [name, rest].map(|name| Ident::new(name, Span::mixed_site()));
    types::at(quote_mixed!(<#model as #krate::#name>::#rest), record.input.ident.span())
}

/// Generics of the client and of what is said for it.
struct OfClient {
    /// The client's own parameter: what lends the model.
    lender: Ident,
    /// Those of the model, under which it is one.
    of_model: Generics,
}

impl OfClient {
    fn new(record: &Record, krate: &Crate) -> Self {
        let (input, model) = (&record.input, &record.self_ty);
        let mut of_model = without_defaults(&input.generics);
        if !input.generics.params.is_empty() {
            let predicates = &mut of_model.make_where_clause().predicates;
            predicates.push(match record.parts().next() {
                // Which bounds the models inside bring is not known here.
                Some(_) => syn::parse_quote!(#model: #krate::Model),
                None => syn::parse_quote!(#model: #krate::State + #krate::Methods),
            });
        }
        OfClient { lender: lender(input), of_model }
    }

    /// With the client's own parameter, under a bound.
    fn every(&self, bound: TokenStream) -> Generics {
        let (mut generics, lender) = (self.of_model.clone(), &self.lender);
        generics.params.push(syn::parse_quote!(#lender: #bound));
        generics
    }
}

/// `BankClient<C>` around `of`.
fn client_of(record: &Record, of: &TokenStream) -> Path {
    let (client, (_, parameters, _)) =
        (client_name(&record.input.ident), record.input.generics.split_for_impl());
    let mut path: Path = syn::parse_quote!(#client #parameters);
    push_argument(&mut path, of);
    path
}

/// The struct of the client.
fn client(record: &Record, krate: &Crate) -> TokenStream {
    let input = &record.input;
    let (name, vis, model) = (&input.ident, &input.vis, &record.self_ty);
    let (client, of_client) = (client_name(name), OfClient::new(record, krate));
    let lender = &of_client.lender;
    let generic = !input.generics.params.is_empty();
    let mut definition = input.generics.clone();
    // The client's own parameter comes last: what lends the model.
    definition.params.push(syn::parse_quote!(#lender = #krate::Client<#model>));
    if generic {
        definition.make_where_clause().predicates.push(syn::parse_quote!(#model: #krate::Model));
    }
    let (params, (_, _, bounds)) = (&definition.params, definition.split_for_impl());
    let [every, cloned, shown] =
        [quote_mixed!(), quote_mixed!(#krate::std::clone::Clone), quote_mixed!(#krate::std::fmt::Debug)]
            .map(|bound| of_client.every(bound));
    let (every, every_parameters, every_bounds) = every.split_for_impl();
    let (cloned, shown) = (cloned.split_for_impl().0, shown.split_for_impl().0);
    let mark = generic.then(|| quote_mixed!(model: #krate::std::marker::PhantomData<fn() -> #model>,));
    let marked = generic.then(|| quote_mixed!(, model: #krate::std::marker::PhantomData));
    let (text, client_text) = (name.unraw().to_string(), client.to_string());
    let docs = format!(
        "A client of [`{text}`]: its commands and queries, under their own names.\n\nIt is made by opening the model. \
         Clones share the engine, and everything that a `Client<{text}>` has is here too. Around a `Past<{text}>` it is a \
         client of the past, with the queries alone."
    );
    let lenient = lenient();
    quote_mixed! {
        #[doc = #docs]
        #[allow(dead_code, non_camel_case_types, non_upper_case_globals)]
        #vis struct #client<#params> #bounds {
            client: #lender,
            #mark
        }

        #lenient
        const _: () = {
            #[automatically_derived]
            impl #every #krate::std::convert::From<#lender> for #client #every_parameters #every_bounds {
                fn from(__client: #lender) -> Self {
                    Self { client: __client #marked }
                }
            }

            #[automatically_derived]
            impl #cloned #krate::std::clone::Clone for #client #every_parameters #every_bounds {
                fn clone(&self) -> Self {
                    Self { client: #krate::std::clone::Clone::clone(&self.client) #marked }
                }
            }

            #[automatically_derived]
            impl #shown #krate::std::fmt::Debug for #client #every_parameters #every_bounds {
                fn fmt(&self, __f: &mut #krate::std::fmt::Formatter<'_>) -> #krate::std::fmt::Result {
                    __f.debug_struct(#client_text).field("client", &self.client).finish()
                }
            }

            #[automatically_derived]
            impl #every #krate::std::ops::Deref for #client #every_parameters #every_bounds {
                type Target = #lender;
                fn deref(&self) -> &#lender {
                    &self.client
                }
            }
        };
    }
}

/// The names of the enums.
fn names(record: &Record, of: impl Fn(&str) -> TokenStream) -> TokenStream {
    let input = &record.input;
    let (name, vis) = (&input.ident, &input.vis);
    let aliases = (!input.generics.params.is_empty()).then(|| bare_parameters(&input.generics));
    let text = name.unraw().to_string();
    let docs = |what: &str| format!("The {what} of [`{text}`], with a variant for each.");
    let names = [
        ("Command", docs("commands")),
        ("Query", docs("queries")),
        ("Reply", format!("The replies to commands and queries of [`{text}`], with a variant for each.")),
    ]
    .map(|(what, docs)| {
        let (name, of) = (beside(name, what), of(what));
        quote_mixed! {
            #[doc = #docs]
            #[allow(dead_code, non_camel_case_types, non_upper_case_globals)]
            #vis type #name #aliases = #of;
        }
    });
    quote_mixed!(#(#names)*)
}

/// `Model`, which forwards to what is written for the `impl` block.
fn model(record: &Record, of_methods: impl Fn(&str) -> TokenStream, krate: &Crate) -> TokenStream {
    let (name, model) = (&record.input.ident, &record.self_ty);
    let of_client = OfClient::new(record, krate);
    let (header, _, bounds) = of_client.of_model.split_for_impl();
    let around = client::lender(Span::mixed_site());
    let [live, past, around_it] =
        [quote_mixed!(#krate::Client<#model>), quote_mixed!(#krate::Past<#model>), around.to_token_stream()]
            .map(|of| client_of(record, &of));
    let versions = carry::state(&record.migrations, model, krate);
    let text = name.unraw().to_string();
    let [commands, queries, replies, events] = ["Command", "Query", "Reply", "Event"].map(&of_methods);
    let [execute, answer, respond, read] = ["execute", "answer", "respond", "reply"].map(&of_methods);
    let answer_of = super::is_for_remote().then(|| {
        let read = of_methods("answer_of");
        quote_mixed! {
                fn answer_of(
                    __method: #krate::std::primitive::u16,
                    __verdict: #krate::Verdict,
                    __bytes: &mut &[#krate::std::primitive::u8],
                ) -> #krate::std::result::Result<#replies, #krate::Unreadable> {
                    #read(__method, __verdict, __bytes)
                }
        }
    });
    let implemented = quote_mixed! {
            #[automatically_derived]
            impl #header #krate::Model for #model #bounds
    };
    let items = quote_mixed! {
                const NAME: &'static #krate::std::primitive::str = #text;
                type Command = #commands;
                type Query = #queries;
                type Reply = #replies;
                type Event = #events;
                type Client = #live;
                type Past = #past;
                type Around<#around> = #around_it;

                fn execute(
                    &mut self,
                    __command: #commands,
                    __ctx: &mut #krate::Ctx<#events>,
                    __reply: &mut #krate::std::vec::Vec<#krate::std::primitive::u8>,
                ) -> #krate::std::result::Result<#krate::Verdict, #krate::Unwritable> {
                    #execute(self, __command, __ctx, __reply)
                }

                fn answer(&self, __query: #queries) -> #replies {
                    #answer(self, __query)
                }

                fn respond(
                    &self,
                    __query: #queries,
                    __reply: &mut #krate::std::vec::Vec<#krate::std::primitive::u8>,
                ) -> #krate::std::result::Result<#krate::Verdict, #krate::Unwritable> {
                    #respond(self, __query, __reply)
                }

                fn reply(
                    __method: #krate::std::primitive::u16,
                    __verdict: #krate::Verdict,
                    __bytes: &mut &[#krate::std::primitive::u8],
                ) -> #krate::std::result::Result<#replies, #krate::Unreadable> {
                    #read(__method, __verdict, __bytes)
                }

                #answer_of
    };
    let [implemented, items] = [implemented, items].map(|tokens| types::at(tokens, name.span()));
    let of_model = quote_spanned!(types::span_of(model)=> #implemented { #items #versions });
    let lenient = lenient();
    quote_mixed! {
        #lenient
        const _: () = {
            #of_model
        };
    }
}

/// The client's own parameter, which is called `C` if that means nothing else here.
fn lender(input: &DeriveInput) -> Ident {
    let plain = Ident::new("C", Span::mixed_site());
    let (params, bounds) = (&input.generics.params, &input.generics.where_clause);
    let is_taken = input.ident == plain || types::mentions(quote_mixed!(#params #bounds), &plain);
    if is_taken { client::lender(Span::mixed_site()) } else { plain }
}

/// For a struct that can be no model, which is said already: the name of its client, and the mark that the `impl`
/// block looks for.
pub fn stand_in(input: &DeriveInput, krate: &Crate) -> TokenStream {
    let (vis, client, model) = (&input.vis, client_name(&input.ident), self_ty(input));
    let (header, _, bounds) = input.generics.split_for_impl();
    quote_mixed! {
        #[allow(dead_code, missing_docs)]
        #vis struct #client;
        impl #header #krate::Annotated for #model #bounds {}
    }
}
