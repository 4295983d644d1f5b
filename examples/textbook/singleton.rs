//! The classical double-checked singleton, and what goes wrong with it elsewhere.
//!
//! Run: `cargo run --example textbook_singleton`
//!
//! You will see a hundred tasks ask at once and one connection made, although the task that was first has left in the
//! middle of it; then an initialiser that fails once and is tried again.

use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use regatta::sync::{Lazy, OnceCell};

static MADE: AtomicUsize = AtomicUsize::new(0);

/// The singleton: made when it is first needed.
static CONNECTION: Lazy<String> = Lazy::new(|| {
    Box::pin(async {
        tokio::time::sleep(Duration::from_millis(20)).await; // a handshake
        format!("connection {}", MADE.fetch_add(1, Ordering::Relaxed) + 1)
    })
});

/// One whose initialiser can fail.
static LICENCE: OnceCell<String> = OnceCell::named("licence");

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // Whoever is first has little patience, and leaves in the middle of the handshake.
    let first = tokio::time::timeout(Duration::from_millis(1), CONNECTION.force()).await;
    println!("the first caller: {}", first.map_or("left early", |_| "got it"));

    let tasks: Vec<_> = (0..100).map(|_| tokio::spawn(CONNECTION.force())).collect();
    for task in tasks {
        assert_eq!(task.await??, "connection 1");
    }
    println!("the other hundred: {}, made {} time", CONNECTION.force().await?, MADE.load(Ordering::Relaxed));
    assert_eq!(MADE.load(Ordering::Relaxed), 1);

    let error = LICENCE.get_or_try_init(|| async { Err("the server is down") }).await.unwrap_err();
    println!("{error}");
    let licence = LICENCE.get_or_try_init(|| async { Ok::<_, &str>(String::from("granted")) }).await?;
    println!("licence: {licence}");
    assert_eq!(LICENCE.get(), Some(&String::from("granted")));
    Ok(())
}
