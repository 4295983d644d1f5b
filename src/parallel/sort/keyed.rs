//! Sorting by keys that are made once: keys and positions are sorted, and the elements put in that order at the end.
//!
//! A pair of a key and a position is different from every other, so any sort of them is stable. The elements are not moved
//! meanwhile, and may be large.

use std::cmp::Ordering;
use std::marker::PhantomData;
use std::mem;
use std::sync::{Mutex, PoisonError};

use super::machine::{Engine, join};
use super::order::Order;
use super::partition::{self, Partition};
use super::pieces;
use crate::pool::Quiet;

/// An order that has the elements while their entries are sorted. They are put there before and taken after that, so nobody
/// waits for it.
pub(super) trait Shelf: Order {
    type Element;

    fn put(&self, items: Quiet<Self::Element>);

    fn take(&self) -> Quiet<Self::Element>;
}

/// By keys, then by positions. The elements are not looked at.
pub(super) struct ByKey<T, K> {
    items: Mutex<Quiet<T>>,
    key: PhantomData<fn(K)>,
}

/// A key, and the position of its element.
pub(super) type Entry<K> = (K, usize);

/// Sorts by an order of entries.
pub(super) struct Keyed<O, F> {
    key: F,
    entries: Partition<O>,
    workers: usize,
}

pub(super) enum Task<T, K> {
    Keys(Keys<T, K>),
    Join(Vec<Keys<T, K>>),
    /// A part of sorting the entries.
    Entries(partition::Task<Entry<K>>),
    /// Elements as they came, to be put in the order of the entries.
    Gather(Quiet<T>, Quiet<Entry<K>>),
}

/// Elements that follow each other, and their entries once they are made.
pub(super) struct Keys<T, K> {
    items: Quiet<T>,
    /// The position of the first.
    first: usize,
    /// In how many parts they are worked on.
    parts: usize,
    /// What comes behind `items`.
    right: Quiet<T>,
    entries: Quiet<Entry<K>>,
}

pub(super) struct Board<T, K> {
    parts: Vec<Keys<T, K>>,
    missing: usize,
    entries: partition::Board<Entry<K>>,
}

impl<T, K> Keys<T, K> {
    fn new(items: Quiet<T>, first: usize, parts: usize) -> Self {
        Self { items, first, parts, right: Quiet(Vec::new()), entries: Quiet(Vec::new()) }
    }
}

impl<T: Send + 'static, K: Ord + 'static> ByKey<T, K> {
    pub(super) fn new() -> Self {
        Self { items: Mutex::new(Quiet(Vec::new())), key: PhantomData }
    }
}

impl<T: Send + 'static, K: Ord + 'static> Order for ByKey<T, K> {
    type Item = Entry<K>;
    type Seen<'a> = ();

    const IS_TOTAL: bool = true;

    fn see(&self) {}

    fn compare((): &(), left: &Entry<K>, right: &Entry<K>) -> Ordering {
        left.cmp(right)
    }
}

impl<T: Send + 'static, K: Ord + 'static> Shelf for ByKey<T, K> {
    type Element = T;

    fn put(&self, items: Quiet<T>) {
        *self.items.lock().unwrap_or_else(PoisonError::into_inner) = items;
    }

    fn take(&self) -> Quiet<T> {
        mem::replace(&mut *self.items.lock().unwrap_or_else(PoisonError::into_inner), Quiet(Vec::new()))
    }
}

impl<T, K, O: Shelf<Item = Entry<K>, Element = T>, F: Fn(&T) -> K> Keyed<O, F> {
    pub(super) fn new(items: Vec<T>, workers: usize, key: F, order: O) -> (Self, Board<T, K>, Task<T, K>) {
        let parts = pieces(items.len(), workers);
        let keyed = Self { key, entries: Partition(order), workers };
        let board = Board { parts: Vec::new(), missing: 1, entries: partition::Board::new() };
        (keyed, board, Task::Keys(Keys::new(Quiet(items), 0, parts)))
    }

