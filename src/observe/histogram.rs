//! Durations, counted by length: a fixed number of counters whatever comes, so that it can be sampled for ever.
//!
//! The buckets are log-linear, as those of HDR histograms: each power of two is cut into four, so that a quantile is known
//! to a quarter of its value.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Parts of one power of two.
const PARTS: u64 = 4;
/// From 7 · 2^38 ns on, which are 32 minutes, everything is in the last bucket.
const BUCKETS: usize = 160;

/// Durations that were sampled, counted by their length.
///
/// A [quantile](Self::quantile) is the upper end of the bucket it lies in, at most a quarter above the sample itself, and
/// never above [`max`](Self::max).
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Histogram {
    samples: u64,
    total: Duration,
    max: Duration,
    /// Index and count, of those that are not empty, in order.
    buckets: Vec<(u8, u64)>,
}

/// Where durations are counted. Any number of writers.
pub(crate) struct Samples {
    /// A bit for each bucket that is not empty: most are, and whoever reads looks at ten thousand of these.
    filled: [AtomicU64; BUCKETS.div_ceil(64)],
    total_ns: AtomicU64,
    max_ns: AtomicU64,
    buckets: [AtomicU64; BUCKETS],
}

impl Histogram {
    /// How many durations were sampled; most components sample one in 64.
    #[must_use]
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// The sum of the samples.
    #[must_use]
    pub fn total(&self) -> Duration {
        self.total
    }

    /// Their mean; zero without samples.
    #[must_use]
    pub fn mean(&self) -> Duration {
        let nanos = self.total.as_nanos().checked_div(u128::from(self.samples)).unwrap_or(0);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// The longest.
    #[must_use]
    pub fn max(&self) -> Duration {
        self.max
    }

    /// The duration that this share of the samples does not exceed; zero without samples.
    ///
    /// # Panics
    /// When the share is not within 0 and 1.
    #[must_use]
    #[track_caller]
    pub fn quantile(&self, share: f64) -> Duration {
        assert!((0.0..=1.0).contains(&share), "Histogram: the share must be within 0 and 1, got {share}");
        let rank = ((self.samples as f64 * share).ceil() as u64).max(1);
        let mut below = 0;
        let bucket = self.buckets.iter().find(|(_, count)| {
            below += count;
            below >= rank
        });
        bucket.map_or(Duration::ZERO, |(index, _)| upper_end(*index).min(self.max))
    }

    /// The upper end of each bucket that is not empty, with how many samples are in it, in order.
    pub fn buckets(&self) -> impl Iterator<Item = (Duration, u64)> + '_ {
        self.buckets.iter().map(|(index, count)| (upper_end(*index), *count))
    }

    /// Those that came after `earlier`, which must be of the same component. Their maximum is known like a quantile.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let before =
            |index: u8| earlier.buckets.iter().find(|(known, _)| *known == index).map_or(0, |(_, count)| *count);
        let buckets: Vec<(u8, u64)> = self
            .buckets
            .iter()
            .map(|(index, count)| (*index, count.saturating_sub(before(*index))))
            .filter(|(_, count)| *count > 0)
            .collect();
        let max = buckets.last().map_or(Duration::ZERO, |(index, _)| upper_end(*index).min(self.max));
        Self { samples: count_all(&buckets), total: self.total.saturating_sub(earlier.total), max, buckets }
    }

    /// Adds those of another component.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (index, count) in &other.buckets {
            match self.buckets.binary_search_by_key(index, |(known, _)| *known) {
                Ok(place) => self.buckets[place].1 += count,
                Err(place) => self.buckets.insert(place, (*index, *count)),
            }
        }
        self.samples += other.samples;
        self.total += other.total;
        self.max = self.max.max(other.max);
    }
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Histogram")
            .field("samples", &self.samples)
            .field("mean", &self.mean())
            .field("p99", &self.quantile(0.99))
            .field("max", &self.max)
            .finish_non_exhaustive()
    }
}

impl Samples {
    pub(crate) fn new() -> Self {
        Self {
            filled: [const { AtomicU64::new(0) }; BUCKETS.div_ceil(64)],
            total_ns: AtomicU64::new(0),
            max_ns: AtomicU64::new(0),
            buckets: [const { AtomicU64::new(0) }; BUCKETS],
        }
    }

    pub(crate) fn add(&self, duration: Duration) {
        let ns = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.total_ns.fetch_add(ns, Relaxed);
        self.max_ns.fetch_max(ns, Relaxed);
        let bucket = bucket_of(ns);
        self.buckets[bucket].fetch_add(1, Relaxed);
        let (filled, bit) = (&self.filled[bucket / 64], 1 << (bucket % 64));
        if filled.load(Relaxed) & bit == 0 {
            filled.fetch_or(bit, Relaxed);
        }
    }

    pub(crate) fn read(&self) -> Histogram {
        let filled: [u64; BUCKETS.div_ceil(64)] = std::array::from_fn(|word| self.filled[word].load(Relaxed));
        let mut buckets = Vec::with_capacity(filled.iter().map(|word| word.count_ones() as usize).sum());
        for (word, mut bits) in filled.into_iter().enumerate() {
            while bits != 0 {
                let bucket = word * 64 + bits.trailing_zeros() as usize;
                // The index fits: there are fewer than 256.
                buckets.push((bucket as u8, self.buckets[bucket].load(Relaxed)));
                bits &= bits - 1;
            }
        }
        // Relaxed: a bit may be seen before what it tells of.
        buckets.retain(|(_, count)| *count > 0);
        let [total, max] = [&self.total_ns, &self.max_ns].map(|ns| Duration::from_nanos(ns.load(Relaxed)));
        Histogram { samples: count_all(&buckets), total, max, buckets }
    }
}

