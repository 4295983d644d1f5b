//! Random operations on the queue and on a naive twin: one list, searched for everything.

use super::*;
use proptest::prelude::*;
use regatta::policy::Priority::{High, Low, Normal};
use regatta::queue::{DeadLetter, Reason, SendError};
use std::collections::VecDeque;

#[derive(Debug, Clone, Copy)]
enum Step {
    Send(Priority),
    SendMany(u32, Priority),
    Recv,
    RecvMany(usize),
    Done(usize),
    Nack(usize),
    Abandon(usize),
    Close,
    CloseNow,
    ReadLetter,
    CloseLetters,
}

fn priority() -> impl Strategy<Value = Priority> + Clone {
    prop_oneof![2 => Just(Normal), 1 => Just(High), 1 => Just(Low)]
}

fn step(priority: impl Strategy<Value = Priority> + Clone) -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => priority.clone().prop_map(Step::Send),
        2 => (0..5_u32, priority).prop_map(|(count, priority)| Step::SendMany(count, priority)),
        6 => Just(Step::Recv),
        2 => (1..5_usize).prop_map(Step::RecvMany),
        4 => (0..8_usize).prop_map(Step::Done),
        3 => (0..8_usize).prop_map(Step::Nack),
        2 => (0..8_usize).prop_map(Step::Abandon),
        2 => Just(Step::ReadLetter),
        1 => prop::sample::select(vec![Step::Close, Step::CloseNow, Step::CloseLetters]),
    ]
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Entry {
    item: u32,
    attempt: u32,
    priority: Priority,
}

impl Entry {
    fn of(delivery: &Delivery<u32>) -> Self {
        Self { item: **delivery, attempt: delivery.attempt(), priority: delivery.priority() }
    }

    fn is_returned(&self) -> bool {
        self.attempt > 1
    }
}

/// The obvious queue: a list in the order in which items came, or came back, and some numbers.
#[derive(Default)]
struct Naive {
    capacity: usize,
    attempts: u32,
    queued: Vec<Entry>,
    turn: u32,
    /// Whose turn it is in each lane.
    is_turn_of_returned: BTreeMap<Priority, bool>,
    is_closed: bool,
    owed: usize,
    /// Dead letters in their queue, and how many fit.
    letters: VecDeque<(Entry, Reason)>,
    letters_room: usize,
    are_letters_closed: bool,
    counts: BTreeMap<&'static str, u64>,
}

impl Naive {
    fn count(&mut self, what: &'static str, by: usize) {
        *self.counts.entry(what).or_default() += by as u64;
    }

    fn counted(&self, what: &str) -> u64 {
        self.counts.get(what).copied().unwrap_or(0)
    }

    fn remove_first(&mut self, is_it: impl Fn(&Entry) -> bool) -> Option<Entry> {
        let index = self.queued.iter().position(is_it)?;
        Some(self.queued.remove(index))
    }

    fn is_plain(&self) -> bool {
        self.queued.iter().all(|entry| entry.priority == Normal && !entry.is_returned())
    }

    fn drop_oldest(&mut self) {
        let Some(lowest) = self.queued.iter().map(|entry| entry.priority).min() else { return };
        let victim = self.remove_first(|entry| entry.priority == lowest && entry.is_returned());
        if victim.is_none() {
            self.remove_first(|entry| entry.priority == lowest);
        }
        self.count("dropped", 1);
    }

    /// Accepted; or not, for `Full` or `Closed`.
    fn send(&mut self, item: u32, priority: Priority, overflow: Overflow) -> bool {
        if self.is_closed {
            return false;
        }
        if self.queued.len() + self.owed >= self.capacity {
            match overflow {
                Overflow::DropOldest => self.drop_oldest(),
                Overflow::DropNewest => {
                    self.count("accepted", 1);
                    self.count("dropped", 1);
                    return true;
                }
                _ => return false,
            }
        }
        self.count("accepted", 1);
        self.queued.push(Entry { item, attempt: 1, priority });
        true
    }

