//! The classical `compare_and_swap(expected, new)` and the counter built on it.
//!
//! Run: `cargo run --example textbook_cas`
//!
//! You will see four threads count without a lock and lose nothing, a leader elected once, and the trap of comparing by
//! value: one that was changed and changed back looks as if nobody had touched it. The version tells.

use std::error::Error;
use std::thread;

use regatta::sync::{CasCell, CasCounter};

fn main() -> Result<(), Box<dyn Error>> {
    let counter = CasCounter::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..10_000 {
                    counter.increment();
                }
            });
        }
    });
    println!("counted to {}", counter.value());
    assert_eq!(counter.value(), 40_000);

    // Whoever finds the place empty takes it.
    let leader = CasCell::new(None);
    let winners = thread::scope(|scope| {
        let run = |name: u32| leader.compare_and_swap(&None, Some(name)).is_ok();
        let threads: Vec<_> = (0..4).map(|name| scope.spawn(move || run(name))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).filter(|won| *won).count()
    });
    println!("{winners} leader: {:?}", *leader.load());
    assert_eq!((winners, leader.version()), (1, 1));

    // The trap: A, then B, then A again.
    let stack = CasCell::new("A");
    let seen = stack.snapshot();
    stack.compare_and_swap(&"A", "B")?;
    stack.compare_and_swap(&"B", "A")?;
    let by_version = stack.compare_and_set(seen.version(), "mine").unwrap_err();
    println!("by version: {by_version}");
    assert_eq!(by_version.version(), 2);
    stack.compare_and_swap(&"A", "mine")?;
    println!("by value: it looked as if nothing had happened");
    assert_eq!(*stack.load(), "mine");
    Ok(())
}
