//! `#[memstate::model] mod bank { … }`: the same pieces as of a struct and of one `impl` block that stand alone.

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::{Attribute, DeriveInput};

use super::{keyword_span, methods_of, model, structure_of};
use crate::{
    ast::Block,
    attr::{Keys, Place},
    check::{Choice, choose, header_text, is_of, joined},
    errors::Errors,
    expand::Crate,
    fallback::without_helpers,
    module::{Item, Kind, Module, options},
};

pub fn expand(options: TokenStream, item: TokenStream, errors: &mut Errors) -> TokenStream {
    let mut keys = vec![Keys::of_options(options.clone(), Place::ModelModule, errors)];
    let Some(mut module) = Module::of(item.clone()) else {
        elsewhere(&item, errors);
        return item;
    };
    for attribute in module.attributes.take_macros("model") {
        errors.at(&attribute, "`#[memstate::model]` is there twice", "", "remove one of them");
    }
    let written = match choose(&mut module, errors) {
        Choice::Struct(name) => content(&mut module, &[name], keys, errors),
        Choice::Other(keyword, name) => {
            no_struct(&module, &keyword, &name, errors);
            content(&mut module, &[name], keys, &mut Errors::default())
        }
        Choice::Unclear(names) => {
            let unsaid = &mut Errors::default();
            keys.resize_with(names.len(), || Keys::of_options(options.clone(), Place::ModelModule, unsaid));
            content(&mut module, &names, keys, &mut Errors::default())
        }
    };
    module.with(written)
}

/// `mod bank;`, whose file the compiler has not read yet.
fn elsewhere(item: &TokenStream, errors: &mut Errors) {
    errors.at_span(
        keyword_span(item, "mod"),
        "`#[memstate::model]` has to see what is in the module",
        "the file of a `mod` without braces is read later",
        "write the module with braces here, or put `#[memstate::model]` on the struct and on its `impl` block in the \
         file",
    );
}

fn no_struct(module: &Module, keyword: &Ident, name: &Ident, errors: &mut Errors) {
    let article = if keyword == "enum" { "an" } else { "a" };
    let help = match keyword == "enum" {
        true => format!(
            "put `#[memstate::data]` above it, and write a struct that holds it: `pub struct … {{ state: {name} }}`"
        ),
        false => format!("write `struct {name}`"),
    };
    errors.at(
        keyword,
        format!("the model of `mod {}` is a struct, not {article} `{keyword}`", module.name),
        "",
        &help,
    );
}

/// What one model of the module is made of.
struct Pieces {
    name: Ident,
    keys: Keys,
    blocks: Vec<Block>,
}

fn content(module: &mut Module, names: &[Ident], keys: Vec<Keys>, errors: &mut Errors) -> Vec<TokenStream> {
    let models = names.iter().zip(keys);
    let mut models: Vec<Pieces> =
        models.map(|(name, keys)| Pieces { name: name.clone(), keys, blocks: Vec::new() }).collect();
    let module_name = module.name.clone();
    for item in &mut module.items {
        read(item, &module_name, &mut models, errors);
    }
    let mut written: Vec<TokenStream> = Vec::new();
    for item in &module.items {
        let model = models.iter().find(|model| is_definition(item, &model.name));
        written.push(match model {
            Some(model) => definition(item, &model.keys, errors),
            None => item.to_token_stream(),
        });
    }
    let is_union = |name: &Ident| {
        module
            .items
            .iter()
            .any(|item| matches!(&item.kind, Kind::Other(keyword, of) if of == name && keyword == "union"))
    };
    for Pieces { name, keys, blocks } in models.into_iter().filter(|model| !is_union(&model.name)) {
        let block = match blocks.is_empty() {
            true => no_block(module, &name, errors),
            false => joined(blocks, errors),
        };
        written.extend(block.and_then(|block| methods_of(&keys, block, errors)));
    }
    written
}

/// Takes out of an item what is ours, and keeps what it says.
fn read(item: &mut Item, module: &Ident, models: &mut [Pieces], errors: &mut Errors) {
    if let Some(model) = models.iter_mut().find(|model| is_definition(item, &model.name)) {
        for attribute in item.attributes.take_macros("model") {
            model.keys.and_options(options(&attribute), Place::ModelStruct, errors);
        }
        for attribute in item.attributes.take_macros("data") {
            errors.at(
                attribute,
                format!("`{}` is the model, so it cannot stand under `#[memstate::data]`", model.name),
                "a model holds data, and is none",
                "remove `#[memstate::data]`",
            );
        }
        return;
    }
    let is_block = |model: &&mut Pieces| item.kind == Kind::Impl && is_of(&item.rest, &model.name, module);
    match models.iter_mut().find(is_block) {
        Some(model) => block(item, model, errors),
        None => stray(item, errors),
    }
}

