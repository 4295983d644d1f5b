//! A stream that does what the test says.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread::{self, ThreadId};
use std::time::Duration;

use futures::Stream;
use tokio::sync::Notify;

use super::probe::PATIENCE;

/// A stream, and the hand that feeds it: [`TestSource::new`] in short.
///
/// # Examples
/// ```
/// use regatta::{pipeline::Pipeline, testing};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let (source, stream) = testing::source();
/// let mut sink = testing::sink(Pipeline::from_stream(stream).map(|n: u32| n * 2).into_stream());
/// sink.expect_nothing().await;
/// assert!(source.is_demanded());
/// source.send(1);
/// sink.expect(2).await;
/// source.end();
/// sink.expect_end().await;
/// assert!(source.is_dropped());
/// # }
/// ```
#[must_use = "a source that is dropped ends its stream"]
pub fn source<T>() -> (TestSource<T>, TestStream<T>) {
    TestSource::new()
}

/// Feeds a [`TestStream`], and knows how it is treated: how much was taken, how often it was polled, whether somebody waits,
/// whether it was dropped.
///
/// What it is told is done in order. Dropping it ends the stream, behind everything that was sent.
///
/// # Examples
/// A stage that takes no more than it may hold:
/// ```
/// use regatta::{pipeline::Pipeline, testing};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let (source, stream) = testing::source();
/// source.send_all(0..1_000);
/// let stage = Pipeline::from_stream(stream).map_async(4, |n: u32| async move { n });
/// let mut sink = testing::sink(stage.into_stream());
/// sink.expect(0).await;
/// testing::quiet().await; // and nobody takes anything meanwhile
/// assert_eq!(source.pulled(), 1 + 4 + 16);
/// # }
/// ```
pub struct TestSource<T> {
    shared: Arc<Shared<T>>,
    patience: Duration,
}

/// The stream of a [`TestSource`]: for [`Pipeline::from_stream`](crate::pipeline::Pipeline::from_stream), or for anything else
/// that takes a stream.
#[must_use = "streams do nothing unless polled"]
pub struct TestStream<T> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    state: Mutex<State<T>>,
    /// Somebody has begun to wait for an item, or the stream is gone.
    changed: Notify,
}

struct State<T> {
    steps: VecDeque<Step<T>>,
    /// Who waits for an item.
    waker: Option<Waker>,
    /// Its last step is known.
    is_closed: bool,
    /// The stream has given its end, or panicked.
    is_over: bool,
    is_dropped: bool,
    pulled: usize,
    polls: usize,
    polls_when_over: usize,
    /// How many bytes of a stack may lie between two polls, where that is watched.
    spread_max: Option<usize>,
    /// The lowest and the highest place on the stack that it was polled at, for each thread.
    places: HashMap<ThreadId, (usize, usize)>,
    was_deep: bool,
}

enum Step<T> {
    Item(T),
    End,
    Panic(String),
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> TestSource<T> {
    /// A stream, and the hand that feeds it.
    ///
    /// # Examples
    /// See [`source`].
    #[allow(clippy::new_ret_no_self, reason = "a pair whose first half it is, as with channels")]
    #[must_use = "a source that is dropped ends its stream"]
    pub fn new() -> (Self, TestStream<T>) {
        let state = State {
            steps: VecDeque::new(),
            waker: None,
            is_closed: false,
            is_over: false,
            is_dropped: false,
            pulled: 0,
            polls: 0,
            polls_when_over: 0,
            spread_max: None,
            places: HashMap::new(),
            was_deep: false,
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Notify::new() });
        (Self { shared: shared.clone(), patience: PATIENCE }, TestStream { shared })
    }

    /// Sets how long [`demanded`](Self::demanded) and [`dropped`](Self::dropped) wait. Default: 5 seconds.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// let (source, _stream) = regatta::testing::source::<u32>();
    /// let source = source.patience(Duration::from_millis(100));
    /// # drop(source);
    /// ```
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Has the stream give this item, behind those before it. When the stream is gone, so is the item.
    ///
    /// # Panics
    /// After [`end`](Self::end) or [`panic`](Self::panic).
    ///
    /// # Examples
    /// See [`source`].
    #[track_caller]
    pub fn send(&self, item: T) {
        self.push(Some(Step::Item(item)));
    }

    /// [Sends](Self::send) several.
    ///
    /// # Panics
    /// As [`send`](Self::send).
    ///
    /// # Examples
    /// See [`TestSource`].
    #[track_caller]
    pub fn send_all(&self, items: impl IntoIterator<Item = T>) {
        self.push(items.into_iter().map(Step::Item));
    }

    /// Ends the stream, behind everything that was sent.
    ///
    /// # Panics
    /// When it was told its end before.
    ///
    /// # Examples
    /// See [`source`].
    #[track_caller]
    pub fn end(&self) {
        self.push(Some(Step::End));
    }

