//! Chunks that are taken by whoever comes, and results that are put in their order.
//!
//! Invariants:
//! 1. A chunk is uncut, in the list, in the hands of a member, or has ended with a result or a panic; all under one lock.
//! 2. Results are taken out once: by the member that brings the last that is needed, or by whoever finds the time to be over.
//!    What comes later is dropped, outside the lock, as all that is the user's.

use std::collections::VecDeque;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::super::reduce::part;
use super::error::{Missing, ScatterError};
use crate::error::{Kept, Panicked, caught, drop_quietly};
use crate::pool::{JobError, Member, Quiet, Work};

pub(super) struct Scattering<T, R, F, H> {
    worker: Kept<F>,
    board: Mutex<Board<T, R, H>>,
    chunks: usize,
    content: Content,
    place: Arc<str>,
}

/// How many results are wanted.
#[derive(Clone, Copy)]
pub(super) struct Content {
    /// With so many there is nothing to wait for.
    pub(super) enough: usize,
    /// With fewer it is an error.
    pub(super) needed: usize,
}

struct Board<T, R, H> {
    uncut: Option<Quiet<T>>,
    list: VecDeque<(usize, Quiet<T>)>,
    results: Quiet<Option<R>>,
    panics: Vec<(usize, Panicked)>,
    arrived: usize,
    /// Taken with the results.
    gather: Option<Kept<H>>,
}

/// What is gathered, and by what.
pub(super) struct Harvest<T, R, H> {
    pub(super) results: Quiet<R>,
    pub(super) missing: Vec<(usize, Missing)>,
    pub(super) gather: Kept<H>,
    /// Dropped where the results are gathered, since it may be much.
    unbegun: Unbegun<T>,
}

/// Chunks that nobody has begun, and what is not cut yet.
type Unbegun<T> = (VecDeque<(usize, Quiet<T>)>, Option<Quiet<T>>);

/// The work of a team; whoever waits holds the rest, too.
pub(super) struct Shared<T, R, F, H>(pub(super) Arc<Scattering<T, R, F, H>>);

/// What comes of it for the team: an error that is not the team's is inside.
pub(super) type Outcome<G> = Result<(G, Vec<(usize, Missing)>), ScatterError>;

impl<T, R, F, H> Scattering<T, R, F, H> {
    pub(super) fn new(items: Quiet<T>, chunks: usize, content: Content, worker: F, gather: H, place: Arc<str>) -> Self {
        let chunks = chunks.min(items.0.len());
        let content = Content { enough: content.enough.min(chunks), needed: content.needed.min(chunks) };
        let board = Board {
            uncut: Some(items),
            list: VecDeque::new(),
            results: Quiet((0..chunks).map(|_| None).collect()),
            panics: Vec::new(),
            arrived: 0,
            gather: Some(Kept::new(gather)),
        };
        Self { worker: Kept::new(worker), board: Mutex::new(board), chunks, content, place }
    }

    pub(super) fn place(&self) -> &Arc<str> {
        &self.place
    }

    /// How many results are needed, and how many there are.
    pub(super) fn reached(&self) -> (usize, usize) {
        (self.content.needed, self.lock().arrived)
    }

    /// Takes what is there; nothing if it was taken before.
    pub(super) fn harvest(&self) -> Option<Harvest<T, R, H>> {
        let mut board = self.lock();
        let gather = board.gather.take()?;
        let results = mem::replace(&mut board.results, Quiet(Vec::new()));
        let mut missing: Vec<_> = mem::take(&mut board.panics)
            .into_iter()
            .map(|(chunk, panicked)| (chunk, Missing::Panicked(panicked)))
            .collect();
        let unbegun = (mem::take(&mut board.list), board.uncut.take());
        drop(board);
        missing.sort_unstable_by_key(|(chunk, _)| *chunk);
        let has_panicked = |chunk: &usize| missing.binary_search_by_key(chunk, |(panicked, _)| *panicked).is_ok();
        let late = results.0.iter().enumerate().filter(|(_, result)| result.is_none()).map(|(chunk, _)| chunk);
        let late: Vec<_> = late.filter(|chunk| !has_panicked(chunk)).map(|chunk| (chunk, Missing::Late)).collect();
        missing.extend(late);
        missing.sort_unstable_by_key(|(chunk, _)| *chunk);
        let results = Quiet(results.into_inner().into_iter().flatten().collect());
        Some(Harvest { results, missing, gather, unbegun })
    }

