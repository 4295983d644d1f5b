//! Splits Rust source into words and signs, so that a rule never trips over a comment or a string.
//!
//! It is no full lexer: numbers count as words, every sign is one character, and a literal is gone.
//! That is all that rules about paths and attributes need, and it keeps a parser out of the
//! dependencies.

/// A word (`crate`, `queue`) or one sign (`:`, `{`).
#[derive(Debug)]
pub(super) struct Token<'a> {
    pub(super) text: &'a str,
    /// Counted from 1.
    pub(super) line: usize,
}

/// Lists the tokens of `source`, without comments, literals in quotes, and the names of lifetimes.
pub(super) fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let (mut rest, mut line) = (source, 1);
    while let Some(first) = rest.chars().next() {
        let (length, is_token) = measure(rest, first);
        let (text, after) = rest.split_at(length);
        if is_token {
            tokens.push(Token { text, line });
        }
        line += text.matches('\n').count();
        rest = after;
    }
    tokens
}

/// The texts of the first `N` tokens, to be matched; past the end they are empty.
pub(super) fn texts<'a, const N: usize>(tokens: &[Token<'a>]) -> [&'a str; N] {
    std::array::from_fn(|at| tokens.get(at).map_or("", |token| token.text))
}

/// How many bytes the next piece of `rest` takes, and whether it is a token.
fn measure(rest: &str, first: char) -> (usize, bool) {
    if rest.starts_with("//") {
        (rest.find('\n').unwrap_or(rest.len()), false)
    } else if rest.starts_with("/*") {
        (block_comment(rest), false)
    } else if let Some(length) = string(rest) {
        (length, false)
    } else if first == '\'' {
        (char_or_lifetime(rest), false)
    } else if is_word(first) {
        (rest.find(|c| !is_word(c)).unwrap_or(rest.len()), true)
    } else {
        (first.len_utf8(), !first.is_whitespace())
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Block comments nest.
fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        let (step, change) = match &rest.as_bytes()[at..] {
            [b'/', b'*', ..] => (2, 1),
            [b'*', b'/', ..] => (2, -1),
            _ => (1, 0),
        };
        at += step;
        depth += change;
        if depth == 0 {
            break;
        }
    }
    at
}

/// Strings of every kind: `"…"`, `b"…"`, `c"…"`, and the raw ones with their `r` and `#`s.
fn string(rest: &str) -> Option<usize> {
    let prefix = rest.find(|c| !matches!(c, 'b' | 'c' | 'r'))?;
    let is_raw = rest[..prefix].contains('r');
    let hashes = rest[prefix..].len() - rest[prefix..].trim_start_matches('#').len();
    let start = prefix + hashes;
    if prefix > 2 || (hashes > 0 && !is_raw) || !rest[start..].starts_with('"') {
        return None;
    }
    let body = start + 1;
    let length = if is_raw {
        let end = format!("\"{}", "#".repeat(hashes));
        rest[body..].find(&end).map(|at| at + end.len())
    } else {
        closing(&rest[body..], b'"')
    };
    Some(length.map_or(rest.len(), |length| body + length))
}

/// How many bytes it takes up to and with the next `quote` that has no backslash before it.
fn closing(rest: &str, quote: u8) -> Option<usize> {
    let mut is_escaped = false;
    let end = rest.bytes().position(|byte| {
        let is_end = byte == quote && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        is_end
    });
    end.map(|at| at + 1)
}

/// `'x'` and `'\n'` are characters; after the quote of a lifetime, its name follows.
fn char_or_lifetime(rest: &str) -> usize {
    let mut chars = rest[1..].chars();
    let first = chars.next();
    if first == Some('\\') || chars.next() == Some('\'') {
        return closing(&rest[1..], b'\'').map_or(rest.len(), |length| 1 + length);
    }
    rest[1..].find(|c| !is_word(c)).map_or(rest.len(), |length| 1 + length)
}

#[cfg(test)]
mod tests {
    fn texts(source: &str) -> Vec<&str> {
        super::tokens(source).iter().map(|token| token.text).collect()
    }

    #[test]
    fn comments_vanish() {
        assert_eq!(texts("a // crate::x\n/* b /* c */ d */ e"), ["a", "e"]);
    }

    #[test]
    fn strings_vanish() {
        let source = r####"f("a\"b", b"c", r"\", r#"d"e"#, br##"g"#h"##) i"####;
        assert_eq!(texts(source), ["f", "(", ",", ",", ",", ",", ")", "i"]);
    }

    #[test]
    fn characters_and_lifetimes_vanish() {
        assert_eq!(texts(r"'a' '\'' '\\' '(' fn<'a> b"), ["fn", "<", ">", "b"]);
    }

    #[test]
    fn words_may_begin_like_strings() {
        assert_eq!(texts("bar cr r#type b"), ["bar", "cr", "r", "#", "type", "b"]);
    }

    #[test]
    fn lines_are_counted_through_what_vanishes() {
        let lines: Vec<_> = super::tokens("a\n/*\n*/ \"\n\" b").iter().map(|t| t.line).collect();
        assert_eq!(lines, [1, 4]);
    }
}
