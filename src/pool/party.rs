//! A job that waits, in the hands of the worker of a `TaskPool`, and beside it those jobs of the same pool that it awaits.
//!
//! A job that awaits another of its pool may keep the only worker busy that could run it. Its handle then invites the other
//! one, and this worker drives it beside its host. Guests may have guests.
//!
//! Invariants:
//! 1. Of each host one guest at a time is driven here, so what runs at once does not grow with what is awaited at once. The
//!    next of its invitations is taken up when that guest has ended, unless the job has begun elsewhere meanwhile.
//! 2. The worker takes no other job before the first one and all guests have ended: a handle that is dropped, or sent
//!    elsewhere, takes nothing away.
//! 3. A job that waits lies in its slot: whoever stops the pool finds it there, or this finds that the pool was stopped.

use std::collections::{HashMap, HashSet, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::StreamExt;
use futures::stream::FuturesUnordered;

use super::body::At;
use super::crew::RUNTIME_IS_GONE;
use super::error::JobError;
use super::here::{Here, Invitation, Post};
use super::trace::Source;
use super::work::{Reach, Work};

pub(super) struct Party<'a> {
    post: &'a Arc<Post>,
    /// The job that the worker took, until it has ended.
    first: Option<InHand>,
    /// Whether the first job's last step has left this task's waker with what it waits for.
    has_waited: bool,
    guests: FuturesUnordered<Guest>,
    /// Who has a guest.
    hosts: HashSet<u64>,
    /// What each host still awaits.
    invited: HashMap<u64, VecDeque<Arc<dyn Work>>>,
}

/// A job that has begun, and that lies in its slot.
struct InHand {
    job: Arc<dyn Work>,
    post: Arc<Post>,
    source: Source,
    has_ended: bool,
}

struct Guest {
    host: u64,
    id: u64,
    stage: Stage,
}

enum Stage {
    Invited(Arc<dyn Work>, Arc<Post>),
    InHand(InHand),
}

impl<'a> Party<'a> {
    /// Of a job that has just made its first step.
    pub(super) fn new(post: &'a Arc<Post>, job: Arc<dyn Work>, source: Source, invited: Vec<Invitation>) -> Self {
        let mut party = Self {
            post,
            first: Some(InHand::new(job, post.clone(), source)),
            has_waited: false,
            guests: FuturesUnordered::new(),
            hosts: HashSet::new(),
            invited: HashMap::new(),
        };
        party.note(invited);
        party
    }

    fn note(&mut self, invited: Vec<Invitation>) {
        for Invitation { host, job } in invited {
            self.invited.entry(host).or_default().push_back(job);
        }
    }

    /// Lets guests in whose hosts have none; false where there are none.
    fn let_in(&mut self) -> bool {
        let count = self.guests.len();
        for (host, jobs) in &mut self.invited {
            if !self.hosts.contains(host)
                && let Some(job) = jobs.pop_front()
            {
                self.hosts.insert(*host);
                self.guests.push(Guest { host: *host, id: job.id(), stage: Stage::Invited(job, self.post.clone()) });
            }
        }
        self.invited.retain(|_, jobs| !jobs.is_empty());
        self.guests.len() > count
    }

    /// Says that a job awaits nobody any more.
    fn gone(&mut self, host: u64) {
        let jobs = self.invited.remove(&host);
        drop(jobs);
    }

    /// Takes another step of the first job.
    fn go_on(&mut self, cx: &mut Context<'_>) {
        if let Some(first) = &mut self.first
            && first.go_on(cx).is_ready()
        {
            let id = first.job.id();
            self.first = None;
            self.gone(id);
        }
    }

    /// Takes another step of each guest that was woken.
    fn entertain(&mut self, cx: &mut Context<'_>) {
        while let Poll::Ready(Some((host, id))) = self.guests.poll_next_unpin(cx) {
            self.hosts.remove(&host);
            self.gone(id);
        }
    }
}

impl Future for Party<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let here = Here::in_task(this.post.clone());
        if std::mem::replace(&mut this.has_waited, true) {
            this.go_on(cx);
        }
        loop {
            this.entertain(cx);
            this.note(here.take_invited());
            // Guests are polled as they are let in, and may bring guests.
            if !this.let_in() {
                break;
            }
        }
        if this.first.is_none() && this.guests.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl InHand {
    fn new(job: Arc<dyn Work>, post: Arc<Post>, source: Source) -> Self {
        post.slot.hold(job.clone());
        if post.core.is_aborted() {
            // Whoever stopped the pool may have looked into the slot before the job lay there.
            job.stop(&JobError::Closed(post.core.closed()), Reach::Final);
        }
        Self { job, post, source, has_ended: false }
    }

    fn go_on(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Self { job, post, source, has_ended } = self;
        let fate = job.go_on(&At { job, post, source: *source }, cx);
        *has_ended = fate.is_ready();
        fate.map(drop)
    }
}

impl Drop for InHand {
    fn drop(&mut self) {
        let Self { job, post, has_ended, .. } = self;
        if !*has_ended {
            post.core.stops_because(RUNTIME_IS_GONE);
            job.stop(&JobError::Closed(post.core.closed()), Reach::Final);
            post.slot.meter.lost();
        }
        post.slot.let_go(job);
    }
}

impl Future for Guest {
    /// Whose guest it was, and its own number.
    type Output = (u64, u64);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        match &mut this.stage {
            Stage::InHand(in_hand) => ready!(in_hand.go_on(cx)),
            Stage::Invited(job, post) => {
                let _: () = match job.begin(&At { job, post, source: Source::Awaited }, cx) {
                    Poll::Ready(_) => (),
                    Poll::Pending => {
                        this.stage = Stage::InHand(InHand::new(job.clone(), post.clone(), Source::Awaited));
                        return Poll::Pending;
                    }
                };
            }
        }
        Poll::Ready((this.host, this.id))
    }
}
