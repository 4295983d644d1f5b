//! Corners in which two things meet: a letter that waits and a clock, a side that is ahead and a lock, a destructor and an
//! abort.

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use futures::{StreamExt, stream};
use regatta::pipeline::{Concurrency, DeadLetter, OnError, Pipeline};
use regatta::policy::Backoff;
use regatta::queue::{self, Consumer};
use tokio::time::{Instant, timeout};

use super::kit::{Count, Log, burst, ended, pass, quiet};

const MS: fn(u64) -> Duration = Duration::from_millis;

fn at_once() -> Backoff {
    Backoff::exponential(MS(10)..=MS(10)).attempts(3).jitter(0.0)
}

/// Takes every letter, from a time on.
async fn read<T>(dead: Consumer<DeadLetter<T>>, from: Duration) -> Vec<Option<T>> {
    pass(from).await;
    let mut items = Vec::new();
    while let Some(letter) = dead.recv().await {
        items.push(letter.into_inner().item);
    }
    items
}

async fn two_steps(n: u64) -> u64 {
    pass(MS(10 * (n % 4 + 1))).await;
    pass(MS(10)).await;
    n
}

#[tokio::test(start_paused = true)]
async fn a_side_that_is_ahead_goes_on_while_the_other_is_late() {
    let late = || {
        stream::iter(0..8_u64).then(|n| async move {
            if n == 0 {
                pass(MS(2_000)).await
            }
            n
        })
    };
    let left = || Pipeline::from_stream(late()).inline();
    let right = || {
        let four = Concurrency::unordered(4);
        Pipeline::from_iter(0..8_u64).inline().map_async(four, two_steps).timeout(MS(500))
    };
    assert_eq!(left().zip(right()).collect::<Vec<_>>().await.unwrap().len(), 8);
    assert_eq!(left().merge_sorted(right()).collect::<Vec<_>>().await.unwrap().len(), 16);
}

#[tokio::test(start_paused = true)]
async fn sides_that_share_a_queue_of_letters_do_not_wait_for_each_other() {
    let (letters, dead) = queue::bounded::<DeadLetter<u32>>(1);
    let (for_left, for_right) = (OnError::dead_letter(letters.clone()), OnError::dead_letter(letters));
    let work = |n: u32| async move {
        if n == 3 {
            pass(MS(1)).await;
            Ok(n)
        } else {
            Err("no")
        }
    };
    let slow = stream::iter(0..8_u32).then(|n| async move {
        pass(MS(2)).await;
        n
    });
    let left = Pipeline::from_iter(0..8_u32).inline().try_map_async(Concurrency::unordered(4), work).on_error(for_left);
    let right =
        Pipeline::from_stream(slow).inline().try_map(|n| if n < 6 { Err("no") } else { Ok(n) }).on_error(for_right);
    let run = timeout(MS(60_000), left.zip(right).collect::<Vec<_>>());
    let (result, left_out) = tokio::join!(run, read(dead, MS(5)));
    assert_eq!((result.expect("it hangs").unwrap(), left_out.len()), (vec![(3, 6)], 13));
}

#[tokio::test(start_paused = true)]
async fn a_letter_that_waits_does_not_stop_what_is_under_way() {
    let (letters, dead) = queue::bounded::<DeadLetter<u64>>(1);
    let run = Pipeline::from_iter(0..8_u64)
        .inline()
        .map_async(Concurrency::unordered(4), two_steps)
        .timeout(MS(500))
        .try_map(|n| if n % 4 < 2 { Err("no") } else { Ok(n) })
        .on_error(OnError::dead_letter(letters))
        .collect::<Vec<_>>();
    let (result, left_out) = tokio::join!(run, read(dead, MS(3_000)));
    assert_eq!((result.unwrap().len(), left_out.len()), (4, 4));
}

/// Both ways, since the drivers are two.
macro_rules! gathered {
    ($source:expr, $letters:expr) => {{
        let weigh = |n: &u32| -> u64 { if *n % 2 == 1 { burst() } else { 1 } };
        $source.batch_weighted(100, MS(50), weigh).on_error(OnError::dead_letter($letters))
    }};
}

