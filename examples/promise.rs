//! A weather page: the value of a slow sensor is wanted in three places, and two services race for the forecast.
//!
//! Run it with `cargo run --example promise`. You see who got what, the fallback that stood in for a service that was too
//! slow, and that the request nobody waited for any more was stopped.
//!
//! Watch who does the work. The sensor is read once for all three, in a task that those who wait own together; the slow
//! service loses the race and is dropped, and with the last of its futures its request ends.

use std::time::Duration;

use futures::TryFutureExt;
use regatta::promise::{PromiseError, PromiseFuture, ResultFutureExt, any, promise, race};
use tokio::time::{Instant, sleep};

const MS: Duration = Duration::from_millis(1);

/// A request to a service that takes so long to answer.
async fn ask(service: &'static str, takes: Duration, answer: Result<i32, String>) -> Result<i32, String> {
    sleep(takes).await;
    println!("{service} answers after {takes:?}: {answer:?}");
    answer
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Chaining: one reading for all who want it. The chain is lazy up to `into_promise`, which begins it.
    let reading = ask("sensor", 20 * MS, Ok(21)).map_ok(|celsius| celsius * 9 / 5 + 32).into_promise();
    reading.on_settled(|result| println!("log: {result:?}"));
    let page = tokio::spawn(reading.clone().map_ok(|fahrenheit| format!("It is {fahrenheit} °F.")));
    let alarm = reading.clone().map_ok(|fahrenheit| fahrenheit > 100).recover(|_| false);
    assert!(!alarm.await);
    assert_eq!(page.await?, Ok("It is 69 °F.".into()));

    // A race with a fallback: the first service that knows counts, and yesterday's forecast if none does.
    let forecast = any([
        ask("north", 5 * MS, Err("no data".into())).into_promise(),
        ask("south", 10 * MS, Ok(18)).into_promise(),
        ask("moon", Duration::from_secs(3600), Ok(-150)).into_promise(),
    ]);
    let forecast = forecast.recover(|error| {
        println!("{error}");
        17
    });
    assert_eq!(forecast.await, 18);
    // Here the first answer counts, good or bad.
    let first = race([ask("west", 5 * MS, Err("closed".into())), ask("east", 10 * MS, Ok(1))]);
    assert_eq!(first.await, Some(Err("closed".into())));

    // A timeout: the request is dropped, and the error is our own.
    let begun = Instant::now();
    let slow = ask("moon", Duration::from_secs(3600), Ok(-150)).timeout_or(20 * MS, || "too slow".into());
    let slow = slow.await;
    println!("{slow:?} after {:.0?}", begun.elapsed());
    assert_eq!(slow, Err("too slow".into()));

    // The other end by hand: a writer that learns when nobody waits.
    let (writer, answer) = promise::<i32, String>();
    let worker = tokio::spawn(async move {
        writer.abandoned().await;
        "given up"
    });
    drop(answer);
    assert_eq!(worker.await?, "given up");

    // What goes wrong is a value for everybody who waits.
    let broken = PromiseFuture::<i32, String>::spawn(async { panic!("the sensor fell into the sea") });
    let Err(PromiseError::Panicked(panicked)) = broken.await else { panic!("it is a value") };
    println!("{panicked}");
    println!("{}", regatta::observe::snapshot());
    Ok(())
}
