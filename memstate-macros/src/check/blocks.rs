//! The `impl` blocks of a model's module, as one.

use std::collections::BTreeSet;

use proc_macro2::{Group, Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{GenericParam, PathArguments, Type, TypeParamBound, Visibility, WherePredicate, ext::IdentExt};

use crate::{
    ast::{Block, Method},
    errors::Errors,
    types,
};

/// Whether an `impl`, without its attributes, is for the struct `model` of the module `module`, and of no trait.
pub fn is_of(item: &TokenStream, model: &Ident, module: &Ident) -> bool {
    let Some(Block { of_trait: None, self_ty, .. }) = header(item) else { return false };
    let Type::Path(path) = types::peel(&self_ty) else { return false };
    let names: Vec<_> = path.path.segments.iter().map(|segment| &segment.ident).collect();
    path.qself.is_none()
        && match names.as_slice() {
            [name] => *name == model,
            [first, name] if *first == "self" => *name == model,
            [first, .., parent, name] if *first == "crate" => *name == model && *parent == module,
            _ => false,
        }
}

/// The last part of the path to the struct that an `impl`, without its attributes, is of.
pub fn name_of(item: &TokenStream) -> Option<Ident> {
    types::last_segment(&header(item)?.self_ty).map(|last| last.ident.clone())
}

/// A block as if it were empty. `None` if it is written in a way that this crate does not know.
fn header(item: &TokenStream) -> Option<Block> {
    let mut tokens: Vec<TokenTree> = item.clone().into_iter().collect();
    let TokenTree::Group(body) = tokens.pop()? else { return None };
    tokens.push(Group::new(body.delimiter(), TokenStream::new()).into());
    syn::parse2(tokens.into_iter().collect()).ok()
}

/// All blocks as one, with the parameters and bounds of the first that has commands or queries. Others must have the
/// same: what they say is written for all of them at once.
pub fn joined(blocks: Vec<Block>, errors: &mut Errors) -> Option<Block> {
    let first = blocks.iter().position(has_operations).unwrap_or(0);
    let (header, text) = blocks.get(first).map(|block| (Header::of(block), header_text(block)))?;
    let mut whole: Option<Block> = None;
    let mut methods = Vec::new();
    let (mut macros, mut strays) = (Vec::new(), Vec::new());
    for (place, mut block) in blocks.into_iter().enumerate() {
        let this = Header::of(&block);
        if has_operations(&block) && this != header {
            differs(&block, &text, errors);
            for method in &mut block.methods {
                method.misplaced = true;
                this.rename(method, &header);
            }
        }
        methods.append(&mut block.methods);
        macros.append(&mut block.macros);
        strays.append(&mut block.strays);
        if place == first {
            whole = Some(block);
        }
    }
    Some(Block { methods, macros, strays, in_module: true, ..whole? })
}

fn differs(block: &Block, first: &str, errors: &mut Errors) {
    let what = format!("this block is `{}`, and the first is `{first}`", header_text(block));
    let why = "a model has one enum of commands and one of queries, so all of its blocks have the same parameters and \
               bounds";
    let help = "write the same above each, with every bound that one of them needs; or put `#[memstate(skip)]` above \
                a block whose methods are neither commands nor queries";
    match block.generics.params.is_empty() {
        true => errors.at(&block.self_ty, what, why, help),
        false => errors.at(&block.generics, what, why, help),
    }
}

/// Whether it has methods that may be commands or queries. A block of constructors is nobody's business.
fn has_operations(block: &Block) -> bool {
    block.methods.iter().any(|method| {
        method.sig.receiver().is_some()
            && (!matches!(method.vis, Visibility::Inherited)
                || method.attrs.iter().any(|attr| attr.path().is_ident("memstate")))
    })
}

/// What two blocks must have in common.
#[derive(PartialEq, Eq)]
struct Header {
    /// `T`, `const N: usize`.
    params: Vec<String>,
    /// `T: Ord`, wherever it stands.
    bounds: BTreeSet<String>,
    arguments: String,
}

impl Header {
    fn of(block: &Block) -> Self {
        let params = block.generics.params.iter().map(param).collect();
        let mut bounds = BTreeSet::new();
        for param in block.generics.type_params() {
            let name = param.ident.to_string();
            bounds.extend(param.bounds.iter().map(|bound| format!("{name}: {}", types::text(bound))));
        }
        for predicate in block.generics.where_clause.iter().flat_map(|clause| &clause.predicates) {
            bounds.extend(predicates(predicate));
        }
        let arguments = types::last_segment(&block.self_ty).map(|last| match &last.arguments {
            PathArguments::None => String::new(),
            arguments => types::text(arguments),
        });
        Header { params, bounds, arguments: arguments.unwrap_or_default() }
    }

    /// Has a method speak of another block's parameters, each in the place of its own.
    fn rename(&self, method: &mut Method, other: &Header) {
        if self.params.len() != other.params.len() {
            return;
        }
        let names: Vec<_> =
            self.params.iter().zip(&other.params).filter(|(own, other)| own != other).collect();
        if let Ok(sig) = syn::parse2(renamed(method.sig.to_token_stream(), &names)) {
            method.sig = sig;
        }
    }
}

fn renamed(tokens: TokenStream, names: &[(&String, &String)]) -> TokenStream {
    tokens
        .into_iter()
        .map(|token| match token {
            TokenTree::Ident(word) => match names.iter().find(|(own, _)| word == own.as_str()) {
                Some((_, other)) => Ident::new(other, word.span()).into(),
                None => word.into(),
            },
            TokenTree::Group(group) => {
                let mut inside = Group::new(group.delimiter(), renamed(group.stream(), names));
                inside.set_span(group.span());
                inside.into()
            }
            other => other,
        })
        .collect()
}

fn param(param: &GenericParam) -> String {
    match param {
        GenericParam::Type(param) => param.ident.unraw().to_string(),
        GenericParam::Lifetime(param) => param.lifetime.to_string(),
        GenericParam::Const(param) => format!("const {}: {}", param.ident, types::text(&param.ty)),
    }
}

/// Each bound of a predicate alone.
fn predicates(predicate: &WherePredicate) -> Vec<String> {
    let WherePredicate::Type(predicate) = predicate else { return vec![types::text(predicate)] };
    let lifetimes = predicate.lifetimes.as_ref().map(types::text).unwrap_or_default();
    let bounded = types::text(&predicate.bounded_ty);
    predicate.bounds.iter().map(|bound| format!("{lifetimes}{bounded}: {}", types::text(bound))).collect()
}

/// A block's first line, as a person would write it.
pub fn header_text(block: &Block) -> String {
    let with = |name: String, bounds: Vec<&TypeParamBound>| match bounds.is_empty() {
        true => name,
        false => {
            let bounds: Vec<_> = bounds.into_iter().map(types::text).collect();
            format!("{name}: {}", bounds.join(" + "))
        }
    };
    let params: Vec<_> = block
        .generics
        .params
        .iter()
        .map(|this| match this {
            GenericParam::Type(ty) => with(param(this), ty.bounds.iter().collect()),
            _ => param(this),
        })
        .collect();
    let params = if params.is_empty() { String::new() } else { format!("<{}>", params.join(", ")) };
    let predicates: Vec<_> = block
        .generics
        .where_clause
        .iter()
        .flat_map(|clause| &clause.predicates)
        .map(|predicate| match predicate {
            WherePredicate::Type(ty) => with(types::text(&ty.bounded_ty), ty.bounds.iter().collect()),
            other => types::text(other),
        })
        .collect();
    let bounds =
        if predicates.is_empty() { String::new() } else { format!(" where {}", predicates.join(", ")) };
    format!("impl{params} {}{bounds}", types::text(&block.self_ty))
}
