//! Who waits, in order: a list of wakers with removal in constant time, for use under a lock.
//!
//! Invariants:
//! 1. A node belongs to one [`Ticket`] from [`register`](Waiters::register) until [`leave`](Waiters::leave), also while
//!    it is notified: no other waiter can be mistaken for it.
//! 2. Linked nodes have a waker and are waiting; a node that is not linked has been notified.
//! 3. A ticket that leaves says whether it was notified, so that its owner can pass the wake-up on.

use std::task::Waker;

const NONE: usize = usize::MAX;

/// The place of one waiter. Its owner gives it back with [`Waiters::leave`].
#[derive(Debug)]
pub(crate) struct Ticket(usize);

/// First come, first woken.
#[derive(Debug)]
pub(crate) struct Waiters {
    nodes: Vec<Node>,
    free: Vec<usize>,
    head: usize,
    tail: usize,
}

#[derive(Debug)]
struct Node {
    /// Present while linked.
    waker: Option<Waker>,
    previous: usize,
    next: usize,
}

impl Waiters {
    pub(crate) fn new() -> Self {
        Self { nodes: Vec::new(), free: Vec::new(), head: NONE, tail: NONE }
    }

    /// Tells whether nobody waits who has not been notified.
    pub(crate) fn is_empty(&self) -> bool {
        self.head == NONE
    }

    /// Waits, or goes on waiting: at the back the first time, at the front after a notification that came to nothing.
    pub(crate) fn register(&mut self, ticket: &mut Option<Ticket>, waker: &Waker) {
        match ticket {
            None => {
                let index = self.allocate();
                self.nodes[index].waker = Some(waker.clone());
                self.link_back(index);
                *ticket = Some(Ticket(index));
            }
            Some(Ticket(index)) => match &mut self.nodes[*index].waker {
                Some(known) => known.clone_from(waker),
                empty => {
                    *empty = Some(waker.clone());
                    self.link_front(*index);
                }
            },
        }
    }

    /// Takes the longest waiter off the list; wake it after the lock is gone.
    pub(crate) fn notify_one(&mut self) -> Option<Waker> {
        match self.head {
            NONE => None,
            index => {
                self.unlink(index);
                self.nodes[index].waker.take()
            }
        }
    }

    /// Takes every waiter off the list.
    pub(crate) fn notify_all(&mut self) -> Vec<Waker> {
        std::iter::from_fn(|| self.notify_one()).collect()
    }

    /// Ends a wait; tells whether it had been notified.
    pub(crate) fn leave(&mut self, Ticket(index): Ticket) -> bool {
        let was_notified = self.nodes[index].waker.take().is_none();
        if !was_notified {
            self.unlink(index);
        }
        self.free.push(index);
        // A burst of waiters must not hold its memory for ever.
        if self.free.len() == self.nodes.len() && self.nodes.len() > 64 {
            *self = Self::new();
        }
        was_notified
    }

    fn allocate(&mut self) -> usize {
        self.free.pop().unwrap_or_else(|| {
            self.nodes.push(Node { waker: None, previous: NONE, next: NONE });
            self.nodes.len() - 1
        })
    }

    fn link_back(&mut self, index: usize) {
        self.nodes[index].previous = self.tail;
        self.nodes[index].next = NONE;
        match self.tail {
            NONE => self.head = index,
            tail => self.nodes[tail].next = index,
        }
        self.tail = index;
    }

    fn link_front(&mut self, index: usize) {
        self.nodes[index].previous = NONE;
        self.nodes[index].next = self.head;
        match self.head {
            NONE => self.tail = index,
            head => self.nodes[head].previous = index,
        }
        self.head = index;
    }

    fn unlink(&mut self, index: usize) {
        let (previous, next) = (self.nodes[index].previous, self.nodes[index].next);
        match previous {
            NONE => self.head = next,
            previous => self.nodes[previous].next = next,
        }
        match next {
            NONE => self.tail = previous,
            next => self.nodes[next].previous = previous,
        }
    }
}
