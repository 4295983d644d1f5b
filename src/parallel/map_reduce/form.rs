//! What a key's values come to: one value, by a combiner, or a list of them.

use std::fmt;
use std::sync::Arc;

use super::emit::Emit;
use super::memory::{block, heap_of};
use super::set::Set;
use crate::pool::Quiet;

/// How values of a key become a total. Not to be implemented: by [`combine`](super::MapReduce::combine) it is one value,
/// without it a list.
pub trait Form<V>: Send + Sync + 'static {
    #[doc(hidden)]
    type Total: Send + 'static;

    #[doc(hidden)]
    fn first(&self, value: V) -> Self::Total;

    /// Gives how many bytes of heap this has taken.
    #[doc(hidden)]
    fn add(&self, total: &mut Self::Total, value: V) -> usize;

    #[doc(hidden)]
    fn join(&self, total: &mut Self::Total, other: Self::Total);

    /// How many bytes of heap a total of one value holds.
    #[doc(hidden)]
    fn bytes(&self, first: &Self::Total) -> usize;

    #[doc(hidden)]
    fn emit<'a, K>(&'a self, set: &'a mut Set<K, V, Self::Total>) -> Emit<'a, K, V>;
}

/// Values are combined as they come.
pub struct Combining<V>(pub(super) Combine<V>);

/// Values are kept.
#[derive(Debug)]
pub struct Listing(pub(super) ());

pub(super) type Combine<V> = Arc<dyn Fn(&mut V, V) + Send + Sync>;

/// The values of a key. They are dropped one by one.
pub struct Values<V>(pub(super) Quiet<V>);

impl<V: Send + 'static> Form<V> for Combining<V> {
    type Total = V;

    fn first(&self, value: V) -> V {
        value
    }

    fn add(&self, total: &mut V, value: V) -> usize {
        let before = heap_of(total);
        (self.0)(total, value);
        heap_of(total).saturating_sub(before)
    }

    fn join(&self, total: &mut V, other: V) {
        (self.0)(total, other);
    }

    fn bytes(&self, first: &V) -> usize {
        heap_of(first)
    }

    fn emit<'a, K>(&'a self, set: &'a mut Set<K, V, V>) -> Emit<'a, K, V> {
        Emit::combining(set, self)
    }
}

impl<V: Send + 'static> Form<V> for Listing {
    type Total = Values<V>;

    fn first(&self, value: V) -> Values<V> {
        Values(Quiet(vec![value]))
    }

    fn add(&self, total: &mut Values<V>, value: V) -> usize {
        let Values(Quiet(values)) = total;
        let before = values.capacity();
        let heap = heap_of(&value);
        values.push(value);
        heap + (values.capacity() - before) * size_of::<V>()
    }

    fn join(&self, total: &mut Values<V>, mut other: Values<V>) {
        total.0.0.append(&mut other.0.0);
    }

    fn bytes(&self, first: &Values<V>) -> usize {
        block(first.0.0.capacity() * size_of::<V>()) + first.0.0.iter().map(heap_of).sum::<usize>()
    }

    fn emit<'a, K>(&'a self, set: &'a mut Set<K, V, Values<V>>) -> Emit<'a, K, V> {
        Emit::listing(set, self)
    }
}

impl<V> fmt::Debug for Combining<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Combining").finish_non_exhaustive()
    }
}

impl<V> fmt::Debug for Values<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Values").field("len", &self.0.0.len()).finish()
    }
}
