use quote::quote;

use super::*;

fn items(tokens: TokenStream) -> Vec<Item> {
    let mut tokens = Tokens::of(tokens);
    std::iter::from_fn(|| tokens.item()).collect()
}

/// Each item alone, so that one which ends too early or too late shows.
fn split(tokens: TokenStream) -> Vec<String> {
    items(tokens).iter().map(|item| item.to_token_stream().to_string()).collect()
}

/// Reads them one behind the other and asks for the same pieces.
#[track_caller]
fn stay_apart(pieces: &[TokenStream]) {
    let expected: Vec<_> = pieces.iter().map(ToString::to_string).collect();
    assert_eq!(split(pieces.iter().cloned().collect()), expected);
}

fn grouped(tokens: TokenStream) -> TokenStream {
    TokenTree::from(Group::new(Delimiter::None, tokens)).into()
}

#[test]
fn values_and_lists_in_braces_end_at_the_semicolon() {
    stay_apart(&[
        quote!(
            const A: u8 = { 1 };
        ),
        quote!(
            pub(in crate::a) const B: [u8; { 2 }] = if X { [1, 2] } else { [3, 4] };
        ),
        quote!(
            const _: () = {
                struct Inside;
            };
        ),
        quote!(
            static mut C: S = S { a: 1 };
        ),
        quote!(
            use a::{
                b,
                c::{self, d},
            };
        ),
        quote!(
            pub(crate) use x::*;
        ),
        quote!(
            type D<T> = Box<dyn Fn(E<{ 1 }>) -> T>;
        ),
        quote!(
            extern crate alloc as other;
        ),
    ]);
}

