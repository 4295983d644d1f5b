//! Who has ended: the last ones, and how many there were.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::row::Gone;

/// So many are remembered.
const KEPT: usize = 256;

/// A reason is an error's text, which may hold whatever it is about.
const REASON: usize = 1024;

#[derive(Default)]
pub(super) struct Graveyard(Mutex<Ended>);

#[derive(Default)]
struct Ended {
    last: VecDeque<Gone>,
    total: u64,
}

pub(super) fn shortened(reason: Cow<'static, str>) -> Arc<str> {
    match reason.char_indices().map(|(place, _)| place).find(|place| *place >= REASON) {
        None => Arc::from(reason),
        Some(end) => Arc::from(format!("{}…", &reason[..end])),
    }
}

impl Graveyard {
    pub(super) fn bury(&self, gone: Gone) {
        let forgotten = {
            let mut ended = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            ended.total += 1;
            ended.last.push_back(gone);
            (ended.last.len() > KEPT).then(|| ended.last.pop_front())
        };
        drop(forgotten);
    }

    /// The last ones, the latest last; and how many there were.
    pub(super) fn read(&self) -> (Vec<Gone>, u64) {
        let ended = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (ended.last.iter().cloned().collect(), ended.total)
    }
}
