//! What stands beside the struct: its client, the names of its enums, and `Model`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;
use syn::{DeriveInput, ext::IdentExt};

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
    let input = &record.input;
    let (name, vis) = (&input.ident, &input.vis);
    let model = &record.self_ty;
    let (client, command, query, reply) =
        (client_name(name), beside(name, "Command"), beside(name, "Query"), beside(name, "Reply"));
    let generic = !input.generics.params.is_empty();
    let lender = self::lender(input);
    let mut of_model = without_defaults(&input.generics);
    let mut of_client = input.generics.clone();
    // The client's own parameter comes last: what lends the model.
    of_client.params.push(syn::parse_quote!(#lender = #krate::Client<#model>));
    if generic {
        of_client.make_where_clause().predicates.push(syn::parse_quote!(#model: #krate::Model));
        of_model
            .make_where_clause()
            .predicates
            .push(syn::parse_quote!(#model: #krate::State + #krate::Methods));
    }
    let definition = &of_client.params;
    let (_, _, client_bounds) = of_client.split_for_impl();
    let (header, parameters, model_bounds) = of_model.split_for_impl();
    let of_every = |bound: TokenStream| {
        let mut generics = of_model.clone();
        generics.params.push(syn::parse_quote!(#lender: #bound));
        generics
    };
    let [every, cloned, shown] =
        [quote_mixed!(), quote_mixed!(#krate::std::clone::Clone), quote_mixed!(#krate::std::fmt::Debug)]
            .map(of_every);
    let (every, every_parameters, every_bounds) = every.split_for_impl();
    let (cloned, shown) = (cloned.split_for_impl().0, shown.split_for_impl().0);
    let client_of = |of: TokenStream| {
        let mut path: syn::Path = syn::parse_quote!(#client #parameters);
        push_argument(&mut path, &of);
        path
    };
    let (live, past) =
        (client_of(quote_mixed!(#krate::Client<#model>)), client_of(quote_mixed!(#krate::Past<#model>)));
    let mark = generic.then(|| quote_mixed!(model: #krate::std::marker::PhantomData<fn() -> #model>,));
    let marked = generic.then(|| quote_mixed!(, model: #krate::std::marker::PhantomData));
    let versions = carry::state(&record.migrations, model, krate);
    let aliases = generic.then(|| bare_parameters(&input.generics));
    let lenient = lenient();
    let text = name.unraw().to_string();
    let client_docs = format!(
        "A client of [`{text}`]: its commands and queries, under their own names.\n\nIt is made by opening the model. \
         Clones share the engine, and everything that a `Client<{text}>` has is here too. Around a `Past<{text}>` it is a \
         client of the past, with the queries alone."
    );
    let of = |what: &str| format!("The {what} of [`{text}`], with a variant for each.");
    let (command_docs, query_docs) = (of("commands"), of("queries"));
    let reply_docs = format!("The replies to commands and queries of [`{text}`], with a variant for each.");
    let client_text = client.to_string();
    // At the struct's name: this is where a missing `impl` block is said.
    let of_methods = |rest: &str| {
        let rest = Ident::new(rest, Span::mixed_site());
        types::at(quote_mixed!(<#model as #krate::Methods>::#rest), name.span())
    };
    let [commands, queries, replies, events] = ["Command", "Query", "Reply", "Event"].map(of_methods);
    let [execute, answer, respond, read] = ["execute", "answer", "respond", "reply"].map(of_methods);
    let implemented = quote_mixed! {
            #[automatically_derived]
            impl #header #krate::Model for #model #model_bounds
    };
    let items = quote_mixed! {
                const NAME: &'static str = #text;
                type Command = #commands;
                type Query = #queries;
                type Reply = #replies;
                type Event = #events;
                type Client = #live;
                type Past = #past;

                fn execute(
                    &mut self,
                    __command: #commands,
                    __ctx: &mut #krate::Ctx<#events>,
                    __reply: &mut #krate::std::vec::Vec<u8>,
                ) -> #krate::std::result::Result<#krate::Verdict, #krate::Unwritable> {
                    #execute(self, __command, __ctx, __reply)
                }

                fn answer(&self, __query: #queries) -> #replies {
                    #answer(self, __query)
                }

                fn respond(
                    &self,
                    __query: #queries,
                    __reply: &mut #krate::std::vec::Vec<u8>,
                ) -> #krate::std::result::Result<#krate::Verdict, #krate::Unwritable> {
                    #respond(self, __query, __reply)
                }

                fn reply(
                    __method: u16,
                    __verdict: #krate::Verdict,
                    __bytes: &mut &[u8],
                ) -> #krate::std::result::Result<#replies, #krate::Unreadable> {
                    #read(__method, __verdict, __bytes)
                }
    };
    let [implemented, items] = [implemented, items].map(|tokens| types::at(tokens, name.span()));
    let of_model = quote_spanned!(types::span_of(model)=> #implemented { #items #versions });
    quote_mixed! {
        #[doc = #client_docs]
        #[allow(dead_code)]
        #vis struct #client<#definition> #client_bounds {
            client: #lender,
            #mark
        }

        #[doc = #command_docs]
        #[allow(dead_code)]
        #vis type #command #aliases = #commands;
        #[doc = #query_docs]
        #[allow(dead_code)]
        #vis type #query #aliases = #queries;
        #[doc = #reply_docs]
        #[allow(dead_code)]
        #vis type #reply #aliases = #replies;

        #lenient
        const _: () = {
            #[automatically_derived]
            impl #header #krate::std::convert::From<#krate::Client<#model>> for #live #model_bounds {
                fn from(__client: #krate::Client<#model>) -> Self {
                    Self { client: __client #marked }
                }
            }

            #[automatically_derived]
            impl #header #krate::std::convert::From<#krate::Past<#model>> for #past #model_bounds {
                fn from(__client: #krate::Past<#model>) -> Self {
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
