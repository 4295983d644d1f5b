//! A supervisor, from anywhere.

use std::fmt;
use std::sync::Arc;

use tokio::sync::{broadcast, oneshot};

use super::board::{Board, ChildInfo};
use super::command::{Command, Request};
use super::context::{Place, Waits};
use super::error::ChildError;
use super::event::Event;
use super::exit::Exit;
use super::spec::ChildSpec;
use super::tree::Tree;
use crate::error::Closed;
use crate::observe::Registration;

/// Reaches a supervisor without owning it: to add children, to look, and to learn of its end.
///
/// The requests are served one at a time, between failures: while a supervisor starts or stops a child, it attends to
/// nothing else. What can be looked at, can be so at any moment.
///
/// A request whose future is dropped after its first poll may still be carried out.
#[derive(Clone)]
pub struct SupervisorRef {
    pub(super) board: Arc<Board>,
}

impl SupervisorRef {
    /// Lists a component below the supervisor, if both are looked at together.
    pub(crate) fn adopt(&self, part: Option<&Registration>) {
        if let Some((whole, part)) = self.board.registration.get().zip(part) {
            whole.adopt(part);
        }
    }

    /// The name with those of all supervisors above: `app/storage`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.board.path
    }

    /// Adds a child, and waits for its start.
    ///
    /// # Errors
    /// [`ChildError::NotStarted`] when its start fails; it is then forgotten. [`Exists`](ChildError::Exists),
    /// [`Significant`](ChildError::Significant), [`Reentrant`](ChildError::Reentrant), [`Closed`](ChildError::Closed).
    ///
    /// # Cancel safety
    /// See [the type](Self).
    pub async fn start_child(&self, child: ChildSpec) -> Result<(), ChildError> {
        self.request(Request::Start(Box::new(child))).await
    }

    /// Stops a child, and waits for its end. It is not restarted by itself, but can be, by
    /// [`restart_child`](Self::restart_child) or along with a sibling; a temporary one is forgotten.
    ///
    /// One that is stopped already is left alone.
    ///
    /// # Errors
    /// [`ChildError::NotFound`], [`Reentrant`](ChildError::Reentrant), [`Closed`](ChildError::Closed).
    ///
    /// # Cancel safety
    /// See [the type](Self).
    pub async fn stop_child(&self, name: &str) -> Result<(), ChildError> {
        self.request(Request::Stop(name.into())).await
    }

    /// Starts a child that is stopped, and waits for its start.
    ///
    /// # Errors
    /// [`ChildError::NotStarted`] when its start fails: it stays stopped. [`NotFound`](ChildError::NotFound),
    /// [`NotStopped`](ChildError::NotStopped), [`Reentrant`](ChildError::Reentrant), [`Closed`](ChildError::Closed).
    ///
    /// # Cancel safety
    /// See [the type](Self).
    pub async fn restart_child(&self, name: &str) -> Result<(), ChildError> {
        self.request(Request::Restart(name.into())).await
    }

    /// Forgets a child that is stopped: its name is free again.
    ///
    /// # Errors
    /// [`ChildError::NotFound`], [`NotStopped`](ChildError::NotStopped), [`Reentrant`](ChildError::Reentrant),
    /// [`Closed`](ChildError::Closed).
    ///
    /// # Cancel safety
    /// See [the type](Self).
    pub async fn delete_child(&self, name: &str) -> Result<(), ChildError> {
        self.request(Request::Delete(name.into())).await
    }

    /// The children, in the order in which they are started.
    ///
    /// # Complexity
    /// Copies the list under a short lock.
    #[must_use]
    pub fn which_children(&self) -> Vec<ChildInfo> {
        self.board.lock().children.values().map(|child| child.info.clone()).collect()
    }

    /// The children and all that is below them, to be printed.
    #[must_use]
    pub fn tree(&self) -> Tree {
        Tree::of(&self.board)
    }

    /// A supervisor below, as it is now: by its name, or by the names on the way to it, `io/server`. One that is started
    /// again is another one, with a handle of its own.
    #[must_use]
    pub fn supervisor(&self, path: &str) -> Option<Self> {
        let mut at = self.clone();
        for name in path.split('/') {
            let below = at.board.lock().children.values().find(|child| &*child.info.name == name)?.below.clone()?;
            at = Self { board: below };
        }
        Some(at)
    }

    /// The events of this supervisor and those below, from now on. Who lags behind by more than 256 misses the oldest, and
    /// is told how many; nobody waits for a subscriber.
    ///
    /// To see the first start, too, give the [builder](super::SupervisorBuilder::events) a channel.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.board.events.subscribe()
    }

    /// Waits for the end of the supervisor, and says how it ended; any number of times, also afterwards.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn wait_stopped(&self) -> Exit {
        let mut stopped = self.board.stopped.subscribe();
        let ended = stopped.wait_for(Option::is_some).await;
        // The board is ours, and with it the sender.
        ended.ok().and_then(|exit| exit.clone()).unwrap_or(Exit::Killed)
    }

    /// Tells whether the supervisor has ended.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.board.stopped.borrow().is_some()
    }

    /// Lets it forget a child that has ended without having a life. Does not wait; if it is too busy to listen, it will find
    /// out by itself, when the child is due.
    pub(crate) fn sweep(&self, child: Arc<str>) {
        let (answer, _) = oneshot::channel();
        let _ = self.board.commands.try_send(Command { request: Request::Sweep(child), answer });
    }

    async fn request(&self, request: Request) -> Result<(), ChildError> {
        let reentrant = || ChildError::Reentrant { supervisor: self.board.path.clone() };
        match Place::waits(self.board.id, &request.child()) {
            Waits::Never => self.served(request).await,
            Waits::Already => Err(reentrant()),
            Waits::From(token) => {
                let served = token.run_until_cancelled(self.served(request)).await;
                served.unwrap_or_else(|| Err(reentrant()))
            }
        }
    }

    async fn served(&self, request: Request) -> Result<(), ChildError> {
        let (answer, answered) = oneshot::channel();
        if self.board.commands.send(Command { request, answer }).await.is_err() {
            return Err(self.closed());
        }
        // Dropped unanswered: it ended before it came to that.
        answered.await.unwrap_or_else(|_| Err(self.closed()))
    }

    fn closed(&self) -> ChildError {
        ChildError::Closed(Closed::new(format!("supervisor `{}`", self.board.path)))
    }
}

impl fmt::Debug for SupervisorRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_stopped = self.is_stopped();
        f.debug_struct("SupervisorRef").field("path", &self.board.path).field("is_stopped", &is_stopped).finish()
    }
}
