//! All of many, a few at a time.

use std::future::Future;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio_util::sync::CancellationToken;

use crate::error::refuse_zero;
use crate::task::{TaskError, TaskGroup, TaskHandle, runtime};

/// Runs all futures, at most `limit` at once, each in a task of its own, and gives their outputs in the order of the
/// input.
///
/// The input is taken one by one, when there is room: it may be long, or made on the way. What has begun runs on by
/// itself, also while the caller does not poll. For a stream of results use a [pipeline](crate::pipeline), for jobs of
/// several callers a [pool](crate::pool); for futures that borrow from the caller,
/// `futures::stream::StreamExt::buffered`.
///
/// # Examples
/// ```
/// use regatta::promise::join_all_limit;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let outputs = join_all_limit(2, (1..=4).map(|n| async move { 6 / (n - 3) })).await;
/// assert_eq!(outputs[1], Ok(-6));
/// assert!(outputs[2].as_ref().unwrap_err().to_string().contains("attempt to divide by zero"));
/// assert_eq!(outputs[3], Ok(6)); // it ran nevertheless
/// # }
/// ```
///
/// # Empty input
/// Gives an empty list at once.
///
/// # Cancel safety
/// Dropping the future aborts the tasks and drops the outputs so far. It does not wait until the tasks have gone.
///
/// # Errors
/// None of its own. [`TaskError::Panicked`] in the place of a future that panicked, and of one whose destructor did;
/// [`TaskError::Cancelled`] when the runtime goes away meanwhile.
///
/// # Panics
/// When `limit` is zero, at the line of the caller. Outside a tokio runtime, when it is polled. A panic of the iterator
/// reaches whoever awaits, and the tasks are aborted.
#[doc(alias = "buffered")]
#[track_caller]
pub fn join_all_limit<I>(limit: usize, futures: I) -> impl Future<Output = Vec<Result<Output<I>, TaskError>>>
where
    I: IntoIterator<Item: IntoFuture<IntoFuture: Send + 'static, Output: Send + 'static>>,
{
    refuse_zero("join_all_limit", "limit", limit);
    run(limit, futures.into_iter().fuse())
}

/// What a future of the input gives.
type Output<I> = <<I as IntoIterator>::Item as IntoFuture>::Output;

async fn run<I>(limit: usize, mut futures: I) -> Vec<Result<Output<I>, TaskError>>
where
    I: Iterator<Item: IntoFuture<IntoFuture: Send + 'static, Output: Send + 'static>>,
{
    // Dropped with this future, it aborts what runs.
    let group = TaskGroup::unobserved("join_all_limit", CancellationToken::new());
    let mut running = FuturesUnordered::new();
    let mut outputs = Vec::new();
    loop {
        while running.len() < limit {
            let Some(future) = futures.next() else { break };
            drop(runtime("join_all_limit"));
            let index = outputs.len();
            outputs.push(None);
            // The group is open until the end.
            if let Ok(handle) = group.spawn(index.to_string(), future.into_future()) {
                running.push(indexed(index, handle));
            }
        }
        match running.next().await {
            Some((index, output)) => outputs[index] = Some(output),
            None => return outputs.into_iter().flatten().collect(),
        }
    }
}

async fn indexed<T>(index: usize, handle: TaskHandle<T>) -> (usize, Result<T, TaskError>) {
    (index, handle.await)
}
