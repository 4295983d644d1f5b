//! Which entries stay: two lists and a memory of those that went.
//!
//! The family is S3-FIFO (Yang and others, SOSP 2023): what is new waits in a small list, and only what was read there, or
//! comes back soon after it was sent away, gets into the main list, whose hand gives second chances (CLOCK). Reads move
//! nothing; they raise a number on the entry. Ours differs in four ways, for loops and for hot sets that move:
//!
//! - The small list is a hundredth of the capacity instead of a tenth, and flows over into the main list while that has room.
//! - Who comes back gets into the main list only if the hand finds somebody cold within [`REACH`] steps. Otherwise it waits
//!   like everybody else, but each such try has cooled the main list down a little. So one loop over more than there is room
//!   for leaves most of it in place, and a hot set that is over is soon gone.
//! - It remembers as many as there are entries: with fewer, whoever comes back in a wide circle has always just been forgotten.
//! - Of those who are new and cold, each [`TURN`]-th stays if somebody in the main list is cold as well. So what nobody reads does
//!   not stay for ever, whatever comes.
//!
//! The figures, and what was rejected, are in `docs/design/cache.md`.
//!
//! Invariants:
//! 1. Between two calls the weight of both lists is at most the capacity.
//! 2. A place belongs to one item from [`Policy::admit`] until it is removed or sent away.
//! 3. A call takes a bounded number of steps for each item that it sends away: readers heat up what the hand has just cooled,
//!    so it does not wait until somebody is cold.

use super::ghost::GhostList;

/// How far the hand goes to let in somebody who came back.
pub(super) const REACH: usize = 4;

/// How far it goes when somebody has to go.
pub(super) const PATIENCE: usize = 64;

/// Instead of each so many-th who is new and cold, the main list's next goes, if it is cold.
pub(super) const TURN: u32 = 32;

/// The small list's part of the capacity.
pub(super) const SMALL: u64 = 100;

const NONE: u32 = u32::MAX;

/// What the policy has to know of an item.
pub(super) trait Ranked {
    fn weight(&self) -> u64;
    fn hash(&self) -> u64;
    /// How often it was read, up to a small number, since [`Ranked::set_heat`] was called last.
    fn heat(&self) -> u8;
    fn set_heat(&self, heat: u8);
}

#[derive(Debug)]
pub(super) struct Policy<T> {
    capacity: u64,
    nodes: Vec<Node<T>>,
    free: Vec<u32>,
    small: List,
    main: List,
    ghosts: GhostList,
    /// Counts who was new and cold.
    turn: u32,
}

#[derive(Debug)]
struct Node<T> {
    /// Present while linked.
    item: Option<T>,
    previous: u32,
    next: u32,
    lane: Lane,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lane {
    Small,
    Main,
}

#[derive(Debug)]
struct List {
    /// Who is next to go.
    head: u32,
    tail: u32,
    weight: u64,
}

impl<T: Ranked> Policy<T> {
    pub(super) fn new(capacity: u64) -> Self {
        let [small, main] = [(); 2].map(|()| List { head: NONE, tail: NONE, weight: 0 });
        Self { capacity, nodes: Vec::new(), free: Vec::new(), small, main, ghosts: GhostList::default(), turn: 0 }
    }

    pub(super) fn weight(&self) -> u64 {
        self.small.weight + self.main.weight
    }

    pub(super) fn len(&self) -> usize {
        self.nodes.len() - self.free.len()
    }

    /// The item at a place that is taken.
    pub(super) fn at(&self, place: u32) -> Option<&T> {
        self.nodes.get(place as usize)?.item.as_ref()
    }

    /// Takes in an item that is not heavier than the capacity, and sends away whom it takes the room of. Gives its place.
    pub(super) fn admit(&mut self, item: T, sent_away: &mut Vec<T>) -> u32 {
        let weight = item.weight();
        let is_full = self.capacity - self.weight() < weight;
        let lane = if is_full && self.ghosts.take(item.hash()) && self.reach(weight, sent_away) {
            item.set_heat(1);
            Lane::Main
        } else {
            Lane::Small
        };
        self.make_room(weight, sent_away);
        let place = self.allocate(item);
        self.link(place, lane);
        self.overflow();
        place
    }

    /// Puts another item in the place of one, which it gives back, and sends away whom it takes the room of.
    pub(super) fn replace(&mut self, place: u32, item: T, sent_away: &mut Vec<T>) -> Option<T> {
        let lane = self.nodes[place as usize].lane;
        // First out, so that it is not itself who has to go.
        self.unlink(place);
        let old = self.nodes[place as usize].item.take();
        old.iter().for_each(|old| item.set_heat(old.heat()));
        self.make_room(item.weight(), sent_away);
        self.nodes[place as usize].item = Some(item);
        self.link(place, lane);
        old
    }

    /// Takes out the item at a place.
    pub(super) fn remove(&mut self, place: u32) -> Option<T> {
        let item = self.nodes.get_mut(place as usize)?.item.take()?;
        self.unlink_weighing(place, item.weight());
        self.free.push(place);
        self.trim();
        Some(item)
    }

