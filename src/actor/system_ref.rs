//! Reaching actors by name, from anywhere.

use std::any::{Any, type_name};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast;

use super::actor::Actor;
use super::actor_ref::ActorRef;
use super::builder::Builder;
use super::dead_letter::{DeadLetter, DeadReason};
use super::head::Subject;
use super::system_error::{CreateError, GetError, NamedError};
use crate::supervise::{AutoShutdown, ChildSpec, Restart, Supervisor, SupervisorRef};

/// How many dead letters a subscriber may lag behind.
const LETTERS_KEPT: usize = 256;

/// Reaches an [`ActorSystem`](super::ActorSystem) without owning it: to create actors, and to find them by name.
///
/// # Examples
/// ```
/// use regatta::actor::{ActorSystem, SystemRef};
///
/// struct Clerk { system: SystemRef }
///
/// #[regatta::actor]
/// impl Clerk {
///     pub fn colleagues(&self) -> usize {
///         self.system.names().len() - 1
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let system = ActorSystem::new("office").await;
/// for name in ["ann", "bob"] {
///     system.create(name, Clerk { system: system.handle() }).await?;
/// }
/// let ann = system.get::<Clerk>("ann").expect("she is there");
/// assert_eq!(ann.colleagues().await?, 1);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct SystemRef {
    tree: SupervisorRef,
    names: Arc<Names>,
    letters: broadcast::Sender<DeadLetter>,
}

#[derive(Default)]
struct Names(Mutex<HashMap<Arc<str>, Holder>>);

struct Holder {
    id: u64,
    kind: &'static str,
    /// An `ActorRef` of that kind.
    handle: Box<dyn Any + Send + Sync>,
    subject: Arc<dyn Subject>,
}

impl Holder {
    /// It is about to be taken off the list.
    fn has_ended(&self) -> bool {
        self.subject.head().end().is_some()
    }
}

impl SystemRef {
    pub(super) fn new(tree: SupervisorRef) -> Self {
        Self { tree, names: Arc::default(), letters: broadcast::Sender::new(LETTERS_KEPT) }
    }

    /// The name of the system.
    #[must_use]
    pub fn name(&self) -> &str {
        self.tree.path()
    }

    /// Starts an actor that lives once, and waits for its start.
    ///
    /// # Errors
    /// [`CreateError`]: the name is taken, and the actor is handed back; its start failed; the system is closed.
    ///
    /// # Cancel safety
    /// Dropped in the middle, the actor may be started nevertheless.
    pub async fn create<A: Actor>(&self, name: impl Into<Arc<str>>, actor: A) -> Result<A::Handle, CreateError<A>> {
        self.create_with(name, Builder::new(), actor).await
    }

    /// As [`create`](Self::create), with a mailbox and policies of its own. The builder's name gives way to this one.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    ///
    /// # Cancel safety
    /// As [`create`](Self::create).
    pub async fn create_with<A: Actor>(
        &self,
        name: impl Into<Arc<str>>,
        builder: Builder<A::Msg>,
        actor: A,
    ) -> Result<A::Handle, CreateError<A>> {
        let name = name.into();
        let kept = Arc::new(Mutex::new(Some(actor)));
        let given = kept.clone();
        let factory = move || {
            let actor = given.lock().unwrap_or_else(PoisonError::into_inner).take();
            // Never called twice: a temporary child has one life.
            actor.unwrap_or_else(|| unreachable!("an actor that lives once"))
        };
        let (actor, child) = match self.enter(name, builder, factory) {
            Ok(entered) => entered,
            Err(error) => return Err(error.with(kept.lock().unwrap_or_else(PoisonError::into_inner).take())),
        };
        drop(kept);
        self.start(actor, child.restart(Restart::Temporary)).await
    }

    /// Starts an actor that is made anew after a failure, within the builder's [`intensity`](Builder::intensity). If it
    /// fails too often, it ends alone.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    ///
    /// # Cancel safety
    /// As [`create`](Self::create).
    pub async fn create_supervised<A: Actor>(
        &self,
        name: impl Into<Arc<str>>,
        builder: Builder<A::Msg>,
        factory: impl FnMut() -> A + Send + 'static,
    ) -> Result<A::Handle, CreateError<A>> {
        let name = name.into();
        let (intensity, backoff) = builder.limits();
        let (actor, child) = self.enter(name.clone(), builder, factory)?;
        // A supervisor for each: it ends with its actor, whatever the reason.
        let child = child.restart(Restart::Transient).significant(true);
        let mut alone = Supervisor::builder().intensity(intensity).auto_shutdown(AutoShutdown::AnySignificant);
        if let Some(backoff) = backoff {
            alone = alone.backoff(backoff);
        }
        let child = ChildSpec::supervisor(name, alone.child(child.clone())).lasting_as(&child);
        self.start(actor, child.restart(Restart::Temporary)).await
    }

