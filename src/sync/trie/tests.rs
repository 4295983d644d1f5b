//! The trie beside std's map, under hashers that spread well, badly and not at all; after each step its shape is checked.

use std::collections::HashMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::Trie;
use super::branch::{Child, DEPTH_MAX};
use super::leaf::{FEW, MANY};

type Hash = fn(&u16) -> u64;

/// From good to useless.
const HASHES: [Hash; 6] = [
    |key| u64::from(*key).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(32),
    |key| u64::from(*key),
    |key| u64::from(*key % 8),
    one_sided,
    |key| u64::from(*key) << 54, // the last bits that branches look at, and those that only leaves do
    |_| 0,
];

/// Sends the lower half of the keys below one child of the root, and spreads the others.
fn one_sided(key: &u16) -> u64 {
    if *key < 200 { u64::from(*key) << 4 } else { u64::from(*key) }
}

#[derive(Debug, Clone)]
enum Step {
    Insert(u16, u32),
    Remove(u16),
    /// Goes on with a copy, and keeps the original to be compared in the end.
    Copy,
    /// Inserts so many neighbours, to fill and split leaves.
    Fill(u16, u16),
    /// Removes so many neighbours, to join leaves again.
    Drain(u16, u16),
}

fn step() -> impl Strategy<Value = Step> {
    let key = 0..400_u16;
    prop_oneof![
        4 => (key.clone(), any::<u32>()).prop_map(|(key, value)| Step::Insert(key, value)),
        4 => key.clone().prop_map(Step::Remove),
        1 => Just(Step::Copy),
        1 => (key.clone(), 0..150_u16).prop_map(|(from, count)| Step::Fill(from, count)),
        1 => (key, 0..150_u16).prop_map(|(from, count)| Step::Drain(from, count)),
    ]
}

/// Checks the shape below a child; gives how many entries there are.
fn check(child: &Child<u16, u32>, depth: u32) -> usize {
    match child {
        Child::Leaf(leaf) => {
            let count = leaf.entries().len();
            assert!(count <= MANY || depth == DEPTH_MAX, "{count} in a leaf at depth {depth}");
            count
        }
        Child::Branch(branch) => {
            assert!(depth < DEPTH_MAX);
            let count = branch.children.iter().map(|child| check(child, depth + 1)).sum();
            assert_eq!(branch.len, count);
            assert!(count > FEW, "a branch of {count}");
            count
        }
    }
}

fn assert_same(trie: &Trie<u16, u32>, twin: &HashMap<u16, u32>, hash: Hash) {
    assert_eq!(check(&trie.root, 0), twin.len());
    assert_eq!((trie.len(), trie.iter().size_hint().0), (twin.len(), twin.len()));
    let entries: HashMap<u16, u32> = trie.iter().copied().collect();
    assert_eq!((&entries, trie.iter().count()), (twin, twin.len()));
    for key in 0..450 {
        assert_eq!(trie.get(hash(&key), &key).map(|(_, value)| value), twin.get(&key));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_does_what_a_map_of_std_does(which in 0..HASHES.len(), steps in vec(step(), 1..60)) {
        let hash = HASHES[which];
        let (mut trie, mut twin) = (Trie::new(), HashMap::new());
        let mut kept = Vec::new();
        for step in steps {
            match step {
                Step::Insert(key, value) => {
                    assert_eq!(trie.insert(hash(&key), key, value, &hash), twin.insert(key, value));
                }
                Step::Remove(key) => assert_eq!(trie.remove(hash(&key), &key, &hash), twin.remove(&key)),
                Step::Copy => kept.push((trie.clone(), twin.clone())),
                Step::Fill(from, count) => for key in from..from + count {
                    assert_eq!(trie.insert(hash(&key), key, 1, &hash), twin.insert(key, 1));
                },
                Step::Drain(from, count) => for key in from..from + count {
                    assert_eq!(trie.remove(hash(&key), &key, &hash), twin.remove(&key));
                },
            }
            assert_same(&trie, &twin, hash);
        }
        for (trie, twin) in kept {
            assert_same(&trie, &twin, hash);
        }
    }
}

#[test]
fn a_branch_below_the_root_is_joined_and_split_while_the_root_stays() {
    let hash: Hash = one_sided;
    let (mut trie, mut twin) = (Trie::new(), HashMap::new());
    for round in 0..2 {
        for key in 0..400 {
            assert_eq!(trie.insert(hash(&key), key, round, &hash), twin.insert(key, round));
        }
        for key in 0..200 {
            assert_eq!(trie.remove(hash(&key), &key, &hash), twin.remove(&key));
            assert_same(&trie, &twin, hash);
        }
    }
}

#[test]
fn hashes_that_all_collide_end_in_one_leaf_and_come_apart_again() {
    let hash: Hash = |_| u64::MAX;
    let mut trie = Trie::new();
    for key in 0..1_000 {
        trie.insert(hash(&key), key, 0, &hash);
    }
    assert_eq!(check(&trie.root, 0), 1_000);
    for key in 0..1_000 {
        assert_eq!(trie.remove(hash(&key), &key, &hash), Some(0));
        check(&trie.root, 0);
    }
    assert_eq!(trie.len(), 0);
}

#[test]
fn a_child_is_three_words() {
    // What a branch copies for each child; more, and every change gets dearer.
    assert_eq!(size_of::<Child<u64, u64>>(), 24);
}
