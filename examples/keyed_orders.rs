//! Orders of many customers: each customer's in the order they came, all customers side by side. One customer's bank does not
//! answer, one order is wrong, and one needs a second try.
//!
//! ```text
//! cargo run --example keyed_orders
//! ```
//!
//! You will see that everybody else is booked within milliseconds while `C0` waits, that what piles up for `C0` above its cap
//! becomes a dead letter, as the wrong order does, and the table of what the stage has done.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use regatta::pipeline::{Concurrency, OnError, Pipeline};
use regatta::policy::Backoff;
use regatta::queue;

const CUSTOMERS: u32 = 10;
const ORDERS: u32 = 200;

#[derive(Clone, Debug)]
struct Order {
    customer: u32,
    number: u32,
}

/// What was booked, for each customer, and when.
type Ledger = Arc<Mutex<HashMap<u32, Vec<(u32, Duration)>>>>;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (begun, ledger) = (Instant::now(), Ledger::default());
    let (letters, dead) = queue::bounded(ORDERS as usize);

    let orders = (0..ORDERS).map(|number| Order { customer: number % CUSTOMERS, number });
    let book = ledger.clone();
    let mut running = Pipeline::from_iter(orders)
        .try_for_each(Concurrency::keyed(8, |order: &Order| order.customer).cap(5), move |order| {
            let book = book.clone();
            async move {
                charge(&order).await?;
                book.lock().unwrap().entry(order.customer).or_default().push((order.number, begun.elapsed()));
                Ok::<(), &str>(())
            }
        })
        .retry(Backoff::exponential(Duration::from_millis(5)..=Duration::from_millis(50)).attempts(3))
        .on_error(OnError::dead_letter(letters))
        .named("book")
        .titled("orders")
        .spawn();
    (&mut running).await?;

    let booked = ledger.lock().unwrap().clone();
    for customer in 0..CUSTOMERS {
        let entries = &booked[&customer];
        let (last, numbers) = (entries.last().unwrap().1, entries.iter().map(|entry| entry.0));
        println!("C{customer}: {:3} booked, the last after {last:?}", entries.len());
        assert!(numbers.is_sorted(), "in order for each customer");
    }
    let stats = running.stats();
    let stage = &stats.stages[1];
    println!("{}: {}, {} tried again", stage.name, stage.flow, stage.retried);

    let mut refused = Vec::new();
    while let Some(letter) = dead.recv().await {
        refused.push(letter.into_inner());
    }
    let wrong = refused.iter().find(|letter| letter.attempts > 0).expect("one order is wrong");
    println!("dead letters: {}; of one that was tried {} times: {}", refused.len(), wrong.attempts, wrong.error);

    let slowest = booked[&0].last().unwrap().1;
    let others = (1..CUSTOMERS).map(|customer| booked[&customer].last().unwrap().1).max().unwrap();
    assert!(others < slowest, "the customer whose bank is slow delays nobody else");
    assert_eq!(stage.flow.done + stage.flow.failed, u64::from(ORDERS), "every order is booked or a dead letter");
    assert_eq!(refused.len() as u64, stage.flow.failed);
    Ok(())
}

static IS_BUSY: AtomicBool = AtomicBool::new(true);

/// Asks the customer's bank.
async fn charge(order: &Order) -> Result<(), &'static str> {
    match order {
        // The first order of C0 takes its time.
        Order { customer: 0, number: 0 } => tokio::time::sleep(Duration::from_millis(300)).await,
        Order { number: 33, .. } => return Err("no such account"),
        // A line that is busy once: the customer's next orders wait until this one has got through.
        Order { number: 47, .. } if IS_BUSY.swap(false, Ordering::Relaxed) => return Err("busy"),
        _ => tokio::time::sleep(Duration::from_millis(1)).await,
    }
    Ok(())
}
