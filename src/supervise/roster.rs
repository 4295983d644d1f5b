//! Which children there are, how their lives have ended, and when they are due: bookkeeping, which waits for nothing.

use std::time::Duration;

use tokio::time::Instant;

use super::board::{ChildInfo, ChildState, SeenChild};
use super::engine::{Child, Due, Engine};
use super::event::EventKind;
use super::exit::Exit;
use super::intensity::Window;
use super::spec::ChildSpec;
use crate::error::drop_quietly;
use crate::policy::Backoff;

impl Engine {
    pub(super) fn add(&mut self, spec: ChildSpec) -> u64 {
        let key = self.next_key;
        self.next_key += 1;
        self.names.insert(spec.name.clone(), key);
        let failures = spec.intensity.map(Window::new);
        let info = ChildInfo {
            name: spec.name.clone(),
            is_supervisor: spec.is_supervisor(),
            state: ChildState::Stopped,
            incarnation: 0,
            restarts: 0,
            last_exit: None,
        };
        self.board.lock().children.insert(key, SeenChild { info, below: None, failures });
        let child = Child { spec, life: None, last_exit: None, is_restarting: false, due: None, delays: None };
        self.children.insert(key, child);
        key
    }

    /// Removes a child without a life.
    pub(super) fn forget(&mut self, key: u64) {
        self.unschedule(key);
        let Some(child) = self.children.remove(&key) else { return };
        let name = child.spec.name.clone();
        self.names.remove(&name);
        let seen = self.board.lock().children.remove(&key);
        // What the spec and its errors have captured is the user's.
        drop_quietly((child, seen));
        self.board.tell(&name, EventKind::Removed);
    }

    /// Takes note of the end of a life; tells whether it was to be the last one.
    pub(super) fn note_end(&mut self, key: u64, exit: &Exit) -> bool {
        let Some(child) = self.children.get_mut(&key) else { return false };
        let Some(life) = child.life.take() else { return false };
        // For what the life has left elsewhere.
        life.token.cancel();
        let before = child.last_exit.replace(exit.clone());
        let backoff = child.spec.backoff.or(self.backoff);
        let is_long = |backoff: Backoff| life.place.is_running() && life.begun.elapsed() > backoff.longest();
        if backoff.is_some_and(is_long) {
            child.delays = None;
        }
        let shown_before = self.board.lock().ends(key, exit);
        drop_quietly((before, shown_before));
        life.place.is_last()
    }

    /// Says how a life has ended.
    pub(super) fn tell_exit(&self, key: u64, exit: &Exit) {
        let Some(child) = self.children.get(&key) else { return };
        let incarnation = self.board.lock().child(key).map_or(0, |child| child.incarnation);
        self.board.tell(&child.spec.name, EventKind::Exited { incarnation, exit: exit.clone() });
    }

    /// How long to wait before this child is started again.
    pub(super) fn delay(&mut self, key: u64) -> Duration {
        let Some(child) = self.children.get_mut(&key) else { return Duration::ZERO };
        let Some(backoff) = child.spec.backoff.or(self.backoff) else { return Duration::ZERO };
        let delays = child.delays.get_or_insert_with(|| backoff.attempts(u32::MAX).delays());
        delays.next().unwrap_or(backoff.longest())
    }

    pub(super) fn schedule(&mut self, key: u64, delay: Duration, due: Due) {
        self.unschedule(key);
        let Some(child) = self.children.get_mut(&key) else { return };
        let now = Instant::now();
        let at = now.checked_add(delay).unwrap_or(now + Duration::from_secs(86_400 * 365));
        child.due = Some(at);
        self.due.insert((at, key), due);
    }

    /// When this child is due, if it is.
    pub(super) fn due_at(&self, key: u64) -> Option<Instant> {
        self.children.get(&key).and_then(|child| child.due)
    }

    pub(super) fn unschedule(&mut self, key: u64) {
        if let Some(at) = self.children.get_mut(&key).and_then(|child| child.due.take()) {
            self.due.remove(&(at, key));
        }
    }
}
