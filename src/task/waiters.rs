//! Who waits, in order: a list of wakers with removal in constant time, for use under a lock.
//!
//! Invariants:
//! 1. A node belongs to one [`Ticket`] from [`register`](Waiters::register) until [`leave`](Waiters::leave), also while
//!    it is notified: no other waiter can be mistaken for it.
//! 2. Linked nodes have a waker and are waiting; a node that is not linked has been notified.
//! 3. A ticket that leaves says whether it was notified, so that its owner can pass the wake-up on.
//! 4. No waker is cloned, woken or dropped in here: what a waker does is foreign code, and may come back for the lock.
//!    They come in by value, and each one that is displaced goes out again.

use std::task::Waker;

const NONE: usize = usize::MAX;

/// The place of one waiter. Its owner gives it back with [`Waiters::leave`].
#[derive(Debug)]
pub(crate) struct Ticket(usize);

/// What a wait leaves behind.
#[derive(Debug)]
#[must_use = "a wake-up may have to be passed on, and the waker dropped after the lock is gone"]
pub(crate) struct Left {
    pub(crate) was_notified: bool,
    /// Present unless notified; to be dropped after the lock is gone.
    pub(crate) waker: Option<Waker>,
}

/// First come, first woken.
#[derive(Debug)]
pub(crate) struct Waiters {
    nodes: Vec<Node>,
    free: Vec<usize>,
    head: usize,
    tail: usize,
    /// How many nodes are linked.
    linked: usize,
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
        Self { nodes: Vec::new(), free: Vec::new(), head: NONE, tail: NONE, linked: 0 }
    }

    /// Tells whether nobody waits who has not been notified.
    pub(crate) fn is_empty(&self) -> bool {
        self.head == NONE
    }

    /// How many wait who have not been notified.
    pub(crate) fn len(&self) -> usize {
        self.linked
    }

    /// Waits, or goes on waiting: at the back the first time, at the front after a notification that came to nothing.
    ///
    /// Gives the waker that the new one takes the place of; drop it after the lock is gone.
    #[must_use = "a waker is dropped after the lock is gone"]
    pub(crate) fn register(&mut self, ticket: &mut Option<Ticket>, waker: Waker) -> Option<Waker> {
        match ticket {
            None => {
                let index = self.allocate();
                self.nodes[index].waker = Some(waker);
                self.link_back(index);
                *ticket = Some(Ticket(index));
                None
            }
            Some(Ticket(index)) => {
                let displaced = self.nodes[*index].waker.replace(waker);
                if displaced.is_none() {
                    self.link_front(*index);
                }
                displaced
            }
        }
    }

    /// Tells whether a waiter has been called and has neither left nor registered again.
    pub(crate) fn is_notified(&self, Ticket(index): &Ticket) -> bool {
        self.nodes[*index].waker.is_none()
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
    pub(crate) fn leave(&mut self, Ticket(index): Ticket) -> Left {
        let waker = self.nodes[index].waker.take();
        let was_notified = waker.is_none();
        if !was_notified {
            self.unlink(index);
        }
        self.free.push(index);
        // A burst of waiters must not hold its memory for ever.
        if self.free.len() == self.nodes.len() && self.nodes.len() > 64 {
            *self = Self::new();
        }
        Left { was_notified, waker }
    }

    fn allocate(&mut self) -> usize {
        self.free.pop().unwrap_or_else(|| {
            self.nodes.push(Node { waker: None, previous: NONE, next: NONE });
            self.nodes.len() - 1
        })
    }

    fn link_back(&mut self, index: usize) {
        self.linked += 1;
        self.nodes[index].previous = self.tail;
        self.nodes[index].next = NONE;
        match self.tail {
            NONE => self.head = index,
            tail => self.nodes[tail].next = index,
        }
        self.tail = index;
    }

    fn link_front(&mut self, index: usize) {
        self.linked += 1;
        self.nodes[index].previous = NONE;
        self.nodes[index].next = self.head;
        match self.head {
            NONE => self.tail = index,
            head => self.nodes[head].previous = index,
        }
        self.head = index;
    }

    fn unlink(&mut self, index: usize) {
        self.linked -= 1;
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
