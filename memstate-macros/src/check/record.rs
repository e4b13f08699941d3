//! A struct or an enum, as what is written for it needs it.

use proc_macro2::Ident;
use quote::ToTokens;
use syn::{
    Attribute, DeriveInput, Fields, LitStr, Member, Type, WherePredicate,
    visit_mut::{self, VisitMut},
};

use super::part::{self, Part};
use crate::{
    attr::{self, Keys, Place},
    errors::Errors,
    types::{self, NoSelf},
};

/// The item without attributes of ours, and what is in it.
pub struct Record {
    pub input: DeriveInput,
    pub self_ty: Type,
    /// One for a struct.
    pub variants: Vec<Variant>,
    /// The names of serde's keys on the item itself.
    pub serde_keys: Vec<String>,
    /// For a model: what converts its earlier versions.
    pub migrations: Vec<syn::ExprPath>,
    /// A field is of a type that no model may hold, which is said already.
    pub broken: bool,
    /// Traits that a derive above our attribute has, which is said already.
    pub derived_above: Vec<String>,
}

pub struct Variant {
    /// `None` for a struct.
    pub ident: Option<Ident>,
    pub fields: Vec<Field>,
    pub display: Option<LitStr>,
}

pub struct Field {
    pub member: Member,
    pub ty: Type,
    pub held: Held,
    /// It has serde attributes that say how it is written.
    pub own_serde: bool,
    pub has_default: bool,
    /// It is a model.
    pub part: Option<Part>,
}

/// What an item is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Whole {
    Model,
    Data,
    Error,
}

/// How a field is saved.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Held {
    State,
    Clone,
    /// Not at all: it is a mistake.
    Not,
}

impl Record {
    pub fn is_enum(&self) -> bool {
        matches!(self.input.data, syn::Data::Enum(_))
    }

    pub fn fields(&self) -> impl Iterator<Item = &Field> {
        self.variants.iter().flat_map(|variant| &variant.fields)
    }

    pub fn of(mut input: DeriveInput, whole: Whole, errors: &mut Errors) -> Record {
        let (name, (_, parameters, _)) = (&input.ident, input.generics.split_for_impl());
        let self_ty: Type = syn::parse_quote!(#name #parameters);
        let serde_keys = attr::serde_keys(&mut input.attrs, errors);
        let place = |place| if whole == Whole::Error { place } else { Place::Nowhere };
        let of_item = if whole == Whole::Model { Place::Model } else { place(Place::Struct) };
        let keys = take(&mut input.attrs, of_item, errors);
        let variants = match &mut input.data {
            syn::Data::Struct(data) => {
                let place = if whole == Whole::Model { Place::ModelField } else { Place::Field };
                let fields = fields(&mut data.fields, place, &self_ty, errors);
                vec![Variant { ident: None, fields, display: keys.display }]
            }
            syn::Data::Enum(data) => data
                .variants
                .iter_mut()
                .map(|variant| {
                    attr::serde_keys_of_variant(&mut variant.attrs, errors);
                    let keys = take(&mut variant.attrs, place(Place::Variant), errors);
                    let fields = fields(&mut variant.fields, Place::Field, &self_ty, errors);
                    Variant { ident: Some(variant.ident.clone()), fields, display: keys.display }
                })
                .collect(),
            syn::Data::Union(_) => Vec::new(),
        };
        let migrations = keys.migrations;
        let derived_above = Vec::new();
        let record =
            Record { input, self_ty, variants, serde_keys, migrations, broken: false, derived_above };
        let broken = record.fields().any(|field| field.held == Held::Not);
        Record { broken, ..record }
    }

    /// The models inside.
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        self.fields().filter_map(|field| field.part.as_ref())
    }

