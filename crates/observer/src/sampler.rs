//! Takes a snapshot a second while somebody looks, however many do.
//!
//! Invariants:
//! 1. At most one task samples. Whether there is one is decided under the lock, where those who look are counted: nobody
//!    comes while it is about to end without starting the next.
//! 2. It ends when nobody looks and nobody has asked within the last [`LINGER`].

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use regatta::observe::{Diagnosis, Inspector, Rates, Registry, Snapshot};
use regatta::task::TaskGroup;
use tokio::sync::{OnceCell, watch};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::away::Away;
use crate::frame;
use crate::history::{Curve, History};
use crate::view::View;

/// How often.
const PERIOD: Duration = Duration::from_secs(1);
/// For so long after somebody has asked once.
const LINGER: Duration = Duration::from_secs(5);
/// So many different views of one moment are kept; whoever wants one more has it made.
const FRAMES: usize = 32;

/// See the head of this file.
pub(crate) struct Sampler {
    shared: Arc<Shared>,
    tasks: TaskGroup,
    /// Of closures that take snapshots; held by whoever waits for one.
    closures: Arc<TaskGroup>,
}

struct Shared {
    registry: Registry,
    away: Away,
    ticks: watch::Sender<Option<Arc<Tick>>>,
    desk: Mutex<Desk>,
    history: Mutex<History>,
}

#[derive(Default)]
struct Desk {
    viewers: usize,
    asked: Option<Instant>,
    is_sampling: bool,
}

/// What there was to see at one moment.
pub(crate) struct Tick {
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) rates: Option<Rates>,
    pub(crate) diagnosis: Diagnosis,
    /// The share of the time in which the runtime's threads were busy.
    pub(crate) busy: Option<f64>,
    /// What was made of it already: most pages want the same.
    frames: Mutex<HashMap<View, Arc<OnceCell<Arc<str>>>>>,
}

/// The task that samples: should it end otherwise than by its own will, its runtime has gone, and the next who comes starts
/// another.
struct Sampling(Weak<Shared>);

/// Somebody who looks, until dropped.
pub(crate) struct Viewer {
    shared: Arc<Shared>,
    pub(crate) ticks: watch::Receiver<Option<Arc<Tick>>>,
}

impl Sampler {
    pub(crate) fn new(registry: Registry) -> Self {
        // What belongs to the observer is not what somebody wants to observe.
        let [tasks, closures] = Registry::new().enter(|| ["observer", "snapshots"].map(TaskGroup::new));
        let (desk, history) = Default::default();
        let shared =
            Arc::new(Shared { registry, away: Away::default(), ticks: watch::Sender::new(None), desk, history });
        Self { shared, tasks, closures: Arc::new(closures) }
    }

    /// Somebody begins to look.
    pub(crate) fn view(&self) -> Viewer {
        let ticks = self.shared.ticks.subscribe();
        self.shared.lock().viewers += 1;
        let viewer = Viewer { shared: self.shared.clone(), ticks };
        self.start();
        viewer
    }

    /// What there is to see now; the next who asks within a few seconds gets rates and findings.
    pub(crate) async fn ask(&self) -> Arc<Tick> {
        self.shared.lock().asked = Some(Instant::now());
        let known = self.shared.ticks.borrow().clone();
        self.start();
        if let Some(tick) = known {
            return tick;
        }
        let registry = self.shared.registry.clone();
        Arc::new(self.elsewhere(move || Tick::take(&registry, None, &mut Inspector::new())).await)
    }

    /// What is made of a snapshot of its own, which nobody compares with another.
    pub(crate) async fn of_snapshot<R: Send + 'static>(
        &self,
        make: impl FnOnce(&Snapshot) -> R + Clone + Send + 'static,
    ) -> R {
        let registry = self.shared.registry.clone();
        self.elsewhere(move || make(&registry.snapshot())).await
    }

    /// The frame of a view, made once for all who want the same.
    pub(crate) async fn frame(&self, tick: &Arc<Tick>, view: &View) -> Arc<str> {
        let make = || {
            let (tick, view) = (tick.clone(), view.clone());
            self.elsewhere(move || Arc::from(frame::json(&tick, &view)))
        };
        tick.place(view).get_or_init(make).await.clone()
    }

    /// The curves of a view's rows.
    pub(crate) async fn curves(&self, tick: &Arc<Tick>, view: &View) -> Vec<Curve> {
        let (shared, tick, view) = (self.shared.clone(), tick.clone(), view.clone());
        self.elsewhere(move || {
            let shown = frame::shown(&tick, &view);
            shared.history().curves(shown)
        })
        .await
    }

    /// Ten thousand rows take milliseconds, which are not the executor's; unless there is nowhere else.
    async fn elsewhere<R: Send + 'static>(&self, take: impl FnOnce() -> R + Clone + Send + 'static) -> R {
        match self.shared.away.run(&self.closures, take.clone()).await {
            Some(Ok(made)) => made,
            _ => take(),
        }
    }

    /// Stops at once.
    pub(crate) fn abort(&self) {
        self.tasks.abort();
        self.closures.abort();
    }

    /// [Aborts](Self::abort), and waits until no task is left.
    pub(crate) async fn ended(&self) {
        self.abort();
        let _ = (self.tasks.aborted().await, self.closures.aborted().await);
    }

    /// Unless there is a task that samples, begins one.
    pub(crate) fn start(&self) {
        {
            let mut desk = self.shared.lock();
            if desk.is_sampling {
                return;
            }
            desk.is_sampling = true;
        }
        let run = sample(Sampling(Arc::downgrade(&self.shared)), self.closures.clone());
        // After the end it is refused: whoever looks sees nothing more.
        let _ = self.tasks.spawn("sampler", run);
    }
}

