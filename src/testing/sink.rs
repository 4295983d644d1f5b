//! A test at the end of a stream.

use std::fmt::{self, Debug};
use std::future::{Future, poll_fn};
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::Stream;

use super::probe::PATIENCE;
use super::turns::quiet_but;

/// A test at the end of a stream: [`TestSink::new`] in short.
///
/// # Examples
/// See [`TestSink`].
pub fn sink<S: Stream>(stream: S) -> TestSink<S> {
    TestSink::new(stream)
}

/// Takes the items of a stream when the test says so, and never polls it otherwise.
///
/// The items of a pipeline's stream are `Result`s: [`expect`](Self::expect) and [`expect_all`](Self::expect_all) mean those
/// that are `Ok`, and [`expect_error`](Self::expect_error) the other ones. With other streams they mean the items as they are.
///
/// # Examples
/// ```
/// use regatta::{pipeline::Pipeline, testing::TestSink};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let stage = Pipeline::from_iter(["1", "2", "3", "four"]).try_map(str::parse::<u32>);
/// let mut sink = TestSink::new(stage.named("parse").into_stream());
/// sink.expect(1).await;
/// sink.expect_all([2, 3]).await;
/// assert!(sink.expect_error().await.downcast_ref::<std::num::ParseIntError>().is_some());
/// sink.expect_end().await;
///
/// let mut plain = TestSink::new(futures::stream::iter(["a", "b"]));
/// plain.expect("a").await;
/// assert_eq!(plain.request(5).await, ["b"]); // and then the end
/// # }
/// ```
#[must_use = "a sink takes nothing by itself"]
pub struct TestSink<S> {
    /// Absent after `cancel`.
    stream: Option<Pin<Box<S>>>,
    taken: usize,
    patience: Duration,
}

/// What a stream of `T`, or of results of `T`, gives.
#[doc(hidden)]
pub trait Gives<T> {
    /// The item, or what came instead.
    fn given(self) -> Result<T, String>;
}

impl<T> Gives<T> for T {
    fn given(self) -> Result<T, String> {
        Ok(self)
    }
}

impl<T, E: Debug> Gives<T> for Result<T, E> {
    fn given(self) -> Result<T, String> {
        self.map_err(|error| format!("the error {error:?}"))
    }
}

impl<S: Stream> TestSink<S> {
    /// Stands at the end of a stream, which is not polled before the test says so.
    pub fn new(stream: S) -> Self {
        Self { stream: Some(Box::pin(stream)), taken: 0, patience: PATIENCE }
    }

    /// Sets how long it waits for each item. Default: 5 seconds.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// let sink = regatta::testing::sink(futures::stream::iter([1])).patience(Duration::from_millis(100));
    /// # drop(sink);
    /// ```
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// How many items were taken.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let mut sink = regatta::testing::sink(futures::stream::iter([1, 2]));
    /// sink.expect(1).await;
    /// assert_eq!(sink.taken(), 1);
    /// # }
    /// ```
    #[must_use]
    pub fn taken(&self) -> usize {
        self.taken
    }

