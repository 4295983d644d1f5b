//! Two blocks with the attribute for one type in one scope: an attribute sees its own block only, so that the compiler would
//! say it, twenty times.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use proc_macro2::Ident;
use quote::ToTokens;
use syn::{Error, Result, Type};

use crate::scope::{self, Place};

struct Block {
    file: PathBuf,
    /// As it is written, with its path and its parameters.
    ty: String,
    at: Place,
}

/// What this compiler has met.
static MET: Mutex<Vec<Block>> = Mutex::new(Vec::new());

/// Of the server that expands for an editor: it lives long, its texts change, and places in them are dear to it.
const EDITOR: &str = "RUST_ANALYZER_INTERNALS_DO_NOT_USE";

/// An error at the second block of one scope, as far as the text can be read: elsewhere the compiler finds it.
pub(crate) fn refuse(name: &Ident, ty: &Type) -> Result<()> {
    let attribute = proc_macro::Span::call_site();
    if std::env::var_os(EDITOR).is_some() {
        return Ok(());
    }
    let Some(file) = attribute.local_file() else { return Ok(()) };
    let (at, ty) = (Place { line: attribute.line(), column: attribute.column() }, ty.to_token_stream().to_string());
    let mut met = MET.lock().unwrap_or_else(PoisonError::into_inner);
    let is_alike = |block: &Block| block.file == file && block.ty == ty && block.at != at;
    if met.iter().any(is_alike)
        && let Ok(text) = std::fs::read_to_string(&file)
    {
        let (span, name) = (name.span(), name.to_string());
        let is_there = |place| scope::has_block(&text, place, &name);
        met.retain(|block| block.file != file || block.ty != ty || is_there(block.at));
        let first = met.iter().find(|block| is_alike(block) && is_there(at) && scope::is_one(&text, block.at, at));
        if let Some(first) = first {
            return Err(Error::new(span, twice(&name, first.at.line)));
        }
    }
    met.push(Block { file, ty, at });
    Ok(())
}

fn twice(name: &str, line: usize) -> String {
    format!(
        "`{name}` is an actor already, by the block in line {line}: an actor has one block with `#[regatta::actor]`; put its \
         messages into that, and what are none into blocks without the attribute"
    )
}