#[tokio::test(start_paused = true)]
async fn a_letter_at_the_very_end_is_waited_for_and_a_batch_leaves_in_time_all_the_same() {
    let left = Log::new();
    let log = |begun: Instant| {
        let left = left.clone();
        move |_: &Vec<u32>| left.push(begun.elapsed())
    };
    let (letters, dead) = queue::bounded(1);
    let stage = gathered!(Pipeline::from_iter([2_u32, 1, 3]).take(3), letters).inspect(log(Instant::now()));
    let (result, items) = tokio::join!(stage.collect::<Vec<_>>().spawn(), read(dead, MS(3_000)));
    assert_eq!((result.unwrap(), items), (vec![vec![2]], vec![Some(1), Some(3)]));

    let (letters, dead) = queue::bounded(1);
    let stage = gathered!(Pipeline::from_iter([2_u32, 1, 3]).inline().take(3), letters).inspect(log(Instant::now()));
    let (result, items) = tokio::join!(stage.collect::<Vec<_>>(), read(dead, MS(3_000)));
    assert_eq!((result.unwrap(), items), (vec![vec![2]], vec![Some(1), Some(3)]));
    assert!(left.all().into_iter().all(|after| after <= MS(60)), "{:?}", left.all());
}

#[tokio::test(start_paused = true)]
async fn an_item_that_waits_for_its_next_attempt_has_its_turn_however_often_others_are_woken() {
    async fn once_again() {
        let mut first = true;
        poll_fn(|cx| {
            cx.waker().wake_by_ref();
            if std::mem::take(&mut first) { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
    }
    let tries = Count::default();
    let work = |n: u32| {
        let tries = tries.clone();
        async move {
            once_again().await;
            if n == 3 && tries.up() == 0 { Err("busy") } else { Ok(n) }
        }
    };
    let four = Concurrency::unordered(4);
    let mut items = Pipeline::from_iter(0..).inline().try_map_async(four, work).retry(at_once()).into_stream();
    for _ in 0..1_000 {
        if items.next().await.unwrap().unwrap() == 3 {
            return;
        }
        pass(MS(1)).await;
    }
    panic!("it was starved");
}

/// Its clones panic when they are dropped.
#[derive(Debug)]
struct Twin(u32, bool);

impl Clone for Twin {
    fn clone(&self) -> Self {
        Self(self.0, true)
    }
}

impl Drop for Twin {
    fn drop(&mut self) {
        if self.1 && !std::thread::panicking() {
            panic!("a clone's destructor");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_clone_that_was_kept_and_panics_when_it_is_dropped_costs_nothing() {
    let twins = || (0..6).map(|n| Twin(n, false));
    let all = vec![0, 1, 2, 3, 4, 5];
    let run = Pipeline::from_iter(twins()).map_async(2, |twin| async move { twin.0 }).retry(at_once());
    assert_eq!(run.collect::<Vec<_>>().await.unwrap(), all);
    let run = Pipeline::from_iter(twins()).inline().map_async(2, |twin| async move { twin.0 }).retry(at_once());
    assert_eq!(run.collect::<Vec<_>>().await.unwrap(), all);
    let (letters, _dead) = queue::bounded(10);
    let run = Pipeline::from_iter(twins()).map_cpu(2, |twin| twin.0).on_error(OnError::dead_letter(letters));
    assert_eq!(run.collect::<Vec<_>>().await.unwrap(), all);
}

/// Panics whenever it is dropped, also while another panic is on its way: two at once abort the process.
#[derive(Debug, Clone)]
struct Landmine;

impl Drop for Landmine {
    fn drop(&mut self) {
        panic!("a destructor");
    }
}

/// A future that holds a mine until it ends.
async fn held(mine: Landmine) {
    std::future::pending::<()>().await;
    std::mem::forget(mine);
}

async fn dropped_in_the_middle(run: impl Future) {
    let mut run = Box::pin(run);
    let _ = timeout(MS(10), &mut run).await;
    drop(run);
    quiet().await;
}

#[tokio::test(start_paused = true)]
async fn destructors_that_panic_abort_nothing_wherever_a_run_is_dropped() {
    let mines = || Pipeline::from_iter(0..3).map(|_| Landmine);
    let inline = || Pipeline::from_iter(0..3).inline().map(|_| Landmine);
    // Kept beside the future.
    dropped_in_the_middle(mines().map_async(1, held).retry(at_once()).collect::<Vec<_>>().into_future()).await;
    dropped_in_the_middle(inline().map_async(1, held).retry(at_once()).collect::<Vec<_>>()).await;
    // In a batch that is open.
    let endless = || stream::iter(0..3).chain(stream::pending());
    let batch = Pipeline::from_stream(endless()).map(|_| Landmine).batch(10, Duration::MAX).for_each(1, |_| async {});
    dropped_in_the_middle(batch.into_future()).await;
    let batch = Pipeline::from_stream(endless()).inline().map(|_| Landmine).batch(10, Duration::MAX);
    dropped_in_the_middle(batch.for_each(1, |_| async {})).await;
    // In letters that wait.
    let fails = |mine: Landmine| async move {
        std::mem::forget(mine);
        Err::<(), _>("no")
    };
    let (letters, dead) = queue::bounded(1);
    let letters = || OnError::dead_letter(letters.clone());
    dropped_in_the_middle(mines().try_map_async(3, fails).on_error(letters()).collect::<Vec<_>>().into_future()).await;
    dropped_in_the_middle(inline().try_map_async(3, fails).on_error(letters()).collect::<Vec<_>>()).await;
    std::mem::forget(dead);
}

#[tokio::test]
async fn results_of_the_pool_that_nobody_takes_abort_nothing() {
    let begun = Arc::new(AtomicBool::new(false));
    let (inside, mines) = (begun.clone(), Pipeline::from_iter(0..10_000_u32));
    let running = mines
        .map_cpu(1, move |_| {
            inside.store(true, Ordering::Relaxed);
            Landmine
        })
        .map(std::mem::forget)
        .for_each(1, |()| std::future::pending())
        .spawn();
    crate::support::eventually(MS(10_000), "it computes", || begun.load(Ordering::Relaxed)).await;
    drop(running);
    quiet().await;
}

#[tokio::test(start_paused = true)]
async fn letters_that_carry_the_error_alone_never_carry_an_item() {
    let (letters, dead) = queue::bounded(10);
    let fails = |_| async { Err::<u32, _>("no") };
    let stage = Pipeline::from_iter([1_u32]).try_map_async(1, fails).retry(at_once());
    stage.on_error(OnError::dead_letter_error(letters.clone())).collect::<Vec<_>>().await.unwrap();
    let (left, right) = (Pipeline::from_iter([1_u32]), Pipeline::from_iter([2]));
    let sorted = left.merge_sorted_by(right, |_, _| burst()).on_error(OnError::dead_letter_error(letters));
    sorted.collect::<Vec<_>>().await.unwrap();
    assert_eq!(read(dead, Duration::ZERO).await, [None, None]);
}

#[tokio::test]
async fn windows_have_their_size_also_after_one_that_was_skipped() {
    struct Once(u32, Arc<AtomicBool>);

    impl Clone for Once {
        fn clone(&self) -> Self {
            if self.0 == 4 && !self.1.swap(true, Ordering::Relaxed) { burst() } else { Self(self.0, self.1.clone()) }
        }
    }

    let has_panicked = Arc::default();
    let items: Vec<Once> = (0..10).map(|n| Once(n, Arc::clone(&has_panicked))).collect();
    let running = Pipeline::from_iter(items).window(3, 1).on_error(OnError::Skip).map(|window| window.len());
    let (result, _) = ended(running.collect::<Vec<_>>().spawn()).await;
    let sizes = result.unwrap();
    assert!(sizes.len() >= 6 && sizes.iter().all(|size| *size == 3), "{sizes:?}");
}

#[test]
fn a_runtime_without_timers_fails_the_items_that_need_one() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let work = |n: u32| async move { if n == 1 { Err("no") } else { Ok(n) } };
        let items = || Pipeline::from_iter(0..4_u32);
        let (retried, bounded) =
            (items().try_map_async(1, work).retry(at_once()), items().try_map_async(1, work).timeout(MS(1)));
        assert_eq!(retried.on_error(OnError::Skip).collect::<Vec<_>>().await.unwrap(), [0, 2, 3]);
        assert_eq!(bounded.on_error(OnError::Skip).collect::<Vec<_>>().await.unwrap(), [0_u32; 0]);
        let (retried, bounded) = (
            items().inline().try_map_async(1, work).retry(at_once()),
            items().inline().try_map_async(1, work).timeout(MS(1)),
        );
        assert_eq!(retried.on_error(OnError::Skip).collect::<Vec<_>>().await.unwrap(), [0, 2, 3]);
        assert_eq!(bounded.on_error(OnError::Skip).collect::<Vec<_>>().await.unwrap(), [0_u32; 0]);
    });
}

#[tokio::test]
async fn of_three_ends_the_one_in_the_middle_has_its_turn_too() {
    // Each failure that is skipped costs a unit of what a task may do at a time.
    let hungry = || {
        let stage = Pipeline::from_iter(0_u64..).try_scan(|| (), |(), _| Err::<u64, _>("no")).on_error(OnError::Skip);
        stage.fold(0, |sum, n| sum + n)
    };
    let done = Count::default();
    let count = done.clone();
    let modest = Pipeline::from_iter(0..10_u64).fold(0, move |sum, n| {
        count.up();
        sum + n
    });
    let running = hungry().and(modest).and(hungry()).spawn();
    crate::support::eventually(MS(20_000), "the one in the middle is done", || done.get() == 10).await;
    drop(running);
}
