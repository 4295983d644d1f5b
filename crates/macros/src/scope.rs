//! Whether two places of a source text are in the same scope: whether what is between them is balanced.

/// A place in a text, counted from one; the column in characters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// Whether nothing between the places opens or closes a scope, or the arguments of a macro, of one of them only.
pub(crate) fn is_one(text: &str, one: Place, other: Place) -> bool {
    let (Some(one), Some(other)) = (offset(text, one), offset(text, other)) else { return false };
    text.get(one.min(other)..one.max(other)).is_some_and(is_balanced)
}

/// Whether a block with the attribute, for this type, begins there.
pub(crate) fn has_block(text: &str, place: Place, name: &str) -> bool {
    let Some(head) = offset(text, place).and_then(|from| text[from..].split('{').next()) else { return false };
    let is_word = |word: &str| head.split(|c: char| !c.is_alphanumeric() && c != '_').any(|found| found == word);
    head.starts_with("#[") && is_word("actor") && is_word("impl") && is_word(name)
}

fn offset(text: &str, place: Place) -> Option<usize> {
    let line: &str = text.split_inclusive('\n').nth(place.line.checked_sub(1)?)?;
    let column = line.char_indices().nth(place.column.checked_sub(1)?)?.0;
    let before: usize = text.split_inclusive('\n').take(place.line - 1).map(str::len).sum();
    Some(before + column)
}

fn is_balanced(text: &str) -> bool {
    let (mut rest, mut open) = (text, Vec::new());
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => comment(rest),
            '"' => string(rest),
            '\'' => character(rest),
            'a'..='z' | 'A'..='Z' | '_' | '0'..='9' => word(rest),
            '{' | '(' | '[' => {
                open.push(first);
                1
            }
            '}' | ')' | ']' => {
                if open.pop().is_none() {
                    return false;
                }
                1
            }
            other => other.len_utf8(),
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    open.is_empty()
}

/// The length of a comment in which others may be.
fn comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest.starts_with(b"*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

/// The length of a string in which a backslash hides what follows.
fn string(text: &str) -> usize {
    let mut hidden = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if hidden => hidden = false,
            b'\\' => hidden = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of a character, or of the beginning of a lifetime.
fn character(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), Some((at, hidden))) => {
            let from = at + hidden.len_utf8();
            text[from..].find('\'').map_or(text.len(), |end| from + end + 1)
        }
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 1,
    }
}

/// The length of a word, or of the raw string that it begins.
fn word(text: &str) -> usize {
    let length = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    if !matches!(&text[..length], "r" | "br" | "cr") {
        return length;
    }
    let hashes = text[length..].bytes().take_while(|&byte| byte == b'#').count();
    let from = length + hashes + 1;
    if text.as_bytes().get(from - 1) != Some(&b'"') {
        return length;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    text[from..].find(&end).map_or(text.len(), |at| from + at + end.len())
}

#[cfg(test)]
mod tests {
    use super::is_balanced;

    #[test]
    fn braces_in_texts_and_comments_are_none() {
        let texts = [
            "impl A { fn a() {} } ",
            "let a = '{'; let b: &'a str = \"}\\\"{\"; ",
            "let a = b'{'; let b = '\\''; let c = '\\u{7b}'; ",
            "// { \n /* { /* } */ { */ ",
            "r#\"{\"}\"# br\"{\" r#fn ",
            "'static 'a: loop { break 'a }",
            "ü \"ü{\" 'ü' ",
        ];
        for text in texts {
            assert!(is_balanced(text), "{text}");
        }
    }

    #[test]
    fn another_scope_is_seen() {
        for text in ["} fn b() {", "{ mod a ", "}", "); m!(b, ", "]; m![", "'a' }", "r\"\" {", "\"\\\\\" {", "'{ "] {
            assert!(!is_balanced(text), "{text}");
        }
    }
}
