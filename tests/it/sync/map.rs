//! The map.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use proptest::collection::vec;
use proptest::prelude::*;
use regatta::observe::Registry;
use regatta::sync::RcuMap;

use super::panics;
use crate::support::{DropCounter, without_deadlock};

#[test]
fn textbook_read_update_and_bulk_update() {
    let data = RcuMap::new();
    assert_eq!(data.insert("a", 1), None);
    assert_eq!(data.insert("a", 2), Some(1));
    let before = data.snapshot();
    data.extend([("b", 3), ("c", 4)]);
    // One publication, and the old picture stays.
    assert_eq!((data.version(), before.version(), before.len(), data.len()), (3, 2, 1, 3));
    assert_eq!((data.get("c"), before.get("c"), data.remove("c"), data.remove("c")), (Some(4), None, Some(4), None));
    assert_eq!(data.version(), 4); // what was not there is no publication
}

#[test]
fn what_changes_nothing_publishes_nothing() {
    let map: RcuMap<u32, u32> = RcuMap::new();
    map.extend([]);
    map.clear();
    assert_eq!(map.remove(&1), None);
    assert_eq!(map.update(1, |_| None), None);
    assert_eq!(map.transaction(|map| Ok::<_, ()>(map.len())), Ok(0));
    assert_eq!((map.version(), map.is_empty()), (0, true));
}

#[test]
fn a_transaction_is_all_or_nothing_and_reads_what_it_has_written() {
    let map = RcuMap::from_iter([(1, "one")]);
    let version = map.version();
    let failed = map.transaction(|map| {
        map.insert(2, "two");
        map.remove(&1);
        assert_eq!((map.get(&2), map.contains_key(&1), map.iter().count()), (Some(&"two"), false, 1));
        Err::<(), _>("no")
    });
    assert_eq!((failed, map.version(), map.get(&1), map.get(&2)), (Err("no"), version, Some("one"), None));
    let message = panics(|| {
        let _ = map.transaction(|map| -> Result<(), ()> {
            map.clear();
            panic!("out of cheese")
        });
    });
    assert_eq!((message.as_str(), map.version(), map.len()), ("out of cheese", version, 1));
    map.transaction(|map| {
        map.extend([(2, "two"), (3, "three")]);
        map.remove(&1);
        Ok::<_, ()>(())
    })
    .expect("it goes through");
    assert_eq!((map.version(), map.len()), (version + 1, 2));
}

#[test]
fn a_transaction_that_was_overtaken_runs_again_on_the_newer_map() {
    let map = RcuMap::from_iter([("a", 1)]);
    let mut calls = 0;
    let sum = map.transaction(|inner| {
        calls += 1;
        if calls == 1 {
            map.insert("b", 10); // somebody else is first
        }
        inner.insert("c", 100);
        Ok::<_, ()>(inner.iter().map(|(_, n)| n).sum::<i32>())
    });
    assert_eq!((sum, calls, map.len()), (Ok(111), 2, 3));
}

#[test]
fn no_increment_is_lost() {
    const THREADS: u64 = 4;
    const TIMES: u64 = 2_000;
    let map = RcuMap::new();
    thread::scope(|scope| {
        for me in 0..THREADS {
            let map = &map;
            scope.spawn(move || {
                for n in 0..TIMES {
                    map.update(n % 7, |count: Option<&u64>| Some(count.map_or(1, |count| count + 1)));
                    map.insert(1_000 + me * TIMES + n, 1);
                }
            });
        }
    });
    let snapshot = map.snapshot();
    assert_eq!(snapshot.values_sum(), THREADS * TIMES * 2);
    assert_eq!((snapshot.len() as u64, map.version()), (7 + THREADS * TIMES, 2 * THREADS * TIMES));
}

/// What tests ask of a snapshot.
trait Sum {
    fn values_sum(&self) -> u64;
}

impl Sum for regatta::sync::MapSnapshot<u64, u64> {
    fn values_sum(&self) -> u64 {
        self.iter().map(|(_, value)| value).sum()
    }
}

