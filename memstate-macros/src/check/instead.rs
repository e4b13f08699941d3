//! What to write instead of a type that cannot be data.

use syn::{
    Expr, ExprLit, GenericArgument, Lit, Path, PathArguments, Type, TypeArray, TypeParamBound,
    visit_mut::{self, VisitMut},
};

use super::arguments::UNSIZED;
use crate::types;

/// The type with an owned one for everything in it that is borrowed: `(String, Vec<T>)` for `(&str, &[T])`.
pub fn owned(ty: &Type) -> Type {
    let mut ty = ty.clone();
    Owning.visit_type_mut(&mut ty);
    ty
}

/// The same with a reference in front, if there is one: `&[String]` for `&[&str]`.
pub fn owned_inside(ty: &Type) -> String {
    match types::peel(ty) {
        Type::Reference(reference) => match types::peel(&reference.elem) {
            Type::Slice(slice) => format!("&[{}]", types::text(&owned(&slice.elem))),
            Type::Reference(inner) if is_unsized(&inner.elem) => format!("&{}", types::text(&inner.elem)),
            inner @ Type::Reference(_) => owned_inside(inner),
            inner => format!("&{}", types::text(&owned(inner))),
        },
        ty => types::text(&owned(ty)),
    }
}

struct Owning;

impl VisitMut for Owning {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        let lent = match types::peel(ty) {
            Type::Reference(reference) => reference.elem.as_ref().clone(),
            _ => match cow(ty).or_else(|| shared(ty)) {
                Some(lent) => lent.clone(),
                None => return visit_mut::visit_type_mut(self, ty),
            },
        };
        let inner = types::peel(&lent);
        let of_unsized =
            UNSIZED.iter().find(|(name, _)| types::is_plain(inner, name)).and_then(|(_, path)| path.last());
        *ty = match (inner, of_unsized) {
            (Type::Slice(slice), _) => {
                let element = &slice.elem;
                syn::parse_quote!(Vec<#element>)
            }
            (_, Some(owned)) => {
                let owned = syn::Ident::new(owned, proc_macro2::Span::call_site());
                syn::parse_quote!(#owned)
            }
            (other, None) => other.clone(),
        };
        self.visit_type_mut(ty);
    }
}

/// What a `Cow` lends, if it does not say that it lends for ever.
pub fn cow(ty: &Type) -> Option<&Type> {
    let segment = types::last_segment(ty).filter(|segment| segment.ident == "Cow")?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    let mut lifetimes = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Lifetime(lifetime) => Some(lifetime),
        _ => None,
    });
    let lent = arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })?;
    match lifetimes.next() {
        Some(lifetime) => (lifetime.ident != "static").then_some(lent),
        // Without one it is std's if it lends what has no size.
        None => is_unsized(lent).then_some(lent),
    }
}

/// What an `Rc` of std's shares, or a `Weak`, neither of which can be sent. An `Arc` can, and serde may be told to write it.
pub fn shared(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = types::peel(ty) else { return None };
    let from_std = path.path.segments.first().is_some_and(|first| {
        path.path.segments.len() == 1 || ["std", "alloc", "rc", "sync"].iter().any(|root| first.ident == root)
    });
    let segment = path.path.segments.last()?;
    let is_one = segment.ident == "Rc" || segment.ident == "Weak";
    (from_std && is_one).then(|| parameter(&segment.arguments)).flatten()
}

/// Why an array cannot be longer.
pub const LONG: &str = "serde writes and reads arrays of up to 32 elements";

/// Whether an array is written with a length that serde does not have.
pub fn is_too_long(array: &TypeArray) -> bool {
    match &array.len {
        Expr::Lit(ExprLit { lit: Lit::Int(len), .. }) => len.base10_parse::<u64>().is_ok_and(|len| len > 32),
        _ => false,
    }
}

/// A type with a list in the place of an array in it.
pub fn listed(ty: &Type, array: &TypeArray) -> String {
    let (written, array, element) = (types::text(ty), types::text(array), types::text(&array.elem));
    match written == format!("&{array}") {
        true => format!("&[{element}]"),
        false => written.replacen(&array, &format!("Vec<{element}>"), 1),
    }
}

/// Whether it is a `str`, a `[T]` or the like.
pub fn is_unsized(ty: &Type) -> bool {
    matches!(types::peel(ty), Type::Slice(_)) || UNSIZED.iter().any(|(name, _)| types::is_plain(ty, name))
}

