//! Users' values in our hands: where user code panics, they are dropped one by one and caught, because a destructor that
//! panics while another panic unwinds ends the process.

use std::collections::HashMap;
use std::hash::Hash;
use std::mem::{self, needs_drop};

use crate::error::drop_quietly;

/// One value, dropped quietly unless it is taken.
pub(super) struct Kept<T>(Option<T>);

/// What a key has come to, with the key's hash.
pub(super) struct Entry<K, A> {
    pub(super) hash: u64,
    pub(super) key: K,
    pub(super) value: A,
}

/// Entries in the order in which they came.
pub(super) struct Entries<K, A>(pub(super) Vec<Entry<K, A>>);

/// Keys with their results.
pub(super) struct Pairs<K, U>(pub(super) Vec<(K, U)>);

/// All keys with their results.
pub(super) struct Results<K, U>(pub(super) HashMap<K, U>);

/// An iterator whose rest is dropped quietly.
pub(super) struct Draining<I: Iterator<Item = Entry<K, A>>, K, A>(pub(super) I);

impl<T> Kept<T> {
    pub(super) fn new(value: T) -> Self {
        Self(Some(value))
    }

    pub(super) fn get(&self) -> &T {
        match &self.0 {
            Some(value) => value,
            None => unreachable!("a value is taken with what keeps it"),
        }
    }

    pub(super) fn into_inner(mut self) -> T {
        match self.0.take() {
            Some(value) => value,
            None => unreachable!("a value is taken with what keeps it"),
        }
    }
}

impl<T> Drop for Kept<T> {
    fn drop(&mut self) {
        if needs_drop::<T>()
            && let Some(value) = self.0.take()
        {
            drop_quietly(value);
        }
    }
}

impl<K, A> Entry<K, A> {
    /// Drops the two apart: the second is not to be dropped by the panic of the first.
    pub(super) fn discard(self) {
        drop_quietly(self.key);
        drop_quietly(self.value);
    }
}

impl<K, A> Drop for Entries<K, A> {
    fn drop(&mut self) {
        if needs_drop::<(K, A)>() {
            self.0.drain(..).for_each(Entry::discard);
        }
    }
}

impl<K, U> Drop for Pairs<K, U> {
    fn drop(&mut self) {
        if needs_drop::<(K, U)>() {
            self.0.drain(..).for_each(discard);
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
            self.0.drain().for_each(discard);
        }
    }
}

impl<I: Iterator<Item = Entry<K, A>>, K, A> Drop for Draining<I, K, A> {
    fn drop(&mut self) {
        if needs_drop::<(K, A)>() {
            self.0.by_ref().for_each(Entry::discard);
        }
    }
}

fn discard<K, U>((key, value): (K, U)) {
    drop_quietly(key);
    drop_quietly(value);
}