    /// What type parameters must be for the fields to be saved.
    pub fn bounds(&self, krate: &impl ToTokens) -> Vec<WherePredicate> {
        let mut bounds = Vec::new();
        for param in self.input.generics.type_params() {
            let name = &param.ident;
            let in_state = self.fields().any(|field| {
                field.held == Held::State
                    && types::last_segment(&field.ty).is_none_or(|segment| segment.ident != "PhantomData")
                    && types::mentions(&field.ty, name)
            });
            bounds.push(if in_state {
                syn::parse_quote!(#name: #krate::State)
            } else {
                syn::parse_quote! {
                    #name: #krate::std::marker::Send + #krate::std::marker::Sync + 'static
                }
            });
        }
        for field in self.fields().filter(|field| field.held == Held::Clone) {
            let ty = &field.ty;
            if self.input.generics.type_params().any(|param| types::mentions(ty, &param.ident)) {
                let held = if field.own_serde { quote_mixed!(ForeignWith) } else { quote_mixed!(Foreign) };
                bounds.push(syn::parse_quote!(#ty: #krate::#held));
            }
        }
        bounds
    }
}

/// Takes our attributes out of `attrs`.
fn take(attrs: &mut Vec<Attribute>, place: Place, errors: &mut Errors) -> Keys {
    let keys = Keys::of_attrs(attrs, place, errors);
    attrs.retain(|attr| !attr::is_ours(attr));
    keys
}

fn fields(fields: &mut Fields, place: Place, self_ty: &Type, errors: &mut Errors) -> Vec<Field> {
    let members: Vec<Member> = fields.members().collect();
    fields
        .iter_mut()
        .zip(members)
        .map(|(field, member)| {
            let keys = take(&mut field.attrs, place, errors);
            let serde = attr::serde_keys(&mut field.attrs, errors);
            let ty = NoSelf(self_ty).of(&field.ty);
            let held = match keys.clone {
                _ if is_refused(&ty, keys.clone, errors) => Held::Not,
                true if !keys.model => Held::Clone,
                _ => Held::State,
            };
            let has = |names: &[&str]| serde.iter().any(|key| names.contains(&key.as_str()));
            let part = part::of(field, &keys, &ty, errors);
            Field {
                part,
                member,
                ty,
                held,
                own_serde: has(&["with", "serialize_with", "deserialize_with", "skip"]),
                has_default: has(&["default"]),
            }
        })
        .collect()
}

/// `cloned`: whether the field stands under `#[memstate(clone)]`, which does not make a type deterministic.
fn is_refused(ty: &Type, cloned: bool, errors: &mut Errors) -> bool {
    let mut finder = Refused { errors, cloned, found: false };
    finder.visit_type_mut(&mut ty.clone());
    finder.found
}

struct Refused<'a> {
    errors: &'a mut Errors,
    cloned: bool,
    found: bool,
}

impl VisitMut for Refused<'_> {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        let refusal = match ty {
            Type::Path(path) if path.qself.is_none() => refusal(&path.path, self.cloned),
            Type::Ptr(_) => {
                Some(("a raw pointer".to_owned(), "an address means nothing after a restart", HOLD))
            }
            Type::Reference(_) => Some(("a reference".to_owned(), "a model owns what it holds", HOLD)),
            _ => None,
        };
        let Some((what, why, help)) = refusal else { return visit_mut::visit_type_mut(self, ty) };
        self.errors.at(&*ty, format!("a model cannot hold {what}"), why, help);
        self.found = true;
    }
}

const HOLD: &str = "hold the value itself, or its key in a collection";

/// What is said of the types of `std` that many will try: what it is, why not, and what instead.
///
/// A bare name may be a type of the user's own, like the `Cell` of a spreadsheet; it is refused only with the
/// parameters of std's, or when nobody else would call a type so. For the others `State` has the words.
fn refusal(path: &syn::Path, cloned: bool) -> Option<(String, &'static str, &'static str)> {
    let last = path.segments.last()?;
    let name = last.ident.to_string();
    let from_std = path.segments.len() > 1
        && path
            .segments
            .first()
            .is_some_and(|first| ["std", "core", "alloc", "tokio"].iter().any(|root| first.ident == root));
    let by_shape = path.segments.len() == 1 && !last.arguments.is_none();
    let text = format!("a `{name}`");
    Some(match name.as_str() {
        "Cell" | "RefCell" | "OnceCell" | "Mutex" | "RwLock" | "OnceLock" | "LazyLock" | "UnsafeCell"
            if from_std || by_shape =>
        {
            (
                text,
                "a `&self` query could change it, behind the journal's back",
                "hold the plain value; a command has `&mut self`",
            )
        }
        atomic if atomic.starts_with("Atomic") && (from_std || is_atomic(atomic)) => (
            text.replacen("a `", "an `", 1),
            "a `&self` query could change it, behind the journal's back",
            "hold the plain number; a command has `&mut self`",
        ),
        "Arc" if cloned => return None,
        "Rc" | "Arc" | "Weak" if from_std || by_shape => (
            if name == "Weak" { text } else { text.replacen("a `", "an `", 1) },
            "what is shared in memory is two values after a restart",
            "hold the value itself, its key in a collection, or a `Box`; for an `Arc` of what never changes put \
             `#[memstate(clone)]` on the field",
        ),
        "Instant" | "SystemTime" if from_std => (
            if name == "Instant" { "an `Instant`".to_owned() } else { text },
            "a replay would see another time",
            "hold a `memstate::Timestamp`, and take `ctx.now()` for the time of a command",
        ),
        "File" | "JoinHandle" | "TcpStream" | "Sender" | "Receiver" if from_std => (
            text,
            "it is gone after a restart, and a command that uses it would use it again in every replay",
            "hold it outside of the model, and react to the model's events",
        ),
        // Ours needs no `#[memstate(clone)]`.
        "HashMap" | "HashSet" if from_std || cloned => (
            format!("std's `{name}`"),
            "its order differs from process to process, and a failed command could not be taken back",
            "use the one of `memstate::collections`: it has the same interface, and an order",
        ),
        "BTreeMap" | "BTreeSet" | "VecDeque" if from_std && !cloned => (
            format!("std's `{name}`"),
            "a failed command could not be taken back",
            "use the one of `memstate::collections`, which has the same interface",
        ),
        _ => return None,
    })
}

fn is_atomic(name: &str) -> bool {
    let kind = name.trim_start_matches("Atomic");
    matches!(kind, "Bool" | "Ptr" | "Usize" | "Isize")
        || kind.strip_prefix(['U', 'I']).is_some_and(|bits| ["8", "16", "32", "64"].contains(&bits))
}
