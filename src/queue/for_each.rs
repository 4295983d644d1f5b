//! A handler for each item, in several tasks.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::future::BoxFuture;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::attempt::attempt;
use super::consumer::Consumer;
use super::delivery::Delivery;
use crate::error::{catch, drop_quietly, log_quietly, refuse_zero};
use crate::task::{Spawner, TaskGroup};

/// How often a handler was run, and how that ended; made by [`Consumer::for_each`].
///
/// It counts attempts, not items: one that fails twice and then succeeds is counted three times.
#[must_use = "the report says how many handlers failed or panicked"]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ForEachReport {
    /// The handler returned `Ok`; the item is done.
    pub handled: u64,
    /// The handler returned an error; the item was put back with `nack`.
    pub failed: u64,
    /// The handler panicked; the item was abandoned.
    pub panicked: u64,
}

/// What the workers share.
struct Crew<T, F> {
    consumer: Consumer<T>,
    handler: F,
    limit: usize,
    spawner: Spawner,
    /// For the panics of handlers.
    place: Arc<str>,
    roster: Mutex<Roster>,
}

struct Roster {
    /// Workers that there are.
    hired: usize,
    /// Workers that wait for an item, or are about to.
    idle: usize,
    report: ForEachReport,
}

/// One worker's place in the roster; it is free again when the worker is gone, for whatever reason.
struct Seat<T, F>(Arc<Crew<T, F>>);

/// One worker with one item in hand. However that ends, it is counted and the worker is idle again; as panicked, unless
/// it is said to have ended otherwise.
struct Turn<'a, T, F> {
    crew: &'a Crew<T, F>,
    ending: Ending,
}

/// Which number of the report counts it.
type Ending = fn(&mut ForEachReport) -> &mut u64;

impl<T: Clone + Send + 'static> Consumer<T> {
    /// Runs `handler` on a clone of each item, at most `n` at once, until the queue has ended.
    ///
    /// `Ok` finishes the item, an error puts it back at once, a panic abandons it; the worker goes on. Set
    /// [`attempts`](super::Builder::attempts), or an item that always fails comes back for ever. For large items use
    /// `Arc<T>`. To write the loop yourself use [`recv`](Consumer::recv).
    ///
    /// Workers are tasks that are started as they are needed: no more than items were ever in hand at the same time, and
    /// one that waits.
    ///
    /// # Examples
    /// ```
    /// use regatta::queue;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (producer, consumer) = queue::Builder::new(8).attempts(2).build();
    /// for number in 1..=3 {
    ///     producer.send(number).await?;
    /// }
    /// drop(producer);
    ///
    /// let report = consumer.for_each(4, |number| async move { if number == 2 { Err("even") } else { Ok(()) } }).await;
    /// assert_eq!((report.handled, report.failed), (2, 2)); // 2 was tried twice
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// None of its own: an item whose handler gives an error is put back, up to the queue's
    /// [`attempts`](crate::queue::Builder::attempts), and counted in the report.
    ///
    /// # Panics
    /// When `n` is zero, and outside a tokio runtime.
    ///
    /// # Cancel safety
    /// Dropping the future stops the workers at their next await; what they had in hand is abandoned, so it is put back
    /// as long as another consumer lives.
    #[track_caller]
    pub fn for_each<F, R, E>(self, n: usize, handler: F) -> impl Future<Output = ForEachReport> + Send
    where
        F: Fn(T) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), E>> + Send + 'static,
        E: Send + 'static,
    {
        refuse_zero("Consumer::for_each", "n", n);
        async move {
            let group = TaskGroup::unobserved(format!("{}/for_each", self.name()), CancellationToken::new());
            let crew = Arc::new(Crew {
                place: format!("handler of {}", self.ring.place()).into(),
                consumer: self,
                handler,
                limit: n,
                spawner: group.spawner(),
                roster: Mutex::new(Roster { hired: 1, idle: 1, report: ForEachReport::default() }),
            });
            // Each worker holds a sender: the channel ends with the last of them.
            let (alive, mut all_left) = mpsc::channel::<()>(1);
            hire(&crew, 0, alive);
            while all_left.recv().await.is_some() {}
            let _ = group.join().await;
            crew.lock().report
        }
    }
}

