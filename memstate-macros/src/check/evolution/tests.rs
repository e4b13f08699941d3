use proc_macro2::TokenStream;
use quote::quote;

use crate::{
    ast::Block,
    attr::Keys,
    check::{Commands, Operation},
    errors::Errors,
};

fn read(methods: TokenStream) -> (Vec<Operation>, Vec<String>) {
    let block: Block = syn::parse2(quote!(impl Bank { #methods })).expect("it is a block");
    let mut errors = Errors::default();
    let commands = Commands::of(block, &Keys::default(), &mut errors).expect("it is a model's");
    let first = |text: &String| text.lines().next().unwrap_or_default().to_owned();
    (commands.operations, errors.texts().iter().map(first).collect())
}

fn right(methods: TokenStream) -> Vec<Operation> {
    let (operations, errors) = read(methods);
    assert_eq!(errors, [""; 0]);
    operations
}

fn wrong(methods: TokenStream) -> Vec<String> {
    read(methods).1
}

fn versions(methods: TokenStream) -> Vec<u32> {
    right(methods).iter().map(|operation| operation.evolution.version).collect()
}

#[test]
fn the_version_is_that_after_the_last_of_the_past() {
    let replay = quote! {
        #[memstate(replays = "add", version = 1)]
        fn v1(&mut self) {}
        #[memstate(version = 2, replays = "add")]
        fn v2(&mut self) {}
    };
    assert_eq!(versions(quote!(pub fn add(&mut self) {} #replay)), [3, 1, 1]);
    assert_eq!(versions(quote!(#replay #[memstate(version = 7)] pub fn add(&mut self) {})), [1, 1, 7]);
    assert_eq!(
        versions(quote!(
            #[memstate(upcast = a, upcast = b)]
            pub fn add(&mut self) {}
        )),
        [3]
    );
    assert_eq!(
        versions(quote!(
            #[memstate(version = 7)]
            pub fn add(&mut self) {}
        )),
        [7]
    );
    assert_eq!(
        versions(quote!(
            pub fn add(&mut self) {}
            pub fn get(&self) {}
        )),
        [1, 1]
    );
}

#[test]
fn raw_names_are_names() {
    let operations = right(quote! {
        #[memstate(was = "fn")]
        pub fn r#type(&mut self, #[memstate(was = "struct")] r#enum: u8) {}
        #[memstate(replays = "type", version = 1)]
        fn v1(&mut self) {}
    });
    assert_eq!(operations[0].evolution.version, 2);
}

#[test]
fn a_private_method_is_a_command_for_replay_only() {
    assert_eq!(
        right(quote!(
            #[memstate(retired)]
            fn a(&mut self) {}
            fn b(&mut self) {}
        ))
        .len(),
        1
    );
    assert_eq!(
        wrong(quote!(
            #[memstate(version = 2)]
            fn a(&mut self) {}
            pub fn b(&mut self) {}
        )),
        ["`version` is for commands, and `a` is none"]
    );
    assert_eq!(
        wrong(quote!(
            #[memstate(retired)]
            fn a(&self) {}
            pub fn b(&mut self) {}
        )),
        ["`retired` is for commands, and `a` is a query"]
    );
}

#[test]
fn methods_for_each_of_several_cfgs_may_say_the_same() {
    let cfgs = quote! {
        #[cfg(a)]
        #[memstate(was = "put")]
        pub fn add(&mut self) {}
        #[cfg(not(a))]
        #[memstate(was = "put")]
        pub fn add(&mut self, more: u8) {}
    };
    assert_eq!(versions(cfgs), [1, 1]);
}

#[test]
fn gaps_are_named_by_the_first_version_that_is_missing() {
    let replay = |version: u32| {
        let name = quote::format_ident!("v{version}");
        let version = proc_macro2::Literal::u32_unsuffixed(version);
        quote!(#[memstate(replays = "add", version = #version)] fn #name(&mut self) {})
    };
    let (two, four, five) = (replay(2), replay(4), replay(5));
    assert_eq!(wrong(quote!(pub fn add(&mut self) {} #two)), ["version 1 of `add` is missing"]);
    let one = replay(1);
    let all = quote!(#five #one pub fn add(&mut self) {} #two #four);
    assert_eq!(wrong(all), ["version 3 of `add` is missing"]);
}

#[test]
fn a_version_is_not_one_of_the_past() {
    let add = |version: u32| {
        let version = proc_macro2::Literal::u32_unsuffixed(version);
        quote!(
            #[memstate(upcast = a, upcast = b, version = #version)]
            pub fn add(&mut self) {}
        )
    };
    assert_eq!(wrong(add(2)), ["`add` is of version 3 at least"]);
    assert_eq!(versions(add(3)), [3]);
}

#[test]
fn a_default_means_the_model_by_self() {
    let operations = right(quote!(
        pub fn add(&mut self, #[memstate(default = Self::MANY)] many: u8) {}
    ));
    let default = operations[0].arguments().next().unwrap().origin.default.clone().flatten().unwrap();
    assert_eq!(quote!(#default).to_string(), quote!(<Bank>::MANY).to_string());
}
