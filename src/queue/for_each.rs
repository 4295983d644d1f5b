//! A handler for each item, in several tasks.

use std::future::Future;

use futures::future::BoxFuture;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::attempt::attempt;
use super::consumer::Consumer;
use super::crew::{Crew, Ending, Seat};
use super::delivery::Delivery;
use super::for_each_report::ForEachReport;
use crate::error::{catch, drop_quietly, log_quietly, refuse_zero};
use crate::task::TaskGroup;

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
    /// assert_eq!((report.handled, report.nacked), (2, 2)); // 2 was tried twice
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
            let crew = Crew::new(self, handler, n, group.spawner());
            // Each worker holds a sender: the channel ends with the last of them.
            let (alive, mut all_left) = mpsc::channel::<()>(1);
            hire(crew.first(), alive);
            while all_left.recv().await.is_some() {}
            let _ = group.join().await;
            crew.report()
        }
    }
}

fn hire<T, F, R, E>(seat: Seat<T, F>, alive: mpsc::Sender<()>)
where
    T: Clone + Send + 'static,
    F: Fn(T) -> R + Send + Sync + 'static,
    R: Future<Output = Result<(), E>> + Send + 'static,
    E: Send + 'static,
{
    let (spawner, id) = (seat.crew.spawner.clone(), seat.id);
    // Refused only when the group is stopping: then no worker is needed.
    let _ = spawner.spawn(id.to_string(), worker(seat, alive));
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
        while let Some(delivery) = seat.crew.consumer.recv().await {
            // Whatever else panics, the worker goes on with the next item.
            let _ = attempt(&seat.crew.place, || turn(&seat, delivery, &alive)).await;
        }
    })
}

async fn turn<T, F, R, E>(seat: &Seat<T, F>, delivery: Delivery<T>, alive: &mpsc::Sender<()>)
where
    T: Clone + Send + 'static,
    F: Fn(T) -> R + Send + Sync + 'static,
    R: Future<Output = Result<(), E>> + Send + 'static,
    E: Send + 'static,
{
    let (mut turn, newcomer) = seat.begin();
    if let Some(newcomer) = newcomer {
        hire(newcomer, alive.clone());
    }
    seat.crew.handle(delivery, &mut turn.ending).await;
}

impl<T: Clone, F> Crew<T, F> {
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
                *ending = |report| &mut report.nacked;
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
