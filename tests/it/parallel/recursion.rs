//! Problems that are solved by solving parts of them.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use proptest::prelude::*;
use regatta::parallel::{bisect, divide_and_conquer};
use regatta::pool::{CpuPool, JobError};

use super::kit::{Held, inside, multi_thread, ticks, until_idle};
use crate::support::{DropCounter, DropGuard};

/// A tree of any shape.
#[derive(Debug, Clone)]
enum Tree {
    Leaf(u64),
    Node(Vec<Tree>),
}

fn trees() -> impl Strategy<Value = Tree> {
    any::<u64>()
        .prop_map(Tree::Leaf)
        .prop_recursive(6, 300, 6, |tree| prop::collection::vec(tree, 0..6).prop_map(Tree::Node))
}

/// Depends on the order of the parts, and on where they are.
fn mix(parts: impl IntoIterator<Item = u64>) -> u64 {
    parts.into_iter().fold(17, |sum, part| sum.wrapping_mul(31).wrapping_add(part))
}

fn mixed(tree: &Tree) -> u64 {
    match tree {
        Tree::Leaf(value) => *value,
        Tree::Node(parts) => mix(parts.iter().map(mixed)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn divide_and_conquer_gives_what_recursion_gives(tree in trees(), workers in 1_usize..4) {
        let expected = mixed(&tree);
        let value = |leaf| match leaf { Tree::Leaf(value) => value, Tree::Node(_) => unreachable!("no base case") };
        let parts = |node| match node { Tree::Node(parts) => parts, Tree::Leaf(_) => unreachable!("a base case") };
        let solved = multi_thread().block_on(async move {
            divide_and_conquer(tree, |tree| matches!(tree, Tree::Leaf(_)), value, parts, mix).on(&CpuPool::new(workers)).await
        });
        prop_assert_eq!(solved, Ok(expected));
    }

    /// A range that is cut anywhere.
    #[test]
    fn bisect_gives_what_recursion_gives(len in 1_u64..20_000, seed: u64, workers in 1_usize..4) {
        fn cut(range: &Range<u64>, seed: u64) -> u64 {
            range.start + 1 + mix([range.start, range.end, seed]) % (range.end - range.start - 1)
        }
        fn recursion(range: Range<u64>, seed: u64) -> u64 {
            if range.end - range.start == 1 {
                return range.start;
            }
            let middle = cut(&range, seed);
            mix([recursion(range.start..middle, seed), recursion(middle..range.end, seed)])
        }
        let halves = move |range: Range<u64>| { let middle = cut(&range, seed); [range.start..middle, middle..range.end] };
        let is_base = |range: &Range<u64>| range.end - range.start == 1;
        let solved = multi_thread().block_on(async move {
            bisect(0..len, is_base, |range| range.start, halves, |left, right| mix([left, right])).on(&CpuPool::new(workers)).await
        });
        prop_assert_eq!(solved, Ok(recursion(0..len, seed)));
    }
}

const DEPTH: u64 = 1_000_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_depth_of_a_million_is_no_trouble_on_either_side() {
    for workers in [1, 2] {
        let pool = CpuPool::new(workers);
        // A list: one part is a leaf, the other is the rest.
        let count = |is_left: bool| {
            let parts = move |n: u64| if is_left { [n - 1, 1] } else { [1, n - 1] };
            bisect(DEPTH, |n| *n == 1, |_| 1_u64, parts, |left, right| left + right).on(&pool)
        };
        assert_eq!(count(true).await, Ok(DEPTH));
        assert_eq!(count(false).await, Ok(DEPTH));
        let parts = |n: u64| vec![1, n - 2, 1];
        let solved = divide_and_conquer(DEPTH + 1, |n| *n == 1, |_| 1_u64, parts, |parts| parts.iter().sum());
        assert_eq!(solved.on(&pool).await, Ok(DEPTH + 1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deep_recursion_that_is_dropped_midway_drops_all_in_a_loop() {
    let (pool, held) = (CpuPool::new(2), Held::default());
    let gate = held.clone();
    let parts = move |n: u64| {
        if n == 10 {
            gate.pass();
        }
        vec![2, n - 2, 2]
    };
    let is_base = |n: &u64| *n <= 2;
    let solved =
        divide_and_conquer(DEPTH, is_base, |n| vec![n], parts, |parts| parts.into_iter().flatten().take(3).collect());
    let solved = tokio::spawn(solved.on(&pool).into_future());
    held.until_entered(1).await;
    solved.abort();
    assert!(solved.await.is_err());
    held.open();
    until_idle(&pool).await;
}

#[tokio::test]
async fn a_base_case_is_solved_as_it_is() {
    let solved = bisect(7, |_| true, |n| n * 6, |n| [n, n], |left, right| left + right).await;
    assert_eq!(solved, Ok(42));
    let solved = divide_and_conquer(7, |_| true, |n| n * 6, |n| vec![n], |parts| parts.into_iter().sum()).await;
    assert_eq!(solved, Ok(42));
}

#[tokio::test]
async fn no_parts_are_combined_to_what_nothing_is() {
    let solved = divide_and_conquer(7, |_| false, |_| 1, |_| vec![], |parts: Vec<usize>| parts.len()).await;
    assert_eq!(solved, Ok(0));
    // In the midst of others, many times over.
    let parts = |n: u32| if n == 0 { vec![] } else { vec![0, n - 1, 0] };
    let solved = divide_and_conquer(10_000, |_| false, |_| 0, parts, |parts: Vec<u32>| 1 + parts.iter().sum::<u32>());
    assert_eq!(solved.await, Ok(30_001));
}

#[tokio::test]
async fn slow_parts_are_solved_at_once_by_all_workers() {
    let (pool, held) = (CpuPool::new(3), Held::default());
    let gate = held.clone();
    let solve = move |n: u32| {
        gate.pass();
        vec![n]
    };
    let solved = divide_and_conquer(0, |n| *n > 0, solve, |_| vec![1, 2, 3], |parts| parts.concat());
    let solved = tokio::spawn(async move { solved.on(&pool).await });
    held.until_entered(3).await;
    held.open();
    assert_eq!(solved.await.expect("no panic"), Ok(vec![1, 2, 3]));
}

#[tokio::test]
async fn two_slow_halves_are_solved_at_once() {
    let (pool, held) = (CpuPool::new(2), Held::default());
    let gate = held.clone();
    let solve = move |n: u32| {
        gate.pass();
        n
    };
    let solved = bisect(3, |n| *n < 3, solve, |_| [1, 2], |left, right| 10 * left + right);
    let solved = tokio::spawn(async move { solved.on(&pool).await });
    held.until_entered(2).await;
    held.open();
    assert_eq!(solved.await.expect("no panic"), Ok(12));
}

#[tokio::test]
async fn a_panic_in_any_closure_is_a_value() {
    let pool = CpuPool::new(2);
    let solve = |at: &'static str, in_halves: bool| {
        let when = move |here: &str, n: u32| assert!(at != here || !n.is_multiple_of(64), "{here} broke");
        let is_base = move |n: &u32| {
            when("is_base", *n);
            *n < 4
        };
        let solve = move |n: u32| {
            when("solve", 64 * n);
            u64::from(n)
        };
        let divide = move |n: u32| {
            when("divide", n);
            [n / 2, n - n / 2]
        };
        let combine = move |left: u64, right: u64| {
            when("combine", 64 * (left + right) as u32);
            left + right
        };
        match in_halves {
            true => bisect(1 << 16, is_base, solve, divide, combine).on(&pool).into_future(),
            false => {
                let all = move |parts: Vec<u64>| parts.into_iter().reduce(combine).expect("two");
                divide_and_conquer(1 << 16, is_base, solve, move |n| divide(n).into(), all).on(&pool).into_future()
            }
        }
    };
    for (at, in_halves) in
        ["is_base", "solve", "divide", "combine"].into_iter().flat_map(|at| [(at, true), (at, false)])
    {
        let Err(JobError::Panicked(panicked)) = solve(at, in_halves).await else { panic!("{at} does not panic") };
        assert_eq!(panicked.message, format!("{at} broke").into());
        let name = if in_halves { "`bisect` on pool" } else { "`divide_and_conquer` on pool" };
        assert!(panicked.place.starts_with(name), "{}", panicked.place);
    }
    until_idle(&pool).await;
}

#[tokio::test]
async fn a_panic_drops_every_part_and_every_solution_once() {
    for workers in [1, 3] {
        let (pool, drops) = (CpuPool::new(workers), DropCounter::new());
        let parts = drops.clone();
        let divide = move |(n, _): (u32, DropGuard)| (0..3).map(|_| (n / 3, parts.guard())).collect::<Vec<_>>();
        let seen = AtomicUsize::new(0);
        let solve = move |(n, guard): (u32, DropGuard)| {
            assert!(seen.fetch_add(1, SeqCst) < 500, "enough");
            (n, guard)
        };
        let combine = |parts: Vec<(u32, DropGuard)>| parts.into_iter().next().expect("three");
        let solved = divide_and_conquer((2_187, drops.guard()), |(n, _)| *n < 3, solve, divide, combine).on(&pool);
        assert!(solved.await.is_err_and(|error| error.is_panicked()));
        until_idle(&pool).await;
        assert_eq!(drops.alive(), 0);
    }
}

#[derive(Debug)]
struct PanicsOnDrop;

impl Drop for PanicsOnDrop {
    fn drop(&mut self) {
        panic!("dropped badly");
    }
}

#[tokio::test]
async fn destructors_that_panic_end_nothing_but_the_work() {
    let pool = CpuPool::new(2);
    let divide = |(n, bad): (u32, PanicsOnDrop)| {
        std::mem::forget(bad);
        (0..4).map(|_| (n / 4, PanicsOnDrop)).collect::<Vec<_>>()
    };
    let seen = AtomicUsize::new(0);
    let solve = move |part: (u32, PanicsOnDrop)| {
        if seen.fetch_add(1, SeqCst) == 20 {
            std::mem::forget(part);
            panic!("enough");
        }
        part
    };
    let combine = |mut parts: Vec<(u32, PanicsOnDrop)>| {
        let first = parts.pop().expect("four");
        parts.into_iter().for_each(std::mem::forget);
        first
    };
    let solved = divide_and_conquer((4_096, PanicsOnDrop), |(n, _)| *n < 4, solve, divide, combine).on(&pool);
    assert!(solved.await.is_err_and(|error| error.is_panicked()));
    assert_eq!(pool.submit(|| 7).await.expect("open").await, Ok(7));
}

#[tokio::test]
async fn dropped_midway_it_stops_soon() {
    let (pool, held, seen) = (CpuPool::new(1), Held::default(), Arc::new(AtomicUsize::new(0)));
    let (gate, count) = (held.clone(), seen.clone());
    let solve = move |n: u32| {
        if count.fetch_add(1, SeqCst) == 100 {
            gate.pass();
        }
        n
    };
    let solved = bisect(1 << 20, |n| *n == 1, solve, |n| [n / 2, n / 2], |left, right| left + right);
    let solved = tokio::spawn(solved.on(&pool).into_future());
    held.until_entered(1).await;
    solved.abort();
    assert!(solved.await.is_err());
    held.open();
    until_idle(&pool).await;
    assert!(seen.load(SeqCst) < 400, "{seen:?} base cases were solved");
}

#[tokio::test]
async fn it_can_be_awaited_in_a_job_of_its_own_pool_of_one() {
    let pool = CpuPool::new(1);
    let sum =
        |pool| async move { bisect(1_u64 << 12, |n| *n == 1, |n| n, |n| [n / 2, n / 2], |l, r| l + r).on(&pool).await };
    assert_eq!(inside(&pool, sum).await, Ok(1 << 12));
    let sum = |pool| async move {
        divide_and_conquer(3_u64.pow(7), |n| *n == 1, |n| n, |n| vec![n / 3; 3], |parts| parts.iter().sum())
            .on(&pool)
            .await
    };
    assert_eq!(inside(&pool, sum).await, Ok(3_u64.pow(7)));
}

#[tokio::test]
async fn the_executor_stays_free() {
    let held = Held::default();
    let gate = held.clone();
    let solve = move |n: u32| {
        gate.pass();
        n
    };
    let solved =
        tokio::spawn(bisect(4, |n| *n == 1, solve, |n| [n / 2, n / 2], |left, right| left + right).into_future());
    held.until_entered(1).await;
    ticks(1_000).await;
    held.open();
    assert_eq!(solved.await.expect("no panic"), Ok(4));
}

#[tokio::test]
async fn a_pool_that_is_aborted_is_an_error() {
    let (pool, held) = (CpuPool::new(1), Held::default());
    let gate = held.clone();
    let solve = move |n: u32| {
        gate.pass();
        n
    };
    let solved = bisect(1 << 10, |n| *n == 1, solve, |n| [n / 2, n / 2], |left, right| left + right);
    let solved = tokio::spawn(solved.on(&pool).into_future());
    held.until_entered(1).await;
    pool.abort();
    held.open();
    assert!(solved.await.expect("no panic").is_err_and(|error| error.is_closed()));
}

/// Sixteen at once on one pool, each of many parts, with workers that come and go.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_recursions_share_a_pool() {
    let pool = CpuPool::new(3);
    let sums = (1..=16_u64).map(|n| {
        let sum = bisect(n << 12, |n| *n <= 3, |n| n, |n| [n / 3, n - n / 3], |left, right| left + right).on(&pool);
        tokio::spawn(async move { (n, sum.await) })
    });
    for sum in sums.collect::<Vec<_>>() {
        let (n, sum) = sum.await.expect("no panic");
        assert_eq!(sum, Ok(n << 12));
    }
}

#[tokio::test]
async fn dropped_on_a_long_way_up_it_stops_soon() {
    for is_bisect in [true, false] {
        let (pool, held, seen) = (CpuPool::new(1), Held::default(), Arc::new(AtomicUsize::new(0)));
        let (gate, count) = (held.clone(), seen.clone());
        let join = move |left: u32, right: u32| {
            if count.fetch_add(1, SeqCst) == 10 {
                gate.pass();
            }
            left + right
        };
        // All the way down to the left, then all the way up.
        let solving = match is_bisect {
            true => tokio::spawn(bisect(100_000, |n| *n == 1, |n| n, |n| [n - 1, 1], join).on(&pool).into_future()),
            false => {
                let join = move |parts: Vec<u32>| parts.into_iter().reduce(&join).expect("two");
                let parts = |n| vec![n - 1, 1];
                tokio::spawn(divide_and_conquer(100_000, |n| *n == 1, |n| n, parts, join).on(&pool).into_future())
            }
        };
        held.until_entered(1).await;
        solving.abort();
        assert!(solving.await.is_err());
        held.open();
        until_idle(&pool).await;
        assert!(seen.load(SeqCst) < 300, "{seen:?} nodes were combined");
    }
}

#[tokio::test]
async fn closures_whose_captures_panic_when_dropped_end_nothing() {
    fn holding<A, R>(run: impl Fn(A) -> R) -> impl Fn(A) -> R {
        let bomb = PanicsOnDrop;
        move |given| {
            let _held = &bomb;
            run(given)
        }
    }
    let pool = CpuPool::new(2);
    let is_base = |n: &u32| *n == 1;
    let solved = bisect(64, is_base, holding(|n| n), holding(|n| [n / 2, n / 2]), |left, right| left + right);
    assert_eq!(solved.on(&pool).await, Ok(64));
    let sum = |parts: Vec<u32>| parts.iter().sum();
    let solved = divide_and_conquer(64, is_base, holding(|n| n), holding(|n| vec![n / 2; 2]), holding(sum)).on(&pool);
    assert_eq!(solved.await, Ok(64));
    let worker = holding(|chunk: Vec<u32>| chunk.len());
    assert_eq!(
        regatta::parallel::scatter_gather(vec![1, 2], 2, worker, |lengths| lengths).on(&pool).await,
        Ok(vec![1, 1])
    );
    until_idle(&pool).await;
    assert_eq!(pool.submit(|| 7).await.expect("open").await, Ok(7));
}

#[tokio::test]
async fn workers_that_come_by_a_resize_take_part() {
    let (pool, held) = (CpuPool::new(1), Held::default());
    let (gate, begun) = (held.clone(), Held::default());
    let first = begun.clone();
    // The first leaf waits for the resize; of the others, all from some on wait for each other.
    let solve = move |n: u32| {
        if n == 0 {
            first.pass();
        } else if n > 300 {
            gate.pass();
        }
        1_u32
    };
    let halves = |range: std::ops::Range<u32>| {
        let middle = range.start.midpoint(range.end);
        [range.start..middle, middle..range.end]
    };
    let solved = bisect(0..1_000, |range| range.len() == 1, move |range| solve(range.start), halves, |l, r| l + r);
    let solved = tokio::spawn(solved.on(&pool).into_future());
    begun.until_entered(1).await;
    pool.resize(2);
    begun.open();
    held.until_entered(2).await;
    held.open();
    assert_eq!(solved.await.expect("no panic"), Ok(1_000));
}
