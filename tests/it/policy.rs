//! Policies are data: what they say at their bounds.

use std::time::Duration;

use proptest::prelude::*;
use regatta::policy::{Backoff, Rate, RetryBudget};

const MS: Duration = Duration::from_millis(1);

#[test]
fn backoff_doubles_up_to_the_longest() {
    let delays: Vec<_> = Backoff::exponential(MS..=10 * MS).attempts(7).jitter(0.0).delays().collect();
    assert_eq!(delays, [MS, 2 * MS, 4 * MS, 8 * MS, 10 * MS, 10 * MS]);
}

#[test]
fn backoff_doubles_beyond_the_thirty_second_retry() {
    let nanosecond = Duration::from_nanos(1);
    let backoff = Backoff::exponential(nanosecond..=Duration::from_secs(3_600)).attempts(60).jitter(0.0);
    let delays: Vec<_> = backoff.delays().collect();
    for pair in delays.windows(2) {
        assert_eq!(pair[1], (pair[0] * 2).min(Duration::from_secs(3_600)));
    }
    assert_eq!(delays.last(), Some(&Duration::from_secs(3_600)));
}

#[test]
fn a_first_delay_of_zero_stays_zero() {
    let backoff = Backoff::exponential(Duration::ZERO..=MS).attempts(60);
    assert!(backoff.delays().all(|delay| delay.is_zero()));
}

#[test]
fn the_longest_delays_there_are_do_not_overflow() {
    let plain = Backoff::exponential(Duration::MAX..=Duration::MAX).attempts(5);
    assert!(plain.jitter(0.0).delays().all(|delay| delay == Duration::MAX));
    for jitter in [f64::EPSILON, 0.5, 1.0] {
        for _ in 0..1_000 {
            assert_eq!(plain.jitter(jitter).delays().count(), 4);
        }
    }
    let doubling = Backoff::exponential(MS..=Duration::MAX).attempts(100).jitter(0.0);
    assert_eq!(doubling.delays().last(), Some(Duration::MAX));
}

#[test]
fn one_attempt_never_waits() {
    assert_eq!(Backoff::exponential(MS..=MS).attempts(1).delays().next(), None);
}

proptest! {
    #[test]
    fn backoff_stays_within_its_bounds(first in 0_u64..1_000, more in 1_u64..100_000, jitter in 0.0..=1.0) {
        let (first, longest) = (Duration::from_micros(first), Duration::from_micros(first + more));
        let backoff = Backoff::exponential(first..=longest).attempts(200).jitter(jitter);
        let mut full = first;
        for delay in backoff.delays() {
            // A nanosecond for the rounding of a product of floats.
            prop_assert!(delay <= full + Duration::from_nanos(1), "{delay:?} is above {full:?}");
            prop_assert!(delay + Duration::from_nanos(1) >= full.mul_f64(1.0 - jitter));
            full = (full * 2).min(longest);
        }
        prop_assert_eq!(backoff.delays().count(), 199);
    }

    #[test]
    fn retries_never_exceed_the_budget(attempts in 0_u64..10_000, ratio in 0.0..2.0, reserve in 0_u32..50) {
        let budget = RetryBudget::ratio(ratio).reserve(reserve);
        let mut retries = 0;
        while budget.allows(attempts, retries) {
            retries += 1;
        }
        prop_assert!(retries as f64 <= f64::from(reserve) + attempts as f64 * ratio);
        prop_assert!(retries >= u64::from(reserve));
    }
}

#[test]
fn delays_of_two_clients_differ() {
    let backoff = Backoff::exponential(Duration::from_secs(1)..=Duration::from_secs(1)).attempts(9);
    assert_ne!(backoff.delays().collect::<Vec<_>>(), backoff.delays().collect::<Vec<_>>());
}

#[test]
fn a_rate_spreads_evenly() {
    assert_eq!(Rate::per_sec(1_000).interval(), MS);
    assert_eq!(Rate::new(3, Duration::from_secs(60)).burst(5).burst_limit(), 5);
}

#[test]
#[should_panic(expected = "backoff: attempts must be above zero")]
fn zero_attempts_are_refused() {
    let _ = Backoff::exponential(MS..=MS).attempts(0);
}

#[test]
#[should_panic(expected = "backoff: jitter must be in 0.0..=1.0, got 1.5")]
fn jitter_above_one_is_refused() {
    let _ = Backoff::exponential(MS..=MS).jitter(1.5);
}

#[test]
#[should_panic(expected = "backoff: the first delay (2ms) must not exceed the longest (1ms)")]
fn an_empty_range_is_refused() {
    let _ = Backoff::exponential(2 * MS..=MS);
}

#[test]
#[should_panic(expected = "rate: count must be above zero")]
fn a_rate_of_zero_is_refused() {
    let _ = Rate::per_sec(0);
}

#[test]
fn priorities_compare_by_urgency() {
    use regatta::policy::Priority::{self, High, Low, Normal};
    assert!(High > Normal && Normal > Low);
    assert_eq!(Priority::ALL, [High, Normal, Low]);
}
