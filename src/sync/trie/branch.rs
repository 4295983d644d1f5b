//! Nodes with children, and the ways down.

use std::array;
use std::borrow::Borrow;
use std::sync::Arc;

use super::leaf::{Change, FEW, Leaf};

/// Bits of the hash that one branch uses.
const BITS: u32 = 4;
pub(super) const WIDTH: usize = 1 << BITS;
/// Below so many branches a hash is used up: what still collides stays in one leaf, however many there are.
pub(super) const DEPTH_MAX: u32 = 14;

pub(super) enum Child<K, V> {
    Leaf(Leaf<K, V>),
    Branch(Arc<Branch<K, V>>),
}

pub(super) struct Branch<K, V> {
    /// How many entries are below.
    pub(super) len: usize,
    pub(super) children: [Child<K, V>; WIDTH],
}

#[inline]
fn index(hash: u64) -> usize {
    hash as usize % WIDTH
}

impl<K, V> Child<K, V> {
    #[inline]
    pub(super) fn get<Q>(&self, mut hash: u64, key: &Q) -> Option<&(K, V)>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        let mut child = self;
        loop {
            match child {
                Self::Leaf(leaf) => return leaf.get(hash, key),
                Self::Branch(branch) => {
                    child = &branch.children[index(hash)];
                    hash >>= BITS;
                }
            }
        }
    }
}

impl<K: Clone + Eq, V: Clone> Child<K, V> {
    /// `hash` is what is left of it at this depth.
    pub(super) fn insert(
        &mut self,
        hash: u64,
        depth: u32,
        key: K,
        value: V,
        rehash: &impl Fn(&K) -> u64,
    ) -> Change<K, V> {
        match self {
            Self::Branch(branch) => {
                let branch = Arc::make_mut(branch);
                let child = &mut branch.children[index(hash)];
                let change = child.insert(hash >> BITS, depth + 1, key, value, rehash);
                branch.len += usize::from(change.old.is_none());
                change
            }
            Self::Leaf(leaf) if leaf.is_full() && depth < DEPTH_MAX && leaf.get(hash, &key).is_none() => {
                *self = Self::split(leaf, depth, rehash);
                self.insert(hash, depth, key, value, rehash)
            }
            Self::Leaf(leaf) => leaf.insert(hash, key, value),
        }
    }

    /// Removes a key that is there.
    pub(super) fn remove<Q>(&mut self, hash: u64, depth: u32, key: &Q, rehash: &impl Fn(&K) -> u64) -> Change<K, V>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        // Joined first, with the entry that goes: hashes and clones may panic, and nothing has changed then.
        if let Self::Branch(branch) = self
            && branch.len <= FEW + 1
        {
            *self = self.joined(depth, rehash);
        }
        match self {
            Self::Leaf(leaf) => leaf.remove(hash, key, |key| rehash(key) >> (BITS * depth)),
            Self::Branch(branch) => {
                let branch = Arc::make_mut(branch);
                let change = branch.children[index(hash)].remove(hash >> BITS, depth + 1, key, rehash);
                branch.len -= usize::from(change.old.is_some());
                change
            }
        }
    }

    /// A branch with the entries of a leaf.
    fn split(leaf: &Leaf<K, V>, depth: u32, rehash: &impl Fn(&K) -> u64) -> Self {
        let mut parts: [Vec<(u64, (K, V))>; WIDTH] = array::from_fn(|_| Vec::new());
        for entry in leaf.entries() {
            let hash = rehash(&entry.0) >> (BITS * depth);
            parts[index(hash)].push((hash >> BITS, entry.clone()));
        }
        let len = leaf.entries().len();
        let children =
            parts.map(|part| if part.is_empty() { Self::Leaf(Leaf::empty()) } else { Self::Leaf(Leaf::build(part)) });
        Self::Branch(Arc::new(Branch { len, children }))
    }

    /// A leaf with all entries below.
    fn joined(&self, depth: u32, rehash: &impl Fn(&K) -> u64) -> Self {
        let mut entries = Vec::with_capacity(FEW + 1);
        self.gather(&mut |entry: &(K, V)| entries.push((rehash(&entry.0) >> (BITS * depth), entry.clone())));
        Self::Leaf(Leaf::build(entries))
    }

    fn gather(&self, take: &mut impl FnMut(&(K, V))) {
        match self {
            Self::Leaf(leaf) => leaf.entries().iter().for_each(take),
            Self::Branch(branch) => branch.children.iter().for_each(|child| child.gather(take)),
        }
    }
}

impl<K, V> Clone for Child<K, V> {
    fn clone(&self) -> Self {
        match self {
            Self::Leaf(leaf) => Self::Leaf(leaf.clone()),
            Self::Branch(branch) => Self::Branch(branch.clone()),
        }
    }
}

impl<K, V> Clone for Branch<K, V> {
    fn clone(&self) -> Self {
        Self { len: self.len, children: self.children.clone() }
    }
}