#[test]
fn no_snapshot_is_torn() {
    const KEYS: i64 = 1_000;
    let map = RcuMap::from_iter((0..KEYS).map(|key| (key, 0)));
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let (mut reader, mut last, mut reads) = (map.reader(), 0, 0);
            while !is_over.load(Ordering::Acquire) || reads == 0 {
                let snapshot = if reads % 2 == 0 { map.snapshot() } else { reader.snapshot() };
                assert_eq!(snapshot.iter().map(|(_, n)| n).sum::<i64>(), 0);
                assert_eq!(snapshot.get(&1).map(|n| -n), snapshot.get(&0).copied());
                assert!(snapshot.version() >= last);
                last = snapshot.version();
                reads += 1;
            }
        });
        for round in 1..60 {
            map.transaction(|map| {
                for key in 0..KEYS {
                    map.insert(key, if key % 2 == 0 { round } else { -round });
                }
                Ok::<_, ()>(())
            })
            .expect("it goes through");
            for _ in 0..20 {
                map.extend([(0, -round), (1, round)]);
                map.extend([(0, round), (1, -round)]);
            }
        }
        is_over.store(true, Ordering::Release);
    });
}

#[test]
fn a_snapshot_that_is_kept_for_ever_keeps_its_own_entries_only() {
    let counter = DropCounter::new();
    let map = RcuMap::from_iter((0..500).map(|key| (key, Arc::new(counter.guard()))));
    let kept = map.snapshot();
    for n in 0..5_000 {
        map.insert(n % 500, Arc::new(counter.guard()));
    }
    assert_eq!(counter.alive(), 1_000);
    drop(kept);
    assert_eq!(counter.alive(), 500);
    drop(map);
    assert_eq!(counter.alive(), 0);
}

/// A hasher that sends everything to one place.
#[derive(Default, Clone)]
struct Same;

impl Hasher for Same {
    fn finish(&self) -> u64 {
        0
    }

    fn write(&mut self, _: &[u8]) {}
}

#[derive(Debug, Clone)]
enum Step {
    Insert(u8, u16),
    Remove(u8),
    Update(u8),
    Extend(Vec<(u8, u16)>),
    Clear,
    Fail(Vec<(u8, u16)>),
}

fn step() -> impl Strategy<Value = Step> {
    let batch = vec((any::<u8>(), any::<u16>()), 0..40);
    prop_oneof![
        8 => (any::<u8>(), any::<u16>()).prop_map(|(key, value)| Step::Insert(key, value)),
        6 => any::<u8>().prop_map(Step::Remove),
        4 => any::<u8>().prop_map(Step::Update),
        2 => batch.clone().prop_map(Step::Extend),
        1 => Just(Step::Clear),
        1 => batch.prop_map(Step::Fail),
    ]
}