    /// Takes the name for a new actor.
    fn enter<A: Actor>(
        &self,
        name: Arc<str>,
        builder: Builder<A::Msg>,
        factory: impl FnMut() -> A + Send + 'static,
    ) -> Result<(ActorRef<A>, ChildSpec), CreateError<A>> {
        let kind = type_name::<A>();
        let mut names = self.names.lock();
        if let Some(holder) = names.get(&name)
            && !holder.has_ended()
        {
            return Err(CreateError::taken(self.name(), &name, holder.kind));
        }
        let (letters, to) = (self.letters.clone(), name.clone());
        let (handle, child) = builder.name(name.clone()).dead_letters::<A>(letters, to).child(factory);
        let actor: &ActorRef<A> = handle.as_ref();
        let actor = actor.clone();
        let (id, freed) = (actor.id(), Arc::downgrade(&self.names));
        let handle = Box::new(actor.clone());
        let before = names.insert(name.clone(), Holder { id, kind, handle, subject: actor.subject() });
        drop(names);
        drop(before);
        actor.on_end(move |_reason| {
            if let Some(names) = freed.upgrade() {
                names.free(&name, id);
            }
        });
        Ok((actor, child))
    }

    async fn start<A: Actor>(&self, actor: ActorRef<A>, child: ChildSpec) -> Result<A::Handle, CreateError<A>> {
        match self.tree.start_child(child).await {
            Ok(()) => Ok(actor.into()),
            Err(error) => {
                self.names.free(actor.name(), actor.id());
                Err(CreateError::not_started(self.name(), actor.name(), error))
            }
        }
    }

    /// The actor of this name, if there is one of this type.
    ///
    /// ```
    /// # use regatta::actor::{ActorSystem, FromFn};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let system = ActorSystem::new("shop").await;
    /// assert!(system.get::<FromFn<u64, u64, fn(&mut u64, u64)>>("counter").is_none());
    /// # }
    /// ```
    #[must_use]
    pub fn get<A: Actor>(&self, name: &str) -> Option<A::Handle> {
        self.try_get::<A>(name).ok()
    }

    /// The actor of this name.
    ///
    /// # Errors
    /// [`GetError`]: there is none, or it is of another type.
    pub fn try_get<A: Actor>(&self, name: &str) -> Result<A::Handle, GetError> {
        let names = self.names.lock();
        let Some(holder) = names.get(name).filter(|holder| !holder.has_ended()) else {
            return Err(GetError::NotFound { system: self.name().into(), name: name.into() });
        };
        match holder.handle.downcast_ref::<ActorRef<A>>() {
            Some(actor) => {
                let actor = actor.clone();
                // What comes after is the code of the actor's type.
                drop(names);
                Ok(actor.into())
            }
            None => {
                let (expected, found) = (type_name::<A>(), holder.kind);
                Err(GetError::OtherType { system: self.name().into(), name: name.into(), expected, found })
            }
        }
    }

    /// Tells the actor of this name something.
    ///
    /// # Errors
    /// [`NamedError`] with the message: there is no such actor, it is of another type, or it does not accept it. The first
    /// two are dead letters, too.
    ///
    /// # Cancel safety
    /// Dropped while it waits for room, it takes the message along.
    pub async fn tell_named<A: Actor>(&self, name: &str, msg: A::Msg) -> Result<(), NamedError<A::Msg>> {
        let actor = match self.try_get::<A>(name) {
            Ok(actor) => actor,
            Err(error) => {
                let why = match &error {
                    GetError::NotFound { .. } => DeadReason::Nobody,
                    GetError::OtherType { .. } => DeadReason::OtherType,
                };
                // Nobody has to listen.
                let _ = self.letters.send(DeadLetter::new::<A>(name.into(), &msg, why));
                return Err(NamedError::nobody(error, msg));
            }
        };
        let told = actor.as_ref().tell(msg).await;
        told.map_err(NamedError::refused)
    }

    /// What is not handled, from now on: messages to nobody, and those that an actor of the system had accepted when it
    /// ended. Who lags behind by more than 256 misses the oldest.
    #[must_use]
    pub fn dead_letters(&self) -> broadcast::Receiver<DeadLetter> {
        self.letters.subscribe()
    }

    /// The names that are taken, in order.
    #[must_use]
    pub fn names(&self) -> Vec<Arc<str>> {
        let mut names: Vec<Arc<str>> = self.names.lock().keys().cloned().collect();
        names.sort_unstable();
        names
    }
}

impl Names {
    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Holder>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn free(&self, name: &str, id: u64) {
        let freed = {
            let mut names = self.lock();
            match names.get(name) {
                Some(holder) if holder.id == id => names.remove(name),
                _ => None,
            }
        };
        drop(freed);
    }
}

impl fmt::Debug for SystemRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SystemRef").field("name", &self.name()).field("names", &self.names()).finish_non_exhaustive()
    }
}
