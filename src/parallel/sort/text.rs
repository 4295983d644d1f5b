//! Texts: their first bytes, beyond what all begin with, are compared as a number, which lies beside its neighbours, and the texts themselves only where
//! that does not decide.

use std::cmp::Ordering;
use std::mem;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use super::keyed::{Entry, Shelf};
use super::order::Order;
use crate::pool::Quiet;

/// Compared by its bytes, and by nothing else.
pub(super) trait Text: Ord + Send + Sync + 'static {
    fn bytes(&self) -> &[u8];
}

macro_rules! texts {
    ($($Text:ty: $bytes:ident),*) => {
        $(impl Text for $Text {
            fn bytes(&self) -> &[u8] {
                self.$bytes()
            }
        })*
    };
}

texts!(String: as_bytes, &'static str: as_bytes, Box<str>: as_bytes, Arc<str>: as_bytes, Vec<u8>: as_slice);

/// How many texts are looked at for what all begin with.
const SAMPLE: usize = 64;

/// Makes keys that are ordered as the texts are, but may be the same for different ones: the bytes behind what most begin with.
pub(super) fn keys<S: Text>(texts: &[S]) -> impl Fn(&S) -> u64 + Send + Sync + 'static {
    let common: Vec<u8> = common(texts).into();
    move |text| match text.bytes().strip_prefix(&*common) {
        Some(rest) => prefix(rest),
        // It may still come before or behind all these.
        None if text.bytes() < &*common => u64::MIN,
        None => u64::MAX,
    }
}

/// How much of that is looked at.
const COMMON_MAX: usize = 256;

/// What all texts of a sample begin with.
fn common<S: Text>(texts: &[S]) -> &[u8] {
    let mut sample = texts.iter().step_by(texts.len().div_ceil(SAMPLE).max(1)).map(S::bytes);
    let first = sample.next().unwrap_or_default();
    sample.fold(first, |common, text| {
        let len = common.iter().zip(text).take(COMMON_MAX).take_while(|(left, right)| left == right).count();
        &common[..len]
    })
}

/// The first bytes, as a number that is compared as they are. Texts that are shorter have the same as some that are longer.
fn prefix(bytes: &[u8]) -> u64 {
    match bytes.first_chunk() {
        Some(chunk) => u64::from_be_bytes(*chunk),
        None => {
            let mut chunk = [0; 8];
            chunk[..bytes.len()].copy_from_slice(bytes);
            u64::from_be_bytes(chunk)
        }
    }
}

/// By prefixes, then by the texts, then by position.
pub(super) struct ByText<S>(RwLock<Quiet<S>>);

impl<S> ByText<S> {
    pub(super) fn new() -> Self {
        Self(RwLock::new(Quiet(Vec::new())))
    }
}

impl<S: Text> Order for ByText<S> {
    type Item = Entry<u64>;
    type Seen<'a> = RwLockReadGuard<'a, Quiet<S>>;

    const IS_TOTAL: bool = true;

    fn see(&self) -> Self::Seen<'_> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn compare(seen: &Self::Seen<'_>, left: &Entry<u64>, right: &Entry<u64>) -> Ordering {
        let by_text = || seen.0[left.1].cmp(&seen.0[right.1]).then(left.1.cmp(&right.1));
        left.0.cmp(&right.0).then_with(by_text)
    }
}

impl<S: Text> Shelf for ByText<S> {
    type Element = S;

    fn put(&self, items: Quiet<S>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = items;
    }

    fn take(&self) -> Quiet<S> {
        mem::replace(&mut *self.0.write().unwrap_or_else(PoisonError::into_inner), Quiet(Vec::new()))
    }
}