/// One snapshot after the other, until nobody wants any.
async fn sample(mut sampling: Sampling, closures: Arc<TaskGroup>) {
    let mut clock = interval(PERIOD);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let inspector = Arc::new(Mutex::new(Inspector::new()));
    loop {
        clock.tick().await;
        let Some(shared) = sampling.0.upgrade() else { return };
        if shared.ends() {
            // There may be another one by now.
            sampling.0 = Weak::new();
            return;
        }
        let (registry, last) = (shared.registry.clone(), shared.ticks.borrow().clone());
        let inspecting = inspector.clone();
        let look = move || {
            let mut inspector = inspecting.lock().unwrap_or_else(PoisonError::into_inner);
            Tick::take(&registry, last.as_deref(), &mut inspector)
        };
        let tick = match shared.away.run(&closures, look.clone()).await {
            Some(Ok(tick)) => tick,
            // It has panicked, which is logged; those who look are not to wait for ever because of one second.
            Some(Err(())) => {
                *inspector.lock().unwrap_or_else(PoisonError::into_inner) = Inspector::new();
                continue;
            }
            None => look(),
        };
        if let Some(rates) = &tick.rates {
            shared.history().note(rates);
        }
        shared.ticks.send_replace(Some(Arc::new(tick)));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells whether nobody wants any more; then the task ends, and the next who comes starts another.
    fn ends(&self) -> bool {
        let mut desk = self.lock();
        let is_wanted = desk.viewers > 0 || desk.asked.is_some_and(|asked| asked.elapsed() <= LINGER);
        if !is_wanted {
            self.forget(&mut desk);
        }
        !is_wanted
    }

    /// What is old is nothing to compare with, nor do curves go on from it.
    fn forget(&self, desk: &mut Desk) {
        desk.is_sampling = false;
        self.ticks.send_replace(None);
        *self.history() = History::default();
    }
}

impl Tick {
    fn take(registry: &Registry, last: Option<&Self>, inspector: &mut Inspector) -> Self {
        let snapshot = Arc::new(registry.snapshot());
        let diagnosis = inspector.look(snapshot.clone());
        let rates = last.and_then(|last| Rates::between(&last.snapshot, &snapshot));
        let window = rates.as_ref().map(|rates| rates.window);
        let before = last.map(|last| &last.snapshot.machine);
        let busy = before.zip(window).and_then(|(before, window)| snapshot.machine.busy_share(before, window));
        Self { snapshot, rates, diagnosis, busy, frames: Mutex::default() }
    }

    /// Where the frame of a view is, or comes.
    fn place(&self, view: &View) -> Arc<OnceCell<Arc<str>>> {
        let mut frames = self.frames.lock().unwrap_or_else(PoisonError::into_inner);
        if frames.len() >= FRAMES && !frames.contains_key(view) {
            return Arc::default();
        }
        frames.entry(view.clone()).or_default().clone()
    }
}

impl Drop for Sampling {
    fn drop(&mut self) {
        if let Some(shared) = self.0.upgrade() {
            shared.forget(&mut shared.lock());
        }
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.shared.lock().viewers -= 1;
    }
}

impl fmt::Debug for Sampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sampler").field("viewers", &self.shared.lock().viewers).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, PoisonError};

    use regatta::observe::Registry;
    use tokio::runtime::Builder;

    use super::{FRAMES, Sampler};
    use crate::view::{Query, View};

    #[test]
    fn another_runtime_goes_on_where_one_has_gone() -> std::io::Result<()> {
        let runtime = || Builder::new_current_thread().enable_all().build();
        let sampler = Sampler::new(Registry::new());
        let mut viewer = runtime()?.block_on(async {
            let mut viewer = sampler.view();
            assert!(viewer.ticks.changed().await.is_ok());
            viewer
        });
        assert!(viewer.ticks.borrow_and_update().is_none(), "what was seen is old");
        let tick = runtime()?.block_on(async {
            sampler.ask().await;
            assert!(viewer.ticks.changed().await.is_ok());
            viewer.ticks.borrow().clone()
        });
        assert!(tick.is_some());
        Ok(())
    }

    #[tokio::test]
    async fn a_frame_is_made_once_for_all_who_want_the_same_and_not_too_many_are_kept() {
        let sampler = Sampler::new(Registry::new());
        let (tick, view) = (sampler.ask().await, Query::default().for_page());
        let [one, other] = [sampler.frame(&tick, &view).await, sampler.frame(&tick, &view).await];
        assert!(Arc::ptr_eq(&one, &other));
        for top in 0..2 * FRAMES {
            assert_eq!(sampler.frame(&tick, &View { top, ..view.clone() }).await, one);
        }
        assert_eq!(tick.frames.lock().unwrap_or_else(PoisonError::into_inner).len(), FRAMES);
        assert!(Arc::ptr_eq(&one, &sampler.frame(&tick, &view).await));
    }
}