    /// Makes room in the main list, if somebody cold is near.
    fn reach(&mut self, weight: u64, sent_away: &mut Vec<T>) -> bool {
        let mut steps = REACH;
        while !self.has_main_room(weight) {
            if steps == 0 || self.main.head == NONE {
                return false;
            }
            steps -= 1;
            self.step(sent_away);
        }
        true
    }

    /// One step of the main list's hand: whoever is cold goes, the others are cooled and stay. Tells whether one went.
    fn step(&mut self, sent_away: &mut Vec<T>) -> bool {
        let place = self.main.head;
        let Some(item) = self.at(place) else { return false };
        match item.heat() {
            0 => {
                sent_away.extend(self.remove(place));
                true
            }
            heat => {
                item.set_heat(heat - 1);
                self.requeue(place, Lane::Main);
                false
            }
        }
    }

    /// Sends somebody of the main list away: cold, or next in line when the hand has gone far enough.
    fn sweep(&mut self, sent_away: &mut Vec<T>) {
        for _ in 0..PATIENCE {
            if self.main.head == NONE || self.step(sent_away) {
                return;
            }
        }
        sent_away.extend(self.remove(self.main.head));
    }

    fn make_room(&mut self, weight: u64, sent_away: &mut Vec<T>) {
        while self.capacity - self.weight() < weight {
            let place = self.small.head;
            let Some(item) = self.at(place) else {
                self.sweep(sent_away);
                continue;
            };
            let (own, heat, hash) = (item.weight(), item.heat(), item.hash());
            if heat == 0 && !self.has_main_room(own) {
                self.turn = self.turn.wrapping_add(1);
                if self.turn.is_multiple_of(TURN) && self.step(sent_away) {
                    continue;
                }
                sent_away.extend(self.remove(place));
                self.ghosts.remember(hash, self.len());
                continue;
            }
            item.set_heat(heat.min(1));
            while !self.has_main_room(own) && self.main.head != NONE {
                self.sweep(sent_away);
            }
            self.requeue(place, Lane::Main);
        }
    }

    /// What is too much for the small list goes on to the main list while that has room.
    fn overflow(&mut self) {
        while self.small.weight > self.small_limit() {
            let place = self.small.head;
            match self.at(place) {
                Some(item) if self.has_main_room(item.weight()) => {
                    item.set_heat(item.heat().min(1));
                    self.requeue(place, Lane::Main);
                }
                _ => return,
            }
        }
    }

    fn small_limit(&self) -> u64 {
        (self.capacity / SMALL).max(1)
    }

    fn has_main_room(&self, weight: u64) -> bool {
        (self.capacity - self.small_limit()).saturating_sub(self.main.weight) >= weight
    }

    fn allocate(&mut self, item: T) -> u32 {
        let node = Node { item: Some(item), previous: NONE, next: NONE, lane: Lane::Small };
        match self.free.pop() {
            Some(place) => {
                self.nodes[place as usize] = node;
                place
            }
            None => {
                self.nodes.push(node);
                // 2^32 entries take half a terabyte.
                u32::try_from(self.nodes.len() - 1)
                    .unwrap_or_else(|_| unreachable!("a shard has fewer than 2^32 entries"))
            }
        }
    }

    /// A burst of entries does not hold its memory for ever.
    fn trim(&mut self) {
        if self.len() == 0 && self.nodes.len() > 64 {
            (self.nodes, self.free) = (Vec::new(), Vec::new());
        }
    }

    fn requeue(&mut self, place: u32, lane: Lane) {
        self.unlink(place);
        self.link(place, lane);
    }

    fn list(&mut self, lane: Lane) -> &mut List {
        match lane {
            Lane::Small => &mut self.small,
            Lane::Main => &mut self.main,
        }
    }

    fn link(&mut self, place: u32, lane: Lane) {
        let weight = self.at(place).map_or(0, Ranked::weight);
        let list = self.list(lane);
        list.weight += weight;
        let tail = std::mem::replace(&mut list.tail, place);
        match tail {
            NONE => list.head = place,
            tail => self.nodes[tail as usize].next = place,
        }
        let node = &mut self.nodes[place as usize];
        (node.previous, node.next, node.lane) = (tail, NONE, lane);
    }

    fn unlink(&mut self, place: u32) {
        self.unlink_weighing(place, self.at(place).map_or(0, Ranked::weight));
    }

    fn unlink_weighing(&mut self, place: u32, weight: u64) {
        let Node { previous, next, lane, .. } = self.nodes[place as usize];
        let list = self.list(lane);
        list.weight -= weight;
        match previous {
            NONE => list.head = next,
            previous => self.nodes[previous as usize].next = next,
        }
        let list = self.list(lane);
        match next {
            NONE => list.tail = previous,
            next => self.nodes[next as usize].previous = previous,
        }
    }
}
