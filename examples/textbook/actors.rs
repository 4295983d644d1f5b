//! The classical actors: a printer that confirms, a counter that is asked, a collector that waits for n results.
//!
//! Run: `cargo run --example textbook_actors`
//!
//! You will see a page printed and confirmed in the sender's own mailbox, a counter that answers, and three results
//! collected into a promise.

use std::error::Error;

use regatta::actor::{Context, Recipient};
use regatta::promise::{Promise, promise};

/// Prints what it is told. The confirmation goes wherever the message says.
struct Printer;

struct Printed(usize);

#[regatta::actor]
impl Printer {
    pub async fn print(&mut self, text: &'static str, confirm: Recipient<Printed>) {
        println!("{text}");
        let _ = confirm.tell(Printed(text.len())).await; // whoever wanted it may be gone
    }
}

/// Counts what was printed: the confirmations arrive as ordinary messages.
struct Counter {
    letters: usize,
}

#[regatta::actor]
impl Counter {
    #[msg(from = Printed)]
    pub fn printed(&mut self, printed: Printed) {
        self.letters += printed.0;
    }

    pub fn letters(&self) -> usize {
        self.letters
    }
}

/// Waits for so many results, and then keeps its promise.
struct Collector {
    results: Vec<usize>,
    wanted: usize,
    done: Option<Promise<Vec<usize>, ()>>,
}

#[regatta::actor]
impl Collector {
    pub fn collect(&mut self, result: usize, cx: &mut Context<Self>) {
        self.results.push(result);
        if self.results.len() == self.wanted {
            if let Some(done) = self.done.take() {
                done.resolve(std::mem::take(&mut self.results));
            }
            cx.stop();
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let printer = Printer.spawn();
    let counter = Counter { letters: 0 }.spawn();
    for text in ["hello", "actors"] {
        printer.print(text, counter.actor().recipient()).tell().await?;
    }
    printer.actor().drain().await; // everything is printed, and confirmed
    let letters = counter.letters().await?;
    println!("{letters} letters were printed");
    assert_eq!(letters, 11);

    let (done, collected) = promise();
    let collector = Collector { results: Vec::new(), wanted: 3, done: Some(done) }.spawn();
    for n in 1..=3 {
        let collector = collector.clone();
        tokio::spawn(async move { collector.collect(n * n).tell().await });
    }
    let mut results = collected.await.map_err(|error| format!("{error:?}"))?;
    results.sort_unstable();
    println!("collected: {results:?}");
    assert_eq!(results, [1, 4, 9]);
    println!("the collector: {}", collector.actor().wait_stopped().await);
    Ok(())
}
