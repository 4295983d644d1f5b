//! What a child knows of itself.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use tokio_util::sync::CancellationToken;

use super::exit::Exit;
use super::handle::SupervisorRef;
use super::life::Kin;

/// What a child is told when a life of it begins.
#[derive(Debug, Clone)]
pub struct ChildContext {
    pub(super) place: Arc<Place>,
    pub(super) path: Arc<str>,
    pub(super) incarnation: u64,
    pub(super) last_exit: Option<Exit>,
    pub(super) token: CancellationToken,
    pub(super) supervisor: SupervisorRef,
    pub(super) kin: Weak<Kin>,
}

/// Where in the tree a life is, for code that runs in it and for those who watch over it.
#[derive(Debug)]
pub(super) struct Place {
    /// The supervisor's.
    pub(super) supervisor: u64,
    pub(super) name: Arc<str>,
    pub(super) above: Option<Arc<Place>>,
    /// Cancelled when the supervisor wants it to end.
    token: CancellationToken,
    /// The supervisor waits for the start of this life.
    pub(super) is_starting: AtomicBool,
    is_last: AtomicBool,
    is_for_good: AtomicBool,
}

tokio::task_local! {
    /// The life that this code belongs to.
    static HERE: Arc<Place>;
}

impl ChildContext {
    /// The name of the child.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.place.name
    }

    /// The name with those of all supervisors above: `app/storage/pool`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Which life this is, from 1.
    #[must_use]
    pub fn incarnation(&self) -> u64 {
        self.incarnation
    }

    /// How the life before this one ended.
    #[must_use]
    pub fn last_exit(&self) -> Option<&Exit> {
        self.last_exit.as_ref()
    }

    /// Waits until this life is asked to stop; then it has as long as its [`Shutdown`](super::Shutdown) says.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn cancelled(&self) {
        self.token.cancelled().await;
    }

    /// The token that asks this life to stop. It is cancelled when the life is over, too, for what was left elsewhere.
    #[must_use]
    pub fn token(&self) -> CancellationToken {
        self.token.clone()
    }

    /// The child's supervisor, to start siblings or to look at them.
    #[must_use]
    pub fn supervisor(&self) -> &SupervisorRef {
        &self.supervisor
    }

    /// A part of this life: it is not over before that is dropped.
    pub(crate) fn kin(&self) -> Option<Arc<Kin>> {
        self.kin.upgrade()
    }

    /// Says that this life is the last one: however it ends, nothing has failed, and the supervisor forgets the child.
    pub fn retire(&self) {
        self.place.retire();
    }
}

impl Place {
    pub(super) fn new(
        supervisor: u64,
        name: Arc<str>,
        token: CancellationToken,
        above: Option<Arc<Place>>,
    ) -> Arc<Self> {
        let [is_last, is_for_good] = [const { AtomicBool::new(false) }; 2];
        Arc::new(Self { supervisor, name, above, token, is_starting: AtomicBool::new(true), is_last, is_for_good })
    }

    /// Relaxed, as all of these: whoever looks has waited for the life's end, or is in its task.
    fn retire(&self) {
        self.is_last.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_started(&self) {
        self.is_starting.store(false, Ordering::Relaxed);
    }

    pub(super) fn is_last(&self) -> bool {
        self.is_last.load(Ordering::Relaxed)
    }

    /// Nothing in this place will be started again, whatever it is: the whole tree stops.
    pub(super) fn end_for_good(&self) {
        self.is_for_good.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_for_good(&self) -> bool {
        self.is_for_good.load(Ordering::Relaxed)
    }

    /// Runs a life in its place.
    pub(super) async fn scope<F: Future>(self: Arc<Self>, life: F) -> F::Output {
        HERE.scope(self, life).await
    }

    /// Tells whether it lives: its start is over.
    pub(super) fn is_running(&self) -> bool {
        !self.is_starting.load(Ordering::Relaxed)
    }

    /// Looks whether a supervisor waits for the code that asks this: for the start that it is a part of, or for the end of
    /// a life that it is a part of. `child` is the one that it would stop.
    ///
    /// If it does not yet, the token tells when it begins to.
    pub(super) fn waits(supervisor: u64, child: &str) -> Waits {
        HERE.try_with(|here| {
            let mut here = Some(here);
            // The start of a supervisor waits for that of each child, but not for one that has started.
            let mut is_start = true;
            while let Some(place) = here {
                is_start &= !place.is_running();
                if place.supervisor == supervisor {
                    return match is_start || place.token.is_cancelled() || &*place.name == child {
                        true => Waits::Already,
                        false => Waits::From(place.token.clone()),
                    };
                }
                here = place.above.as_ref();
            }
            Waits::Never
        })
        .unwrap_or(Waits::Never)
    }
}

/// Whether a supervisor waits for whoever asks.
pub(super) enum Waits {
    Never,
    Already,
    From(CancellationToken),
}