    fn recv(&mut self) -> Option<Entry> {
        if self.is_plain() {
            self.is_turn_of_returned.insert(Normal, true);
            return self.remove_first(|_| true);
        }
        let order = match self.turn % 16 {
            15 => [Low, High, Normal],
            3 | 7 | 11 => [Normal, High, Low],
            _ => [High, Normal, Low],
        };
        self.turn += 1;
        for lane in order {
            let is_turn_of_returned = self.is_turn_of_returned.insert(lane, true).unwrap_or(false);
            if is_turn_of_returned && let Some(entry) = self.recv_returned(lane) {
                return Some(entry);
            }
            if let Some(entry) = self.remove_first(|entry| entry.priority == lane && !entry.is_returned()) {
                return Some(entry);
            }
        }
        order.into_iter().find_map(|lane| self.recv_returned(lane))
    }

    fn recv_returned(&mut self, lane: Priority) -> Option<Entry> {
        let entry = self.remove_first(|entry| entry.priority == lane && entry.is_returned())?;
        self.is_turn_of_returned.insert(lane, false);
        Some(entry)
    }

    fn recv_many(&mut self, max: usize) -> Vec<Entry> {
        // A batch of a plain queue is nobody's turn.
        let turns = self.is_plain().then(|| self.is_turn_of_returned.clone());
        let taken = std::iter::from_fn(|| self.recv()).take(max).collect();
        self.is_turn_of_returned = turns.unwrap_or(std::mem::take(&mut self.is_turn_of_returned));
        taken
    }

    fn surplus(&self) -> usize {
        self.queued.len().saturating_sub(self.capacity)
    }

    fn put_back(&mut self, entry: Entry, reason: Reason, overflow: Overflow) {
        if entry.attempt >= self.attempts {
            self.finish("failed");
            if self.are_letters_closed || self.letters.len() == self.letters_room {
                self.count("letters lost", 1);
            } else {
                self.count("letters sent", 1);
                self.letters.push_back((entry, reason));
            }
        } else {
            self.queued.push(Entry { attempt: entry.attempt + 1, ..entry });
            if overflow == Overflow::DropOldest && self.surplus() > 0 {
                self.drop_oldest();
            }
            self.owed = self.owed.max(self.surplus());
        }
    }

    fn finish(&mut self, how: &'static str) {
        self.count(how, 1);
        self.owed = self.owed.saturating_sub(1).max(self.surplus());
    }

    fn close_now(&mut self) -> Vec<u32> {
        self.is_closed = true;
        self.count("discarded", self.queued.len());
        let mut queued = std::mem::take(&mut self.queued);
        queued.sort_by_key(|entry| (std::cmp::Reverse(entry.priority), !entry.is_returned()));
        queued.into_iter().map(|entry| entry.item).collect()
    }
}

