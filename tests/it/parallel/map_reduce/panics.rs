//! User code that panics: an error for whoever waits, whatever code it is, and workers that go on.

use std::fmt::Debug;
use std::hash::{Hash, Hasher};

use futures::stream::iter;
use regatta::parallel::{Emit, MapReduce, MapReduceError};
use regatta::pool::{CpuPool, JobError};

use super::kit::counted;

const RECORDS: u32 = 1_000;

fn records() -> Vec<u32> {
    (0..RECORDS).collect()
}

/// What a key does badly.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    Hash,
    Eq,
    Drop,
}

/// A number that is a key, one of which is bad.
#[derive(Debug)]
struct Key(u32, Option<Fault>);

impl Key {
    fn is(&self, fault: Fault) -> bool {
        self.1 == Some(fault)
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        assert!(!self.is(Fault::Hash), "hashed badly");
        self.0.hash(state);
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        assert!(!self.is(Fault::Eq) && !other.is(Fault::Eq), "compared badly");
        self.0 == other.0
    }
}

impl Eq for Key {}

impl Drop for Key {
    fn drop(&mut self) {
        assert!(!self.is(Fault::Drop), "dropped badly");
    }
}

impl From<&(u32, bool)> for Key {
    fn from((n, is_bad): &(u32, bool)) -> Self {
        assert!(!is_bad, "made badly");
        Self(*n, None)
    }
}

impl std::borrow::Borrow<(u32, bool)> for Key {
    fn borrow(&self) -> &(u32, bool) {
        static PAIRS: [(u32, bool); 2] = [(0, false), (1, false)];
        &PAIRS[self.0 as usize]
    }
}

/// What panicked, and where.
#[track_caller]
fn panic_of<T: Debug, E: Debug>(result: Result<T, MapReduceError<E>>) -> (String, String) {
    match result {
        Err(MapReduceError::Job(JobError::Panicked(panicked))) => {
            (panicked.place.to_string(), panicked.message.to_string())
        }
        other => panic!("not a panic: {other:?}"),
    }
}

fn pool() -> CpuPool {
    CpuPool::builder().limit(2).name("sums").build()
}

#[tokio::test]
async fn a_panic_of_the_mapper_names_the_record() {
    let pool = pool();
    let count = || {
        let map = |n: &u32| [(*n % 7, 100 / (*n as i32 - 700))];
        MapReduce::new().map(map).combine(|n: &mut i32, m| *n += m).on(&pool)
    };
    let expected = ("record 700 of `map_reduce` on pool `sums`".to_owned(), "attempt to divide by zero".to_owned());
    assert_eq!(panic_of(count().run(records()).await), expected);
    assert_eq!(panic_of(count().run_stream(iter(records())).await), expected);
    assert_eq!(counted("the pool lives".into(), &pool).await.expect("it works").len(), 3);
    // A job is counted when it has ended, which may be after its outcome is known.
    crate::support::eventually(super::super::kit::SOON, "two jobs have failed", || pool.stats().flow.failed == 2).await;
}

#[tokio::test]
async fn a_panic_of_the_combiner_is_an_error() {
    let pool = pool();
    let combine = |n: &mut u32, m| *n = n.checked_sub(m).expect("combined badly");
    let count = || MapReduce::new().map(|n: &u32| [(*n % 7, *n)]).combine(combine).on(&pool);
    assert!(panic_of(count().run(records()).await).1.contains("combined badly"));
    assert!(panic_of(count().run_stream(iter(records())).await).1.contains("combined badly"));
}

#[tokio::test]
async fn a_panic_of_the_reducer_is_an_error() {
    let pool = pool();
    let reduce = |n: &u32, _: Vec<u32>| assert!(*n != 3, "reduced badly");
    let listed = || MapReduce::new().map(|n: &u32| [(*n % 7, *n)]).reduce(reduce).on(&pool);
    let expected = ("`map_reduce` on pool `sums`".to_owned(), "reduced badly".to_owned());
    assert_eq!(panic_of(listed().run(records()).await), expected);
    assert_eq!(panic_of(listed().run_stream(iter(records())).await), expected);
}

async fn with_keys(key: fn(u32) -> Key) -> String {
    let pool = pool();
    let listed = MapReduce::new().map(move |n: &u32| [(key(*n), *n)]).reduce(|_, all| all.len()).on(&pool);
    let (_, message) = panic_of(listed.run(records()).await);
    let combined = MapReduce::new().map(move |n: &u32| [(key(*n), *n)]).combine(|n: &mut u32, m| *n += m).on(&pool);
    assert_eq!(panic_of(combined.run_stream(iter(records())).await).1, message);
    message
}

#[tokio::test]
async fn a_panic_of_hash_is_an_error() {
    assert_eq!(with_keys(|n| Key(n % 5, (n == 500).then_some(Fault::Hash))).await, "hashed badly");
}

#[tokio::test]
async fn a_panic_of_eq_is_an_error() {
    assert_eq!(with_keys(|n| Key(n % 5, (n == 500).then_some(Fault::Eq))).await, "compared badly");
}

#[tokio::test]
async fn a_panic_of_a_keys_destructor_is_an_error() {
    assert_eq!(with_keys(|n| Key(n % 5, (n == 500).then_some(Fault::Drop))).await, "dropped badly");
}

#[tokio::test]
async fn destructors_that_all_panic_end_in_one_error() {
    assert_eq!(with_keys(|n| Key(n % 5, Some(Fault::Drop))).await, "dropped badly");
}

#[tokio::test]
async fn a_panic_of_from_is_an_error() {
    let emit = |n: &u32, emit: &mut Emit<'_, Key, u32>| emit.by_ref(&(n % 2, *n == 1), 1);
    let counts = MapReduce::new().map_emit(emit).combine(|n: &mut u32, m| *n += m).run([0, 1, 0]);
    assert!(panic_of(counts.await).1.ends_with("made badly"));
}

/// Values and keys that panic when they are dropped, all of them held when the mapper panics.
#[tokio::test]
async fn destructors_may_panic_while_another_panic_ends_the_work() {
    #[derive(Debug)]
    struct Bad;
    impl Drop for Bad {
        fn drop(&mut self) {
            panic!("dropped badly");
        }
    }
    let pool = pool();
    let map = |n: &u32| {
        assert!(*n < 500, "mapped badly");
        [(Key(*n, Some(Fault::Drop)), Bad)]
    };
    let listed = || MapReduce::new().map(map).reduce(|_, all: Vec<Bad>| std::mem::forget(all)).on(&pool);
    assert_eq!(panic_of(listed().run(records()).await).1, "mapped badly");
    assert_eq!(panic_of(listed().run_stream(iter(records())).await).1, "mapped badly");
    let combined = MapReduce::new().map(map).combine(|_: &mut Bad, _| ()).on(&pool);
    assert_eq!(panic_of(combined.run(records()).await).1, "mapped badly");
}
