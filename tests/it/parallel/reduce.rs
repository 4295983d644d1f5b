//! Many values become one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use proptest::prelude::*;
use regatta::parallel::reduce;
use regatta::pool::{CpuPool, JobError};

use super::kit::{Held, SOON, inside, keep_busy, multi_thread, ticks, until_idle};
use crate::support::{DropCounter, eventually};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// With a function that is associative but not commutative.
    #[test]
    fn reduce_gives_what_a_fold_gives(len in 0_usize..3_000, workers in 1_usize..4) {
        let digits: Vec<u8> = (0..len).map(|n| b'a' + (n % 26) as u8).collect();
        let expected = digits.clone();
        let text = multi_thread().block_on(async move {
            let concat = |mut left: Vec<u8>, right: Vec<u8>| { left.extend(right); left };
            reduce(digits, Vec::new, |mut text, digit| { text.push(*digit); text }, concat).on(&CpuPool::new(workers)).await
        });
        prop_assert_eq!(text, Ok(expected));
    }
}

#[tokio::test]
async fn reduce_of_nothing_is_the_identity() {
    assert_eq!(reduce(Vec::<u8>::new(), || 7, |sum, _| sum, |left, _| left).await, Ok(7));
}

#[tokio::test]
async fn reduce_gives_the_same_sum_of_floats_on_any_number_of_workers() {
    let numbers: Arc<[f64]> = (1..100_000).map(|n| 1.0 / f64::from(n)).collect();
    let sum = |workers| {
        let sum = reduce(numbers.clone(), || 0.0, |sum, n| sum + n, |left, right| left + right);
        async move { sum.on(&CpuPool::new(workers)).await.map(f64::to_bits) }
    };
    let alone = sum(1).await;
    for workers in [2, 3, 8] {
        assert_eq!(sum(workers).await, alone);
    }
}

#[tokio::test]
async fn reduce_says_which_closure_panicked_by_its_message() {
    let pool = CpuPool::new(2);
    let items: Arc<[u32]> = (0..10_000).collect();
    let panics = |at: &'static str| {
        let identity = move || if at == "identity" { panic!("identity") } else { 0_u32 };
        let fold = move |sum: u32, n: &u32| if at == "fold" && *n == 5_000 { panic!("fold") } else { sum ^ n };
        let combine = move |left: u32, right: u32| if at == "combine" { panic!("combine") } else { left ^ right };
        reduce(items.clone(), identity, fold, combine).on(&pool)
    };
    for at in ["identity", "fold", "combine"] {
        let Err(JobError::Panicked(panicked)) = panics(at).await else { panic!("{at} does not panic") };
        assert_eq!(&*panicked.message, at);
        assert!(panicked.place.starts_with("`reduce` on pool"), "{}", panicked.place);
    }
    until_idle(&pool).await;
}

#[tokio::test]
async fn reduce_works_on_many_pieces_at_once() {
    let (pool, held) = (CpuPool::new(3), Held::default());
    let gate = held.clone();
    // Three elements that each wait for the other two.
    let sum = reduce(
        [1, 2, 3],
        || 0,
        move |sum, n| {
            gate.pass();
            sum + n
        },
        |left, right| left + right,
    );
    let sum = tokio::spawn(async move { sum.on(&pool).await });
    held.until_entered(3).await;
    held.open();
    assert_eq!(sum.await.expect("no panic"), Ok(6));
}

#[tokio::test]
async fn reduce_that_is_dropped_stops_within_a_stride() {
    let (pool, held, seen) = (CpuPool::new(1), Held::default(), Arc::new(AtomicUsize::new(0)));
    let (gate, count, drops) = (held.clone(), seen.clone(), DropCounter::new());
    let items: Vec<_> = (0..1_000_000).map(|n| (n == 3).then(|| drops.guard())).collect();
    let fold = move |sum: usize, _: &Option<_>| {
        if count.fetch_add(1, SeqCst) == 10 {
            gate.pass();
        }
        sum + 1
    };
    let sum = tokio::spawn(reduce(items, || 0, fold, |left, right| left + right).on(&pool).into_future());
    held.until_entered(1).await;
    sum.abort();
    assert!(sum.await.is_err());
    held.open();
    until_idle(&pool).await;
    assert!(seen.load(SeqCst) <= 1024, "{seen:?} elements were seen");
    assert_eq!((drops.alive(), drops.dropped()), (0, 1));
}

