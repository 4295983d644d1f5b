//! One of several futures that are waited for together.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, ready};

use futures::stream::FuturesUnordered;

use crate::error::{Panicked, log_quietly};
use crate::task::Caught;

static PLACE: LazyLock<Arc<str>> = LazyLock::new(|| Arc::from("a future"));

/// Futures that are polled when they are woken, within the task of whoever polls this.
pub(super) type Children<F> = FuturesUnordered<Child<F>>;

pin_project_lite::pin_project! {
    /// Gives its place in the input, and what the future gave; a panic is a value. A loser's destructor that panics
    /// harms nobody.
    pub(super) struct Child<F> {
        #[pin]
        future: Caught<F>,
        index: usize,
        of: &'static str,
    }

    impl<F> PinnedDrop for Child<F> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if let Err(panicked) = this.future.end() {
                let panicked = at(this.of, *this.index, &panicked);
                log_quietly(|| tracing::warn!(target: "regatta::promise", %panicked, "while it was dropped"));
            }
        }
    }
}

/// Takes every future out of the input; none is polled yet.
pub(super) fn children<I>(of: &'static str, futures: I) -> Children<<I::Item as IntoFuture>::IntoFuture>
where
    I: IntoIterator<Item: IntoFuture>,
{
    let children = futures.into_iter().enumerate().map(|(index, future)| {
        let future = Caught::new(PLACE.clone(), future.into_future());
        Child { future, index, of }
    });
    children.collect()
}

/// Names the future, now that it is worth the text.
fn at(of: &str, index: usize, panicked: &Panicked) -> Panicked {
    Panicked::new(format!("future {index} of `{of}`"), panicked.message.clone())
}

impl<F: Future> Future for Child<F> {
    type Output = (usize, Result<F::Output, Panicked>);

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let output = ready!(this.future.poll(cx));
        Poll::Ready((*this.index, output.map_err(|panicked| at(this.of, *this.index, &panicked))))
    }
}
