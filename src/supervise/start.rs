//! Starting children: at first, on request, and again.

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::Poll;

use futures::{FutureExt, StreamExt};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::board::ChildState;
use super::context::{ChildContext, Place};
use super::engine::{Above, Due, Engine};
use super::error::StartError;
use super::event::EventKind;
use super::exit::Exit;
use super::handle::SupervisorRef;
use super::life::{End, Kin, Life, live};
use super::policy::{Restart, Shutdown, Strategy};
use super::spec::Body;
use crate::error::{Elapsed, drop_quietly};

/// What came of a start.
pub(super) enum Started {
    Running,
    /// There was nothing to do.
    Ignored,
    Failed(Exit),
    /// It failed, and said that it was the last one: the child is forgotten.
    Gone(Arc<str>, Exit),
    /// The supervisor is to stop.
    Refused,
}

/// What a start waits for.
enum Waited {
    Started,
    Ended(Exit),
    Late(std::time::Duration),
    Stop,
}

impl Engine {
    /// Starts all children, or none.
    pub(super) async fn start_first(&mut self) -> Result<(), StartError> {
        let keys: Vec<u64> = self.children.keys().copied().collect();
        for key in keys {
            let supervisor = self.board.path.clone();
            match self.start_child(key).await {
                Started::Running => {}
                Started::Ignored => self.was_ignored(key),
                // It wants nothing more, and without it the others are to end.
                Started::Gone(child, exit) if self.is_over => {
                    return Err(StartError::Child { supervisor, child, exit });
                }
                Started::Gone(..) => {}
                Started::Failed(exit) => {
                    let child = self.children[&key].spec.name.clone();
                    return Err(StartError::Child { supervisor, child, exit });
                }
                Started::Refused => return Err(StartError::Stopped { supervisor }),
            }
        }
        Ok(())
    }

    /// Stops those who are to be started again with this one, and marks them.
    pub(super) async fn stop_group(&mut self, key: u64) {
        for other in self.group(key).into_iter().rev() {
            if other != key {
                let is_last = self.stop_child(other).await;
                if is_last || self.children[&other].spec.restart == Restart::Temporary {
                    self.forget(other);
                    continue;
                }
            }
            self.unschedule(other);
            if let Some(child) = self.children.get_mut(&other) {
                child.is_restarting = true;
            }
            if let Some(child) = self.board.lock().child(other) {
                child.state = ChildState::Restarting;
            }
        }
    }

    /// Starts those who are marked. Where one cannot be started, it is tried again later, and those after it wait.
    pub(super) async fn start_group(&mut self, key: u64) {
        for other in self.group(key) {
            if !self.children.get(&other).is_some_and(|child| child.is_restarting) {
                continue;
            }
            self.unschedule(other);
            self.board.lock().restarts(other);
            match self.start_child(other).await {
                Started::Running => {}
                Started::Gone(..) if self.is_over => return,
                Started::Gone(..) => {}
                Started::Ignored => self.was_ignored(other),
                Started::Failed(_) => {
                    if let Some(child) = self.children.get_mut(&other) {
                        child.is_restarting = true;
                    }
                    if let Some(child) = self.board.lock().child(other) {
                        child.state = ChildState::Restarting;
                    }
                    let delay = self.delay(other);
                    return self.schedule(other, delay, Due::Failed);
                }
                Started::Refused => return,
            }
            if let Some(child) = self.children.get_mut(&other) {
                child.is_restarting = false;
            }
        }
    }

    /// Lets another of those who wait to be started with this one be due in its place.
    pub(super) fn hand_over(&mut self, key: u64, due: Instant) {
        let waits = |other: &u64| {
            self.children.get(other).is_some_and(|child| child.is_restarting) && self.due_at(*other).is_none()
        };
        if let Some(heir) = self.group(key).into_iter().find(waits) {
            self.schedule(heir, due.saturating_duration_since(Instant::now()), Due::Counted);
        }
    }

    /// Whom a failure concerns, in the order in which they are started.
    fn group(&self, key: u64) -> Vec<u64> {
        match self.strategy {
            Strategy::OneForOne => vec![key],
            Strategy::OneForAll => self.children.keys().copied().collect(),
            Strategy::RestForOne => self.children.range(key..).map(|(key, _)| *key).collect(),
        }
    }

    /// A child that had nothing to do is kept, unless it would never be started again.
    pub(super) fn was_ignored(&mut self, key: u64) {
        if self.children.get(&key).is_some_and(|child| child.spec.restart == Restart::Temporary) {
            self.forget(key);
        }
    }

