//! The classical read-copy-update table: `read`, `update(key, value)` and `bulk_update(map)`.
//!
//! Run: `cargo run --example textbook_rcu`
//!
//! You will see readers sum up a table of accounts again and again while others move money in it: every sum is the same,
//! because each is taken over one version, and no reader ever waits.

use std::convert::Infallible;
use std::error::Error;
use std::thread;

use regatta::sync::RcuMap;

const ACCOUNTS: u64 = 100;
const TRANSFERS: u64 = 5_000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let accounts = RcuMap::new();
    // bulk_update: one publication.
    accounts.extend((0..ACCOUNTS).map(|account| (account, 100)));
    assert_eq!(accounts.version(), 1);

    let (sums, versions) = thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let (mut sums, mut seen) = (0_u64, std::collections::HashSet::new());
            while accounts.version() <= TRANSFERS {
                let snapshot = accounts.snapshot();
                assert_eq!(snapshot.iter().map(|(_, money)| money).sum::<u64>(), ACCOUNTS * 100);
                sums += 1;
                seen.insert(snapshot.version());
            }
            (sums, seen.len())
        });
        for n in 0..TRANSFERS {
            transfer(&accounts, n % ACCOUNTS, (n * 7 + 1) % ACCOUNTS);
        }
        reader.join().expect("every sum is right")
    });
    println!("{sums} sums over {versions} of {TRANSFERS} versions, each of them {}", ACCOUNTS * 100);

    // update(key, value) and read.
    let before = accounts.snapshot();
    accounts.insert(0, 1_000_000);
    println!("account 0: {:?} now, {:?} in the older snapshot", accounts.get(&0), before.get(&0));
    assert_eq!(accounts.get(&0), Some(1_000_000));
    assert_ne!(before.get(&0), Some(&1_000_000));

    // Once nobody reads the older version, what it refers to may go.
    drop(before);
    accounts.synchronize().await;
    println!("nobody reads an older version any more");
    Ok(())
}

/// Moves one coin, if there is one; nobody sees it in two places, or in none.
fn transfer(accounts: &RcuMap<u64, u64>, from: u64, to: u64) {
    let moved = accounts.transaction(|accounts| {
        let (left, there) = (accounts.get(&from).copied().unwrap_or(0), accounts.get(&to).copied().unwrap_or(0));
        if from != to && left > 0 {
            accounts.insert(from, left - 1);
            accounts.insert(to, there + 1);
        } else {
            accounts.insert(from, left); // a version all the same, so that they can be counted
        }
        Ok::<_, Infallible>(())
    });
    match moved {
        Ok(()) => {}
        Err(never) => match never {},
    }
}