fn is_definition(item: &Item, model: &Ident) -> bool {
    matches!(&item.kind, Kind::Struct(name) | Kind::Other(_, name) if name == model)
}

fn block(item: &mut Item, model: &mut Pieces, errors: &mut Errors) {
    let helpers = item.attributes.take_helpers();
    let Keys { skip, strict, .. } = Keys::of_attrs(&helpers, Place::BlockInModule, errors);
    let macros = item.attributes.take_macros("model");
    for attribute in &macros {
        model.keys.and_options(options(attribute), Place::ModelImpl, errors);
        if skip {
            errors.at(
                attribute,
                "`#[memstate::model]` and `#[memstate(skip)]` cannot stand together",
                "the one makes commands and queries of the block's methods, the other leaves them alone",
                "remove one of them",
            );
        }
    }
    let tokens = std::mem::take(&mut item.rest);
    item.rest = without_helpers(tokens.clone(), 1);
    match syn::parse2::<Block>(tokens) {
        Ok(block) if skip => skipped(&block, errors),
        Ok(mut block) => {
            let cfgs: Vec<Attribute> =
                item.attributes.iter().filter(|attr| attr.path().is_ident("cfg")).cloned().collect();
            for method in &mut block.methods {
                method.attrs.splice(..0, cfgs.iter().cloned());
                method.strict |= strict;
            }
            model.blocks.push(block);
        }
        Err(error) if !skip => errors.push(error),
        Err(_) => {}
    }
}

/// Keys on the methods of a block that is left alone.
fn skipped(block: &Block, errors: &mut Errors) {
    let attributes = block.methods.iter().flat_map(|method| {
        let of_arguments = method.sig.inputs.iter().flat_map(|input| match input {
            syn::FnArg::Typed(input) => &input.attrs,
            syn::FnArg::Receiver(receiver) => &receiver.attrs,
        });
        method.attrs.iter().chain(of_arguments)
    });
    for attribute in attributes.chain(&block.strays) {
        Keys::of_attrs(std::slice::from_ref(attribute), Place::Nowhere, errors);
    }
}

/// Keys on what is no part of the model. Those of an attribute macro are its own.
fn stray(item: &mut Item, errors: &mut Errors) {
    if !item.attributes.has_macro("data") && !item.attributes.has_macro("model") {
        Keys::of_attrs(&item.attributes.take_helpers(), Place::Nowhere, errors);
    }
}

fn definition(item: &Item, keys: &Keys, errors: &mut Errors) -> TokenStream {
    let tokens = item.to_token_stream();
    let is_struct = matches!(item.kind, Kind::Struct(_));
    if is_struct && super::conditions::are_in(tokens.clone()) {
        // What a `#[cfg]` says is known when an attribute on the struct itself is expanded.
        return annotated(&tokens, keys);
    }
    match &item.kind {
        Kind::Other(keyword, _) if keyword == "union" => {
            let input = syn::parse2::<DeriveInput>(tokens.clone()).ok();
            let stand_in = input.map(|input| model::stand_in(&input, &Crate::of(keys)));
            let mut written = without_helpers(tokens, 2);
            written.extend(stand_in);
            written
        }
        _ => structure_of(keys, tokens, errors),
    }
}

fn annotated(item: &TokenStream, keys: &Keys) -> TokenStream {
    let path = match &keys.krate {
        Some(path) => path.to_token_stream(),
        None => quote_mixed!(::memstate),
    };
    let options = keys.written_for(Place::ModelStruct);
    quote_mixed!(#[#path::model(#(#options),*)] #item)
}

/// An empty block for a model that has none.
fn no_block(module: &Module, name: &Ident, errors: &mut Errors) -> Option<Block> {
    let item = module.items.iter().find(|item| is_definition(item, name))?;
    let input: DeriveInput = syn::parse2(item.to_token_stream()).ok()?;
    let generics = super::without_defaults(&input.generics);
    let (header, parameters, bounds) = generics.split_for_impl();
    let block: Block = syn::parse2(quote_mixed!(impl #header #name #parameters #bounds {})).ok()?;
    let is_block = |item: &Item| item.kind == Kind::Impl && is_of(&item.rest, name, &module.name);
    let (of_module, header) = (&module.name, header_text(&block));
    let why = match module.items.iter().any(is_block) {
        true => format!("every `impl {name}` in `mod {of_module}` stands under `#[memstate(skip)]`"),
        false => format!("there is no `impl {name}` in `mod {of_module}`"),
    };
    errors.at(
        name,
        format!("`{name}` has no commands and no queries"),
        &why,
        &format!("write its methods there: `{header} {{ pub fn … }}`"),
    );
    Some(block)
}
