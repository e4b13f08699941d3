//! `State`: how a value is saved and put back.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident};

use super::{Crate, counted, lenient};
use crate::{
    check::{Field, Held, Record, Variant},
    types,
};

pub fn implementation(record: &Record, krate: &Crate) -> TokenStream {
    let mut generics = record.input.generics.clone();
    generics.make_where_clause().predicates.extend(record.bounds(krate));
    for param in generics.type_params_mut() {
        param.default = None;
    }
    let (header, parameters, bounds) = generics.split_for_impl();
    let lenient = lenient();
    let model = &record.self_ty;
    let saved = quote_mixed!(__Saved #parameters);
    let phantom =
        (!generics.params.is_empty()).then(|| quote_mixed!(#krate::std::marker::PhantomData<fn() -> #model>));
    let (definition, [save, restore, put_back, visit]) = match record.is_enum() {
        false => of_struct(&record.variants[0], phantom, krate),
        true => of_enum(record, phantom, krate),
    };
    let definition = match record.is_enum() {
        false => quote_mixed!(pub struct __Saved #header #definition #bounds;),
        true => quote_mixed!(pub enum __Saved #header #bounds #definition),
    };
    // What is said of a `RefCell` need not be said again of threads. It does not compile as it is.
    let shared = record.broken.then(|| {
        quote_mixed! {
            unsafe impl #header #krate::std::marker::Send for #model #bounds {}
            unsafe impl #header #krate::std::marker::Sync for #model #bounds {}
        }
    });
    let (counted, is_nothing) = (counted::of_fields(record, krate), counted::is_nothing(record, krate));
    quote_mixed! {
        #lenient
        const _: () = {
            #[doc(hidden)]
            #definition

            #[automatically_derived]
            impl #header #krate::State for #model #bounds {
                type Saved = #saved;
                fn save(&self) -> #saved {
                    #save
                }
                fn restore(__saved: #saved) -> Self {
                    #restore
                }
                fn put_back(&mut self, __saved: #saved) {
                    #put_back
                }
                fn visit(&mut self, __visitor: &mut #krate::Visitor) {
                    #visit
                }
            }
            #shared
            #is_nothing
            #counted
        };
    }
}

fn of_struct(
    whole: &Variant,
    phantom: Option<TokenStream>,
    krate: &Crate,
) -> (TokenStream, [TokenStream; 4]) {
    let types =
        whole.fields.iter().map(|field| saved(field, krate)).chain(phantom.clone()).chain([quote_mixed!(())]);
    let definition = quote_mixed!((#(#types),*));
    let mark = phantom.map(|_| quote_mixed!(#krate::std::marker::PhantomData));
    let members = || whole.fields.iter().map(|field| &field.member);
    let places = || (0..whole.fields.len()).map(syn::Index::from);
    let save =
        members().zip(&whole.fields).map(|(member, field)| save(field, quote_mixed!(&self.#member), krate));
    // The last field alone decides whether the whole has a size.
    // The last field alone decides whether the whole has a size. Each is told by its number, at its own place.
    let save = places()
        .zip(save)
        .zip(&whole.fields)
        .map(|((place, save), field)| types::at(quote_mixed!(#place: #save), types::span_of(&field.ty)));
    let count = whole.fields.len();
    let (end, last) = (syn::Index::from(count), syn::Index::from(count + usize::from(mark.is_some())));
    let mark = mark.map(|mark| quote_mixed!(#end: #mark));
    let save = save.chain(mark).chain([quote_mixed!(#last: ())]);
    let restore =
        places().zip(&whole.fields).map(|(place, field)| restore(field, quote_mixed!(__saved.#place), krate));
    let fields = members();
    let put_back = whole.fields.iter().zip(places()).map(|(field, place)| {
        let member = &field.member;
        put_back(field, quote_mixed!(&mut self.#member), quote_mixed!(__saved.#place), krate)
    });
    let visit = whole.fields.iter().map(|field| {
        let member = &field.member;
        visit(field, quote_mixed!(&mut self.#member), krate)
    });
    let bodies = [
        quote_mixed!(__Saved { #(#save),* }),
        quote_mixed!(Self { #(#fields: #restore),* }),
        quote_mixed!(#(#put_back)*),
        quote_mixed!(#(#visit)*),
    ];
    (definition, bodies)
}

fn of_enum(record: &Record, phantom: Option<TokenStream>, krate: &Crate) -> (TokenStream, [TokenStream; 4]) {
    let mut variants = Vec::new();
    let mut arms: [Vec<TokenStream>; 4] = Default::default();
    for variant in &record.variants {
        let Some(name) = &variant.ident else { continue };
        let fields = &variant.fields;
        let (here, there) = (locals("here", fields), locals("there", fields));
        let members = || fields.iter().map(|field| &field.member);
        let types = fields.iter().map(|field| saved(field, krate));
        variants.push(quote_mixed!(#name(#(#types),*)));
        let pattern = {
            let members = members();
            quote_mixed!(Self::#name { #(#members: #here),* })
        };
        let save = fields.iter().zip(&here).map(|(field, here)| save(field, quote_mixed!(#here), krate));
        arms[0].push(quote_mixed!(#pattern => __Saved::#name(#(#save),*),));
        let restore =
            fields.iter().zip(&there).map(|(field, there)| restore(field, quote_mixed!(#there), krate));
        let members = members();
        arms[1].push(quote_mixed!(__Saved::#name(#(#there),*) => Self::#name { #(#members: #restore),* },));
        let put_back = fields
            .iter()
            .zip(here.iter().zip(&there))
            .map(|(field, (here, there))| put_back(field, quote_mixed!(#here), quote_mixed!(#there), krate));
        arms[2].push(quote_mixed!((#pattern, __Saved::#name(#(#there),*)) => { #(#put_back)* }));
        let visit = fields.iter().zip(&here).map(|(field, here)| visit(field, quote_mixed!(#here), krate));
        arms[3].push(quote_mixed!(#pattern => { #(#visit)* }));
    }
    if let Some(phantom) = phantom {
        variants.push(quote_mixed!(__Of(#krate::std::convert::Infallible, #phantom)));
        arms[1].push(quote_mixed!(__Saved::__Of(__never, _) => match __never {},));
    }
    let definition = quote_mixed!({ #(#variants),* });
    let [save, restore, put_back, visit] = arms;
    if record.variants.is_empty() {
        let never = quote_mixed!(match *self {});
        return (
            definition,
            [never.clone(), quote_mixed!(match __saved { #(#restore)* }), never.clone(), never],
        );
    }
    let bodies = [
        quote_mixed!(match self { #(#save)* }),
        quote_mixed!(match __saved { #(#restore)* }),
        quote_mixed!(match (self, __saved) { #(#put_back)* (__this, __saved) => #krate::replace(__this, __saved), }),
        quote_mixed!(match self { #(#visit)* }),
    ];
    (definition, bodies)
}

fn locals(name: &str, fields: &[Field]) -> Vec<Ident> {
    (0..fields.len()).map(|number| format_ident!("__{name}{number}", span = Span::mixed_site())).collect()
}

/// `<T as State>`, all of it at one token, as serde has it from a string: then what is said of it is said once.
fn held(field: &Field, rest: TokenStream, krate: &Crate) -> TokenStream {
    let ty = &field.ty;
    let name = match field.held {
        Held::Clone if field.own_serde => "ForeignWith",
        Held::Clone => "Foreign",
        _ => "Held",
    };
    let name = Ident::new(name, Span::mixed_site());
    let text = ty.to_token_stream();
    let (span, dollar) = (types::span_of(ty), text.to_string().contains('$'));
    let ty = if dollar { text } else { types::moved(text, span) };
    types::at(quote_mixed!(<#ty as #krate::#name>::#rest), span)
}

fn saved(field: &Field, krate: &Crate) -> TokenStream {
    let ty = &field.ty;
    match field.held {
        Held::State => held(field, quote_mixed!(Saved), krate),
        Held::Clone => quote_mixed!(#ty),
        Held::Not => quote_mixed!(()),
    }
}

fn save(field: &Field, value: TokenStream, krate: &Crate) -> TokenStream {
    match field.held {
        Held::Not => quote_mixed!(()),
        _ => held(field, quote_mixed!(save(#value)), krate),
    }
}

fn restore(field: &Field, saved: TokenStream, krate: &Crate) -> TokenStream {
    match field.held {
        Held::State => held(field, quote_mixed!(restore(#saved)), krate),
        Held::Clone => saved,
        Held::Not => quote_mixed!(#krate::std::unreachable!()),
    }
}

fn put_back(field: &Field, value: TokenStream, saved: TokenStream, krate: &Crate) -> TokenStream {
    match field.held {
        Held::Not => TokenStream::new(),
        _ => held(field, quote_mixed!(put_back(#value, #saved);), krate),
    }
}

fn visit(field: &Field, value: TokenStream, krate: &Crate) -> TokenStream {
    match field.held {
        Held::State => held(field, quote_mixed!(visit(#value, __visitor);), krate),
        _ => TokenStream::new(),
    }
}
