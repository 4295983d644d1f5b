//! A handle that keeps nothing alive.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::actor::Actor;
use super::actor_ref::ActorRef;
use super::shared::Shared;
use super::stopped::StoppedFuture;

/// A handle that does not keep its actor alive: for caches, for children that know their parent, for actors that know
/// themselves.
///
/// # Examples
/// ```
/// use regatta::actor;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let strong = actor::spawn(actor::from_fn(0, |sum, by: u32| *sum += by));
/// let weak = strong.downgrade();
/// assert_eq!(weak.upgrade().unwrap(), strong);
/// drop(strong);
/// assert!(weak.upgrade().is_none());
/// assert_eq!(weak.wait_stopped().await.to_string(), "nobody referred to it any more");
/// # }
/// ```
pub struct WeakActorRef<A: Actor> {
    shared: Arc<Shared<A::Msg>>,
}

impl<A: Actor> WeakActorRef<A> {
    pub(super) fn new(shared: Arc<Shared<A::Msg>>) -> Self {
        Self { shared }
    }

    /// A strong handle; `None` when there is none any more, or the actor has ended.
    #[must_use]
    pub fn upgrade(&self) -> Option<A::Handle> {
        let head = &self.shared.head;
        (head.end().is_none() && head.try_join()).then(|| ActorRef::counted(self.shared.clone()).into())
    }

    /// Waits until the actor has ended.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    #[must_use = "nothing is waited for unless the future is awaited"]
    pub fn wait_stopped(&self) -> StoppedFuture {
        StoppedFuture::new(self.shared.clone())
    }

    /// Tells whether the actor has ended.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.shared.head.end().is_some()
    }

    /// The actor's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.head.name
    }

    pub(super) fn head(&self) -> &super::head::Head {
        &self.shared.head
    }

    /// As [`ActorRef::id`].
    #[must_use]
    pub fn id(&self) -> u64 {
        self.shared.head.id
    }
}

impl<A: Actor> Clone for WeakActorRef<A> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<A: Actor> PartialEq for WeakActorRef<A> {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

impl<A: Actor> Eq for WeakActorRef<A> {}

impl<A: Actor> Hash for WeakActorRef<A> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id().hash(state);
    }
}

impl<A: Actor> fmt::Debug for WeakActorRef<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakActorRef").field("name", &self.name()).field("id", &self.id()).finish_non_exhaustive()
    }
}