    /// Starts a child without a life, and waits for its start.
    pub(super) async fn start_child(&mut self, key: u64) -> Started {
        let Some(mut started) = self.begin(key) else { return Started::Refused };
        let child = &self.children[&key];
        let (name, limit, shutdown) = (child.spec.name.clone(), child.spec.start_timeout, child.spec.shutdown);
        // A life without a start has started when it is spawned.
        let waited = match child.spec.body {
            Body::Run(_) => Waited::Started,
            _ => self.wait_started(key, &mut started, limit).await,
        };
        let (exit, is_last) = match waited {
            Waited::Started => {
                if let Some(life) = self.children.get_mut(&key).and_then(|child| child.life.as_mut()) {
                    life.begun = Instant::now();
                }
                let incarnation = {
                    let mut seen = self.board.lock();
                    seen.child(key).map_or(0, |child| {
                        child.state = ChildState::Running;
                        child.incarnation
                    })
                };
                self.board.tell(&name, EventKind::Started { incarnation });
                return Started::Running;
            }
            Waited::Stop => {
                self.stop_child(key).await;
                return Started::Refused;
            }
            Waited::Late(limit) => {
                // A start that is late must not take for ever instead.
                let shutdown = match shutdown {
                    Shutdown::Unlimited => Shutdown::Kill,
                    shutdown => shutdown,
                };
                let (_, is_last) = self.end_life(key, shutdown).await;
                let place = format!("the start of child `{}`", self.board.path_of(&name));
                (Exit::Failed(Arc::new(Elapsed::new(place, limit))), is_last)
            }
            Waited::Ended(exit) => {
                let is_last = self.note_end(key, &exit);
                (exit, is_last)
            }
        };
        if exit.is_ignored() {
            self.board.tell(&name, EventKind::Ignored);
            return Started::Ignored;
        }
        let before = self.children.get_mut(&key).and_then(|child| child.last_exit.replace(exit.clone()));
        let shown_before = self.board.lock().child(key).and_then(|child| child.last_exit.replace(exit.clone()));
        drop_quietly((before, shown_before));
        self.board.tell(&name, EventKind::StartFailed { exit: exit.clone() });
        if is_last {
            let is_significant = self.children.get(&key).is_some_and(|child| child.spec.is_significant);
            self.forget(key);
            self.is_over |= self.ends_with(is_significant);
            return Started::Gone(name, exit);
        }
        Started::Failed(exit)
    }

    /// Spawns a life, unless the tree is closed.
    fn begin(&mut self, key: u64) -> Option<oneshot::Receiver<()>> {
        let child = self.children.get_mut(&key)?;
        let incarnation = self.board.lock().begins(key, ChildState::Starting);
        let path = self.board.path_of(&child.spec.name);
        let token = CancellationToken::new();
        let above = self.above.place.clone();
        let place = Place::new(self.board.id, child.spec.name.clone(), token.clone(), above);
        let (kin, gone) = Kin::below(self.above.kin.clone());
        let cx = ChildContext {
            place: place.clone(),
            path: path.clone(),
            incarnation,
            last_exit: child.last_exit.clone(),
            token: token.clone(),
            supervisor: SupervisorRef { board: self.board.clone() },
            kin: Arc::downgrade(&kin),
        };
        let below = Above {
            spawner: self.above.spawner.clone(),
            kin: Some(kin.clone()),
            place: Some(place.clone()),
            events: Some(self.board.events.clone()),
            shown: Some((self.board.clone(), key)),
        };
        let (starts, started) = oneshot::channel();
        let life = live(child.spec.body.clone(), cx, below, starts);
        // The group bears the root's name already.
        let name = path.split_once('/').map_or(&*path, |(_root, rest)| rest);
        let task = self.above.spawner.spawn(name, async move {
            let _kin = kin;
            life.await
        });
        let Ok(task) = task else {
            let shown_before = self.board.lock().ends(key, &Exit::Killed);
            drop_quietly(shown_before);
            return None;
        };
        child.life = Some(Life { place, token, abort: task.abort_handle(), begun: Instant::now() });
        self.ends.push(End::new(key, task, gone));
        Some(started)
    }

    async fn wait_started(
        &mut self,
        key: u64,
        started: &mut oneshot::Receiver<()>,
        limit: Option<std::time::Duration>,
    ) -> Waited {
        let Self { ends, ended, order, stop, .. } = self;
        let mut has_answer = true;
        let mut timer = None;
        poll_fn(|cx| {
            if has_answer && let Poll::Ready(answer) = started.poll_unpin(cx) {
                // Without an answer it has ended, and is about to say how.
                has_answer = false;
                if answer.is_ok() {
                    return Poll::Ready(Waited::Started);
                }
            }
            while let Poll::Ready(Some((other, exit))) = ends.poll_next_unpin(cx) {
                if other == key {
                    return Poll::Ready(Waited::Ended(exit));
                }
                ended.insert(other, exit);
                order.push_back(other);
            }
            if stop.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Waited::Stop);
            }
            let Some(limit) = limit else { return Poll::Pending };
            let timer = timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
            timer.as_mut().poll(cx).map(|()| Waited::Late(limit))
        })
        .await
    }
}