#[tokio::test]
async fn reduce_keeps_the_executor_free() {
    let held = Held::default();
    let gate = held.clone();
    let sum = reduce(
        vec![1; 1_000],
        || 0,
        move |sum, n| {
            gate.pass();
            sum + n
        },
        |left, right| left + right,
    );
    let sum = tokio::spawn(sum.into_future());
    held.until_entered(1).await;
    ticks(1_000).await;
    held.open();
    assert_eq!(sum.await.expect("no panic"), Ok(1_000));
}

#[tokio::test]
async fn reduce_can_be_awaited_in_a_job_of_its_own_pool_of_one() {
    let pool = CpuPool::new(1);
    let numbers: Vec<u64> = (0..100_000).collect();
    let sum = inside(&pool, |pool| async move {
        reduce(numbers, || 0, |sum, n| sum + n, |left, right| left + right).on(&pool).await
    });
    assert_eq!(sum.await, Ok(4_999_950_000));
}

#[tokio::test]
async fn reduce_on_a_pool_that_is_closed_or_aborted_fails() {
    let pool = CpuPool::new(1);
    let held = Held::default();
    let gate = held.clone();
    let sum = reduce(
        vec![1; 1_000],
        || 0,
        move |sum, n| {
            gate.pass();
            sum + n
        },
        |left, right| left + right,
    );
    let sum = tokio::spawn(sum.on(&pool).into_future());
    held.until_entered(1).await;
    pool.abort();
    held.open();
    let Ok(Err(JobError::Closed(closed))) = sum.await else { panic!("the pool was aborted") };
    assert_eq!(closed.cause.as_deref(), Some("it was aborted"));

    let refused = reduce(vec![1], || 0, |sum, n| sum + n, |left, right| left + right).on(&pool).await;
    assert!(refused.is_err_and(|error| error.is_closed()));
}

#[tokio::test]
async fn members_that_were_not_needed_are_no_aborted_jobs() {
    let pool = CpuPool::new(4);
    for _ in 0..50 {
        let sum = reduce([1, 2, 3], || 0, |sum, n| sum + n, |left, right| left + right).on(&pool);
        assert_eq!(sum.await, Ok(6));
    }
    let report = pool.shutdown(SOON).await;
    assert!(report.is_clean(), "{report:?}");
}

/// A member that is queued behind somebody else's job holds nothing of what is over.
#[tokio::test]
async fn what_is_over_is_dropped_although_a_member_has_not_come() {
    let (pool, drops) = (CpuPool::new(2), DropCounter::new());
    let (held, busy) = keep_busy(&pool).await;
    let items: Vec<_> = (0..3).map(|_| drops.guard()).collect();
    assert_eq!(reduce(items, || 0, |sum, _| sum + 1, |left, right| left + right).on(&pool).await, Ok(3));
    eventually(SOON, "the elements are dropped", || drops.dropped() == 3).await;
    held.open();
    assert_eq!(busy.await, Ok(()));
}

/// A value whose destructor panics.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("dropped badly");
    }
}

#[tokio::test]
async fn values_whose_destructors_panic_end_nothing_but_the_work() {
    let pool = CpuPool::new(2);
    let made = Arc::new(AtomicUsize::new(0));
    let count = made.clone();
    let identity = move || {
        assert!(count.fetch_add(1, SeqCst) < 100, "enough");
        Bomb
    };
    let failed = reduce(
        vec![1; 1_000],
        identity,
        |bomb, _| bomb,
        |left, right| {
            std::mem::forget(left);
            right
        },
    );
    assert!(failed.on(&pool).await.is_err_and(|error| error.is_panicked()));
    assert_eq!(pool.submit(|| 7).await.expect("open").await, Ok(7));
}
