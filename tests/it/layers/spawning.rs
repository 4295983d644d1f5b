//! Only `task` spawns, so that every task has an owner; and no queue is without a bound.

use super::{
    files::File,
    lexer::{Token, texts},
};

/// Checks one file; `inner` is its path below `src/`.
pub(super) fn check(file: &File, inner: &str, tokens: &[Token<'_>]) -> Vec<String> {
    if inner.starts_with("task/") {
        return Vec::new();
    }
    let code = without_unit_tests(tokens);
    let found = (0..code.len()).filter_map(|at| Some((at, refused(&code[at..])?)));
    found.map(|(at, what)| format!("{}:{}: {what}", file.path, code[at].line)).collect()
}

/// What is wrong with the path that begins here, if anything.
fn refused(tokens: &[Token<'_>]) -> Option<&'static str> {
    match texts(tokens) {
        ["tokio" | "task" | "thread", ":", ":", "spawn"] => {
            Some("`spawn` outside src/task/; use `task::TaskGroup`, which owns what it spawns")
        }
        ["unbounded_channel", ..] => Some("`unbounded_channel`; every queue has a bound"),
        _ => None,
    }
}

/// What comes before the first item that exists in unit tests only.
fn without_unit_tests<'a, 'b>(tokens: &'a [Token<'b>]) -> &'a [Token<'b>] {
    let is_start = |at: &usize| {
        matches!(
            texts(&tokens[*at..]),
            ["#", "[", "cfg", "(", "test", _, _] | ["#", "[", "cfg", "(", "all", "(", "test"]
        )
    };
    let end = (0..tokens.len()).find(is_start).unwrap_or(tokens.len());
    &tokens[..end]
}
