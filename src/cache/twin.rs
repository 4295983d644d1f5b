//! The policy beside its twin, which moves items between two queues in the plainest way: the same script has to send away the
//! same items, in the same order.

use std::cell::Cell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use proptest::collection::vec;
use proptest::prelude::*;

use super::ghost::GhostList;
use super::policy::{PATIENCE, Policy, REACH, Ranked, SMALL, TURN};

#[derive(Debug, PartialEq)]
struct Item {
    key: u64,
    weight: u64,
    heat: Cell<u8>,
}

impl Ranked for Rc<Item> {
    fn weight(&self) -> u64 {
        self.weight
    }

    fn hash(&self) -> u64 {
        self.key.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31).wrapping_mul(0xd6e8_feb8_6659_fd93)
    }

    fn heat(&self) -> u8 {
        self.heat.get()
    }

    fn set_heat(&self, heat: u8) {
        self.heat.set(heat);
    }
}

/// Two queues, whose fronts are next to go.
struct Twin {
    capacity: u64,
    small: VecDeque<Rc<Item>>,
    main: VecDeque<Rc<Item>>,
    ghosts: GhostList,
    sent_away: Vec<u64>,
    turn: u32,
}

fn sum(queue: &VecDeque<Rc<Item>>) -> u64 {
    queue.iter().map(|item| item.weight).sum()
}

impl Twin {
    fn small_limit(&self) -> u64 {
        (self.capacity / SMALL).max(1)
    }

    fn has_main_room(&self, weight: u64) -> bool {
        sum(&self.main) + weight <= self.capacity - self.small_limit()
    }

    fn has_room(&self, weight: u64) -> bool {
        sum(&self.small) + sum(&self.main) + weight <= self.capacity
    }

    /// Looks at the front of the main queue; tells whether it went.
    fn step(&mut self) -> bool {
        let Some(item) = self.main.pop_front() else { return false };
        if item.heat() == 0 {
            self.sent_away.push(item.key);
            return true;
        }
        item.set_heat(item.heat() - 1);
        self.main.push_back(item);
        false
    }

    fn sweep(&mut self) {
        for _ in 0..PATIENCE {
            if self.main.is_empty() || self.step() {
                return;
            }
        }
        let item = self.main.pop_front().expect("somebody is there");
        self.sent_away.push(item.key);
    }

    fn admit(&mut self, item: Rc<Item>) {
        let mut comes_back = !self.has_room(item.weight) && self.ghosts.take(item.hash());
        if comes_back {
            let mut steps = 0;
            while !self.has_main_room(item.weight) && steps < REACH && !self.main.is_empty() {
                self.step();
                steps += 1;
            }
            comes_back = self.has_main_room(item.weight);
        }
        self.make_room(item.weight);
        if comes_back {
            item.set_heat(1);
            self.main.push_back(item);
        } else {
            self.small.push_back(item);
        }
        self.overflow();
    }

    fn make_room(&mut self, weight: u64) {
        while !self.has_room(weight) {
            let Some(item) = self.small.pop_front() else {
                self.sweep();
                continue;
            };
            if item.heat() == 0 && !self.has_main_room(item.weight) {
                self.turn += 1;
                if self.turn.is_multiple_of(TURN) && self.step() {
                    self.small.push_front(item);
                    continue;
                }
                let len = self.small.len() + self.main.len();
                self.ghosts.remember(item.hash(), len);
                self.sent_away.push(item.key);
                continue;
            }
            item.set_heat(item.heat().min(1));
            while !self.has_main_room(item.weight) && !self.main.is_empty() {
                self.sweep();
            }
            self.main.push_back(item);
        }
    }

    fn overflow(&mut self) {
        while sum(&self.small) > self.small_limit() {
            let item = self.small.front().expect("it weighs something");
            if !self.has_main_room(item.weight) {
                return;
            }
            item.set_heat(item.heat().min(1));
            self.main.extend(self.small.pop_front());
        }
    }

    fn remove(&mut self, key: u64) {
        self.small.retain(|item| item.key != key);
        self.main.retain(|item| item.key != key);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_send_the_same_away(
        capacity in 1..300_u64,
        script in vec((0..12_u8, 0..400_u64, 1..4_u64), 1..1500),
        is_weighted in any::<bool>(),
    ) {
        let mut policy = Policy::new(capacity);
        let mut twin = Twin { capacity, small: VecDeque::new(), main: VecDeque::new(), ghosts: GhostList::default(), sent_away: Vec::new(), turn: 0 };
        let (mut places, mut sent_away) = (HashMap::new(), Vec::new());
        for (what, key, weight) in script {
            let weight = if is_weighted { weight.min(capacity) } else { 1 };
            match (places.get(&key).copied(), what) {
                (Some(place), 0) => {
                    prop_assert_eq!(policy.remove(place).map(|item: Rc<Item>| item.key), Some(key));
                    twin.remove(key);
                    places.remove(&key);
                }
                (Some(place), _) => {
                    // Each has an item of its own.
                    let item = policy.at(place).expect("it is there");
                    item.set_heat((item.heat() + 1).min(3));
                    let other = twin.small.iter().chain(&twin.main).find(|item| item.key == key).expect("it is there");
                    other.set_heat((other.heat() + 1).min(3));
                }
                (None, _) => {
                    let item = || Rc::new(Item { key, weight, heat: Cell::new(0) });
                    places.insert(key, policy.admit(item(), &mut sent_away));
                    twin.admit(item());
                }
            }
            let gone: Vec<u64> = sent_away.drain(..).map(|item: Rc<Item>| item.key).collect();
            places.retain(|key, _| !gone.contains(key));
            prop_assert_eq!(&gone, &std::mem::take(&mut twin.sent_away));
            prop_assert!(policy.weight() <= capacity);
            prop_assert_eq!((policy.len(), policy.weight()), (places.len(), sum(&twin.small) + sum(&twin.main)));
        }
    }

    #[test]
    fn a_replaced_item_keeps_its_place_and_goes_by_its_new_weight(weights in vec((0..20_u64, 1..30_u64), 1..200)) {
        let (mut policy, mut places, mut sent_away) = (Policy::new(30), HashMap::new(), Vec::new());
        for (key, weight) in weights {
            let item = Rc::new(Item { key, weight, heat: Cell::new(0) });
            match places.get(&key) {
                Some(place) => {
                    let old = policy.replace(*place, item, &mut sent_away);
                    prop_assert_eq!(old.map(|old| old.key), Some(key));
                }
                None => {
                    places.insert(key, policy.admit(item, &mut sent_away));
                }
            }
            for gone in sent_away.drain(..) {
                places.remove(&gone.key);
            }
            let kept: u64 = places.values().map(|place| policy.at(*place).expect("it is there").weight).sum();
            prop_assert_eq!(policy.weight(), kept);
            prop_assert!(kept <= 30 && places.contains_key(&key));
        }
    }
}
