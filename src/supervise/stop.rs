//! Stopping children: ask, wait, abort.

use std::future::poll_fn;
use std::task::Poll;

use futures::StreamExt;

use super::board::ChildState;
use super::engine::Engine;
use super::exit::Exit;
use super::policy::Shutdown;
use crate::task::within;

impl Engine {
    /// Stops all children, the last first. Accepts no more requests.
    pub(super) async fn stop_all(&mut self) {
        self.board.lock().is_stopping = true;
        self.requests.close();
        let keys: Vec<u64> = self.children.keys().rev().copied().collect();
        for key in keys {
            self.stop_child(key).await;
        }
    }

    /// Stops a child and waits for its end. It is not started again by itself.
    pub(super) async fn stop_child(&mut self, key: u64) {
        self.unschedule(key);
        let Some(child) = self.children.get_mut(&key) else { return };
        child.is_restarting = false;
        let shutdown = child.spec.shutdown;
        let Some(life) = &child.life else {
            if let Some(child) = self.board.lock().child(key) {
                child.state = ChildState::Stopped;
            }
            return;
        };
        let abort = life.abort.clone();
        match shutdown {
            Shutdown::Kill => abort.abort(),
            Shutdown::Within(_) | Shutdown::Unlimited => life.token.cancel(),
        }
        if let Some(child) = self.board.lock().child(key) {
            child.state = ChildState::Stopping;
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
        self.note_end(key, &exit);
    }

    /// Waits for the end of one child; what else ends meanwhile is kept.
    async fn end_of(&mut self, key: u64) -> Exit {
        if let Some(at) = self.ended.iter().position(|(ended, _)| *ended == key)
            && let Some((_, exit)) = self.ended.remove(at)
        {
            return exit;
        }
        let Self { ends, ended, .. } = self;
        poll_fn(|cx| {
            while let Poll::Ready(next) = ends.poll_next_unpin(cx) {
                match next {
                    Some((other, exit)) if other == key => return Poll::Ready(exit),
                    Some(other) => ended.push_back(other),
                    None => unreachable!("a child that lives has an end"),
                }
            }
            Poll::Pending
        })
        .await
    }
}
