//! Stopping children: ask, wait, abort.

use std::future::poll_fn;
use std::task::Poll;

use futures::StreamExt;

use super::board::ChildState;
use super::engine::Engine;
use super::exit::Exit;
use super::policy::Shutdown;
use crate::error::drop_quietly;
use crate::task::within;

impl Engine {
    /// Stops all children, the last first. Accepts no more requests.
    pub(super) async fn stop_all(&mut self) {
        self.board.lock().is_stopping = true;
        self.requests.close();
        // Children may wait for the answers, while they are waited for.
        while let Ok(command) = self.requests.try_recv() {
            drop_quietly(command);
        }
        let keys: Vec<u64> = self.children.keys().rev().copied().collect();
        for key in keys {
            let is_for_good = self.above.place.as_ref().is_none_or(|place| place.is_for_good());
            if is_for_good && let Some(life) = self.children.get(&key).and_then(|child| child.life.as_ref()) {
                life.place.end_for_good();
            }
            self.stop_child(key).await;
            // At once: those that are stopped after it may wait for it.
            if is_for_good && let Some(spec) = self.children.get(&key).map(|child| child.spec.clone()) {
                spec.conclude();
            }
        }
    }

    /// Stops a child and waits for its end; it is not started again by itself. Tells whether the life was to be the last.
    pub(super) async fn stop_child(&mut self, key: u64) -> bool {
        self.unschedule(key);
        let Some(child) = self.children.get_mut(&key) else { return false };
        child.is_restarting = false;
        if child.life.is_none() {
            if let Some(child) = self.board.lock().child(key) {
                child.state = ChildState::Stopped;
            }
            return false;
        }
        let shutdown = child.spec.shutdown;
        let (exit, is_last) = self.end_life(key, shutdown).await;
        self.tell_exit(key, &exit);
        is_last
    }

    /// Ends the life of a child that has one; gives how, and whether it was to be the last.
    pub(super) async fn end_life(&mut self, key: u64, shutdown: Shutdown) -> (Exit, bool) {
        let Some(life) = self.children.get(&key).and_then(|child| child.life.as_ref()) else {
            return (Exit::Killed, false);
        };
        let (abort, token) = (life.abort.clone(), life.token.clone());
        if let Some(child) = self.board.lock().child(key) {
            child.state = ChildState::Stopping;
        }
        match shutdown {
            Shutdown::Kill => abort.abort(),
            Shutdown::Within(_) | Shutdown::Unlimited => token.cancel(),
        }
        let mut exit = None;
        if let Shutdown::Within(limit) = shutdown
            && !within(limit, async { exit = Some(self.end_of(key).await) }).await
        {
            abort.abort();
        }
        let exit = match exit {
            Some(exit) => exit,
            None => self.end_of(key).await,
        };
        let is_last = self.note_end(key, &exit);
        (exit, is_last)
    }

    /// Waits for the end of one child; what else ends meanwhile is kept.
    async fn end_of(&mut self, key: u64) -> Exit {
        if let Some(exit) = self.ended.remove(&key) {
            return exit;
        }
        let Self { ends, ended, order, .. } = self;
        poll_fn(|cx| {
            while let Poll::Ready(next) = ends.poll_next_unpin(cx) {
                match next {
                    Some((other, exit)) if other == key => return Poll::Ready(exit),
                    Some((other, exit)) => {
                        ended.insert(other, exit);
                        order.push_back(other);
                    }
                    None => unreachable!("a child that lives has an end"),
                }
            }
            Poll::Pending
        })
        .await
    }
}
