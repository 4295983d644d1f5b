//! Records what threads do to a map or a cache, and gives it to the checker of linearizability.

use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::linear::{Event, Op, is_linearizable};

pub(crate) const THREADS: usize = 3;
pub(crate) const KEYS: usize = 2;
const OPS: usize = 5;

/// What the recorder can drive.
pub(crate) trait Subject: Sync {
    type Reader<'a>
    where
        Self: 'a;
    fn fresh() -> Self;
    fn reader(&self) -> Self::Reader<'_>;
    /// Runs the operation that is asked for; gives it with what it said.
    fn run(&self, reader: &mut Self::Reader<'_>, key: usize, which: u64, value: u32) -> Op;
}

/// Lets three threads loose on one subject after the other; gives how many histories there was no order for, and in how many
/// operations on one key met.
pub(crate) fn refused<S: Subject>(histories: usize) -> (usize, usize) {
    let (clock, begin) = (AtomicU64::new(0), Barrier::new(THREADS));
    let subjects: Vec<S> = (0..histories).map(|_| S::fresh()).collect();
    let record = &|me: u64| {
        let mut random = me * 0x9E37_79B9 + 1;
        let mut events: Vec<[Vec<Event>; KEYS]> = Vec::with_capacity(histories);
        for subject in &subjects {
            begin.wait();
            let (mut reader, mut mine) = (subject.reader(), [const { Vec::new() }; KEYS]);
            for n in 0..OPS {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                let (key, value) = ((random >> 8) as usize % KEYS, (me as u32) << 8 | n as u32);
                let begun = clock.fetch_add(1, Ordering::SeqCst);
                let op = subject.run(&mut reader, key, random >> 16, value);
                let ended = clock.fetch_add(1, Ordering::SeqCst);
                mine[key].push(Event { begun, ended, op });
            }
            events.push(mine);
        }
        events
    };
    let recorded: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS as u64).map(|me| scope.spawn(move || record(me))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    let (mut refused, mut met) = (0, 0);
    for history in 0..histories {
        let keys = [0, 1].map(|key| recorded.iter().flat_map(|thread| thread[history][key].iter().copied()).collect());
        refused += usize::from(!keys.iter().all(|events: &Vec<Event>| is_linearizable(events)));
        met += usize::from(keys.iter().any(|events| do_meet(events)));
    }
    (refused, met)
}

fn do_meet(events: &[Event]) -> bool {
    let meet = |one: &Event, other: &Event| one.begun < other.ended && other.begun < one.ended;
    events.iter().enumerate().any(|(at, one)| events[at + 1..].iter().any(|other| meet(one, other)))
}
