//! What can be told of a type from how it is written.

use proc_macro2::{Delimiter, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident};
use syn::{
    ExprPath, Path, QSelf, Type, TypePath,
    ext::IdentExt,
    spanned::Spanned,
    visit_mut::{self, VisitMut},
};

/// The last segment of a type's path, through invisible groups and parentheses.
pub fn last_segment(ty: &Type) -> Option<&syn::PathSegment> {
    match peel(ty) {
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    }
}

/// The type inside of invisible groups and parentheses.
pub fn peel(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => peel(&group.elem),
        Type::Paren(paren) => peel(&paren.elem),
        other => other,
    }
}

/// Whether a type is called `name`, without type parameters of its own.
pub fn is_plain(ty: &Type, name: &str) -> bool {
    last_segment(ty).is_some_and(|segment| segment.ident == name && segment.arguments.is_none())
}

/// Whether a type is written `Option<…>`.
pub fn is_option(ty: &Type) -> bool {
    last_segment(ty).is_some_and(|segment| segment.ident == "Option")
}

/// The `T` of `Option<T>`, under whatever path.
pub fn option_of(ty: &Type) -> Option<&Type> {
    let segment = last_segment(ty).filter(|segment| segment.ident == "Option")?;
    match &segment.arguments {
        syn::PathArguments::AngleBracketed(arguments) if arguments.args.len() == 1 => {
            match arguments.args.first() {
                Some(syn::GenericArgument::Type(ty)) => Some(ty),
                _ => None,
            }
        }
        _ => None,
    }
}

/// `Some` if the spelling alone says whether it is a `Result`.
pub fn is_certainly_result(ty: &Type) -> Option<bool> {
    const PRIMITIVES: &[&str] = &[
        "bool", "char", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128",
        "isize", "f32", "f64",
    ];
    match peel(ty) {
        Type::Tuple(_) | Type::Array(_) => Some(false),
        Type::Path(path) => path
            .path
            .get_ident()
            .is_some_and(|ident| PRIMITIVES.iter().any(|name| ident == name))
            .then_some(false),
        _ => None,
    }
}

/// Whether it is written as a `Result` with two parameters, which is what counts in a generic model.
pub fn looks_like_result(ty: &Type) -> bool {
    last_segment(ty).is_some_and(|segment| {
        segment.ident == "Result"
            && matches!(&segment.arguments, syn::PathArguments::AngleBracketed(args) if args.args.len() == 2)
    })
}

/// Puts the model's own type for every `Self`.
pub struct NoSelf<'a>(pub &'a Type);

impl NoSelf<'_> {
    pub fn of(&mut self, ty: &Type) -> Type {
        let mut ty = ty.clone();
        self.visit_type_mut(&mut ty);
        ty
    }

    fn model_at(&self, span: Span) -> Type {
        syn::parse2(at(self.0.to_token_stream(), span)).unwrap_or_else(|_| self.0.clone())
    }

    /// `Self::Item` as `<Bank>::Item`.
    fn qualified(&self, path: &Path) -> Option<(QSelf, Path)> {
        let first = path.segments.first()?;
        if first.ident != "Self" || path.leading_colon.is_some() {
            return None;
        }
        let span = first.ident.span();
        let qself = QSelf {
            lt_token: syn::Token![<](span),
            ty: Box::new(self.model_at(span)),
            position: 0,
            as_token: None,
            gt_token: syn::Token![>](span),
        };
        let rest = Path {
            leading_colon: Some(syn::Token![::](span)),
            segments: path.segments.iter().skip(1).cloned().collect(),
        };
        Some((qself, rest))
    }
}

impl VisitMut for NoSelf<'_> {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        if let Type::Path(TypePath { qself: None, path, .. }) = ty
            && let Some((qself, rest)) = self.qualified(path)
        {
            *ty = match rest.segments.is_empty() {
                true => *qself.ty,
                false => Type::Path(TypePath { attrs: Vec::new(), qself: Some(qself), path: rest }),
            };
        }
        if !matches!(ty, Type::Path(path) if path.path.leading_colon.is_some() && path.qself.is_some()) {
            visit_mut::visit_type_mut(self, ty);
        }
    }

    fn visit_expr_path_mut(&mut self, path: &mut ExprPath) {
        if path.qself.is_none()
            && let Some((qself, rest)) = self.qualified(&path.path)
            && !rest.segments.is_empty()
        {
            path.qself = Some(qself);
            path.path = rest;
        }
        visit_mut::visit_expr_path_mut(self, path);
    }
}

