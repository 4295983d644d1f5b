//! Elements whose drops are counted one by one, and calls that are held or panic.

use std::fmt;
use std::future::IntoFuture;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use futures::future::BoxFuture;
use regatta::parallel::{SortError, sort_by, sort_by_cached_key};
use regatta::pool::CpuPool;
use tokio::sync::oneshot;

use crate::support::poll_once;

pub(super) const SOON: Duration = Duration::from_secs(60);

/// How often each element was dropped.
#[derive(Clone)]
pub(super) struct Ledger(Arc<Vec<AtomicUsize>>);

/// One of a ledger's elements.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: u64,
    pub(super) place: usize,
    ledger: Ledger,
}

impl Ledger {
    /// Makes so many elements, in no order.
    pub(super) fn entries(count: usize) -> (Self, Vec<Entry>) {
        let ledger = Self(Arc::new((0..count).map(|_| AtomicUsize::new(0)).collect()));
        let mut key = 99_u64;
        let entries = (0..count).map(|place| {
            key = key.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            Entry { key: (key >> 33) % 1_000, place, ledger: ledger.clone() }
        });
        (ledger.clone(), entries.collect())
    }

    /// Tells whether each was dropped as often as this.
    pub(super) fn is_all(&self, times: usize) -> bool {
        self.0.iter().all(|drops| drops.load(SeqCst) == times)
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger").finish_non_exhaustive()
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.ledger.0[self.place].fetch_add(1, SeqCst);
    }
}

/// Tells whether these are all of so many entries, each once.
pub(super) fn is_complete(entries: &[Entry], count: usize) -> bool {
    let mut places: Vec<usize> = entries.iter().map(|entry| entry.place).collect();
    places.sort_unstable();
    places.into_iter().eq(0..count)
}

/// The elements, sorted or not.
pub(super) fn either_way(result: Result<Vec<Entry>, SortError<Entry>>) -> Vec<Entry> {
    result.unwrap_or_else(SortError::into_inner)
}

/// A function that panics when it is called for this time, from 1.
pub(super) fn panics_at(call: usize) -> impl Fn() + Send + Sync + 'static {
    let calls = AtomicUsize::new(0);
    move || assert!(calls.fetch_add(1, SeqCst) + 1 != call, "call {call}")
}

/// A call that goes on when this is dropped.
pub(super) struct Hold {
    started: oneshot::Receiver<()>,
    gate: mpsc::Sender<()>,
}

impl Hold {
    /// Gives a function that is held when it is called for this time, from 1.
    pub(super) fn at(call: usize) -> (Self, impl Fn() + Send + Sync + 'static) {
        let (gate, opened) = mpsc::channel::<()>();
        let (begun, started) = oneshot::channel();
        let (held, calls) = (Mutex::new(Some((begun, opened))), AtomicUsize::new(0));
        let function = move || {
            if calls.fetch_add(1, SeqCst) + 1 == call {
                let (begun, opened) = held.lock().unwrap().take().expect("the call of this number is one");
                let _ = begun.send(());
                let _ = opened.recv();
            }
        };
        (Self { started, gate }, function)
    }

    /// Waits until the call is held.
    pub(super) async fn until_held(&mut self) {
        (&mut self.started).await.expect("it is called");
    }

    pub(super) fn let_go(self) {
        drop(self.gate);
    }
}

pub(super) type Sorting = BoxFuture<'static, Result<Vec<Entry>, SortError<Entry>>>;

/// A sort of so many entries that is held at a comparison of this number, once it is there.
pub(super) async fn held_comparing(pool: &CpuPool, size: usize, call: usize) -> (Ledger, Hold, Sorting) {
    let (ledger, entries) = Ledger::entries(size);
    let (hold, compared) = Hold::at(call);
    let sorting = sort_by(entries, move |left: &Entry, right| {
        compared();
        left.key.cmp(&right.key)
    });
    until_held(ledger, hold, sorting.on(pool).into_future()).await
}

/// The same for the key of this number.
pub(super) async fn held_making_keys(pool: &CpuPool, size: usize, call: usize) -> (Ledger, Hold, Sorting) {
    let (ledger, entries) = Ledger::entries(size);
    let (hold, made) = Hold::at(call);
    let sorting = sort_by_cached_key(entries, move |entry: &Entry| {
        made();
        entry.key
    });
    until_held(ledger, hold, sorting.on(pool).into_future()).await
}

async fn until_held(ledger: Ledger, mut hold: Hold, mut sorting: Sorting) -> (Ledger, Hold, Sorting) {
    assert!(poll_once(sorting.as_mut()).is_pending());
    hold.until_held().await;
    (ledger, hold, sorting)
}
