//! Several actors of one type that share the work.

use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::actor::Actor;
use super::actor_ref::ActorRef;

/// Actors of one type, one of which is picked for each message: in turn, the least loaded, or by a key. Clones are the
/// same group.
///
/// Write `Group::<Cart>`: many actors could have handles of one type, so the compiler does not guess. What is picked is a
/// handle of its own, so a call that is to outlive the line is [`owned`](super::Call::owned).
///
/// # Examples
/// ```
/// use regatta::actor::{AskError, Group};
///
/// struct Cart { items: u32 }
///
/// #[regatta::actor]
/// impl Cart {
///     pub fn add(&mut self, items: u32) -> u32 {
///         self.items += items;
///         self.items
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), AskError> {
/// let carts = Group::<Cart>::new((0..4).map(|_| Cart::supervised(|| Cart { items: 0 })));
/// assert_eq!(carts.by_key(&"ann").await.add(2).await?, 2);
/// assert_eq!(carts.by_key(&"ann").await.add(3).await?, 5); // the same one
/// assert_eq!(carts.in_turn().add(0).await.is_ok(), true);
/// # Ok(()) }
/// ```
#[doc(alias = "router")]
pub struct Group<A: Actor> {
    core: Arc<Core<A>>,
}

struct Core<A: Actor> {
    members: Vec<Member<A>>,
    turn: AtomicUsize,
    hasher: RandomState,
}

struct Member<A: Actor> {
    handle: RwLock<A::Handle>,
    /// Taken for writing while it is replaced.
    gate: tokio::sync::RwLock<()>,
}

impl<A: Actor> Member<A> {
    fn handle(&self) -> A::Handle {
        self.handle.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl<A: Actor> Group<A> {
    /// A group of these; how many they are does not change.
    ///
    /// # Panics
    /// When there is none.
    #[track_caller]
    pub fn new(members: impl IntoIterator<Item = A::Handle>) -> Self {
        let member = |handle| Member { handle: RwLock::new(handle), gate: tokio::sync::RwLock::new(()) };
        let members: Vec<_> = members.into_iter().map(member).collect();
        crate::error::refuse_zero("group", "members", members.len());
        Self { core: Arc::new(Core { members, turn: AtomicUsize::new(0), hasher: RandomState::new() }) }
    }

    /// How many members it has.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "it never is")]
    pub fn len(&self) -> usize {
        self.core.members.len()
    }

    /// The members, as they are now.
    #[must_use]
    pub fn members(&self) -> Vec<A::Handle> {
        self.core.members.iter().map(Member::handle).collect()
    }

    /// The members, beginning with another one each time.
    fn around(&self) -> impl Iterator<Item = A::Handle> {
        let (members, len) = (&self.core.members, self.len());
        // Relaxed: a place in line.
        let first = self.core.turn.fetch_add(1, Ordering::Relaxed) % len;
        (0..len).map(move |step| members[(first + step) % len].handle())
    }

    /// The next one, round and round, of those that accept messages; if none does, one that does not.
    #[must_use]
    pub fn in_turn(&self) -> A::Handle {
        let mut around = self.around();
        let Some(first) = around.next() else { unreachable!("there is a member") };
        if !of::<A>(&first).is_closed() {
            return first;
        }
        around.find(|member| !of::<A>(member).is_closed()).unwrap_or(first)
    }

    /// The one with the fewest messages waiting or in hand, of those that accept messages; of equals each in turn. If none
    /// does, one that does not.
    ///
    /// # Complexity
    /// Looks at every member.
    #[must_use]
    pub fn least_loaded(&self) -> A::Handle {
        let load = |member: &A::Handle| (of::<A>(member).is_closed(), of::<A>(member).load());
        let Some(least) = self.around().min_by_key(load) else { unreachable!("there is a member") };
        least
    }

    /// The one for this key: always the same place of the group. While that place is being [replaced](Self::replace) it
    /// is waited for, so that what has the same key is handled in the order in which it was sent.
    ///
    /// A handle that is kept may be of a member that was replaced since: it refuses, and the message comes back. A member
    /// that awaits this in its own code for a key of its own, while it is replaced, waits for itself: ask in a pipe.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn by_key<K: Hash + ?Sized>(&self, key: &K) -> A::Handle {
        let place = self.core.hasher.hash_one(key) % self.len() as u64;
        let member = &self.core.members[place as usize];
        let _open = member.gate.read().await;
        member.handle()
    }

    /// Puts another actor into the place of a member: drains the old one, waits for its end, and makes the new one. Tells
    /// whether there was such a member; if it stands in several places, the first is meant. Not to be awaited in the code of that member, which would wait for itself.
    ///
    /// # Cancel safety
    /// Dropped while it waits for those who are picking that place, it has done nothing. Later, the old one drains and keeps
    /// its place; it can be replaced again.
    pub async fn replace(&self, old: &impl AsRef<ActorRef<A>>, make: impl FnOnce() -> A::Handle) -> bool {
        let old = old.as_ref();
        for member in &self.core.members {
            if of::<A>(&member.handle()) != old {
                continue;
            }
            let _closed = member.gate.write().await;
            // Another one may have done it meanwhile.
            if of::<A>(&member.handle()) != old {
                return false;
            }
            old.drain().await;
            let made = make();
            let replaced = std::mem::replace(&mut *member.handle.write().unwrap_or_else(PoisonError::into_inner), made);
            drop(replaced);
            return true;
        }
        false
    }

    /// [Drains](ActorRef::drain) all members that it has now, and waits for their ends.
    ///
    /// # Cancel safety
    /// The verb is heard at the first poll; after that nothing changes.
    pub async fn drain(&self) {
        let ends: Vec<_> = self.members().iter().map(|member| of::<A>(member).drain()).collect();
        futures::future::join_all(ends).await;
    }
}

fn of<A: Actor>(member: &A::Handle) -> &ActorRef<A> {
    member.as_ref()
}

impl<A: Actor> Clone for Group<A> {
    fn clone(&self) -> Self {
        Self { core: self.core.clone() }
    }
}

impl<A: Actor> fmt::Debug for Group<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group").field("len", &self.len()).finish_non_exhaustive()
    }
}
