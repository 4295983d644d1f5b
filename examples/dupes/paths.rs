//! Paths as text, without loss: a path need not be UTF-8, and may hold a line break or an escape sequence.

use std::borrow::Cow;
use std::fmt::Write;
use std::path::Path;

/// The path as one line that a shell reads back.
///
/// Plain names stay as they are. A name with control characters, or one that is not UTF-8, comes in the shell's
/// `$'…'`; so does a name that begins like that itself, so that no two names print alike.
pub(crate) fn plain(path: &Path) -> Cow<'_, str> {
    let text = path.as_os_str().to_str();
    if let Some(text) = text.filter(|text| !text.contains(char::is_control) && !text.starts_with("$'")) {
        return Cow::Borrowed(text);
    }
    let special = |char: char| char.is_control() || char == '\'';
    Cow::Owned(format!("$'{}'", escape(path, special)))
}

/// The path as a JSON string, and whether it had to be escaped because it is not UTF-8.
///
/// JSON itself takes care of control characters. An escaped path has its other bytes as `\xNN` and `\` as `\\`.
pub(crate) fn json(path: &Path) -> (Cow<'_, str>, bool) {
    match path.as_os_str().to_str() {
        Some(text) => (Cow::Borrowed(text), false),
        None => (Cow::Owned(escape(path, |_| false)), true),
    }
}

/// Writes as `\xNN` each byte that is not UTF-8 or belongs to a `special` character, and doubles backslashes.
fn escape(path: &Path, special: impl Fn(char) -> bool) -> String {
    let mut text = String::new();
    for chunk in path.as_os_str().as_encoded_bytes().utf8_chunks() {
        for char in chunk.valid().chars() {
            match char {
                '\\' => text.push_str("\\\\"),
                char if special(char) => push_bytes(&mut text, char.encode_utf8(&mut [0; 4]).as_bytes()),
                char => text.push(char),
            }
        }
        push_bytes(&mut text, chunk.invalid());
    }
    text
}

fn push_bytes(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "\\x{byte:02X}");
    }
}
