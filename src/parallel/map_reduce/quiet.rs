//! Users' values in our hands: where user code panics, they are dropped one by one and caught, because a destructor that
//! panics while another panic unwinds ends the process.

use std::collections::HashMap;
use std::hash::Hash;
use std::mem::{self, needs_drop};

pub(super) use crate::error::Kept;
use crate::error::drop_quietly;

/// A pair with the hash of its key.
pub(super) struct Hashed<K, V> {
    pub(super) hash: u64,
    pub(super) key: K,
    pub(super) value: V,
}

/// What is dropped part by part: the second part is not to be dropped by the panic of the first.
pub(super) trait Discard {
    fn discard(self);
}

/// Pairs in the order in which they came.
pub(super) struct Pairs<P: Discard>(pub(super) Vec<P>);

/// All keys with their results.
pub(super) struct Results<K, U>(pub(super) HashMap<K, U>);

/// An iterator whose rest is dropped quietly.
pub(super) struct Draining<I>(pub(super) I)
where
    I: Iterator,
    I::Item: Discard;

impl<K, V> Discard for Hashed<K, V> {
    fn discard(self) {
        drop_quietly(self.key);
        drop_quietly(self.value);
    }
}

impl<K, V> Discard for (K, V) {
    fn discard(self) {
        drop_quietly(self.0);
        drop_quietly(self.1);
    }
}

impl<P: Discard> Drop for Pairs<P> {
    fn drop(&mut self) {
        if needs_drop::<P>() {
            self.0.drain(..).for_each(Discard::discard);
        }
    }
}

impl<K: Eq + Hash, U> Results<K, U> {
    pub(super) fn into_inner(mut self) -> HashMap<K, U> {
        mem::take(&mut self.0)
    }
}

impl<K, U> Drop for Results<K, U> {
    fn drop(&mut self) {
        if needs_drop::<(K, U)>() {
            self.0.drain().for_each(Discard::discard);
        }
    }
}

impl<I> Drop for Draining<I>
where
    I: Iterator,
    I::Item: Discard,
{
    fn drop(&mut self) {
        if needs_drop::<I::Item>() {
            self.0.by_ref().for_each(Discard::discard);
        }
    }
}
