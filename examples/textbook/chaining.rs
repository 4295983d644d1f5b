//! The classical chain: `fetch_user(123).then(name).then(upper).catch(UNKNOWN)`, and each kind of link that it can have.
//!
//! Run: `cargo run --example textbook_chaining`
//!
//! You will see one chain end in its value and one in that of its catch, that a chain does nothing until it is awaited or made
//! eager, and that `finally` comes in any case.

use std::cell::Cell;
use std::num::ParseIntError;
use std::time::Duration;

use futures::TryFutureExt;
use regatta::BoxError;
use regatta::promise::ResultFutureExt;

struct User {
    name: String,
    age: &'static str,
}

async fn fetch_user(id: u32) -> Result<User, BoxError> {
    println!("fetching user {id}");
    match id {
        123 => Ok(User { name: "Ada".into(), age: "36" }),
        _ => Err(format!("there is no user {id}").into()),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    // then, then, catch.
    let name =
        |id| fetch_user(id).map_ok(|user| user.name).map_ok(|name| name.to_uppercase()).recover(|_| "UNKNOWN".into());
    let (known, unknown) = (name(123).await, name(7).await);
    println!("{known}, {unknown}");
    assert_eq!((known.as_str(), unknown.as_str()), ("ADA", "UNKNOWN"));

    // then with a closure that can fail, and with a future that cannot.
    let age = fetch_user(123).and_try(|user| user.age.parse::<u32>()).then_ok(|age| async move { age + 1 });
    assert_eq!(age.await?, 37);

    // catch with a future, and of some errors only.
    let guest = || async { User { name: "guest".into(), age: "?" } };
    assert_eq!(fetch_user(7).recover_with(|_| guest()).await.name, "guest");
    let parse = |text: &'static str| async move { text.parse::<u32>() };
    let is_empty = |error: &ParseIntError| *error.kind() == std::num::IntErrorKind::Empty;
    assert_eq!(parse("").recover_if(is_empty, |_| 0).await, Ok(0));
    assert!(parse("x").recover_if(is_empty, |_| 0).await.is_err());

    // finally: after a value, after an error, and when the chain is dropped.
    let ends = Cell::new(0);
    let count = || ends.set(ends.get() + 1);
    assert!(fetch_user(123).finally(count).await.is_ok());
    assert!(fetch_user(7).finally(count).await.is_err());
    drop(fetch_user(123).finally(count));
    assert_eq!(ends.get(), 3);

    // A timeout with an error of one's own.
    let never =
        std::future::pending::<Result<User, BoxError>>().timeout_or(Duration::from_millis(1), || "too slow".into());
    assert_eq!(never.await.err().map(|error| error.to_string()).as_deref(), Some("too slow"));

    // Nothing so far began before it was awaited. This begins now, and any number can wait for it.
    let eager = fetch_user(123).map_ok(|user| user.name).map_err(|error| error.to_string()).into_promise();
    tokio::task::yield_now().await;
    assert!(eager.is_settled(), "nobody has awaited it");
    let (one, other) = (eager.clone(), eager);
    assert_eq!((one.await, other.await), (Ok("Ada".into()), Ok("Ada".into())));
    Ok(())
}
