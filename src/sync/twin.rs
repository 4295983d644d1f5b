//! The lock-free cell beside its locked twin: the same script has to end the same, whoever holds the value.

use std::sync::{Arc, Barrier};
use std::thread;

use proptest::collection::vec;
use proptest::prelude::*;

use super::cell::{Cell, Locked, Swap};
use super::core::{Core, Home};
use super::version::Versioned;

#[derive(Debug, Clone)]
enum Step {
    Store(u32),
    Swap(u32),
    Add(u32),
    /// Publishes over a version that is so much older.
    Try(u64, u32),
    /// Keeps a snapshot.
    Keep,
    /// Lets the snapshot at this place go.
    Release(usize),
    /// Reads by way of the reader that remembers.
    Read,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        any::<u32>().prop_map(Step::Store),
        any::<u32>().prop_map(Step::Swap),
        any::<u32>().prop_map(Step::Add),
        (0..3_u64, any::<u32>()).prop_map(|(age, value)| Step::Try(age, value)),
        Just(Step::Keep),
        (0..4_usize).prop_map(Step::Release),
        Just(Step::Read),
    ]
}

/// What a script shows, step by step: version, value, who is pinned, conflicts.
fn run<C: Cell<u32>>(steps: &[Step]) -> Vec<(u64, u32, Vec<u64>, u64)> {
    let core: Arc<Core<u32, C>> = Arc::new(Core::new(0, None));
    let mut memory = C::remember(Home(core.clone()));
    let mut kept: Vec<Arc<Versioned<u32>>> = Vec::new();
    let mut seen = Vec::new();
    for step in steps {
        let mut shown = **core.load_full();
        match step {
            Step::Store(value) => drop(core.store(*value)),
            Step::Swap(value) => shown = **core.swap(*value),
            Step::Add(by) => {
                let added = core.try_update(|value| Ok::<_, ()>((Some(value.wrapping_add(*by)), ())));
                assert_eq!(added, Ok((core.number(), ())));
            }
            Step::Try(age, value) => match core.try_publish(core.number().saturating_sub(*age), *value) {
                Ok(number) => assert_eq!(number, core.number()),
                Err(refused) => assert_eq!(refused, *value),
            },
            Step::Keep => kept.push(core.load_full()),
            Step::Release(at) if *at < kept.len() => drop(kept.remove(*at)),
            Step::Release(_) => {}
            Step::Read => shown = ***C::refresh(&mut memory),
        }
        let pages = core.books.lock();
        seen.push((pages.number, shown, pages.pinned.iter().copied().collect(), pages.conflicts));
    }
    seen
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_cells_tell_the_same_story(steps in vec(step(), 1..80)) {
        assert_eq!(run::<Swap<u32>>(&steps), run::<Locked<u32>>(&steps));
    }
}

fn sum_of_many<C: Cell<u64> + Send + Sync + 'static>()
where
    Core<u64, C>: Send + Sync,
{
    const THREADS: u64 = 4;
    const TIMES: u64 = 2_000;
    let core: Core<u64, C> = Core::new(0, None);
    let begin = Barrier::new(THREADS as usize);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                begin.wait();
                for _ in 0..TIMES {
                    let added = core.try_update(|sum| Ok::<_, ()>((Some(sum + 1), ())));
                    assert!(added.is_ok());
                }
            });
        }
    });
    assert_eq!((**core.load_full(), core.number()), (THREADS * TIMES, THREADS * TIMES));
}

#[test]
fn no_update_is_lost_in_either() {
    sum_of_many::<Swap<u64>>();
    sum_of_many::<Locked<u64>>();
}