fn run(capacity: usize, attempts: u32, overflow: Overflow, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let (letters, failed) = queue::bounded::<DeadLetter<u32>>(2);
    let builder = queue::Builder::new(capacity).attempts(attempts).overflow(overflow).dead_letters(letters);
    let (producer, consumer) = builder.build();
    let mut naive = Naive { capacity, attempts, letters_room: 2, ..Naive::default() };
    let mut out: Vec<Delivery<u32>> = Vec::new();
    for (number, step) in (0_u32..).zip(steps) {
        match step {
            Step::Send(priority) => {
                let sent = producer.with_priority(priority).try_send(number);
                prop_assert_eq!(sent.is_ok(), naive.send(number, priority, overflow));
            }
            Step::SendMany(count, priority) => {
                let items: Vec<u32> = (0..count).map(|index| 1_000 * (index + 1) + number).collect();
                let accepts = |item: &u32| naive.send(*item, priority, overflow);
                let sent: Vec<u32> = items.iter().copied().take_while(accepts).collect();
                let rest = producer.with_priority(priority).try_send_many(items.clone()).map_err(SendError::into_inner);
                match sent.len() == items.len() {
                    true => prop_assert_eq!(rest, Ok(())),
                    false => prop_assert_eq!(rest, Err(items[sent.len()..].to_vec())),
                }
            }
            Step::Recv => {
                let received = consumer.try_recv().ok();
                prop_assert_eq!(received.as_ref().map(Entry::of), naive.recv());
                out.extend(received);
            }
            Step::RecvMany(max) => {
                let expected = naive.recv_many(max);
                if expected.is_empty() {
                    continue;
                }
                let batch = consumer.recv_many(max).now_or_never().flatten().expect("something is queued");
                let deliveries: Vec<_> = batch.into_deliveries().collect();
                prop_assert_eq!(deliveries.iter().map(Entry::of).collect::<Vec<_>>(), expected);
                out.extend(deliveries);
            }
            Step::Done(_) | Step::Nack(_) | Step::Abandon(_) if out.is_empty() => {}
            Step::Done(which) => {
                naive.finish("done");
                out.swap_remove(which % out.len()).done();
            }
            Step::Nack(which) | Step::Abandon(which) => {
                let delivery = out.swap_remove(which % out.len());
                let is_nack = matches!(step, Step::Nack(_));
                let reason = if is_nack { Reason::Nacked } else { Reason::Abandoned };
                naive.put_back(Entry::of(&delivery), reason, overflow);
                if is_nack { delivery.nack() } else { drop(delivery) }
            }
            Step::Close => {
                naive.is_closed = true;
                producer.close();
            }
            Step::CloseNow => prop_assert_eq!(consumer.close_now(), naive.close_now()),
            Step::ReadLetter => {
                let letter = failed.try_recv().ok().map(Delivery::into_inner);
                let letter = letter.map(|letter| {
                    let DeadLetter { item, attempts: attempt, reason, priority, .. } = letter;
                    (Entry { item, attempt, priority }, reason)
                });
                prop_assert_eq!(letter, naive.letters.pop_front());
            }
            Step::CloseLetters => {
                naive.are_letters_closed = true;
                failed.close();
            }
        }
        let stats = conserved(producer.stats());
        let flow = stats.flow;
        let counted = ["accepted", "done", "failed", "dropped", "discarded"].map(|what| naive.counted(what));
        prop_assert_eq!([flow.accepted, flow.done, flow.failed, flow.dropped, flow.discarded], counted);
        prop_assert_eq!(stats.letters_sent, naive.counted("letters sent"));
        prop_assert_eq!(stats.letters_lost, naive.counted("letters lost"));
        prop_assert_eq!((stats.queued, stats.delivered), (naive.queued.len(), out.len()));
        for lane in Priority::ALL {
            let expected = naive.queued.iter().filter(|entry| entry.priority == lane).count();
            prop_assert_eq!(stats.queued_in(lane), expected);
        }
        let is_finished = naive.queued.is_empty() && out.is_empty();
        prop_assert_eq!(producer.join().now_or_never().is_some(), is_finished);
        if naive.is_closed && is_finished {
            prop_assert!(consumer.recv().now_or_never().expect("the end").is_none());
        }
    }
    Ok(())
}

fn overflow() -> impl Strategy<Value = Overflow> {
    prop::sample::select(vec![Overflow::Wait, Overflow::Reject, Overflow::DropOldest, Overflow::DropNewest])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_operations_equals_the_naive_queue(
        (capacity, attempts, overflow) in (1..5_usize, 1..4_u32, overflow()),
        steps in prop::collection::vec(step(Just(Normal)), 0..80),
    ) {
        run(capacity, attempts, overflow, steps)?;
    }

    #[test]
    fn any_sequence_of_operations_with_priorities_equals_the_naive_queue(
        (capacity, attempts, overflow) in (1..9_usize, 1..4_u32, overflow()),
        steps in prop::collection::vec(step(priority()), 0..160),
    ) {
        run(capacity, attempts, overflow, steps)?;
    }
}
