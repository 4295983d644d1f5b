//! A link checker: workers take pages from a queue, retry those that fail, and put the links they find back in.
//!
//! Run it with `cargo run --example queue`. You see each failed attempt, one page that is given up after its third, and
//! the books at the end: everything accepted is done or failed, and nothing is in flight.
//!
//! Watch how it ends. Workers are producers too, so “the queue is empty” does not mean “finished”: a page in somebody's
//! hands may still bring new ones. `join` waits for what is queued *and* for what is in hand.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use regatta::queue;

/// The site: each page and its links. `/old` is linked, but is not there.
const SITE: [(&str, &[&str]); 5] = [
    ("/", &["/docs", "/blog"]),
    ("/docs", &["/docs/queue", "/"]),
    ("/blog", &["/old", "/docs/queue"]),
    ("/docs/queue", &["/docs"]),
    ("/about", &[]),
];

fn fetch(page: &str, attempt: u32) -> Result<&'static [&'static str], String> {
    // This page's server needs a second try.
    if page == "/blog" && attempt == 1 {
        return Err(String::from("503 Service Unavailable"));
    }
    let found = SITE.iter().find(|(name, _)| *name == page);
    found.map(|(_, links)| *links).ok_or_else(|| String::from("404 Not Found"))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Workers feed their own queue. If it had a bound that pages in hand can exceed, all of them could wait for room
    // at once; here the set of pages seen is the bound.
    let (producer, consumer) = queue::Builder::new(usize::MAX).name("pages").attempts(3).build();
    let seen = Arc::new(Mutex::new(BTreeSet::from(["/"])));
    producer.send("/").await?;

    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (producer, consumer, seen) = (producer.clone(), consumer.clone(), seen.clone());
        workers.spawn(async move {
            while let Some(page) = consumer.recv().await {
                match fetch(&page, page.attempt()) {
                    Ok(links) => {
                        let new: Vec<_> = {
                            let mut seen = seen.lock().expect("nobody panics with the lock");
                            links.iter().copied().filter(|link| seen.insert(link)).collect()
                        };
                        for link in new {
                            producer.send(link).await.expect("open until everything is finished");
                        }
                        page.done();
                    }
                    Err(error) => {
                        println!("{} attempt {}: {error}", *page, page.attempt());
                        page.nack();
                    }
                }
            }
        });
    }

    producer.join().await;
    producer.close();
    workers.join_all().await;

    let stats = producer.stats();
    println!("{}", stats.flow);
    println!("{}", regatta::observe::snapshot());
    assert_eq!((stats.flow.accepted, stats.flow.done, stats.flow.failed), (5, 4, 1));
    assert_eq!(stats.nacked, 4); // three times `/old`, once `/blog`
    Ok(())
}
