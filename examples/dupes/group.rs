//! Grouping in one pass, without waiting for the last item.

use std::collections::HashMap;
use std::collections::hash_map::Entry::{Occupied, Vacant};
use std::hash::Hash;

/// Lets items through whose key came up at least twice.
///
/// The first item of a key is held back until the second arrives, then both go on. So the next step can begin while
/// the walk is still under way, and what has no partner never costs a read.
#[derive(Debug)]
pub(crate) struct Partners<K, T> {
    /// For each key the item that waits for a partner, or `None` once they have gone on.
    waiting: HashMap<K, Option<T>>,
}

impl<K, T> Default for Partners<K, T> {
    fn default() -> Self {
        Self { waiting: HashMap::new() }
    }
}

impl<K: Eq + Hash, T> Partners<K, T> {
    /// Takes an item in; whatever may go on now is pushed to `out`.
    pub(crate) fn admit(&mut self, key: K, item: T, out: &mut Vec<T>) {
        match self.waiting.entry(key) {
            Vacant(place) => {
                place.insert(Some(item));
            }
            Occupied(mut place) => {
                out.extend(place.get_mut().take());
                out.push(item);
            }
        }
    }
}
