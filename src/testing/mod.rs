//! Harnesses for the tests of those who use the library: a probe in the place of an actor, a mock with a closure, an actor
//! that is stepped by hand; probes at both ends of a stream, and the rules that every stage between them has to keep.
//!
//! | I test… | use |
//! |---|---|
//! | code that calls an actor, and want to see and answer each message | [`probe`] |
//! | code that calls an actor, with canned answers | [`mock`], or the `Api` trait of the actor |
//! | code that calls an actor which fails | the same, with [`closed`], [`elapsed`], [`full`], [`no_reply`]; or drop the probe |
//! | an actor, message by message, and look at its state in between | [`Stepper`] |
//! | what takes a stream, such as a pipeline, item by item | [`source()`] |
//! | what gives a stream, item by item | [`sink()`] |
//! | a stage of a stream, whether it ends, fails, waits and lets go as it should | [`verify_stage`], [`Verify`] |
//! | that nothing happens | [`quiet`], [`TestSink::expect_nothing`] |
//!
//! # Examples
//! ```
//! use regatta::testing;
//!
//! struct Store;
//!
//! #[regatta::actor]
//! impl Store {
//!     pub fn price(&self, _item: String) -> u64 { 0 }
//! }
//!
//! /// What is tested.
//! async fn total(store: &StoreHandle, items: &[&str]) -> u64 {
//!     let mut total = 0;
//!     for item in items {
//!         total += store.price(item.to_string()).await.unwrap_or(0);
//!     }
//!     total
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let (store, mut probe) = testing::probe::<Store>();
//! let totalling = tokio::spawn(async move { total(&store, &["ink", "pen"]).await });
//! for (expected, price) in [("ink", 3), ("pen", 4)] {
//!     let StoreMsg::Price { _item, reply } = probe.expect().await;
//!     assert_eq!(_item, expected);
//!     reply.send(price).unwrap();
//! }
//! assert_eq!(totalling.await.unwrap(), 7);
//! # }
//! ```

mod errors;
mod mock;
mod probe;
mod sink;
mod source;
mod stepper;
mod turns;
mod verify;

pub use errors::{closed, elapsed, full, no_reply};
pub use mock::mock;
pub use probe::{Probe, probe};
#[doc(hidden)]
pub use sink::Gives;
pub use sink::{TestSink, sink};
pub use source::{TestSource, TestStream, source};
pub use stepper::Stepper;
pub use turns::quiet;
pub use verify::{Broken, Report, Rule, Verify, verify_stage};
