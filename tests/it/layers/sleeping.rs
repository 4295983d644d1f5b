//! No test sleeps: it polls by hand, pauses the clock, or waits for a gate.

use super::{
    files::File,
    lexer::{Token, texts},
};

/// The one file of the tests that waits in real time.
const MAY_SLEEP: &str = "tests/it/support.rs";

/// Checks one file, if it is a test. A sleep is real on a thread, and on tokio's clock unless the
/// test around it has paused that clock.
pub(super) fn check(file: &File, tokens: &[Token<'_>]) -> Vec<String> {
    let is_test = file.path.starts_with("tests/") || file.path.contains("/tests/");
    if !is_test || file.path == MAY_SLEEP {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut is_paused = false;
    for (at, token) in tokens.iter().enumerate() {
        if token.text == "#" {
            is_paused = test_attribute(&tokens[at..]).unwrap_or(is_paused);
        }
        if texts(&tokens[at..]) == ["sleep", "("] && is_real(&tokens[..at], is_paused) {
            let hint = "poll by hand, pause the clock, or wait with `support::eventually`";
            found.push(format!("{}:{}: a test sleeps; {hint}", file.path, token.line));
        }
    }
    found
}

/// For `#[test]` and `#[tokio::test(…)]`: whether the clock starts paused. `None` for other
/// attributes.
fn test_attribute(tokens: &[Token<'_>]) -> Option<bool> {
    let attribute: Vec<&str> = tokens.iter().map(|token| token.text).take_while(|text| *text != "]").collect();
    match attribute[..] {
        ["#", "[", "test"] => Some(false),
        ["#", "[", "tokio", ":", ":", "test", ..] => Some(attribute.contains(&"start_paused")),
        _ => None,
    }
}

/// Whether the `sleep` that follows `before` takes real time. A method of that name, or a function
/// of another module, is none of ours.
fn is_real(before: &[Token<'_>], is_paused: bool) -> bool {
    let before = &before[before.len().saturating_sub(3)..];
    match texts(before) {
        [_, _, "." | "fn"] => false,
        ["thread", ":", ":"] => true,
        ["time", ":", ":"] => !is_paused,
        [_, ":", ":"] => false,
        _ => !is_paused,
    }
}
