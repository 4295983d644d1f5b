//! Inputs that are there as a whole: records in pieces, read where they are.

use std::iter::once;
use std::ops::Range;
use std::sync::Arc;

use super::text::Text;
use crate::parallel::items::Items;
use crate::parallel::reduce::part;

/// In how many pieces records are worked on, if there are as many.
const PIECES: usize = 256;

/// What [`run`](super::MapReduce::run) takes: for records `T` a `Vec<T>`, an array, an `Arc<[T]>`, an `Arc<Vec<T>>` or [`Items<T>`]; for records
/// `str` a [`Text`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` holds no records of type `{R}`",
    note = "the mapper takes `&T` for a `Vec<T>`, an array, an `Arc<[T]>`, an `Arc<Vec<T>>` or `Items<T>`, and `&str` for a `Text`: `Text::from(string)`; collect an iterator, or give a stream to `run_stream`"
)]
pub trait IntoRecords<R: ?Sized + 'static> {
    #[doc(hidden)]
    type Source: Source<R>;

    #[doc(hidden)]
    fn into_source(self) -> Self::Source;
}

/// Records that many read at once.
pub trait Source<R: ?Sized + 'static>: Send + Sync + 'static {
    /// Where the pieces are.
    fn pieces(&self) -> Vec<Range<usize>>;

    fn records(&self, piece: Range<usize>) -> impl Iterator<Item = &R>;

    /// The number of the first record of a piece.
    fn first(&self, number: usize, piece: Range<usize>) -> u64;

    /// How many records there are, of so many pieces.
    fn total(&self, pieces: usize) -> u64;
}

impl<T: Send + Sync + 'static> Source<T> for Items<T> {
    fn pieces(&self) -> Vec<Range<usize>> {
        let pieces = self.len().min(PIECES);
        (0..pieces).map(|piece| part(self.len(), pieces, piece)).collect()
    }

    fn records(&self, piece: Range<usize>) -> impl Iterator<Item = &T> {
        self[piece].iter()
    }

    fn first(&self, _number: usize, piece: Range<usize>) -> u64 {
        piece.start as u64
    }

    fn total(&self, _pieces: usize) -> u64 {
        self.len() as u64
    }
}

impl Source<str> for Text {
    fn pieces(&self) -> Vec<Range<usize>> {
        self.pieces()
    }

    fn records(&self, piece: Range<usize>) -> impl Iterator<Item = &str> {
        once(&self.as_str()[piece])
    }

    fn first(&self, number: usize, _piece: Range<usize>) -> u64 {
        number as u64
    }

    fn total(&self, pieces: usize) -> u64 {
        pieces as u64
    }
}

macro_rules! into_items {
    ($($(const $N:ident)? $Input:ty),+) => {
        $(impl<T: Send + Sync + 'static $(, const $N: usize)?> IntoRecords<T> for $Input {
            type Source = Items<T>;

            fn into_source(self) -> Items<T> {
                self.into()
            }
        })+
    };
}

into_items!(Items<T>, Vec<T>, Arc<[T]>, Arc<Vec<T>>, const N [T; N]);

impl IntoRecords<str> for Text {
    type Source = Self;

    fn into_source(self) -> Self {
        self
    }
}