    /// Has the stream panic with these words, behind everything that was sent. Polled again, it has ended. The panic is part
    /// of the test: no line on stderr tells of it.
    ///
    /// # Panics
    /// Not here, unless it was told its end before.
    ///
    /// # Examples
    /// ```
    /// use regatta::{pipeline::Pipeline, testing};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let (source, stream) = testing::source();
    /// let mut sink = testing::sink(Pipeline::from_stream(stream).map(|n: u32| n).into_stream());
    /// source.panic("out of paper");
    /// assert!(sink.expect_error().await.to_string().ends_with("out of paper"));
    /// # }
    /// ```
    #[track_caller]
    pub fn panic(&self, message: impl Into<String>) {
        self.push(Some(Step::Panic(message.into())));
    }

    #[track_caller]
    fn push(&self, steps: impl IntoIterator<Item = Step<T>>) {
        // The iterator is the test's own code: it runs before the lock is taken, and what the stream does not want any more
        // is dropped after.
        let mut steps: VecDeque<Step<T>> = steps.into_iter().collect();
        let waker = {
            let mut state = self.shared.lock();
            let is_late = state.is_closed;
            if is_late {
                drop(state);
                panic!("the source was told something after its end");
            }
            state.is_closed = matches!(steps.back(), Some(Step::End | Step::Panic(_)));
            if state.is_dropped || steps.is_empty() {
                None
            } else {
                state.steps.append(&mut steps);
                state.waker.take()
            }
        };
        waker.into_iter().for_each(Waker::wake);
    }

    /// How many items were taken from the stream.
    ///
    /// # Examples
    /// See [`TestSource`].
    #[must_use]
    pub fn pulled(&self) -> usize {
        self.shared.lock().pulled
    }

    /// How many items were sent and not taken yet.
    ///
    /// # Examples
    /// ```
    /// let (source, _stream) = regatta::testing::source();
    /// source.send_all(["a", "b"]);
    /// assert_eq!(source.queued(), 2);
    /// ```
    #[must_use]
    pub fn queued(&self) -> usize {
        self.shared.lock().steps.iter().filter(|step| matches!(step, Step::Item(_))).count()
    }

    /// How often the stream was polled. When nothing is sent and this number grows, somebody polls for nothing.
    ///
    /// # Examples
    /// ```
    /// use regatta::testing;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let (source, stream) = testing::source::<u32>();
    /// let mut sink = testing::sink(regatta::pipeline::Pipeline::from_stream(stream).map(|n| n).into_stream());
    /// sink.expect_nothing().await;
    /// let polls = source.polls();
    /// testing::quiet().await;
    /// assert_eq!(source.polls(), polls);
    /// # }
    /// ```
    #[must_use]
    pub fn polls(&self) -> usize {
        self.shared.lock().polls
    }

    /// How often the stream was polled after it had given its end, or had panicked.
    ///
    /// # Examples
    /// ```
    /// use futures::{FutureExt, StreamExt};
    ///
    /// let (source, mut stream) = regatta::testing::source::<u32>();
    /// source.end();
    /// assert_eq!(stream.next().now_or_never(), Some(None));
    /// assert_eq!(source.polls_when_over(), 0);
    /// assert_eq!(stream.next().now_or_never(), Some(None));
    /// assert_eq!(source.polls_when_over(), 1);
    /// ```
    #[must_use]
    pub fn polls_when_over(&self) -> usize {
        self.shared.lock().polls_when_over
    }

    /// Tells whether somebody waits for an item.
    ///
    /// # Examples
    /// See [`source`].
    #[must_use]
    pub fn is_demanded(&self) -> bool {
        self.shared.lock().waker.is_some()
    }

    /// Waits until somebody waits for an item.
    ///
    /// # Cancel safety
    /// Safe: there is nothing to lose.
    ///
    /// # Panics
    /// When nobody does in time, or the stream is gone.
    ///
    /// # Examples
    /// ```
    /// use regatta::{pipeline::Pipeline, testing};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let (source, stream) = testing::source::<u32>();
    /// let running = Pipeline::from_stream(stream).collect::<Vec<_>>().spawn();
    /// source.demanded().await; // it has begun
    /// source.send(1);
    /// drop(source);
    /// assert_eq!(running.await.unwrap(), [1]);
    /// # }
    /// ```
    #[track_caller]
    pub fn demanded(&self) -> impl Future<Output = ()> + Send + use<'_, T>
    where
        T: Send,
    {
        let caller = Location::caller();
        async move {
            let came = self.until(|state| state.waker.is_some() || state.is_dropped).await;
            assert!(
                came,
                "{caller}: the source expected to be asked for an item, and was not within {:?}",
                self.patience
            );
            let is_demanded = self.is_demanded();
            assert!(is_demanded, "{caller}: the source expected to be asked for an item, but its stream was dropped");
        }
    }