    fn lock(&self) -> MutexGuard<'_, Board<T, R, H>> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Cuts the data, if nobody has done so.
    fn cut(&self) {
        let Some(mut items) = self.lock().uncut.take() else { return };
        let len = items.0.len();
        let mut list = VecDeque::with_capacity(self.chunks);
        for chunk in (0..self.chunks).rev() {
            // From the back: each chunk is split off the end, the first one is what is left.
            let rest = items.0.split_off(part(len, self.chunks, chunk).start);
            list.push_front((chunk, Quiet(rest)));
        }
        let mut board = self.lock();
        if board.gather.is_some() {
            board.list = list;
        } else {
            // What was there has been gathered meanwhile.
            drop(board);
            drop(list);
        }
    }

    /// Notes what came of a chunk. True when it was the last that is needed; an error when what is needed cannot come any more.
    fn note(&self, chunk: usize, result: Result<R, Panicked>) -> Result<bool, ScatterError> {
        let mut board = self.lock();
        if board.gather.is_none() {
            drop(board);
            drop_quietly(result);
            return Ok(false);
        }
        match result {
            Ok(result) => {
                board.results.0[chunk] = Some(result);
                board.arrived += 1;
            }
            Err(panicked) => board.panics.push((chunk, panicked)),
        }
        let ended = board.arrived + board.panics.len();
        if board.panics.len() > self.chunks - self.content.needed {
            let Some((_, first)) = board.panics.drain(..1).next() else { unreachable!("there are more than none") };
            let Content { needed: wanted, .. } = self.content;
            return Err(ScatterError::Quorum { place: self.place.clone(), wanted, chunks: self.chunks, first });
        }
        Ok(board.arrived == self.content.enough || ended == self.chunks)
    }
}

impl<T, R, H> Harvest<T, R, H> {
    /// Runs the user's function.
    pub(super) fn gather<G>(self, place: &str) -> Outcome<G>
    where
        H: FnOnce(Vec<R>) -> G,
    {
        let Self { results, missing, gather, unbegun } = self;
        drop(unbegun);
        let gathered = caught(|| gather.into_inner()(results.into_inner()));
        let panicked = |payload| Panicked::from_payload(format!("gathering of {place}"), payload);
        gathered
            .map(|value| (value, missing))
            .map_err(|payload| ScatterError::Job(JobError::Panicked(panicked(payload))))
    }
}

impl<T, R, F, H, G> Work for Shared<T, R, F, H>
where
    T: Send + 'static,
    R: Send + 'static,
    G: Send + 'static,
    F: Fn(Vec<T>) -> R + Send + Sync + 'static,
    H: FnOnce(Vec<R>) -> G + Send + 'static,
{
    type Output = Outcome<G>;

    fn take_part(&self, member: &Member<'_, Self>) -> Option<Outcome<G>> {
        let Self(scattering) = self;
        scattering.cut();
        if scattering.chunks == 0 {
            return Some(scattering.harvest()?.gather(&scattering.place));
        }
        while !member.is_stopped() {
            let (chunk, items, left) = {
                let mut board = scattering.lock();
                let (chunk, items) = board.list.pop_front()?;
                (chunk, items, board.list.len())
            };
            // At once: how long a chunk takes is not known before it has ended.
            member.call(left);
            let result = caught(|| scattering.worker.get()(items.into_inner()));
            let panicked = |payload| Panicked::from_payload(format!("chunk {chunk} of {}", scattering.place), payload);
            match scattering.note(chunk, result.map_err(panicked)) {
                Ok(false) => {}
                Ok(true) => return Some(scattering.harvest()?.gather(&scattering.place)),
                Err(error) => return Some(Err(error)),
            }
        }
        None
    }
}
