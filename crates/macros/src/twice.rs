//! Two blocks with the attribute for one type in one scope: an attribute sees its own block only, so that the compiler would
//! say it, twenty times.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use proc_macro2::Ident;
use syn::{Error, Result};

use crate::scope;

struct Block {
    file: PathBuf,
    name: String,
    at: scope::Place,
}

/// What this compiler has met.
static MET: Mutex<Vec<Block>> = Mutex::new(Vec::new());

/// An error at the second block of one scope, as far as the text can be read: elsewhere the compiler finds it.
pub(crate) fn refuse(name: &Ident) -> Result<()> {
    let attribute = proc_macro::Span::call_site();
    let Some(file) = attribute.local_file() else { return Ok(()) };
    let (at, said) = (scope::Place { line: attribute.line(), column: attribute.column() }, name.to_string());
    let mut met = MET.lock().unwrap_or_else(PoisonError::into_inner);
    let mut alike = met.iter().filter(|block| block.file == file && block.name == said && block.at != at).peekable();
    if alike.peek().is_some()
        && let Ok(text) = std::fs::read_to_string(&file)
        && let Some(first) = alike.find(|block| scope::is_one(&text, block.at, at))
    {
        let said = format!(
            "`{said}` is an actor already, by the block in line {}: an actor has one block with `#[regatta::actor]`; put \
             its messages into that, and what are none into blocks without the attribute",
            first.at.line
        );
        return Err(Error::new(name.span(), said));
    }
    met.push(Block { file, name: said, at });
    Ok(())
}
