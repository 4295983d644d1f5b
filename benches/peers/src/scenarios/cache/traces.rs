//! Which keys are read, one after another; the same in each run.

/// Different keys, where they are drawn.
const KEYS: u64 = 100_000;
const DRAWS: u64 = 1_000_000;

/// Keys of which the n-th is drawn as often as the first, divided by n to the power of `exponent`.
pub(super) fn zipf(exponent: f64) -> Vec<u64> {
    let mut ranks = Ranks::new(exponent);
    (0..DRAWS).map(|_| ranks.draw()).collect()
}

/// With 5,000 keys that come once, after each 20,000 draws.
pub(super) fn scan() -> Vec<u64> {
    let mut ranks = Ranks::new(1.0);
    let mut fresh = KEYS..;
    let mut trace = Vec::new();
    for _ in 0..DRAWS / 20_000 {
        trace.extend((0..20_000).map(|_| ranks.draw()));
        trace.extend(fresh.by_ref().take(5_000));
    }
    trace
}

/// So many keys, round and round.
pub(super) fn looped(keys: u64) -> Vec<u64> {
    (0..DRAWS).map(|n| n % keys).collect()
}

/// What was drawn most often is not drawn any more after each 200,000 draws: all ranks move on by 1,000 keys.
pub(super) fn shifting() -> Vec<u64> {
    let mut ranks = Ranks::new(1.0);
    (0..DRAWS).map(|n| (ranks.draw() + n / 200_000 * 1_000) % KEYS).collect()
}

/// A hundredth of the keys gets four fifths of the draws, and is another hundredth after each 100,000.
pub(super) fn hot() -> Vec<u64> {
    let mut random = Random(7);
    let hot = KEYS / 100;
    let draw = |n| {
        let is_hot = random.share() < 0.8;
        if is_hot { n / 100_000 * hot + random.below(hot) } else { random.below(KEYS) }
    };
    (0..DRAWS).map(draw).collect()
}

/// Draws ranks, from 0, by Zipf's law.
struct Ranks {
    /// How likely each or a smaller one is, times the last.
    sums: Vec<f64>,
    random: Random,
}

impl Ranks {
    fn new(exponent: f64) -> Self {
        let mut sum = 0.0;
        let add = |rank| {
            sum += f64::from(rank).powf(-exponent);
            sum
        };
        Self { sums: (1..=KEYS as u32).map(add).collect(), random: Random(7) }
    }

    fn draw(&mut self) -> u64 {
        let at = self.random.share() * self.sums.last().expect("there are keys");
        self.sums.partition_point(|sum| *sum <= at) as u64
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// From 0 to below 1.
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}
