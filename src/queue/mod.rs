//! Bounded work queues: many producers, many consumers, and nobody loses an item without it being counted.
//!
//! A channel hands values over and forgets them. Work needs more: a worker that dies with an item in its hands must not
//! lose it, someone must be able to wait until everything is *finished* rather than received, and a service that stops
//! must know what it leaves undone. The usual answer is a channel, a counter, a semaphore and a second channel for what
//! failed, and the races between them.
//!
//! Here [`Consumer::recv`] gives a [`Delivery`]: the item, and the duty to say what became of it. `done` finishes it,
//! `nack` puts it back, and a delivery that is dropped (an error, a panic, an aborted task) is put back too, to be
//! delivered again as the next attempt. [`Producer::join`] waits until all is finished, and
//! [`stats`](Producer::stats) always adds up: see [`Flow`](crate::observe::Flow).
//!
//! # Which one?
//! - [`bounded`]: the queue, with its defaults; [`Builder`] for a name, another [`Overflow`](crate::policy::Overflow), a
//!   limit on attempts.
//! - [`Consumer::for_each`]: workers around a handler. [`ProducerConsumer`]: producers as well, run to the end.
//! - [`Consumer::recv_many`] and [`Producer::send_many`]: many small items.
//! - [`Producer::with_priority`]: what goes first.
//! - [`Builder::attempts`] with [`dead_letters`](Builder::dead_letters) or [`on_dead_letter`](Builder::on_dead_letter): what
//!   fails for good.
//! - [`Consumer::recv_blocking`], [`Producer::send_blocking`] and their like: threads that run no async code.
//! - [`tokio::sync::mpsc`]: one consumer that needs none of this, such as an actor's mailbox.
//!
//! # Examples
//! ```
//! use regatta::queue;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (producer, consumer) = queue::Builder::new(100).name("mails").attempts(3).build::<String>();
//! let worker = tokio::spawn(async move {
//!     while let Some(mail) = consumer.recv().await {
//!         match mail.as_str() {
//!             "broken" => mail.nack(), // three times, then it is given up
//!             _ => mail.done(),
//!         }
//!     }
//! });
//! producer.send(String::from("hello")).await?;
//! producer.send(String::from("broken")).await?;
//! producer.join().await; // everything is finished, one way or the other
//!
//! let stats = producer.stats();
//! assert_eq!((stats.flow.done, stats.flow.failed, stats.nacked), (1, 1, 3));
//! producer.close();
//! assert!(producer.send(String::from("late")).await.unwrap_err().is_closed());
//! worker.await?;
//! # Ok(()) }
//! ```
//!
//! # Words
//! | of an item | it |
//! |---|---|
//! | done | was handled with success |
//! | failed | was given up after its last [attempt](Builder::attempts), or had the only one there is, in a [`ProducerConsumer`] |
//! | dropped | had to make room, by [policy](crate::policy::Overflow) |
//! | discarded | was handed back, or left behind when nobody was there any more |
//!
//! | of a delivery | it |
//! |---|---|
//! | handled | ended with `done` or `into_inner`, or with an `Ok` of the handler of [`for_each`](Consumer::for_each) |
//! | nacked | ended with `nack`, or with an error of that handler |
//! | abandoned | ended without a word: it was dropped, its handler panicked, or its task was aborted |
//!
//! An item has one end, after as many deliveries as it took.
//!
//! # The end
//! `close` stops producers, and consumers go on until the queue is empty *and nothing is in flight*: a delivery that is
//! out may come back. `close_now` hands back what is queued. Dropping the last [`Producer`] closes; dropping the last
//! [`Consumer`] closes and discards. `join` resolves when the number of unfinished items is zero, after either: these are
//! the rules of Python's `Queue.join` and `Queue.shutdown`.
//!
//! # Bounds
//! A send never brings the queue above its capacity, and deliveries take no room: any number of workers may have items in
//! hand. Putting back neither waits nor fails, so it may: at most `capacity` and what was in hand at once are ever queued.
//! What it put on top is *owed*. It takes room until as many items are finished (done, given up or discarded), also
//! while it is delivered again, so items that fail over and over do not pile up: with one consumer that takes
//! batches of any size, one at a time, no more than twice the capacity is ever queued and in hand. While items are owed
//! a queue can have no room although little or nothing is queued; it always has some when nothing is queued and fewer
//! than twice the capacity are in hand. If everything fails for ever, producers wait for ever: set
//! [`attempts`](Builder::attempts).
//!
//! # Lanes
//! Items go first in, first out, as long as they have one priority and none is put back. Else
//!
//! - each of the three [priorities](crate::policy::Priority) has a lane, and the lanes take turns: of 16 at least 12 begin
//!   with the highest, 3 with the middle and one with the lowest, and a lane that is empty gives its turn away;
//! - what is put back keeps its priority, and stands in a line of its own in its lane, in the order in which it came back.
//!   In the turns of the lane that line and the fresh items alternate, and when it is the turn of fresh items and there is
//!   none, the lane gives the turn away. So an item that fails for ever takes at most every second delivery while anything
//!   fresh is queued, whatever its priority; a low one takes one in 32 from higher lanes that are never empty.
//!
//! One [capacity](Builder::new) holds for all lanes together.
//!
//! # Trade-offs
//! - At least once, not exactly once: an item whose worker died just before `done` is delivered again. Handlers should
//!   not mind, or look at [`Delivery::attempt`]. [`OnDrop::Done`] gives at most once.
//! - One lock around plain counters, held for some dozens of instructions. That is what makes the numbers exact, and it costs
//!   against a lock-free channel when many small items go one by one between many tasks; `recv_many` gains more than that
//!   back.
//! - Items must be `'static`, because a queue can be looked at by [`observe`](crate::observe) from anywhere.
//! - In memory only: a crash of the process loses what is queued.
//!
//! # Sources
//! [`queue`](https://docs.python.org/3/library/queue.html) of Python for `task_done`, `join` and `shutdown`;
//! [visibility and receive counts](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html)
//! and [dead letters](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html)
//! of SQS and the acknowledgements of [JetStream](https://docs.nats.io/nats-concepts/jetstream/consumers) for deliveries.

mod attempt;
mod batch;
mod blocking;
mod builder;
mod consumer;
mod crew;
mod dead_letters;
mod delivery;
mod dispose;
mod ends;
mod error;
mod for_each;
mod for_each_report;
mod join;
mod lane;
mod lanes;
mod letter;
mod lock;
mod loom;
mod mark;
mod outcome;
mod producer;
mod recv;
mod report;
mod ring;
mod room;
mod runner;
mod send;
mod send_many;
mod state;
mod stats;
mod tally;
mod wait;

pub use batch::{Batch, BatchItems, Deliveries};
pub use builder::{Builder, OnDrop, bounded};
pub use consumer::Consumer;
pub use dead_letters::DeadLetters;
pub use delivery::Delivery;
pub use error::{SendError, TryRecvError};
pub use for_each_report::{ForEachReport, WorkerReport};
pub use join::{ClosedFuture, JoinFuture};
pub use letter::{DeadLetter, Reason};
pub use producer::Producer;
pub use recv::{RecvFuture, RecvManyFuture};
pub use report::{Report, WorkerError};
pub use runner::ProducerConsumer;
pub use send::SendFuture;
pub use send_many::SendManyFuture;
pub use stats::Stats;
