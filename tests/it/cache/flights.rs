//! Loads, whatever becomes of those who asked: one table of every case.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use regatta::cache::{Cache, LoadError, LoadFailure};
use tokio::time::timeout;

use super::{later, ms};
use crate::support::poll_once;

/// What the loader comes to, after a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Ok,
    Error,
    Panic,
    Never,
}

/// What becomes of the one who asked first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leader {
    Done,
    Aborted,
    Unpolled,
    TimedOut,
}

/// What happens to the key after half a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meanwhile {
    Nothing,
    Invalidate,
    Insert,
}

/// What somebody was told.
#[derive(Debug, Clone)]
enum Told {
    Value(u32),
    Failed(LoadFailure),
    Panicked(String),
    Closed,
}

impl Told {
    fn of(told: Result<u32, LoadError>) -> Self {
        match told {
            Ok(value) => Self::Value(value),
            Err(LoadError::Failed(failure)) => Self::Failed(failure),
            Err(LoadError::Panicked(panicked)) => Self::Panicked(panicked.message.to_string()),
            Err(LoadError::Closed(_)) => Self::Closed,
            Err(other) => panic!("{other}"),
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Value(one), Self::Value(other)) => one == other,
            (Self::Failed(one), Self::Failed(other)) => one.is_same(other),
            (Self::Panicked(one), Self::Panicked(other)) => one == other,
            (Self::Closed, Self::Closed) => true,
            _ => false,
        }
    }

    /// What a loader leads to that nobody stopped.
    fn is_of(&self, end: End) -> bool {
        match (self, end) {
            (Self::Value(value), End::Ok) => *value == 1,
            (Self::Failed(failure), End::Error) => failure.downcast_ref::<std::io::Error>().is_some(),
            (Self::Panicked(message), End::Panic) => message == "out of cheese",
            (Self::Closed, End::Never) => true,
            _ => false,
        }
    }
}

async fn load(end: End) -> Result<u32, std::io::Error> {
    later(1000).await;
    match end {
        End::Ok => Ok(1),
        End::Error => Err(std::io::Error::other("offline")),
        End::Panic => panic!("out of cheese"),
        End::Never => pending().await,
    }
}

async fn check(end: End, leader: Leader, waiters: usize, meanwhile: Meanwhile) {
    let cache = Cache::new(10);
    let calls = Arc::new(AtomicUsize::new(0));
    let ask = || {
        let (cache, calls) = (cache.clone(), calls.clone());
        async move {
            let loader = |_| {
                calls.fetch_add(1, Ordering::Relaxed);
                load(end)
            };
            Told::of(cache.try_get_or_load(&7, loader).await)
        }
    };
    let case = format!("{end:?}, leader {leader:?}, {waiters} waiters, {meanwhile:?}");

    let mut first = Some(Box::pin(ask()));
    assert!(poll_once(first.as_mut().expect("there").as_mut()).is_pending(), "{case}");
    let waiting: Vec<_> = (0..waiters).map(|_| tokio::spawn(ask())).collect();
    tokio::task::yield_now().await;
    let leading = match leader {
        Leader::Done => first.take().map(tokio::spawn),
        Leader::Aborted => {
            first = None;
            None
        }
        Leader::Unpolled => None,
        Leader::TimedOut => {
            let waited = timeout(ms(100), first.take().expect("there")).await;
            assert!(waited.is_err(), "{case}");
            None
        }
    };
    later(500).await;
    assert_eq!((calls.load(Ordering::Relaxed), cache.stats().loading), (1, 1), "{case}");
    match meanwhile {
        Meanwhile::Nothing => {}
        Meanwhile::Invalidate => assert_eq!(cache.invalidate(&7), None, "{case}"),
        Meanwhile::Insert => cache.insert(7, 99),
    }

    // Somebody who comes after that: joins, begins anew, or finds what was put in.
    let late = tokio::spawn(ask());
    tokio::task::yield_now().await;
    let begun = if meanwhile == Meanwhile::Invalidate { 2 } else { 1 };
    assert_eq!(calls.load(Ordering::Relaxed), begun, "{case}");

    later(700).await; // the first load is over, unless it has no end
    let before = cache.get(&7);
    match meanwhile {
        Meanwhile::Nothing => assert_eq!(before, (end == End::Ok).then_some(1), "{case}"),
        Meanwhile::Invalidate => assert_eq!(before, None, "{case}: what was asked for before is not kept"),
        Meanwhile::Insert => assert_eq!(before, Some(99), "{case}: what was put in stays"),
    }
    later(1000).await; // the second as well
    if end == End::Never {
        cache.abort();
        tokio::task::yield_now().await;
    }
    let late = late.await.expect("it is told");
    match meanwhile {
        Meanwhile::Insert => assert!(matches!(late, Told::Value(99)), "{case}: {late:?}"),
        _ => assert!(late.is_of(end), "{case}: {late:?}"),
    }
    let mut told = Vec::new();
    for one in waiting {
        told.push(one.await.expect("it is told"));
    }
    if let Some(leading) = leading {
        told.push(leading.await.expect("it is told"));
    }
    if let Some(mut unpolled) = first {
        match poll_once(unpolled.as_mut()) {
            Poll::Ready(late) => told.push(late),
            Poll::Pending => panic!("{case}: it is told when it is polled again"),
        }
    }
    assert!(told.iter().all(|one| one.is_of(end) && one.is_same(&told[0])), "{case}: {told:?}");

    let stats = cache.stats();
    assert_eq!((stats.loading, stats.loads), (0, begun as u64), "{case}");
    let joined = waiters + usize::from(meanwhile == Meanwhile::Nothing);
    assert_eq!(stats.coalesced, joined as u64, "{case}");
    assert_eq!(stats.inserted, stats.entries + stats.removed.sum(), "{case}");
    if end != End::Never && cache.get(&7).is_none() {
        assert!(poll_once(Box::pin(ask()).as_mut()).is_pending(), "{case}: the next one loads anew");
        assert_eq!(calls.load(Ordering::Relaxed), begun + 1, "{case}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_flight_ends_as_it_should_whatever_becomes_of_its_guests() {
    for end in [End::Ok, End::Error, End::Panic, End::Never] {
        for leader in [Leader::Done, Leader::Aborted, Leader::Unpolled, Leader::TimedOut] {
            for waiters in [0, 1, 1000] {
                for meanwhile in [Meanwhile::Nothing, Meanwhile::Invalidate, Meanwhile::Insert] {
                    check(end, leader, waiters, meanwhile).await;
                }
            }
        }
    }
}