/// Runs a script on the map and on its twin, a map of std under a lock.
fn run<S: std::hash::BuildHasher + Clone>(map: &RcuMap<u8, u16, S>, steps: &[Step]) {
    let twin: Mutex<HashMap<u8, u16>> = Mutex::default();
    let mut reader = map.reader();
    for step in steps {
        let before = (map.snapshot(), twin.lock().expect("no panic").clone());
        let mut twin = twin.lock().expect("no panic");
        match step.clone() {
            Step::Insert(key, value) => assert_eq!(map.insert(key, value), twin.insert(key, value)),
            Step::Remove(key) => assert_eq!(map.remove(&key), twin.remove(&key)),
            Step::Update(key) => {
                let next = |value: Option<&u16>| value.map_or(Some(1), |value| value.checked_sub(1));
                let expected = twin.get(&key).copied();
                match next(expected.as_ref()) {
                    Some(value) => drop(twin.insert(key, value)),
                    None => drop(twin.remove(&key)),
                }
                assert_eq!(map.update(key, next), expected);
            }
            Step::Extend(batch) => {
                twin.extend(batch.iter().copied());
                map.extend(batch);
            }
            Step::Clear => {
                twin.clear();
                map.clear();
            }
            Step::Fail(batch) => {
                let failed = map.transaction(|map| {
                    map.extend(batch.iter().copied());
                    Err::<(), _>(())
                });
                assert!(failed.is_err());
            }
        }
        let entries =
            |map: &HashMap<u8, u16>| map.iter().map(|(key, value)| (*key, *value)).collect::<BTreeMap<_, _>>();
        let now = map.snapshot();
        assert_eq!(now.iter().map(|(key, value)| (*key, *value)).collect::<BTreeMap<_, _>>(), entries(&twin));
        assert_eq!(before.0.iter().map(|(key, value)| (*key, *value)).collect::<BTreeMap<_, _>>(), entries(&before.1));
        for key in 0..=u8::MAX {
            let expected = twin.get(&key);
            assert_eq!((map.get(&key).as_ref(), now.get(&key), reader.get(&key)), (expected, expected, expected));
        }
        assert_eq!((map.len(), reader.len()), (twin.len(), twin.len()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_does_what_its_twin_under_a_lock_does(steps in vec(step(), 1..60)) {
        run(&RcuMap::new(), &steps);
        run(&RcuMap::with_hasher(BuildHasherDefault::<Same>::default()), &steps);
    }
}

/// A key whose every method is user code that may misbehave.
#[derive(Debug)]
struct Key {
    id: u32,
    act: Arc<Act>,
}

/// What to do, and when.
#[derive(Default)]
struct Act {
    hash: Script,
    eq: Script,
    clone: Script,
    drop: Script,
}

/// Runs something once, after so many calls.
#[derive(Default)]
struct Script {
    left: AtomicUsize,
    run: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Script {
    fn plan(&self, after: usize, run: impl FnOnce() + Send + 'static) {
        self.left.store(after, Ordering::SeqCst);
        *self.run.lock().expect("no panic") = Some(Box::new(run));
    }

    fn call(&self) {
        let left = self.left.load(Ordering::SeqCst);
        if left > 0 {
            self.left.store(left - 1, Ordering::SeqCst);
            return;
        }
        let run = self.run.lock().expect("no panic").take();
        run.into_iter().for_each(|run| run());
    }

    fn clear(&self) {
        *self.run.lock().expect("no panic") = None;
    }
}

impl std::fmt::Debug for Act {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Act")
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.act.hash.call();
        (self.id % 40).hash(state); // some collide
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.act.eq.call();
        self.id == other.id
    }
}

impl Eq for Key {}

impl Clone for Key {
    fn clone(&self) -> Self {
        self.act.clone.call();
        Self { id: self.id, act: self.act.clone() }
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        self.act.drop.call();
    }
}

fn ids(map: &RcuMap<Key, u32>) -> BTreeMap<u32, u32> {
    map.snapshot().iter().map(|(key, value)| (key.id, *value)).collect()
}

#[test]
fn keys_that_panic_anywhere_leave_the_map_as_it_was() {
    let act = Arc::new(Act::default());
    let key = |id| Key { id, act: act.clone() };
    let map = RcuMap::from_iter((0..200).map(|id| (key(id), id)));
    let before = ids(&map);
    let scripts = [&act.hash, &act.eq, &act.clone];
    let mut broken = 0;
    for script in scripts {
        for after in 0..40 {
            for change in [0, 1, 2] {
                script.plan(after, || panic!("bad key"));
                let (version, mut expected) = (map.version(), ids(&map));
                let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| match change {
                    0 => drop(map.insert(key(1_000 + after as u32), 0)),
                    1 => drop(map.remove(&key(after as u32))),
                    _ => map.extend((0..30).map(|id| (key(2_000 + id), 0))),
                }));
                script.clear();
                if panicked.is_err() {
                    broken += 1;
                    assert_eq!(map.version(), version);
                } else {
                    expected = before.clone();
                    map.clear();
                    map.extend((0..200).map(|id| (key(id), id)));
                }
                assert_eq!(ids(&map), expected);
            }
        }
    }
    assert!(broken > 100, "only {broken} panics");
    map.insert(key(7), 70);
    assert_eq!(map.get(&key(7)), Some(70));
}

#[test]
fn a_transaction_goes_on_after_a_panic_that_its_closure_caught() {
    let act = Arc::new(Act::default());
    let key = |id| Key { id, act: act.clone() };
    let map = RcuMap::from_iter((0..200).map(|id| (key(id), id)));
    for after in 0..60 {
        map.transaction(|map| {
            act.clone.plan(after, || panic!("bad key"));
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| map.insert(key(500), 5)));
            act.clone.clear();
            map.remove(&key(500));
            assert_eq!((map.len(), map.iter().count()), (200, 200));
            Ok::<_, ()>(())
        })
        .expect("it goes through");
        assert!(ids(&map).into_iter().eq((0..200).map(|id| (id, id))));
    }
}