/// Tokens as if they had been written at `span`; names still mean what they meant.
pub fn at(tokens: TokenStream, span: Span) -> TokenStream {
    tokens
        .into_iter()
        .map(|mut token| {
            if let TokenTree::Group(group) = &token {
                let mut moved = proc_macro2::Group::new(group.delimiter(), at(group.stream(), span));
                moved.set_span(group.span().located_at(span));
                return TokenTree::Group(moved);
            }
            token.set_span(token.span().located_at(span));
            token
        })
        .collect()
}

/// Tokens at `span`, as if the macro had written them: no `$crate` may be among them.
pub fn moved(tokens: TokenStream, span: Span) -> TokenStream {
    tokens
        .into_iter()
        .map(|mut token| {
            if let TokenTree::Group(group) = &token {
                token =
                    TokenTree::Group(proc_macro2::Group::new(group.delimiter(), moved(group.stream(), span)));
            }
            token.set_span(span);
            token
        })
        .collect()
}

/// A span for what is said of a type: all of it where that can be had.
pub fn span_of(ty: &Type) -> Span {
    ty.span().resolved_at(Span::mixed_site())
}

/// The first token of a type, as the user wrote it.
pub fn start_of(ty: &Type) -> Span {
    ty.span()
}

/// The name of a module beside `model`, which tells the place, so that those of two blocks of one struct do not meet. Outside of
/// a compiler there are no places.
pub fn module_at(model: &Ident, what: &str) -> Ident {
    let (line, column) = match proc_macro::is_available() {
        true => (model.span().unwrap().line(), model.span().unwrap().column()),
        false => (0, 0),
    };
    format_ident!("__{}_{what}_{line}_{column}", model.unraw().to_string().to_lowercase())
}

/// A type as a person would write it, on one line.
pub fn text(ty: &impl ToTokens) -> String {
    let mut text = String::new();
    write(ty.to_token_stream(), &mut text);
    text
}

fn write(tokens: TokenStream, text: &mut String) {
    let mut glue = true;
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Brace => ("{ ", " }"),
                    Delimiter::None => ("", ""),
                };
                if !glue && open == "{ " {
                    text.push(' ');
                }
                text.push_str(open);
                write(group.stream(), text);
                text.push_str(close);
                glue = false;
            }
            TokenTree::Punct(punct) => match punct.as_char() {
                ',' | ';' => {
                    text.push(punct.as_char());
                    text.push(' ');
                    glue = true;
                }
                '-' | '+' | '=' => {
                    text.push(' ');
                    text.push(punct.as_char());
                    if punct.as_char() != '-' {
                        text.push(' ');
                    }
                    glue = true;
                }
                '>' if text.ends_with(" -") => {
                    text.push_str("> ");
                    glue = true;
                }
                '>' => {
                    text.push('>');
                    glue = false;
                }
                other => {
                    text.push(other);
                    glue = true;
                }
            },
            word => {
                if !glue {
                    text.push(' ');
                }
                text.push_str(&word.to_string());
                glue = false;
            }
        }
    }
    if text.ends_with(", ") {
        text.truncate(text.len() - 2 + usize::from(text.ends_with("(, ")));
    }
}

/// Whether `name` occurs anywhere in the tokens.
pub fn mentions(tokens: impl ToTokens, name: &Ident) -> bool {
    tokens.to_token_stream().into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == *name,
        TokenTree::Group(group) => mentions(group.stream(), name),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[test]
    fn types_are_written_as_by_a_person() {
        for written in [
            "Result<(), Insufficient>",
            "Option<std::vec::Vec<(u8, [u8; 4])>>",
            "&'a mut dyn Fn(u8, &str) -> Box<T>",
            "<Bank as Model>::Event",
            "std::collections::HashMap<K, V>",
        ] {
            let ty: Type = syn::parse_str(written).unwrap();
            assert_eq!(text(&ty), written);
        }
    }

    #[test]
    fn self_becomes_the_model_wherever_it_stands() {
        let model: Type = parse_quote!(Store<T>);
        let ty: Type = parse_quote!(Option<(Self, [Self::Item; Self::SIZE], Box<Self>)>);
        let expected: Type =
            parse_quote!(Option<(Store<T>, [<Store<T>>::Item; <Store<T>>::SIZE], Box<Store<T>>)>);
        assert_eq!(text(&NoSelf(&model).of(&ty)), text(&expected));
    }

    #[test]
    fn results_by_spelling() {
        assert_eq!(is_certainly_result(&parse_quote!((u8, Result<u8, u8>))), Some(false));
        assert_eq!(is_certainly_result(&parse_quote!(u8)), Some(false));
        assert_eq!(is_certainly_result(&parse_quote!(Outcome)), None);
        assert!(looks_like_result(&parse_quote!(std::result::Result<u8, u8>)));
        assert!(!looks_like_result(&parse_quote!(io::Result<u8>)));
    }
}
