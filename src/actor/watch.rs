//! Learning of the end of other actors.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::head::{Subject, Watcher};
use super::lane::{Lane, News};
use super::reason::StopReason;

/// One watch; made by [`Context::watch`](super::Context::watch), ended by [`unwatch`](super::Context::unwatch).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WatchId(u64);

/// The watches of one incarnation.
pub(super) struct Watches(HashMap<WatchId, Arc<dyn Subject>>);

impl Watches {
    pub(super) fn new() -> Self {
        Self(HashMap::new())
    }

    /// Puts a message into the lane when the target ends; now, if it has ended.
    pub(super) fn watch<M: Send + 'static>(
        &mut self,
        target: Arc<dyn Subject>,
        lane: &Arc<Lane<M>>,
        message: impl FnOnce(StopReason) -> M + Send + 'static,
    ) -> WatchId {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = WatchId(NEXT.fetch_add(1, Ordering::Relaxed));
        let lane = lane.clone();
        let notify = move |reason| lane.push(News::Ended(id, Box::new(move || message(reason))));
        let ended = {
            let head = target.head();
            let mut waiting = head.waiting();
            match head.end() {
                // The list is taken after the end is written: we are on it, or see the end.
                None => {
                    waiting.lists().watchers.push(Watcher { id: id.0, notify: Box::new(notify) });
                    None
                }
                Some(reason) => Some((reason.clone(), notify)),
            }
        };
        // Also of one that has ended: the news counts as long as it is here.
        drop(self.0.insert(id, target));
        if let Some((reason, notify)) = ended {
            notify(reason);
        }
        id
    }

    /// Ends a watch, and takes back its message where that is not handled yet.
    pub(super) fn unwatch<M: Send + 'static>(&mut self, id: WatchId, lane: &Lane<M>) {
        if let Some(target) = self.0.remove(&id) {
            leave(&*target, id);
        }
        lane.forget(id);
    }

    /// The message has come; tells whether it is still wanted.
    pub(super) fn ended(&mut self, id: WatchId) -> bool {
        self.0.remove(&id).is_some()
    }
}

fn leave(target: &dyn Subject, id: WatchId) {
    let left: Vec<Watcher> = {
        let mut waiting = target.head().waiting();
        waiting.lists().watchers.extract_if(.., |watcher| watcher.id == id.0).collect()
    };
    // It has captured things of the user's: dropped outside the lock.
    drop(left);
}

impl Drop for Watches {
    fn drop(&mut self) {
        for (id, target) in self.0.drain() {
            leave(&*target, id);
        }
    }
}

impl fmt::Debug for Watches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Watches").field(&self.0.len()).finish()
    }
}
