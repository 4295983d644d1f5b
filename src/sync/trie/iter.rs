//! All entries, one after the other.

use std::slice;

use super::branch::Child;

/// Goes over the entries of one version, in no particular order.
pub(in super::super) struct Iter<'a, K, V> {
    /// Children still to visit, of every branch on the way.
    branches: Vec<slice::Iter<'a, Child<K, V>>>,
    entries: slice::Iter<'a, (K, V)>,
    left: usize,
}

impl<'a, K, V> Iter<'a, K, V> {
    pub(super) fn new(root: &'a Child<K, V>, len: usize) -> Self {
        Self { branches: vec![slice::from_ref(root).iter()], entries: [].iter(), left: len }
    }
}

impl<'a, K, V> Iterator for Iter<'a, K, V> {
    type Item = &'a (K, V);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(entry) = self.entries.next() {
                self.left -= 1;
                return Some(entry);
            }
            match self.branches.last_mut()?.next() {
                None => drop(self.branches.pop()),
                Some(Child::Leaf(leaf)) => self.entries = leaf.entries().iter(),
                Some(Child::Branch(branch)) => self.branches.push(branch.children.iter()),
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<K, V> Clone for Iter<'_, K, V> {
    fn clone(&self) -> Self {
        Self { branches: self.branches.clone(), entries: self.entries.clone(), left: self.left }
    }
}
