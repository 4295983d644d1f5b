//! Who was sent away lately: a bounded memory of hashes, without keys.
//!
//! A mark counts as long as at most [`GhostList::limit`] others were made after it. Two keys whose marks look the same are
//! taken for each other: that costs a place in the wrong list, never a wrong value.

/// Marks that share a part of the hash; the oldest makes room.
const WAYS: usize = 4;

#[derive(Debug, Default)]
pub(super) struct GhostList {
    rows: Vec<[Mark; WAYS]>,
    /// How many marks were ever made.
    made: u32,
    /// How many marks count.
    limit: u32,
}

#[derive(Debug, Clone, Copy, Default)]
struct Mark {
    /// 0 where there is none.
    print: u32,
    made: u32,
}

impl GhostList {
    /// Remembers a hash among the `limit` newest ones.
    pub(super) fn remember(&mut self, hash: u64, limit: usize) {
        self.resize(limit);
        if self.rows.is_empty() {
            return;
        }
        self.made = self.made.wrapping_add(1);
        let (made, print) = (self.made, print(hash));
        let row = self.row(hash);
        let oldest = |mark: &&mut Mark| if mark.print == 0 { u32::MAX } else { made.wrapping_sub(mark.made) };
        let place = match row.iter().position(|mark| mark.print == print) {
            Some(at) => row.get_mut(at),
            None => row.iter_mut().max_by_key(oldest),
        };
        place.into_iter().for_each(|mark| *mark = Mark { print, made });
    }

    /// Tells whether a hash is remembered, and forgets it.
    pub(super) fn take(&mut self, hash: u64) -> bool {
        if self.rows.is_empty() {
            return false;
        }
        let (made, limit, print) = (self.made, self.limit, print(hash));
        let found = self.row(hash).iter_mut().find(|mark| mark.print == print);
        let Some(mark) = found else { return false };
        let is_recent = made.wrapping_sub(mark.made) < limit;
        *mark = Mark::default();
        is_recent
    }

    fn row(&mut self, hash: u64) -> &mut [Mark; WAYS] {
        let at = (hash as usize) & (self.rows.len() - 1);
        &mut self.rows[at]
    }

    /// What is remembered is lost when the list has to be much larger, which happens while a cache fills.
    fn resize(&mut self, limit: usize) {
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        let rows = (limit as usize).div_ceil(WAYS - 1).next_power_of_two();
        if limit > 0 && (self.rows.len() < rows) {
            self.rows = vec![[Mark::default(); WAYS]; rows];
        }
        self.limit = limit;
    }
}

/// Never 0.
fn print(hash: u64) -> u32 {
    (hash >> 32) as u32 | 1
}

#[cfg(test)]
mod tests {
    use super::GhostList;

    /// Spreads small numbers over all bits.
    fn hash(number: u64) -> u64 {
        number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29).wrapping_mul(0xd6e8_feb8_6659_fd93)
    }

    #[test]
    fn it_remembers_the_newest_and_only_once() {
        let mut ghosts = GhostList::default();
        (0..1000).for_each(|number| ghosts.remember(hash(number), 100));
        let known: Vec<u64> = (0..1000).filter(|number| ghosts.take(hash(*number))).collect();
        assert!(known.iter().all(|number| *number >= 900), "{known:?}");
        // A row that is full loses some.
        assert!(known.len() > 80, "{known:?}");
        assert!((0..1000).all(|number| !ghosts.take(hash(number))), "each is forgotten when it is found");
    }

    #[test]
    fn without_a_limit_it_remembers_nothing_and_takes_no_memory() {
        let mut ghosts = GhostList::default();
        ghosts.remember(1, 0);
        assert!(!ghosts.take(1) && ghosts.rows.capacity() == 0);
    }
}
