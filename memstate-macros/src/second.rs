//! A second `impl` block under `#[memstate::model]`, which a macro that sees one item at a time cannot see.
//!
//! So the blocks of a process are remembered, and where two may belong to one struct, the file is read to make certain. The
//! file decides: in an editor a process lives long, and what it remembers may have been changed since.

mod file;

use std::{
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use proc_macro2::{Ident, Span};

use crate::{ast::Block, check::header_text, types};

pub use file::Fingerprint;

/// The blocks so far.
static SEEN: Mutex<Vec<Seen>> = Mutex::new(Vec::new());

#[derive(Clone, PartialEq, Eq)]
struct Seen {
    file: PathBuf,
    /// `impl<T> Store<T>`.
    header: String,
    line: usize,
    column: usize,
    fingerprint: Fingerprint,
}

impl Seen {
    fn has_place_of(&self, other: &Seen) -> bool {
        (self.line, self.column, &self.file) == (other.line, other.column, &other.file)
    }
}

/// Where the struct of a block has another block already, as `src/lib.rs:7`. `None` if there is none, and wherever that is
/// not certain; rustc has words for what is overlooked.
pub fn other(fingerprint: Fingerprint, block: &Block) -> Option<String> {
    if !proc_macro::is_available() || block.of_trait.is_some() {
        return None;
    }
    let place = name(block)?.span().unwrap();
    let (file, header) = (place.local_file()?, header_text(block));
    let this = Seen { file, header, line: place.line(), column: place.column(), fingerprint };
    let others = remember(&this);
    if others.is_empty() {
        return None;
    }
    let blocks = file::blocks(&std::fs::read_to_string(&this.file).ok()?)?;
    let are_two = |other: &&Seen| file::stand_together(&blocks, other.fingerprint, this.fingerprint);
    let other = others.iter().find(are_two)?;
    Some(format!("{}:{}", Span::call_site().unwrap().file(), other.line))
}

/// Whether the file of a model has certainly no block for it.
pub fn is_without_block(model: &Ident) -> bool {
    let find = || {
        let source = std::fs::read_to_string(model.span().unwrap().local_file()?).ok()?;
        Some(file::blocks(&source)?.iter().all(|block| block.model.as_ref() != Some(model)))
    };
    proc_macro::is_available() && find().unwrap_or(false)
}

fn name(block: &Block) -> Option<&Ident> {
    types::last_segment(&block.self_ty).map(|last| &last.ident)
}

/// Those of the same file and the same header that stood elsewhere.
fn remember(block: &Seen) -> Vec<Seen> {
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    seen.retain(|other| !other.has_place_of(block));
    let same = |other: &&Seen| other.file == block.file && other.header == block.header;
    let others = seen.iter().filter(same).cloned().collect();
    seen.push(block.clone());
    others
}
