//! A counter: its methods are its messages.
//!
//! Run: `cargo run --example counter`
//!
//! You will see the sum, a mistake that is an answer, and what an actor says that has ended.

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

    /// Divides the counter.
    pub fn divide(&mut self, by: i64) -> Result<i64, String> {
        self.n = self.n.checked_div(by).ok_or("nobody divides by zero")?;
        Ok(self.n)
    }
}

#[tokio::main]
async fn main() -> Result<(), AskError> {
    let counter = Counter { n: 0 }.spawn(); // `Counter::supervised(|| …)` restarts after a panic
    counter.add(3).tell().await.unwrap(); // sent, and not waited for
    println!("{}", counter.add(4).await?); // asked
    println!("{}", counter.divide(0).await.unwrap_err());

    counter.actor().stop().await;
    println!("{}", counter.add(1).await.unwrap_err());
    Ok(())
}