    /// The next item, however long it takes; `None` at the end.
    ///
    /// # Cancel safety
    /// As the stream: what was not taken stays there.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let mut sink = regatta::testing::sink(futures::stream::iter([1]));
    /// assert_eq!((sink.next().await, sink.next().await), (Some(1), None));
    /// # }
    /// ```
    pub async fn next(&mut self) -> Option<S::Item> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let polled = match &mut self.stream {
            Some(stream) => stream.as_mut().poll_next(cx),
            None => Poll::Ready(None),
        };
        if let Poll::Ready(Some(_)) = &polled {
            self.taken += 1;
        }
        polled
    }

    /// The next `most` items, or those that come before the end.
    ///
    /// # Cancel safety
    /// Not safe: what was taken before is lost.
    ///
    /// # Panics
    /// When one does not come in time.
    ///
    /// # Examples
    /// See [`TestSink`].
    #[track_caller]
    pub fn request(&mut self, most: usize) -> impl Future<Output = Vec<S::Item>> + use<'_, S> {
        let caller = Location::caller();
        async move {
            let mut items = Vec::new();
            while items.len() < most {
                match self.in_time().await {
                    Some(Some(item)) => items.push(item),
                    Some(None) => break,
                    None => {
                        let (got, within) = (items.len(), self.patience);
                        panic!(
                            "{caller}: the sink expected {most} items, or the end, and got {got} and then nothing within {within:?}"
                        )
                    }
                }
            }
            items
        }
    }

    /// Takes one item, which has to be this one.
    ///
    /// # Cancel safety
    /// As [`next`](Self::next).
    ///
    /// # Panics
    /// When something else comes, or nothing in time.
    ///
    /// # Examples
    /// See [`TestSink`].
    #[track_caller]
    pub fn expect<T>(&mut self, item: T) -> impl Future<Output = ()> + use<'_, S, T>
    where
        T: PartialEq + Debug,
        S::Item: Gives<T>,
    {
        let caller = Location::caller();
        async move {
            let expected = format!("{item:?}");
            self.expect_one(&item, &expected, caller).await;
        }
    }

    /// Takes as many items, which have to be these, in this order.
    ///
    /// # Cancel safety
    /// Not safe: what was taken before is lost.
    ///
    /// # Panics
    /// When something else comes, or nothing in time.
    ///
    /// # Examples
    /// See [`TestSink`].
    #[track_caller]
    pub fn expect_all<T, I>(&mut self, items: I) -> impl Future<Output = ()> + use<'_, S, T, I>
    where
        T: PartialEq + Debug,
        S::Item: Gives<T>,
        I: IntoIterator<Item = T>,
    {
        let caller = Location::caller();
        async move {
            for (at, item) in items.into_iter().enumerate() {
                let expected = format!("{item:?} (number {at} of those named)");
                self.expect_one(&item, &expected, caller).await;
            }
        }
    }

    async fn expect_one<T>(&mut self, item: &T, expected: &str, caller: &Location<'_>)
    where
        T: PartialEq + Debug,
        S::Item: Gives<T>,
    {
        let got = match self.in_time().await.map(|came| came.map(Gives::given)) {
            Some(Some(Ok(other))) if other == *item => return,
            Some(Some(Ok(other))) => format!("{other:?}"),
            Some(Some(Err(error))) => error,
            Some(None) => "the end".to_owned(),
            None => format!("nothing within {:?}", self.patience),
        };
        panic!("{caller}: the sink expected {expected}, and got {got}");
    }

    /// Asks for an item that must not come: pending now, and still so after the runtime has had its turns.
    ///
    /// It waits as [`quiet`](super::quiet) does, by turns and not by time, and polls the stream once and then whenever it is woken. On a runtime of one thread it says that
    /// nothing can come without something from outside, be it an item, a timer or another thread. With several threads it says
    /// that nothing came meanwhile.
    ///
    /// # Cancel safety
    /// As [`next`](Self::next).
    ///
    /// # Panics
    /// When an item comes, which is lost then, or the end.
    ///
    /// # Examples
    /// ```
    /// use regatta::testing;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let (source, stream) = testing::source();
    /// let mut sink = testing::sink(stream);
    /// sink.expect_nothing().await;
    /// source.send(1);
    /// sink.expect(1).await;
    /// # }
    /// ```
    #[track_caller]
    pub fn expect_nothing(&mut self) -> impl Future<Output = ()> + use<'_, S>
    where
        S::Item: Debug,
    {
        let caller = Location::caller();
        async move {
            let came = quiet_but(|cx| self.poll_next(cx)).await;
            match came {
                None => {}
                Some(Some(item)) => panic!("{caller}: the sink expected nothing, and got {item:?}"),
                Some(None) => panic!("{caller}: the sink expected nothing, and got the end"),
            }
        }
    }

    /// Says that there is nothing more.
    ///
    /// # Cancel safety
    /// As [`next`](Self::next).
    ///
    /// # Panics
    /// When an item comes, or nothing in time.
    ///
    /// # Examples
    /// See [`TestSink`].
    #[track_caller]
    pub fn expect_end(&mut self) -> impl Future<Output = ()> + use<'_, S>
    where
        S::Item: Debug,
    {
        let caller = Location::caller();
        async move {
            match self.in_time().await {
                Some(None) => {}
                Some(Some(item)) => panic!("{caller}: the sink expected the end, and got {item:?}"),
                None => panic!("{caller}: the sink expected the end, and got nothing within {:?}", self.patience),
            }
        }
    }

    /// Drops the stream, in the middle of whatever it does. There is nothing more after that.
    ///
    /// # Examples
    /// ```
    /// use regatta::{pipeline::Pipeline, testing};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let (source, stream) = testing::source::<u32>();
    /// let mut sink = testing::sink(Pipeline::from_stream(stream).map_async(4, |n| async move { n }).into_stream());
    /// sink.expect_nothing().await;
    /// sink.cancel();
    /// source.dropped().await;
    /// # }
    /// ```
    pub fn cancel(&mut self) {
        self.stream = None;
    }

    /// What comes next; `None` when nothing does in time.
    async fn in_time(&mut self) -> Option<Option<S::Item>> {
        tokio::time::timeout(self.patience, self.next()).await.ok()
    }
}

impl<S, T, E> TestSink<S>
where
    S: Stream<Item = Result<T, E>>,
{
    /// Takes an error.
    ///
    /// # Cancel safety
    /// As [`next`](Self::next).
    ///
    /// # Panics
    /// When something else comes, or nothing in time.
    ///
    /// # Examples
    /// See [`TestSink`].
    #[track_caller]
    pub fn expect_error(&mut self) -> impl Future<Output = E> + use<'_, S, T, E>
    where
        T: Debug,
    {
        let caller = Location::caller();
        async move {
            match self.in_time().await {
                Some(Some(Err(error))) => error,
                Some(Some(Ok(item))) => panic!("{caller}: the sink expected an error, and got {item:?}"),
                Some(None) => panic!("{caller}: the sink expected an error, and got the end"),
                None => panic!("{caller}: the sink expected an error, and got nothing within {:?}", self.patience),
            }
        }
    }
}

impl<S> fmt::Debug for TestSink<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestSink")
            .field("taken", &self.taken)
            .field("is_cancelled", &self.stream.is_none())
            .finish_non_exhaustive()
    }
}
