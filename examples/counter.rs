//! A counter, in ten lines: its methods are its messages.
//!
//! ```console
//! $ cargo run --example counter
//! ```
//!
//! You will see `3 7`, and what an actor says that has ended.

use regatta::actor::AskError;

struct Counter {
    n: i64,
}

#[regatta::actor]
impl Counter {
    /// Adds to the counter and returns the new value.
    pub async fn add(&mut self, by: i64) -> i64 {
        self.n += by;
        self.n
    }
}

#[tokio::main]
async fn main() -> Result<(), AskError> {
    let counter = Counter { n: 0 }.spawn();
    let first = counter.add(3).await?;
    println!("{first} {}", counter.add(4).await?);

    counter.actor().stop().await;
    println!("{}", counter.add(1).await.unwrap_err());
    Ok(())
}
