//! A module imports from lower layers only, so that no circle of imports can form.
//!
//! ```text
//!  8  testing                                      arrows only downward;
//!  7  remote                                       siblings of a layer do not see each other
//!  6  actor
//!  5  pipeline   parallel   cache   supervise
//!  4  pool
//!  3  queue   promise   sync
//!  2  task
//!  1  observe
//!  0  error   policy
//! ```

use super::{
    files::File,
    lexer::{Token, texts},
};

/// The modules of `src/`, from the bottom layer up. `CONTRIBUTING.md` shows the same table.
const LAYERS: &[&[&str]] = &[
    &["error", "policy"],
    &["observe"],
    &["task"],
    &["queue", "promise", "sync"],
    &["pool"],
    &["pipeline", "parallel", "cache", "supervise"],
    &["actor"],
    &["remote"],
    &["testing"],
];

/// Modules that only show what others define: they may name every module, and no module may name
/// them.
const FACADES: &[&str] = &["lib", "guide", "prelude"];

/// Checks one file; `inner` is its path below `src/`.
pub(super) fn check(file: &File, inner: &str, tokens: &[Token<'_>]) -> Vec<String> {
    let module = inner.split(['/', '.']).next().unwrap_or_default();
    if FACADES.contains(&module) {
        return Vec::new();
    }
    let Some(own) = layer(module) else {
        let hint = "give it a layer in LAYERS of tests/it/layers/imports.rs";
        return vec![format!("{}: no layer is known for module `{module}`; {hint}", file.path)];
    };
    let is_allowed = |name: &str| match layer(name) {
        Some(other) => name == module || other < own,
        // Anything else that is named from the root is an item there, such as `BoxError`.
        None => !FACADES.contains(&name),
    };
    let named = named_from_root(tokens, depth(inner));
    let refused = named.into_iter().filter(|name| !is_allowed(name.text));
    refused
        .map(|name| {
            let place = format!("{}:{}", file.path, name.line);
            format!("{place}: `{module}` may not import `{}`; arrows go to lower layers only", name.text)
        })
        .collect()
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// How many modules lie between the root and a file of `src/`, itself included.
fn depth(inner: &str) -> usize {
    let names = inner.split('/').count();
    if inner.ends_with("/mod.rs") { names - 1 } else { names }
}

/// The first names of all paths that begin at the root: `x` in `crate::x::y`, `x` and `z` in
/// `crate::{x::y, z}`. So many `super`s that they climb to the root count as `crate`.
fn named_from_root<'a, 'b>(tokens: &'a [Token<'b>], depth: usize) -> Vec<&'a Token<'b>> {
    let mut named = Vec::new();
    let mut climbed = 0;
    for at in 0..tokens.len() {
        match texts(&tokens[at..]) {
            ["super", ":", ":"] => climbed += 1,
            [":", ..] => continue,
            ["crate", ":", ":"] => climbed = depth,
            _ => climbed = 0,
        }
        if climbed >= depth {
            named.extend(first_names(&tokens[at + 3..]));
        }
    }
    named
}

/// The name that a path goes on with, or all names that a group goes on with.
fn first_names<'a, 'b>(path: &'a [Token<'b>]) -> Vec<&'a Token<'b>> {
    if path.first().is_none_or(|token| token.text != "{") {
        return path.iter().take(1).collect();
    }
    let mut names = Vec::new();
    let mut open = 0;
    for (at, token) in path.iter().enumerate() {
        match token.text {
            "{" => open += 1,
            "}" => open -= 1,
            _ if open == 1 && matches!(path[at - 1].text, "{" | ",") => names.push(token),
            _ => {}
        }
        if open == 0 {
            break;
        }
    }
    names
}
