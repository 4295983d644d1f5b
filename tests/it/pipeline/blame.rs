//! Who is to blame: the stage that failed, in its own words, whatever happens beside it.

use std::fmt;
use std::time::Duration;

use futures::stream;
use regatta::pipeline::Pipeline;
use regatta::pool::CpuPool;

use super::kit::{Grenade, pass};

const MS: fn(u64) -> Duration = Duration::from_millis;

#[tokio::test(start_paused = true)]
async fn whoever_is_aborted_is_not_to_blame() {
    let slow = |n: u64| async move {
        pass(MS(10 * n)).await;
        n
    };
    let mut running = Pipeline::from_iter(0..100_u64).map_async(8, slow).take(3).collect::<Vec<_>>().spawn();
    (&mut running).await.unwrap();
    assert_eq!(running.stats().failure(), None);

    let fails = |n| async move { if n == 2 { Err("the reason") } else { Ok(n) } };
    let stages = Pipeline::from_iter(0..100_u64).map_async(8, slow).try_map_async(1, fails).named("culprit");
    let mut running = stages.collect::<Vec<_>>().titled("p").spawn();
    assert!((&mut running).await.is_err());
    assert_eq!(running.stats().failure(), Some("stage `culprit` of pipeline `p` failed: the reason"));

    let pool = CpuPool::new(1);
    let _ = pool.shutdown(MS(10)).await;
    let mut running = Pipeline::from_iter(0..10_u32).map_cpu_on(&pool, 2, |n| n).collect::<Vec<_>>().spawn();
    assert!((&mut running).await.is_err());
    assert!(running.stats().failure().is_some_and(|words| words.contains("is closed")));
}

/// An error that cannot say what it is.
#[derive(Debug)]
struct Mute;

impl fmt::Display for Mute {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("no words")
    }
}

impl std::error::Error for Mute {}

#[tokio::test]
async fn an_error_without_words_reaches_the_branch_that_is_left() {
    for first in [false, true] {
        let stage = Pipeline::from_iter(0..3_u32).try_map(|n| if n == 1 { Err(Mute) } else { Ok(n) });
        let [left, right] = stage.broadcast(4);
        let branch = if first {
            drop(right);
            left
        } else {
            drop(left);
            right
        };
        let failure = branch.collect::<Vec<_>>().await.unwrap_err();
        assert!(failure.downcast_ref::<Mute>().is_some(), "the first is left: {first}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_result_that_panics_when_it_is_dropped_does_not_take_the_place_of_the_others_failure() {
    let done = || Pipeline::from_iter([1_u32]).fold(Grenade, |grenade, _| grenade);
    let fails = || {
        let late = stream::once(async {
            pass(MS(50)).await;
            1_u32
        });
        Pipeline::from_stream(late).try_map(|_| Err::<u32, _>("the reason")).fold(0, |sum, n| sum + n)
    };
    let Err(failure) = done().and(fails()).await else { panic!("one of them fails") };
    assert_eq!(std::error::Error::source(&failure).unwrap().to_string(), "the reason");
    let Err(failure) = fails().and(done()).await else { panic!("one of them fails") };
    assert_eq!(std::error::Error::source(&failure).unwrap().to_string(), "the reason");
}
