//! A text, in pieces that end between words.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// How long a piece is, at the most, but for the word that it ends with.
const PIECE: usize = 256 * 1024;

/// The same of a short text: so that there are enough of them for all workers.
const PIECE_MIN: usize = 16 * 1024;
const PIECES: usize = 64;

/// A text whose words are to be worked on.
///
/// Its records are pieces (`&str`) of some 256 KiB. A piece ends after an ASCII whitespace character and nowhere else, so words
/// and characters stay whole; lines do, too, if asked for [`cut_at_lines`](Self::cut_at_lines). A text without such a character is one
/// piece.
///
/// # Examples
/// ```
/// use regatta::parallel::{Emit, MapReduce, Text};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let longest = MapReduce::new()
///     .map_emit(|text: &str, emit: &mut Emit<'_, char, usize>| {
///         for line in text.lines() {
///             line.chars().next().into_iter().for_each(|first| emit.one(first, line.len()));
///         }
///     })
///     .combine(|longest: &mut usize, length| *longest = length.max(*longest))
///     .run(Text::from("a line\nanother line\n").cut_at_lines());
/// assert_eq!(longest.await?[&'a'], 12);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Text {
    held: Held,
    cut: Cut,
}

#[derive(Clone)]
enum Held {
    Owned(Arc<String>),
    Shared(Arc<str>),
    Static(&'static str),
}

#[derive(Debug, Clone, Copy)]
enum Cut {
    Word,
    Line,
}

impl Text {
    /// Has pieces end after a line feed only.
    ///
    /// A piece is many lines: the mapper takes them apart, with [`str::lines`].
    #[must_use]
    pub fn cut_at_lines(mut self) -> Self {
        self.cut = Cut::Line;
        self
    }

    pub(super) fn as_str(&self) -> &str {
        match &self.held {
            Held::Owned(text) => text,
            Held::Shared(text) => text,
            Held::Static(text) => text,
        }
    }

    /// Where the pieces are, one after the other.
    ///
    /// Every byte is looked at once at the most, so a text without a place to cut it at costs no more.
    pub(super) fn pieces(&self) -> Vec<Range<usize>> {
        let bytes = self.as_str().as_bytes();
        let size = (bytes.len() / PIECES).clamp(PIECE_MIN, PIECE);
        let (mut pieces, mut begin) = (Vec::new(), 0);
        while begin < bytes.len() {
            let rest = bytes.get(begin + size - 1..).unwrap_or_default();
            let end = rest.iter().position(|byte| self.cut.is_after(*byte)).map_or(bytes.len(), |at| begin + size + at);
            pieces.push(begin..end);
            begin = end;
        }
        pieces
    }
}

impl Cut {
    fn is_after(self, byte: u8) -> bool {
        match self {
            Self::Word => byte.is_ascii_whitespace(),
            Self::Line => byte == b'\n',
        }
    }
}

impl From<Held> for Text {
    fn from(held: Held) -> Self {
        Self { held, cut: Cut::Word }
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Held::Owned(Arc::new(text)).into()
    }
}

impl From<Arc<str>> for Text {
    fn from(text: Arc<str>) -> Self {
        Held::Shared(text).into()
    }
}

impl From<&'static str> for Text {
    fn from(text: &'static str) -> Self {
        Held::Static(text).into()
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Text").field("len", &self.as_str().len()).field("cut", &self.cut).finish()
    }
}
