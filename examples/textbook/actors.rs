//! The classical actors: a printer that confirms, a counter that is asked, a collector that waits for n results.
//!
//! Run: `cargo run --example textbook_actors`
//!
//! You will see a page printed and confirmed in the sender's own mailbox, a counter that answers, and three results
//! collected into a promise.

use std::error::Error;

use regatta::actor::{self, Actor, ActorRef, Context, Recipient, Reply};
use regatta::promise::{Promise, promise};

/// Prints what it is told. The confirmation goes wherever the message says.
struct Printer;

struct Page {
    text: &'static str,
    confirm: Recipient<Printed>,
}

struct Printed(usize);

impl Actor for Printer {
    type Msg = Page;
    type Handle = ActorRef<Self>;

    async fn handle(&mut self, page: Page, _: &mut Context<Self>) {
        println!("{}", page.text);
        let _ = page.confirm.tell(Printed(page.text.len())).await; // whoever wanted it may be gone
    }
}

/// Counts what was printed: the confirmations arrive as ordinary messages.
struct Counter {
    letters: usize,
}

enum Count {
    Printed(Printed),
    Get(Reply<usize>),
}

impl From<Printed> for Count {
    fn from(printed: Printed) -> Self {
        Self::Printed(printed)
    }
}

impl Actor for Counter {
    type Msg = Count;
    type Handle = ActorRef<Self>;

    async fn handle(&mut self, msg: Count, _: &mut Context<Self>) {
        match msg {
            Count::Printed(Printed(letters)) => self.letters += letters,
            Count::Get(reply) => drop(reply.send(self.letters)),
        }
    }
}

/// Waits for so many results, and then keeps its promise.
struct Collector {
    results: Vec<usize>,
    wanted: usize,
    done: Option<Promise<Vec<usize>, ()>>,
}

impl Actor for Collector {
    type Msg = usize;
    type Handle = ActorRef<Self>;

    async fn handle(&mut self, result: usize, cx: &mut Context<Self>) {
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
    let printer = actor::spawn(Printer);
    let counter = actor::spawn(Counter { letters: 0 });
    for text in ["hello", "actors"] {
        printer.tell(Page { text, confirm: counter.recipient() }).await.map_err(|error| error.to_string())?;
    }
    let _ = printer.drain().await; // everything is printed, and confirmed
    let letters = counter.ask(Count::Get).await?;
    println!("{letters} letters were printed");
    assert_eq!(letters, 11);

    let (done, collected) = promise();
    let collector = actor::spawn(Collector { results: Vec::new(), wanted: 3, done: Some(done) });
    for n in 1..=3 {
        let collector = collector.clone();
        tokio::spawn(async move { collector.tell(n * n).await });
    }
    let mut results = collected.await.map_err(|error| format!("{error:?}"))?;
    results.sort_unstable();
    println!("collected: {results:?}");
    assert_eq!(results, [1, 4, 9]);
    println!("the collector: {}", collector.wait_stopped().await);
    Ok(())
}
