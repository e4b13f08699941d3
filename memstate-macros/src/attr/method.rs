//! The attributes of a user's method, as the client's method has them.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};
use syn::{Attribute, Expr, Meta, Path, Token, ext::IdentExt, punctuated::Punctuated};

/// What the client's method takes over, and when there is such a method at all.
#[derive(Default)]
pub struct Attrs {
    pub carried: Vec<Attribute>,
    /// Those among them that are a `#[cfg]`.
    pub cfgs: Vec<Attribute>,
}

impl Attrs {
    pub fn of(attrs: &[Attribute]) -> Attrs {
        let mut all = Attrs::default();
        for attr in attrs {
            all.take(&attr.meta, None, attr);
        }
        all
    }

    /// Takes over what `meta` says if `condition` holds; `attr` is where it stands.
    fn take(&mut self, meta: &Meta, condition: Option<&Meta>, attr: &Attribute) {
        let path = meta.path();
        let is = |name: &str| path.is_ident(name);
        let mut carry = |meta: &Meta| {
            let meta = match condition {
                Some(condition) => syn::parse_quote!(cfg_attr(#condition, #meta)),
                None => meta.clone(),
            };
            self.carried.push(Attribute { meta, ..attr.clone() });
        };
        // A bare `#[must_use]` is what `Call` and `Ask` have anyway.
        let must_use = is("must_use") && !matches!(meta, Meta::Path(_));
        if is("doc") || is("deprecated") || is("allow") || must_use {
            carry(meta);
        } else if is("expect") {
            // What is expected of the method may not be true of the client's, and is not complained of there.
            carry(&allowing(meta));
        } else if is("cfg") {
            let meta: Meta = match (condition, meta.require_list()) {
                (Some(condition), Ok(list)) => {
                    let of = &list.tokens;
                    syn::parse_quote!(cfg(any(not(#condition), #of)))
                }
                _ => meta.clone(),
            };
            let attr = Attribute { meta, ..attr.clone() };
            self.cfgs.push(attr.clone());
            self.carried.push(attr);
        } else if let Some((inner, metas)) = conditional(meta) {
            let both: Meta = match condition {
                Some(outer) => syn::parse_quote!(all(#outer, #inner)),
                None => inner,
            };
            metas.iter().for_each(|meta| self.take(meta, Some(&both), attr));
        }
    }
}

fn allowing(expect: &Meta) -> Meta {
    let mut meta = expect.clone();
    if let Meta::List(list) = &mut meta {
        list.path = Path::from(Ident::new("allow", proc_macro2::Span::call_site()));
    }
    meta
}

/// The condition of a `#[cfg_attr(…)]`, and what stands under it; `None` if it is none, or rustc will complain.
pub fn conditional(meta: &Meta) -> Option<(Meta, Vec<Meta>)> {
    let list = meta.require_list().ok().filter(|list| list.path.is_ident("cfg_attr"))?;
    let parse = |input: syn::parse::ParseStream<'_>| {
        // `true` and `false` are conditions, and keywords.
        let condition = match input.peek(syn::LitBool) {
            true => Meta::Path(Path::from(input.call(Ident::parse_any)?)),
            false => input.parse()?,
        };
        input.parse::<Option<Token![,]>>()?;
        let metas = Punctuated::<Meta, Token![,]>::parse_terminated(input)?;
        Ok((condition, metas.into_iter().collect()))
    };
    list.parse_args_with(parse).ok()
}

/// The documentation as an expression: a text, or several that are put together when one of them is a macro call like
/// `include_str!`.
pub fn docs(attrs: &[Attribute], krate: &impl ToTokens) -> TokenStream {
    let (mut parts, mut text) = (Vec::new(), String::new());
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("doc")) {
        let Meta::NameValue(doc) = &attr.meta else { continue };
        let Expr::Macro(call) = &doc.value else {
            let line = super::docs(std::slice::from_ref(attr));
            text.push_str(&line);
            text.push('\n');
            continue;
        };
        parts.push(std::mem::take(&mut text).into_token_stream());
        parts.push(call.to_token_stream());
        text.push('\n');
    }
    if parts.is_empty() {
        return super::docs(attrs).into_token_stream();
    }
    parts.push(text.trim_end().into_token_stream());
    quote!(#krate::std::concat!(#(#parts),*))
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    fn carried(attrs: &[Attribute]) -> (Vec<String>, Vec<String>) {
        let text = |attrs: Vec<Attribute>| {
            attrs.iter().map(|attr| attr.meta.to_token_stream().to_string().replace(' ', "")).collect()
        };
        let Attrs { carried, cfgs } = Attrs::of(attrs);
        (text(carried), text(cfgs))
    }

    #[test]
    fn what_says_something_to_a_caller_is_carried_over() {
        let (carried, cfgs) = carried(&[
            parse_quote!(#[doc(alias = "x")]),
            parse_quote!(#[must_use]),
            parse_quote!(#[must_use = "why"]),
            parse_quote!(#[inline]),
            parse_quote!(#[tracing::instrument(skip(self))]),
            parse_quote!(#[expect(clippy::all, reason = "so")]),
            parse_quote!(#[cfg(test)]),
        ]);
        assert_eq!(
            carried,
            ["doc(alias=\"x\")", "must_use=\"why\"", "allow(clippy::all,reason=\"so\")", "cfg(test)"]
        );
        assert_eq!(cfgs, ["cfg(test)"]);
    }

    #[test]
    fn what_stands_under_a_condition_stays_under_it() {
        let (carried, cfgs) = carried(&[
            parse_quote!(#[cfg_attr(a, inline, deprecated(note = "n"), cfg(b))]),
            parse_quote!(#[cfg_attr(true, cfg_attr(not(c), doc = "x"))]),
        ]);
        assert_eq!(
            carried,
            [
                "cfg_attr(a,deprecated(note=\"n\"))",
                "cfg(any(not(a),b))",
                "cfg_attr(all(true,not(c)),doc=\"x\")"
            ]
        );
        assert_eq!(cfgs, ["cfg(any(not(a),b))"]);
    }

    #[test]
    fn documentation_may_come_from_a_file() {
        let attrs: Vec<Attribute> = vec![
            parse_quote!(#[doc = " One."]),
            parse_quote!(#[doc = include_str!("a")]),
            parse_quote!(#[doc = " Two."]),
        ];
        let krate: TokenStream = quote!(k);
        assert_eq!(
            docs(&attrs, &krate).to_string(),
            quote!(k::std::concat!("One.\n", include_str!("a"), "\nTwo.")).to_string()
        );
        assert_eq!(docs(&attrs[..1], &krate).to_string(), "\"One.\"");
    }
}
