//! A second `impl` block under `#[memstate::model]`, which a macro that sees one item at a time cannot see.
//!
//! So the blocks of a process are remembered, and where two may belong to one struct, the file is read to make certain. The
//! file decides: in an editor a process lives long, and what it remembers may have been changed since.

mod file;

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use proc_macro2::{Ident, Span, TokenStream};

use crate::{
    ast::Block,
    check::header_text,
    types,
};

/// The blocks so far, by their file and their first line.
static SEEN: Mutex<Option<HashMap<(PathBuf, String), Vec<Seen>>>> = Mutex::new(None);

#[derive(Clone, PartialEq, Eq)]
struct Seen {
    line: usize,
    column: usize,
    text: String,
}

/// Where the struct of a block has another block already, as `src/lib.rs:7`. `None` if there is none, and wherever that is
/// not certain; rustc has words for what is overlooked.
pub fn other(item: &TokenStream, block: &Block) -> Option<String> {
    if !proc_macro::is_available() || block.of_trait.is_some() {
        return None;
    }
    let place = name(block)?.span().unwrap();
    let path = place.local_file()?;
    let this = Seen { line: place.line(), column: place.column(), text: file::text(item) };
    let others = remember((path.clone(), header_text(block)), this.clone());
    let mut others = others.iter().filter(|other| (other.line, other.column) != (this.line, this.column)).peekable();
    others.peek()?;
    let blocks = file::blocks(&std::fs::read_to_string(&path).ok()?)?;
    let other = others.find(|other| file::stand_together(&blocks, &other.text, &this.text))?;
    Some(format!("{}:{}", Span::call_site().unwrap().file(), other.line))
}

fn name(block: &Block) -> Option<&Ident> {
    types::last_segment(&block.self_ty).map(|last| &last.ident)
}

/// Those that were there before.
fn remember(place: (PathBuf, String), block: Seen) -> Vec<Seen> {
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    let blocks = seen.get_or_insert_default().entry(place).or_default();
    let before = blocks.clone();
    if !blocks.contains(&block) {
        blocks.push(block);
    }
    before
}
