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
pub(super) struct Room<M>(Mutex<Option<Box<Places<M>>>>);

struct Places<M> {
    next: u64,
    places: BTreeMap<u64, Arc<Place<M>>>,
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

impl<M> Room<M> {
    pub(super) fn new() -> Self {
        Self(Mutex::new(None))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Box<Places<M>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gets in line.
    pub(super) fn enter(&self, tx: &Sender<M>) -> Ticket<M>
    where
        M: Send + 'static,
    {
        let reservation: Reservation<M> = Box::pin(tx.clone().reserve_owned());
        let place = Arc::new(Place(Mutex::new(State { reservation: Some(reservation), is_evicted: false })));
        let mut line = self.lock();
        let line = line.get_or_insert_with(|| Box::new(Places { next: 0, places: BTreeMap::new() }));
        let id = line.next;
        line.next += 1;
        line.places.insert(id, place.clone());
        Ticket { id, place }
    }

    /// Waits for room; an error when the mailbox is closed.
    pub(super) fn poll(&self, ticket: &Ticket<M>, cx: &mut Context<'_>) -> Poll<Result<OwnedPermit<M>, ()>> {
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

    pub(super) fn leave(&self, ticket: &Ticket<M>) {
        let place = self.lock().as_mut().and_then(|line| line.places.remove(&ticket.id));
        drop(place);
        let reservation = ticket.place.lock().reservation.take();
        drop(reservation);
    }

    /// Takes every wait away; the mailbox is closed already.
    pub(super) fn evict(&self) {
        let line = self.lock().as_mut().map(|line| std::mem::take(&mut line.places));
        for place in line.into_iter().flat_map(BTreeMap::into_values) {
            let reservation = {
                let mut state = place.lock();
                state.is_evicted = true;
                state.reservation.take()
            };
            drop(reservation);
        }
    }
}

impl<M> Place<M> {
    fn lock(&self) -> MutexGuard<'_, State<M>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
