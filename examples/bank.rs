//! Transfers between accounts that are killed at random: no money is made, and none is lost.
//!
//! Run: `cargo run --example bank`
//!
//! You will see a thousand transfers between supervised accounts, some of which crash in the middle, and the same sum in
//! the end as at the beginning. What an account owns must outlive its lives, so it is in a ledger of its own; what a
//! crash leaves undecided is looked up there, by the number of the transfer, and finished.

use std::collections::HashSet;
use std::error::Error;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use regatta::actor::{Builder, Outcome};
use regatta::supervise::{Intensity, Supervisor};

/// What survives a crash, as a database would: a balance, and which transfers are in it.
#[derive(Default)]
struct Ledger {
    cents: i64,
    seen: HashSet<u64>,
}

/// One account: the only one to write its ledger.
struct Account {
    ledger: Arc<Mutex<Ledger>>,
    handled: u64,
}

#[regatta::actor]
impl Account {
    /// Changes the balance, by the transfer of this number; tells whether it is covered.
    pub fn change(&mut self, transfer: u64, cents: i64) -> bool {
        self.handled += 1;
        assert!(self.handled % 7 != 3, "before it has written anything");
        let is_covered = {
            let mut ledger = self.ledger.lock().expect("nobody panics with it");
            // Asked again after a crash: the same transfer changes the balance once.
            let is_new = !ledger.seen.contains(&transfer);
            let is_covered = !is_new || ledger.cents + cents >= 0;
            if is_new && is_covered {
                ledger.cents += cents;
                ledger.seen.insert(transfer);
            }
            is_covered
        };
        assert!(self.handled % 7 != 6, "after it has written, before it could say so");
        is_covered
    }
}

/// Asks until it is known what has become of it; a crash in between is no answer.
async fn change(account: &AccountHandle, transfer: u64, cents: i64) -> Result<bool, Box<dyn Error + Send + Sync>> {
    loop {
        match account.change(transfer, cents).await {
            Ok(is_covered) => return Ok(is_covered),
            Err(error) if error.outcome() == Outcome::MaybeExecuted => {} // it crashed: the ledger knows
            Err(error) => return Err(error.into()),
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    // The panics are the point here; their traces are not.
    std::panic::set_hook(Box::new(|_| {}));

    let ledgers: Vec<_> = (0..4).map(|_| Arc::new(Mutex::new(Ledger { cents: 1_000, ..Ledger::default() }))).collect();
    let mut tree = Supervisor::builder().intensity(Intensity::unlimited());
    let mut accounts = Vec::new();
    for (number, ledger) in ledgers.iter().enumerate() {
        let ledger = ledger.clone();
        let (account, child) = Builder::new()
            .name(format!("account {number}"))
            .child(move || Account { ledger: ledger.clone(), handled: 0 });
        accounts.push(account);
        tree = tree.child(child);
    }
    let tree = tree.start("bank").await?;

    let tellers: Vec<_> = (0..4_u64)
        .map(|teller| {
            let accounts = accounts.clone();
            tokio::spawn(async move {
                let mut refused = 0;
                for number in 0..250_u64 {
                    let transfer = teller * 1_000 + number;
                    let (from, to) = ((transfer % 4) as usize, ((transfer / 4 + 1 + transfer) % 4) as usize);
                    let cents = 1 + (transfer * 37 % 400) as i64;
                    // Two steps: it is taken before it is given, so that at no moment there is too much.
                    if change(&accounts[from], 2 * transfer, -cents).await? {
                        change(&accounts[to], 2 * transfer + 1, cents).await?;
                    } else {
                        refused += 1;
                    }
                }
                Ok::<_, Box<dyn Error + Send + Sync>>(refused)
            })
        })
        .collect();
    let mut refused = 0;
    for teller in tellers {
        refused += teller.await??;
    }

    println!("{}\n", tree.tree());
    let restarts: u64 = tree.which_children().iter().map(|child| child.restarts).sum();
    let balances: Vec<i64> = ledgers.iter().map(|ledger| ledger.lock().expect("no panic").cents).collect();
    println!("1000 transfers, {refused} not covered, {restarts} crashes; balances {balances:?}");
    assert!(restarts > 100 && balances.iter().all(|cents| *cents >= 0));
    assert_eq!(balances.iter().sum::<i64>(), 4_000);
    let report = tree.shutdown(Duration::from_secs(5)).await;
    assert!(report.still_running.is_empty());
    Ok(())
}