/// Why an argument cannot be `impl Trait`, and the way to have what was meant by it.
pub fn of_impl(name: &str, bounds: impl IntoIterator<Item = TypeParamBound>) -> (&'static str, String) {
    let one = "each argument is one type in the journal";
    for bound in bounds {
        let TypeParamBound::Trait(bound) = bound else { continue };
        let (Some(of), item) = (bound.path.segments.last(), item(&bound.path)) else { continue };
        let of_trait = of.ident.to_string();
        let parameter = parameter(&of.arguments);
        match (of_trait.as_str(), parameter, item) {
            ("Into", Some(ty), _) if types::is_plain(ty, "String") => {
                return (
                    one,
                    format!("write `{name}: String`; the client's method takes `impl Into<String>` anyway"),
                );
            }
            ("Into", Some(ty), _) => {
                return (
                    one,
                    format!("write `{name}: {}`, and `.into()` where it is called", types::text(&owned(ty))),
                );
            }
            ("AsRef" | "Borrow", Some(ty), _) => {
                return (one, format!("write `{name}: &{}`", types::text(ty)));
            }
            ("ToString" | "Display", ..) => {
                return (
                    one,
                    format!("write `{name}: String`; the client's method takes `impl Into<String>` then"),
                );
            }
            (_, _, Some(item)) => {
                let item = types::text(&owned(item));
                return (
                    "what an iterator gives is only known when it has run, and the journal holds what it gave",
                    format!("write `{name}: Vec<{item}>`, or `{name}: &[{item}]`"),
                );
            }
            _ => {}
        }
    }
    (
        "each argument is one type in the journal, and it is data: a closure could not be run again in a replay",
        "write the type that is meant; for a change, an enum that says what to do".to_owned(),
    )
}

fn parameter(arguments: &PathArguments) -> Option<&Type> {
    match arguments {
        PathArguments::AngleBracketed(arguments) => {
            arguments.args.iter().find_map(|argument| match argument {
                GenericArgument::Type(ty) => Some(ty),
                _ => None,
            })
        }
        _ => None,
    }
}

/// What a bound such as `Iterator<Item = T>` gives, one after another.
pub fn item(of_trait: &Path) -> Option<&Type> {
    let segment = of_trait.segments.last()?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    if !is_iterator(of_trait) {
        return None;
    }
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::AssocType(assoc) if assoc.ident == "Item" => Some(&assoc.ty),
        _ => None,
    })
}

/// Whether a trait is one of those that give one value after another.
pub fn is_iterator(of_trait: &Path) -> bool {
    const ITERATORS: &[&str] =
        &["Iterator", "DoubleEndedIterator", "ExactSizeIterator", "FusedIterator", "IntoIterator"];
    of_trait.segments.last().is_some_and(|segment| ITERATORS.iter().any(|name| segment.ident == name))
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[test]
    fn what_is_borrowed_becomes_owned_wherever_it_stands() {
        for (written, expected) in [
            (parse_quote!(Vec<&str>), "Vec<String>"),
            (parse_quote!((&'a Path, u8, &[&str])), "(PathBuf, u8, Vec<String>)"),
            (parse_quote!(Option<Option<&'a OsStr>>), "Option<Option<OsString>>"),
            (parse_quote!(&[&T]), "&[T]"),
            (parse_quote!(&&str), "&str"),
            (parse_quote!(&&&[u8]), "&[u8]"),
            (parse_quote!(&&mut u8), "&u8"),
            (parse_quote!(Rc<str>), "String"),
            (parse_quote!(Vec<std::rc::Rc<[T]>>), "Vec<Vec<T>>"),
            (parse_quote!(&Rc<Account>), "&Account"),
            (parse_quote!(colour::Rc<Account>), "colour::Rc<Account>"),
            (parse_quote!(&Option<&str>), "&Option<String>"),
            (parse_quote!(Cow<'_, [u8]>), "Vec<u8>"),
            (parse_quote!(std::borrow::Cow<str>), "String"),
            (parse_quote!(Cow<'static, str>), "Cow<'static, str>"),
            (parse_quote!(farm::Cow<Breed>), "farm::Cow<Breed>"),
        ] {
            assert_eq!(owned_inside(&written), expected);
        }
    }

    #[test]
    fn a_long_array_becomes_a_list() {
        for (written, expected) in [
            (parse_quote!([u8; 33]), Some("Vec<u8>")),
            (parse_quote!(&[u8; 64]), Some("&[u8]")),
            (parse_quote!(Option<[T; 1_000usize]>), Some("Option<Vec<T>>")),
            (parse_quote!([u8; 32]), None),
            (parse_quote!([u8; N]), None),
        ] {
            let written: Type = written;
            let mut arrays = Arrays(Vec::new());
            arrays.visit_type_mut(&mut written.clone());
            let long = arrays.0.iter().find(|array| is_too_long(array));
            assert_eq!(long.map(|array| listed(&written, array)).as_deref(), expected);
        }
    }

    struct Arrays(Vec<TypeArray>);

    impl VisitMut for Arrays {
        fn visit_type_array_mut(&mut self, array: &mut TypeArray) {
            self.0.push(array.clone());
        }
    }

    #[test]
    fn for_every_impl_there_is_what_was_meant() {
        for (written, expected) in [
            (parse_quote!(impl Into<String>), "`a: String`; the client's"),
            (parse_quote!(impl Into<Money> + Send), "`a: Money`, and `.into()`"),
            (parse_quote!(impl AsRef<Path>), "write `a: &Path`"),
            (parse_quote!(impl Clone + IntoIterator<Item = &'a str>), "`a: Vec<String>`, or `a: &[String]`"),
            (parse_quote!(impl std::iter::Iterator<Item = u8>), "`a: Vec<u8>`"),
            (parse_quote!(impl Fn(u8)), "an enum that says what to do"),
            (parse_quote!(impl Iterator), "write the type that is meant"),
        ] {
            let Type::ImplTrait(ty) = written else { panic!() };
            let help = of_impl("a", ty.bounds).1;
            assert!(help.contains(expected), "{help}");
        }
    }
}
