//! What tests share. The helpers return facts; the assertions stay in the tests.
#![allow(dead_code, reason = "the modules that need a helper land one after the other")]

use std::{
    env,
    ffi::OsStr,
    future::Future,
    path::{Path, PathBuf},
    pin::Pin,
    process::Command,
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    task::{Context, Poll, Wake, Waker},
    thread,
    time::{Duration, Instant},
};

use futures::task::noop_waker;
use regatta::CancellationToken;

/// Waits until `check` holds, and panics with `what` when it doesn't by the deadline.
///
/// It is for tests with real processes and real threads, and the only place that waits in real
/// time: everything else polls by hand, pauses the clock, or uses a [`Gate`].
pub(crate) async fn eventually(deadline: Duration, what: &str, mut check: impl FnMut() -> bool) {
    let start = Instant::now();
    while !check() {
        assert!(start.elapsed() < deadline, "still not so after {deadline:?}: {what}");
        // On a thread of its own: tokio's sleep would end at once where the clock is paused.
        let pause = tokio::task::spawn_blocking(|| thread::sleep(Duration::from_millis(2)));
        pause.await.expect("a sleep doesn't panic");
    }
}

/// Polls once, with a waker that does nothing. The next poll is the test's business.
pub(crate) fn poll_once<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(&noop_waker()))
}

/// Counts how many of its guards live and how many are gone. Clones share the count.
#[derive(Clone, Debug, Default)]
pub(crate) struct DropCounter {
    /// Under a lock rather than in atomics, so that the two numbers always belong together.
    counts: Arc<Mutex<Counts>>,
}

#[derive(Debug, Default)]
struct Counts {
    alive: usize,
    dropped: usize,
}

impl DropCounter {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A value to move into a closure, a task or an item. It counts as alive until it is dropped.
    pub(crate) fn guard(&self) -> DropGuard {
        self.lock().alive += 1;
        DropGuard { counter: self.clone() }
    }

    /// How many guards live.
    pub(crate) fn alive(&self) -> usize {
        self.lock().alive
    }

    /// How many guards were dropped.
    pub(crate) fn dropped(&self) -> usize {
        self.lock().dropped
    }

    /// A poisoned count is still right, and guards are dropped while tests panic.
    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What [`DropCounter::guard`] hands out.
#[derive(Debug)]
#[must_use = "a guard that isn't kept is counted as dropped at once"]
pub(crate) struct DropGuard {
    counter: DropCounter,
}

impl Drop for DropGuard {
    fn drop(&mut self) {
        let mut counts = self.counter.lock();
        counts.alive -= 1;
        counts.dropped += 1;
    }
}

/// Holds up everyone who waits until the test opens it, then nobody ever again. Clones are the same
/// gate.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gate {
    opened: CancellationToken,
}

impl Gate {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Waits until the gate is open. Cancel safe.
    pub(crate) async fn wait(&self) {
        self.opened.cancelled().await;
    }

    /// Opens the gate for good.
    pub(crate) fn open(&self) {
        self.opened.cancel();
    }
}

/// A waker that runs `run` when its last clone is dropped: what a waker owns is foreign code.
pub(crate) fn waker_dropped_with(run: impl FnOnce() + Send + 'static) -> Waker {
    struct Dropped<F: FnOnce()>(Mutex<Option<F>>);
    impl<F: FnOnce() + Send> Wake for Dropped<F> {
        fn wake(self: Arc<Self>) {}
    }
    impl<F: FnOnce()> Drop for Dropped<F> {
        fn drop(&mut self) {
            let run = self.0.get_mut().unwrap_or_else(PoisonError::into_inner).take();
            run.into_iter().for_each(|run| run());
        }
    }
    Waker::from(Arc::new(Dropped(Mutex::new(Some(run)))))
}

/// A waker that runs `run` whenever it is woken.
pub(crate) fn waker_that_runs(run: impl Fn() + Send + Sync + 'static) -> Waker {
    struct Runs<F>(F);
    impl<F: Fn() + Send + Sync + 'static> Wake for Runs<F> {
        fn wake(self: Arc<Self>) {
            (self.0)();
        }
    }
    Waker::from(Arc::new(Runs(run)))
}

/// A waker that panics when it is woken.
pub(crate) fn waker_that_panics() -> Waker {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("woken badly");
        }
    }
    Waker::from(Arc::new(Panics))
}

/// Runs `run` on a thread of its own, so that a deadlock in it is a failure and not a test that never ends.
pub(crate) fn without_deadlock(run: impl FnOnce() + Send + 'static) {
    let (ended, has_ended) = mpsc::channel();
    let running = thread::spawn(move || {
        run();
        let _ = ended.send(());
    });
    match has_ended.recv_timeout(Duration::from_secs(20)) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("it hangs"),
        _ => running.join().expect("no panic"),
    }
}

#[tokio::test]
async fn eventually_returns_once_the_check_holds() {
    let mut left = 3;
    eventually(Duration::from_secs(5), "counted down", || {
        left -= 1;
        left == 0
    })
    .await;
    assert_eq!(left, 0);
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "the moon turns green")]
async fn eventually_panics_with_what_it_waited_for() {
    eventually(Duration::from_millis(5), "the moon turns green", || false).await;
}

#[test]
fn drop_counter_counts_guards() {
    let counter = DropCounter::new();
    let (gone, _kept) = (counter.guard(), counter.guard());
    drop(gone);
    assert_eq!((counter.alive(), counter.dropped()), (1, 1));
}

#[test]
fn gate_holds_until_it_opens() {
    let gate = Gate::new();
    let mut waiting = Box::pin(gate.wait());
    assert_eq!(poll_once(waiting.as_mut()), Poll::Pending);
    gate.open();
    assert_eq!(poll_once(waiting.as_mut()), Poll::Ready(()));
}

/// The program of an example. Cargo builds examples before it runs tests, but not where it was asked for other targets only:
/// then it may be missing, or of yesterday, so it is built here, which takes no time where it is fresh.
pub(crate) fn example(name: &str) -> PathBuf {
    let test = env::current_exe().expect("a test has a path");
    // target/<profile>/deps/it-…
    let profile = test.ancestors().nth(2).expect("a test lies in the target directory");
    build(profile, name);
    profile.join("examples").join(name)
}

fn build(profile: &Path, example: &str) {
    let name = match profile.file_name().and_then(OsStr::to_str) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    let target = profile.parent().expect("a profile lies in the target directory");
    let status = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--quiet", "--example", example, "--profile", name, "--manifest-path"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"))
        .arg("--target-dir")
        .arg(target)
        .status();
    assert!(status.expect("cargo starts").success(), "the example does not build");
}
