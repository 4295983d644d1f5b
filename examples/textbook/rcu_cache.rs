//! The classical exercise: a cache with read-copy-update semantics.
//!
//! Run: `cargo run --example textbook_rcu_cache`
//!
//! Readers take no lock and never wait for a writer; whoever wants to see everything at once takes a snapshot, which stays as
//! it was. You will see readers go on while every entry is replaced, a snapshot whose sum is right although money moves all
//! the time, and entries that go when there are too many, the rarely read ones first.

use std::error::Error;
use std::thread;

use regatta::cache::Cache;

const ACCOUNTS: u64 = 200;
const ROUNDS: u64 = 200;

fn main() -> Result<(), Box<dyn Error>> {
    // Readers never see a value go back, whatever writers do.
    let prices = Cache::new(10_000);
    (0..ACCOUNTS).for_each(|item| prices.insert(item, 0_u64));
    let reads = thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let (mut reader, mut newest, mut reads) = (prices.reader(), 0, 0_u64);
            while newest < ROUNDS {
                let price = *reader.get(&7).expect("it is never taken out");
                assert!(price >= newest);
                (newest, reads) = (price, reads + 1);
            }
            reads
        });
        for round in 1..=ROUNDS {
            (0..ACCOUNTS).for_each(|item| prices.insert(item, round));
        }
        reader.join().expect("no price goes back")
    });
    println!("{reads} reads while {} values were replaced", ROUNDS * ACCOUNTS);

    // A snapshot is one moment: the second account never has what the first has not.
    let ledger = Cache::new(10_000);
    let (first, second) = ("first", "second");
    ledger.insert(first, 0_u64);
    ledger.insert(second, 0_u64);
    let cuts = thread::scope(|scope| {
        let auditor = scope.spawn(|| {
            let mut cuts = 0;
            loop {
                let snapshot = ledger.snapshot();
                let balance = |name| snapshot.get(name).copied().expect("it is there");
                assert!(balance(first) - balance(second) <= 1, "the first is written first");
                cuts += 1;
                if balance(second) == 10_000 {
                    return cuts;
                }
            }
        });
        for balance in 1..=10_000 {
            ledger.insert(first, balance);
            ledger.insert(second, balance);
        }
        auditor.join().expect("no cut is torn")
    });
    println!("{cuts} snapshots, none of them torn");

    // There is room for a hundred: a scan of thousands does not drive out what is read again and again.
    let pages = Cache::new(100);
    (0..50).for_each(|page| pages.insert(page, "popular"));
    for scanned in 0..5_000 {
        let _ = pages.get(&(scanned % 50));
        pages.insert(1_000 + scanned, "read once");
    }
    let popular = (0..50).filter(|page| pages.contains_key(page)).count();
    println!("{popular} of 50 popular pages are still there; {}", pages.stats());
    assert!(popular > 40 && pages.len() == 100);
    Ok(())
}
