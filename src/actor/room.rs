//! Waiting for room in a full mailbox.
//!
//! Tokio gives room to whoever waits longest, and counts it as taken from then on, whether or not that one is polled
//! again. An actor that drains would wait for it. So the waits of one mailbox are known here, and taken away when it
//! closes: whoever is polled later finds its place gone, and has its message still.
//!
//! Invariant: no waker is cloned, woken or dropped under a lock.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::sync::mpsc::{OwnedPermit, Sender, error::SendError};

type Reservation<M> = Pin<Box<dyn Future<Output = Result<OwnedPermit<M>, SendError<()>>> + Send>>;

/// Those who wait for room.
#[derive(Default)]
pub(super) struct Room(Mutex<Option<Box<Places>>>);

/// Of any messages, so that it is compiled once.
struct Places {
    /// How many have come.
    next: u64,
    /// How many have gone, and the room they were given with them.
    left: u64,
    places: BTreeMap<u64, Arc<dyn Evict>>,
}

/// A place, whatever is waited with.
trait Evict: Send + Sync {
    fn evict(&self);
}

/// The wait of one; `None` inside while it is polled and when it was taken away.
struct Place<M>(Mutex<State<M>>);

struct State<M> {
    reservation: Option<Reservation<M>>,
    is_evicted: bool,
}

/// A place in the line. Dropping it leaves the line.
pub(super) struct Ticket<M> {
    id: u64,
    place: Arc<Place<M>>,
}

impl Room {
    fn lock(&self) -> MutexGuard<'_, Option<Box<Places>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gets in line.
    pub(super) fn enter<M: Send + 'static>(&self, tx: &Sender<M>) -> Ticket<M> {
        let reservation: Reservation<M> = Box::pin(tx.clone().reserve_owned());
        let place = Arc::new(Place(Mutex::new(State { reservation: Some(reservation), is_evicted: false })));
        Ticket { id: self.add(place.clone()), place }
    }

    fn add(&self, place: Arc<dyn Evict>) -> u64 {
        let mut line = self.lock();
        let line = line.get_or_insert_with(|| Box::new(Places { next: 0, left: 0, places: BTreeMap::new() }));
        let id = line.next;
        line.next += 1;
        line.places.insert(id, place);
        id
    }

    /// Waits for room; an error when the mailbox is closed.
    pub(super) fn poll<M>(ticket: &Ticket<M>, cx: &mut Context<'_>) -> Poll<Result<OwnedPermit<M>, ()>> {
        let Some(mut reservation) = ticket.place.lock().reservation.take() else {
            return Poll::Ready(Err(()));
        };
        match reservation.as_mut().poll(cx) {
            Poll::Ready(permit) => Poll::Ready(permit.map_err(drop)),
            Poll::Pending => {
                let mut state = ticket.place.lock();
                if state.is_evicted {
                    drop(state);
                    return Poll::Ready(Err(()));
                }
                state.reservation = Some(reservation);
                Poll::Pending
            }
        }
    }

    /// Once the room that was given is used, or given back.
    #[cold]
    pub(super) fn leave<M>(&self, ticket: &Ticket<M>) {
        let reservation = ticket.place.lock().reservation.take();
        drop(reservation);
        let place = self.lock().as_mut().and_then(|line| {
            line.left += 1;
            line.places.remove(&ticket.id)
        });
        drop(place);
    }

    /// How many have come and how many have left.
    fn counts(&self) -> (u64, u64) {
        self.lock().as_ref().map_or((0, 0), |line| (line.next, line.left))
    }

    /// What is counted, with how many of these at most are only room that was given to those in line, who may go away.
    pub(super) fn around<R>(&self, count: impl FnOnce() -> R) -> (R, u64) {
        let (_, left) = self.counts();
        let counted = count();
        let (came, _) = self.counts();
        (counted, came - left)
    }

    /// Takes every wait away; the mailbox is closed already.
    pub(super) fn evict(&self) {
        let line = self.lock().as_mut().map(|line| std::mem::take(&mut line.places));
        for place in line.into_iter().flat_map(BTreeMap::into_values) {
            place.evict();
        }
    }
}

impl<M: Send> Evict for Place<M> {
    fn evict(&self) {
        let reservation = {
            let mut state = self.lock();
            state.is_evicted = true;
            state.reservation.take()
        };
        drop(reservation);
    }
}

impl<M> Place<M> {
    fn lock(&self) -> MutexGuard<'_, State<M>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