    fn split_or_make(&self, keys: &mut Keys<T, K>) {
        let Keys { items: Quiet(items), first, parts, right, entries } = keys;
        if *parts > 1 {
            *right = Quiet(items.split_off(items.len() / *parts * (*parts / 2)));
        } else {
            entries.0.reserve_exact(items.len());
            entries.0.extend(items.iter().zip(*first..).map(|(item, position)| ((self.key)(item), position)));
        }
    }
}

impl<T, K, O, F> Engine for Keyed<O, F>
where
    T: Send + 'static,
    K: Send + 'static,
    O: Shelf<Item = Entry<K>, Element = T>,
    F: Fn(&T) -> K + Send + Sync + 'static,
{
    type Item = T;
    type Task = Task<T, K>;
    type Board = Board<T, K>;

    fn work(&self, task: &mut Task<T, K>) {
        match task {
            Task::Keys(keys) => self.split_or_make(keys),
            Task::Join(parts) => {
                let (items, entries) = mem::take(parts).into_iter().map(|part| (part.items, part.entries)).unzip();
                let items = join(items);
                parts.push(Keys { entries: join(entries), ..Keys::new(items, 0, 1) });
            }
            Task::Entries(task) => self.entries.work(task),
            Task::Gather(items, entries) => {
                gather(&mut items.0, &mut entries.0);
                // Keys are dropped here, not under the lock.
                drop(mem::replace(entries, Quiet(Vec::new())));
            }
        }
    }

    fn settle(&self, board: &mut Board<T, K>, task: Task<T, K>, next: &mut Vec<Task<T, K>>) -> Option<Quiet<T>> {
        match task {
            Task::Keys(keys) if keys.parts > 1 => {
                let Keys { items, first, parts, right, .. } = keys;
                board.missing += 1;
                next.push(Task::Keys(Keys::new(right, first + items.0.len(), parts - parts / 2)));
                next.push(Task::Keys(Keys::new(items, first, parts / 2)));
            }
            Task::Keys(keys) => {
                board.parts.push(keys);
                board.missing -= 1;
                if board.missing == 0 {
                    let mut parts = mem::take(&mut board.parts);
                    parts.sort_unstable_by_key(|part| part.first);
                    next.push(Task::Join(parts));
                }
            }
            Task::Join(parts) => {
                for Keys { items, entries, .. } in parts {
                    self.entries.0.put(items);
                    next.push(Task::Entries(partition::Task::whole(entries, self.workers)));
                }
            }
            Task::Entries(task) => {
                let mut tasks = Vec::new();
                if let Some(entries) = self.entries.settle(&mut board.entries, task, &mut tasks) {
                    next.push(Task::Gather(self.entries.0.take(), entries));
                }
                next.extend(tasks.into_iter().map(Task::Entries));
            }
            Task::Gather(items, _) => return Some(items),
        }
        None
    }

    fn give_back(&self, board: Board<T, K>, tasks: Vec<Task<T, K>>, back: &mut Vec<Quiet<T>>) {
        let mut take = |keys: Keys<T, K>| back.extend([keys.items, keys.right]);
        board.parts.into_iter().for_each(&mut take);
        for task in tasks {
            match task {
                Task::Keys(keys) => take(keys),
                Task::Join(parts) => parts.into_iter().for_each(&mut take),
                Task::Entries(_) => {}
                Task::Gather(items, _) => take(Keys::new(items, 0, 1)),
            }
        }
        back.push(self.entries.0.take());
    }
}

/// Puts the elements in the order of the entries, in place: each goes where it belongs, or where that one was put meanwhile.
fn gather<T, K>(items: &mut [T], entries: &mut [Entry<K>]) {
    for place in 0..items.len() {
        let mut from = entries[place].1;
        // What belonged to an earlier place was swapped, perhaps more than once.
        while from < place {
            from = entries[from].1;
        }
        entries[place].1 = from;
        items.swap(place, from);
    }
}