fn count_all(buckets: &[(u8, u64)]) -> u64 {
    buckets.iter().map(|(_, count)| count).sum()
}

/// Below four nanoseconds one bucket each, then four for each power of two.
fn bucket_of(ns: u64) -> usize {
    if ns < PARTS {
        return ns as usize;
    }
    let power = u64::from(ns.ilog2());
    let part = (ns >> (power - 2)) - PARTS;
    (((power - 1) * PARTS + part) as usize).min(BUCKETS - 1)
}

/// The longest duration that is counted in a bucket.
fn upper_end(index: u8) -> Duration {
    let index = u64::from(index);
    if index < PARTS {
        return Duration::from_nanos(index);
    }
    if index == BUCKETS as u64 - 1 {
        return Duration::MAX;
    }
    let (power, part) = (index / PARTS + 1, index % PARTS);
    Duration::from_nanos(((PARTS + part + 1) << (power - 2)) - 1)
}

#[cfg(feature = "serde")]
mod serial {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{BUCKETS, Histogram, bucket_of, count_all, upper_end};

    #[derive(Serialize, Deserialize)]
    struct Form {
        samples: u64,
        total_ns: u64,
        max_ns: u64,
        buckets: Vec<(u64, u64)>,
    }

    fn nanos(duration: Duration) -> u64 {
        u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
    }

    impl Serialize for Histogram {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let buckets = self.buckets.iter().map(|(index, count)| (nanos(upper_end(*index)), *count)).collect();
            let (total_ns, max_ns) = (nanos(self.total), nanos(self.max));
            Form { samples: self.samples, total_ns, max_ns, buckets }.serialize(serializer)
        }
    }

    impl<'de> Deserialize<'de> for Histogram {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let Form { total_ns, max_ns, buckets, .. } = Form::deserialize(deserializer)?;
            let mut counts = [0_u64; BUCKETS];
            for (upper_ns, count) in buckets {
                let bucket = &mut counts[bucket_of(upper_ns)];
                *bucket = bucket.saturating_add(count);
            }
            let filled = (0_u8..).zip(counts).filter(|(_, count)| *count > 0);
            let buckets: Vec<(u8, u64)> = filled.collect();
            let [total, max] = [total_ns, max_ns].map(Duration::from_nanos);
            Ok(Self { samples: count_all(&buckets), total, max, buckets })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::{Samples, bucket_of, upper_end};

    fn sampled(nanos: &[u64]) -> super::Histogram {
        let samples = Samples::new();
        nanos.iter().for_each(|ns| samples.add(Duration::from_nanos(*ns)));
        samples.read()
    }

    proptest! {
        #[test]
        fn a_duration_is_in_the_bucket_that_ends_at_most_a_quarter_above(ns in 0_u64..7 << 38) {
            let end = upper_end(bucket_of(ns) as u8).as_nanos() as u64;
            prop_assert!(ns <= end && end - ns <= ns / 4, "{ns} in a bucket up to {end}");
        }

        #[test]
        fn quantiles_are_those_of_the_sorted_samples(mut nanos in prop::collection::vec(0_u64..7 << 38, 1..200), share in 0.0..=1.0) {
            let found = sampled(&nanos).quantile(share).as_nanos() as u64;
            nanos.sort_unstable();
            let exact = nanos[((nanos.len() as f64 * share).ceil() as usize).max(1) - 1];
            prop_assert!(exact <= found && found - exact <= exact / 4, "{found} for {exact}");
        }

        #[test]
        fn what_came_later_is_the_difference(first in prop::collection::vec(any::<u64>(), 0..50), second in prop::collection::vec(0_u64..1 << 40, 0..50)) {
            let first: Vec<u64> = first.into_iter().map(|ns| ns >> 24).collect();
            let both: Vec<u64> = first.iter().chain(&second).copied().collect();
            let (later, alone) = (sampled(&both).since(&sampled(&first)), sampled(&second));
            prop_assert_eq!(later.samples(), alone.samples());
            prop_assert_eq!(later.total(), alone.total());
            prop_assert!(later.buckets().eq(alone.buckets()));
            let mut sum = sampled(&first);
            sum.merge(&alone);
            prop_assert_eq!(sum, sampled(&both));
        }
    }

    #[test]
    fn buckets_are_in_order_and_the_last_has_no_end() {
        assert!((1..160).all(|index| upper_end(index - 1) < upper_end(index)));
        assert_eq!(upper_end(bucket_of(u64::MAX) as u8), Duration::MAX);
        let histogram = sampled(&[u64::MAX]);
        assert_eq!((histogram.quantile(1.0), histogram.max()), (Duration::from_nanos(u64::MAX), histogram.max()));
    }

    #[test]
    fn nothing_sampled_is_zero() {
        let nothing = sampled(&[]);
        assert_eq!((nothing.samples(), nothing.mean(), nothing.quantile(0.99)), (0, Duration::ZERO, Duration::ZERO));
    }
}
