//! The classical future and promise: set a result or an exception once, wait for it with a timeout, ask whether it is done, be
//! called when it is.
//!
//! Run: `cargo run --example textbook_future`
//!
//! You will see a wait that ends at its timeout and leaves the future usable, the result on a thread and in a task, and callbacks
//! before and after it is done, one of which panics and harms nobody.

use std::error::Error;
use std::fmt;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use regatta::promise::{PromiseError, promise};

/// The exception.
#[derive(Debug, Clone, PartialEq)]
struct NoLuck;

impl fmt::Display for NoLuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no luck")
    }
}

impl Error for NoLuck {}

fn main() -> Result<(), Box<dyn Error>> {
    // Promise() and get_future(): both ends at once.
    let (writer, future) = promise::<u32, NoLuck>();
    assert!(!future.is_settled()); // done()

    // result(timeout): it ends at the timeout, and the future can still be waited for.
    let elapsed = future.wait_blocking(Duration::from_millis(1)).unwrap_err();
    println!("{elapsed}");

    // add_done_callback: before it is done …
    let (tx, calls) = mpsc::channel();
    let before = tx.clone();
    future.on_settled(|_| panic!("a callback that fails harms nobody"));
    future.on_settled(move |result| before.send(("before", result.copied().ok())).expect("the test listens"));

    // set_result, on another thread. It takes the writer, so a second one does not compile.
    let worker = thread::spawn(move || writer.resolve(42));
    assert_eq!(future.wait_blocking(Duration::MAX)??, 42);
    worker.join().expect("no panic");

    // … and after it: at once.
    future.on_settled(move |result| tx.send(("after", result.copied().ok())).expect("the test listens"));
    let calls: Vec<_> = calls.iter().collect();
    println!("{calls:?}");
    assert_eq!(calls, [("before", Some(42)), ("after", Some(42))]);

    // set_exception: everybody who waits gets it.
    let (writer, future) = promise::<u32, NoLuck>();
    let other = future.clone();
    writer.reject(NoLuck);
    assert_eq!(future.wait_blocking(Duration::MAX)?, Err(PromiseError::Rejected(NoLuck)));
    assert_eq!(other.try_get(), Some(Err(&PromiseError::Rejected(NoLuck))));

    // Several who may set it: the first wins, the other gets its value back.
    let (writer, future) = promise::<u32, NoLuck>();
    let first = writer.into_shared();
    let second = first.clone();
    assert_eq!((first.try_resolve(1), second.try_resolve(2)), (Ok(()), Err(2)));
    assert_eq!(future.wait_blocking(Duration::MAX)??, 1);

    // What the classical one waits for ever for: a promise whose writer is gone is broken.
    let (writer, future) = promise::<u32, NoLuck>();
    drop(writer);
    println!("{}", future.wait_blocking(Duration::MAX)?.unwrap_err());
    Ok(())
}