#[test]
fn whatever_panics_in_a_change_a_transaction_counts_and_finds_what_it_has() {
    let act = Arc::new(Act::default());
    let key = |id| Key { id, act: act.clone() };
    let map = RcuMap::from_iter((0..200).map(|id| (key(id), id)));
    let mut broken = 0;
    for script in [&act.hash, &act.eq, &act.clone, &act.drop] {
        for after in 0..16 {
            let left = map.transaction(|map| {
                for id in (0..200).chain(180..260) {
                    script.plan(after, || panic!("bad key"));
                    let changed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| match id < 200 {
                        true => drop(map.remove(&key(id))),
                        false => drop(map.insert(key(id), id)),
                    }));
                    script.clear();
                    broken += usize::from(changed.is_err());
                    assert_eq!(map.len(), map.iter().count(), "{id} after {after}");
                }
                let found = map.iter().filter(|(key, value)| map.get(key) == Some(value) && key.id == **value);
                let found: BTreeMap<u32, u32> = found.map(|(key, value)| (key.id, *value)).collect();
                assert_eq!(map.len(), found.len());
                Ok::<_, ()>(found)
            });
            assert_eq!(Ok(ids(&map)), left);
            map.clear();
            map.extend((0..200).map(|id| (key(id), id)));
        }
    }
    assert!(broken > 1_000, "only {broken} panics");
}

#[test]
fn keys_may_use_the_map_they_are_in() {
    without_deadlock(|| {
        let act = Arc::new(Act::default());
        let key = |id| Key { id, act: act.clone() };
        let map = RcuMap::from_iter((0..100).map(|id| (key(id), id)));
        for (n, script) in [&act.hash, &act.eq, &act.clone].into_iter().enumerate() {
            let (inner, other) = (map.clone(), key(1_000 + n as u32));
            script.plan(0, move || assert_eq!(inner.insert(other, 1), None));
            map.insert(key(n as u32), 777);
            assert_eq!(map.get(&key(n as u32)), Some(777));
            assert_eq!(map.get(&key(1_000 + n as u32)), Some(1));
        }
        assert_eq!(map.len(), 103);
        // And so may a look at a value.
        assert_eq!(map.get_with(&key(5), |value| map.insert(key(5), value + 1)), Some(Some(5)));
        assert_eq!(map.get(&key(5)), Some(6));
    });
}

#[test]
fn a_value_may_use_the_map_when_it_is_dropped() {
    #[derive(Clone)]
    struct Returns(Option<RcuMap<u32, Arc<Returns>>>);
    impl Drop for Returns {
        fn drop(&mut self) {
            if let Some(map) = self.0.take() {
                map.insert(2, Arc::new(Returns(None)));
            }
        }
    }
    without_deadlock(|| {
        let map = RcuMap::new();
        map.insert(1, Arc::new(Returns(Some(map.clone()))));
        map.remove(&1);
        assert_eq!((map.len(), map.contains_key(&2)), (1, true));
    });
}

#[test]
fn a_map_is_in_snapshots_under_its_name() {
    let mine = Registry::new();
    let map: RcuMap<u32, u32> = mine.enter(|| RcuMap::builder().name("routes").build());
    map.insert(1, 1);
    let snapshot = mine.snapshot();
    let row = snapshot.named("routes").expect("it lives");
    assert_eq!((&*row.kind, &*row.state, row.flow.accepted), ("rcu map", "open", 2));
    assert!(row.flow.is_conserved());
}