#[test]
fn a_use_without_its_semicolon_takes_nothing_with_it() {
    let items = split(quote!(use a::{b, c as r#use} #[d] struct E; use self::f pub fn g() {}));
    let expected = [
        quote!(
            use a::{b, c as r#use};
        ),
        quote!(
            #[d]
            struct E;
        ),
        quote!(
            use self::f;
        ),
        quote!(
            pub fn g() {}
        ),
    ];
    assert_eq!(items, expected.map(|item| item.to_string()));
}

#[test]
fn functions_of_every_kind_end_at_their_bodies() {
    stay_apart(&[
        quote!(
            fn a() {}
        ),
        quote!(
            pub async fn b(x: u8) -> Vec<u8> {
                loop {}
            }
        ),
        quote!(
            const fn c<const N: usize>() -> A<{ N }> {
                A
            }
        ),
        quote!(
            const unsafe extern "C" fn d() -> ! {
                loop {}
            }
        ),
        quote!(
            fn e<F>(f: F) -> impl Fn(u8) -> A<{ 1 }>
            where
                F: Fn() -> A<{ 2 }>,
                [(); { 3 }]: Sized,
            {
                f
            }
        ),
        quote!(
            async unsafe fn f() -> kind! { of type } {
                body
            }
        ),
        quote!(
            pub(in a::b) extern "C" fn g() -> <A as B>::C {}
        ),
        quote!(
            fn r#struct() {}
        ),
    ]);
}

#[test]
fn types_end_at_their_braces_or_semicolons() {
    stay_apart(&[
        quote!(
            struct A;
        ),
        quote!(
            pub struct B(u8, pub(crate) A<{ 1 }>)
            where
                A: Copy;
        ),
        quote!(
            struct C<const N: usize = { 3 }, T = D<{ 1 }>>
            where
                T: E<{ 2 }>,
            {
                a: u8,
            }
        ),
        quote!(
            enum F {
                G { a: u8 },
                H,
            }
        ),
        quote!(
            union I {
                a: u8,
            }
        ),
        quote!(
            struct r#type {}
        ),
    ]);
    let kinds: Vec<_> = items(quote! {
        pub struct A; #[derive(Default)] enum B {} union C {} fn union() {} union! { A } impl A {} unsafe impl D for A {}
        struct r#type;
    })
    .into_iter()
    .map(|item| match item.kind {
        Kind::Struct(name) => format!("struct {name}"),
        Kind::Other(keyword, name) => format!("{keyword} {name}"),
        Kind::Impl => "impl".to_owned(),
        Kind::Rest => "-".to_owned(),
    })
    .collect();
    assert_eq!(kinds, ["struct A", "enum B", "union C", "-", "-", "impl", "impl", "struct r#type"]);
}

#[test]
fn traits_and_blocks_end_at_their_braces() {
    stay_apart(&[
        quote!(
            impl A {
                #![allow(unused)]
                fn a() {}
            }
        ),
        quote!(
            impl<T: Fn(u8) -> B<{ 1 }>> C<{ 2 }> for D<T> where T: E<{ 3 }> {}
        ),
        quote!(
            unsafe impl Send for A {}
        ),
        quote!(
            impl !Sync for A {}
        ),
        quote!(
            impl A for ! {}
        ),
        quote!(
            pub unsafe auto trait F {}
        ),
        quote!(
            trait G<const N: usize = { 1 }>: H<{ N }> {
                fn a();
            }
        ),
        quote!(
            extern "C" {
                fn b();
            }
        ),
        quote!(
            unsafe extern "C" {
                safe fn c();
            }
        ),
        quote!(
            mod d {
                use super::*;
            }
        ),
        quote!(
            pub(crate) mod e;
        ),
    ]);
}

#[test]
fn macros_end_at_braces_or_behind_other_brackets() {
    stay_apart(&[
        quote!(
            macro_rules! a {
                () => {};
            }
        ),
        quote!(
            macro_rules! b ( () => {}; );
        ),
        quote!(
            macro_rules! struct_ {
                () => {};
            }
        ),
        quote!(a! {}),
        quote!(crate::b! { struct X; }),
        quote!(
            ::std::thread_local!(static A: u8 = 1);
        ),
        quote!(
            self::c![1, 2];
        ),
    ]);
}

#[test]
fn attributes_go_with_what_follows_them() {
    let items = items(quote! {
        /// Documentation.
        #[derive(Default)]
        #[memstate(model, migrate = a::<B, C>)]
        pub struct A { a: u8 }
        #[cfg(test)] #[memstate(skip)] impl A {}
    });
    assert!(items[0].attributes.has("derive") && items[0].attributes.has("doc"));
    assert!(items[1].attributes.has("cfg") && !items[1].attributes.has("derive"));
    assert_eq!(items[1].rest.to_string(), "impl A { }");
}

#[test]
fn a_key_is_taken_out_of_its_attribute() {
    let taken = |tokens: TokenStream| {
        let mut attributes = Attributes::of(tokens);
        let found = attributes.take_key("model");
        (found, attributes.to_token_stream().to_string())
    };
    assert_eq!(taken(quote!(#[a] #[memstate(model)] #[b])), (true, quote!(#[a] #[b]).to_string()));
    let migrate = quote!(#[memstate(migrate = a::<B, C>)]).to_string();
    assert_eq!(taken(quote!(#[memstate(model, migrate = a::<B, C>)])), (true, migrate.clone()));
    let (found, left) = taken(quote!(#[memstate(migrate = a::<B, C>, model)]));
    assert!(found && left.starts_with("# [memstate (migrate = a :: < B , C >"));
    assert!(!taken(quote!(#[memstate(migrate = model)])).0);
    assert!(!taken(quote!(#[memstate::model])).0);
}

#[test]
fn a_macro_is_known_by_the_end_of_its_path() {
    let attributes = Attributes::of(quote!(#[::memstate::data(error)] #[derive(Clone)]));
    assert!(attributes.has_macro("data") && !attributes.has_macro("model"));
}

#[test]
fn what_a_macro_has_passed_on_is_found_in_its_groups() {
    let struct_ = grouped(quote!(
        #[derive(Default)]
        pub struct A {
            a: u8,
        }
    ));
    let (vis, empty, ty) = (grouped(quote!(pub(crate))), grouped(quote!()), grouped(quote!(A)));
    let body = grouped(quote!({ 1 }));
    let items = items(quote! {
        #struct_
        #[memstate(skip)] #struct_
        #vis enum B {}
        #empty impl #ty { #vis fn a(&self) {} }
        fn b() -> u8 #body
        const C: u8 = #body;
        #vis fn d() {}
    });
    let kinds: Vec<_> = items.iter().map(|item| matches!(item.kind, Kind::Struct(_))).collect();
    assert_eq!(kinds, [true, true, false, false, false, false, false]);
    assert!(items[1].attributes.has("memstate") && items[1].attributes.has("derive"));
    assert_eq!(items[3].kind, Kind::Impl);
}

#[test]
fn a_module_is_put_together_again() {
    let module = quote! {
        #[doc = "x"]
        pub(in a) mod r#type {
            #![allow(unused)]
            #![doc = "y"]
            struct A;
            fn a() {}
        }
    };
    let read = Module::of(module.clone()).unwrap();
    assert_eq!((read.name.to_string().as_str(), read.items.len()), ("r#type", 2));
    let again = read.with(read.items.iter().map(ToTokens::to_token_stream));
    assert_eq!(again.to_string(), module.to_string());
    assert!(
        Module::of(quote!(
            pub mod bank;
        ))
        .is_none()
    );
}

#[test]
fn what_no_item_begins_with_is_passed_on() {
    let odd = quote!(; struct A; + b {} fn);
    assert_eq!(split(odd.clone()).join(" "), odd.to_string());
}

/// The items of a file and of the modules in it, each alone.
fn compare(path: &std::path::Path) -> usize {
    let Ok(source) = std::fs::read_to_string(path) else { return 0 };
    let Ok(file) = syn::parse_file(&source) else { return 0 };
    let attrs = &file.attrs;
    let expected = &file.items;
    let mut read = Tokens::of(quote!(#(#attrs)* #(#expected)*));
    read.inner_attributes();
    let read: Vec<_> = std::iter::from_fn(|| read.item()).collect();
    assert_eq!(read.len(), expected.len(), "{}", path.display());
    for (read, expected) in read.iter().zip(expected) {
        assert_eq!(
            read.to_token_stream().to_string(),
            expected.to_token_stream().to_string(),
            "{}",
            path.display()
        );
        let kind = match expected {
            syn::Item::Struct(item) => Kind::Struct(item.ident.clone()),
            syn::Item::Enum(item) => {
                Kind::Other(Ident::new("enum", item.enum_token.span), item.ident.clone())
            }
            syn::Item::Union(item) => {
                Kind::Other(Ident::new("union", item.union_token.span), item.ident.clone())
            }
            syn::Item::Impl(_) => Kind::Impl,
            _ => Kind::Rest,
        };
        assert_eq!(read.kind, kind, "{}", path.display());
    }
    read.len()
}

fn sources(folder: &std::path::Path, compared: &mut usize) {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if path.is_dir() {
            sources(&path, compared);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            *compared += compare(&path);
        }
    }
}

/// `MEMSTATE_SOURCES` may name another folder with Rust in it.
#[test]
fn whole_projects_are_split_as_a_parser_splits_them() {
    let own = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let folder = std::env::var_os("MEMSTATE_SOURCES").map_or(own, Into::into);
    let mut compared = 0;
    sources(&folder, &mut compared);
    assert!(compared > 100, "{compared}");
}