    /// Tells whether the stream was dropped.
    ///
    /// # Examples
    /// See [`source`].
    #[must_use]
    pub fn is_dropped(&self) -> bool {
        self.shared.lock().is_dropped
    }

    /// Waits until the stream was dropped.
    ///
    /// # Cancel safety
    /// Safe: there is nothing to lose.
    ///
    /// # Panics
    /// When it was not in time.
    ///
    /// # Examples
    /// ```
    /// use regatta::{pipeline::Pipeline, testing};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let (source, stream) = testing::source::<u32>();
    /// let running = Pipeline::from_stream(stream).for_each(4, |_| async {}).spawn();
    /// source.demanded().await;
    /// drop(running);
    /// source.dropped().await;
    /// # }
    /// ```
    #[track_caller]
    pub fn dropped(&self) -> impl Future<Output = ()> + Send + use<'_, T>
    where
        T: Send,
    {
        let caller = Location::caller();
        async move {
            let came = self.until(|state| state.is_dropped).await;
            assert!(
                came,
                "{caller}: the source expected its stream to be dropped, and it was not within {:?}",
                self.patience
            );
        }
    }

    /// Waits until the state is so; not for ever.
    async fn until(&self, check: impl Fn(&State<T>) -> bool) -> bool {
        let waiting = async {
            loop {
                let mut changed = std::pin::pin!(self.shared.changed.notified());
                // In line before the look, or a change between the two would be missed.
                changed.as_mut().enable();
                if check(&self.shared.lock()) {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(self.patience, waiting).await.is_ok()
    }

    /// Watches how far apart on one stack the stream is polled, and ends it where that is more than `most` bytes: recursion for
    /// each item is found so before it ends the process.
    pub(super) fn watch_stack(&self, most: usize) {
        self.shared.lock().spread_max = Some(most);
    }

    /// Tells whether the stack was found to grow with the items.
    pub(super) fn was_deep(&self) -> bool {
        self.shared.lock().was_deep
    }
}

impl<T> State<T> {
    /// Tells whether the stack has grown too far.
    fn is_deep(&mut self, place: usize) -> bool {
        let Some(most) = self.spread_max else { return false };
        let (low, high) = self.places.entry(thread::current().id()).or_insert((place, place));
        (*low, *high) = (place.min(*low), place.max(*high));
        self.was_deep |= *high - *low > most;
        self.was_deep
    }
}

impl<T> Stream for TestStream<T> {
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let here = 0_u8;
        let place = std::ptr::from_ref(&here).addr();
        // Wakers are foreign code: none is cloned, called or dropped under the lock.
        let mut waker = Some(cx.waker().clone());
        let step = {
            let mut state = self.shared.lock();
            state.polls += 1;
            if state.is_over {
                state.polls_when_over += 1;
                return Poll::Ready(None);
            }
            let step = if state.is_deep(place) { Some(Step::End) } else { state.steps.pop_front() };
            match &step {
                Some(Step::Item(_)) => state.pulled += 1,
                Some(Step::End | Step::Panic(_)) => state.is_over = true,
                None => std::mem::swap(&mut state.waker, &mut waker),
            }
            step
        };
        match step {
            Some(Step::Item(item)) => Poll::Ready(Some(item)),
            Some(Step::End) => Poll::Ready(None),
            // As ordered, so without a line on stderr.
            Some(Step::Panic(message)) => std::panic::resume_unwind(Box::new(message)),
            None => {
                self.shared.changed.notify_waiters();
                Poll::Pending
            }
        }
    }
}

impl<T> Drop for TestSource<T> {
    fn drop(&mut self) {
        let waker = {
            let mut state = self.shared.lock();
            if !std::mem::replace(&mut state.is_closed, true) {
                state.steps.push_back(Step::End);
            }
            state.waker.take()
        };
        waker.into_iter().for_each(Waker::wake);
    }
}

impl<T> Drop for TestStream<T> {
    fn drop(&mut self) {
        let left = {
            let mut state = self.shared.lock();
            state.is_dropped = true;
            (std::mem::take(&mut state.steps), state.waker.take())
        };
        drop(left);
        self.shared.changed.notify_waiters();
    }
}

impl<T> fmt::Debug for TestSource<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.lock();
        f.debug_struct("TestSource")
            .field("pulled", &state.pulled)
            .field("polls", &state.polls)
            .field("is_demanded", &state.waker.is_some())
            .field("is_dropped", &state.is_dropped)
            .finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for TestStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestStream").finish_non_exhaustive()
    }
}