fn hire<T, F, R, E>(crew: &Arc<Crew<T, F>>, id: usize, alive: mpsc::Sender<()>)
where
    T: Clone + Send + 'static,
    F: Fn(T) -> R + Send + Sync + 'static,
    R: Future<Output = Result<(), E>> + Send + 'static,
    E: Send + 'static,
{
    // Refused only when the group is stopping: then no worker is needed.
    let _ = crew.spawner.spawn(id.to_string(), worker(Seat(crew.clone()), alive));
}

/// Boxed, because a worker may start the next one, and a future cannot contain its own type.
fn worker<T, F, R, E>(seat: Seat<T, F>, alive: mpsc::Sender<()>) -> BoxFuture<'static, ()>
where
    T: Clone + Send + 'static,
    F: Fn(T) -> R + Send + Sync + 'static,
    R: Future<Output = Result<(), E>> + Send + 'static,
    E: Send + 'static,
{
    Box::pin(async move {
        let crew = &seat.0;
        while let Some(delivery) = crew.consumer.recv().await {
            // Whatever else panics, the worker goes on with the next item.
            let _ = attempt(&crew.place, || turn(crew, delivery, &alive)).await;
        }
    })
}

async fn turn<T, F, R, E>(crew: &Arc<Crew<T, F>>, delivery: Delivery<T>, alive: &mpsc::Sender<()>)
where
    T: Clone + Send + 'static,
    F: Fn(T) -> R + Send + Sync + 'static,
    R: Future<Output = Result<(), E>> + Send + 'static,
    E: Send + 'static,
{
    let (mut turn, newcomer) = crew.begin();
    if let Some(id) = newcomer {
        hire(crew, id, alive.clone());
    }
    crew.handle(delivery, &mut turn.ending).await;
}

impl<T, F> Crew<T, F> {
    fn lock(&self) -> MutexGuard<'_, Roster> {
        self.roster.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T, F> Drop for Seat<T, F> {
    fn drop(&mut self) {
        let mut roster = self.0.lock();
        roster.hired -= 1;
        roster.idle -= 1;
    }
}

impl<T, F> Drop for Turn<'_, T, F> {
    fn drop(&mut self) {
        let mut roster = self.crew.lock();
        *(self.ending)(&mut roster.report) += 1;
        roster.idle += 1;
    }
}

impl<T: Clone, F> Crew<T, F> {
    /// One worker has an item; if nobody waits for the next one, and there may be more workers, gives the new one's id.
    fn begin(&self) -> (Turn<'_, T, F>, Option<usize>) {
        let turn = Turn { crew: self, ending: |report| &mut report.panicked };
        let mut roster = self.lock();
        roster.idle -= 1;
        if roster.idle > 0 || roster.hired == self.limit {
            return (turn, None);
        }
        roster.idle += 1;
        roster.hired += 1;
        (turn, Some(roster.hired - 1))
    }

    async fn handle<R, E>(&self, delivery: Delivery<T>, ending: &mut Ending)
    where
        F: Fn(T) -> R,
        R: Future<Output = Result<(), E>>,
    {
        // Cloned before the handler's future exists, so that no `&T` is held across an await: `T` need not be `Sync`.
        let outcome = match catch(&self.place, || T::clone(&delivery)) {
            Ok(item) => attempt(&self.place, || (self.handler)(item)).await,
            Err(panicked) => Err(panicked),
        };
        // The item first, then the books: whoever sees the number sees the item settled.
        match outcome {
            Ok(Ok(())) => {
                *ending = |report| &mut report.handled;
                // The destructor is the user's as well.
                let _ = catch(&self.place, || delivery.done());
            }
            Ok(Err(error)) => {
                *ending = |report| &mut report.failed;
                delivery.nack();
                drop_quietly(error);
            }
            Err(panicked) => {
                drop_quietly(delivery);
                log_quietly(|| {
                    tracing::error!(target: "regatta::queue", place = %panicked.place, message = %panicked.message, "a handler panicked");
                });
            }
        }
    }
}

impl fmt::Display for ForEachReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { handled, failed, panicked } = self;
        write!(f, "{handled} handled, {failed} failed, {panicked} panicked")
    }
}
