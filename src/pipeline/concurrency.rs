//! How many items a stage works on at once, and in which order they leave it.

use super::hub::Shape;
use super::keys::{Keyed, Sort, Unsorted};
use super::window::Order;
use crate::error::refuse_zero;

/// How many results may wait at a stage, beside those in work, before it stops taking input.
const HANDOVER: usize = 16;

/// How many items a stage works on at once, and whether they leave in the order they came.
///
/// A plain number is ordered: `map_async(8, fetch)` is `map_async(Concurrency::ordered(8), fetch)`.
///
/// # Examples
/// ```
/// use regatta::pipeline::Concurrency;
///
/// assert_eq!(Concurrency::from(8), Concurrency::ordered(8));
/// assert_eq!(Concurrency::unordered(8).limit(), 8);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Concurrency {
    limit: usize,
    is_ordered: bool,
}

impl Concurrency {
    /// Works on up to `limit` items at once; results leave in the order of the input. A slow item holds back those
    /// behind it, and the window they may fill is bounded.
    ///
    /// # Panics
    /// When `limit` is zero.
    #[must_use]
    #[track_caller]
    pub fn ordered(limit: usize) -> Self {
        refuse_zero("pipeline", "concurrency", limit);
        Self { limit, is_ordered: true }
    }

    /// Works on up to `limit` items at once; results leave as they are finished.
    ///
    /// # Panics
    /// When `limit` is zero.
    #[must_use]
    #[track_caller]
    pub fn unordered(limit: usize) -> Self {
        refuse_zero("pipeline", "concurrency", limit);
        Self { limit, is_ordered: false }
    }

    /// Works on up to `limit` items at once, but on those with the same key one after the other, in the order they came.
    /// Results leave as they are finished, so in order for each key.
    ///
    /// An item whose key is being worked on waits in a line of that key, and others pass it: a key that is slow, or stuck,
    /// holds one of the `limit` workers and delays its own items alone, as long as those do not fill the
    /// [window](Keyed::window). A [cap](Keyed::cap) keeps them from that. When `limit` keys are stuck at once nobody is left
    /// for the others: only a [`timeout`](super::Pipeline::timeout) gets workers back. A key without items takes no memory.
    ///
    /// The closure's argument needs its type (`|order: &Order| …`). It gives the key by value; only its hash is kept, so for a
    /// key that is dear to clone give a hash of it. Keys are told apart by 64 bits, with a random seed: two that collide are
    /// worked on as one.
    ///
    /// # Examples
    /// ```
    /// use regatta::pipeline::{Concurrency, Pipeline};
    ///
    /// #[derive(Clone)]
    /// struct Order { customer: u32, amount: u32 }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let orders = (0..100).map(|n| Order { customer: n % 7, amount: n });
    /// let booked: Vec<Order> = Pipeline::from_iter(orders)
    ///     .map_async(Concurrency::keyed(8, |order: &Order| order.customer), |order| async move { order })
    ///     .collect()
    ///     .await?;
    /// let of_one = booked.iter().filter(|order| order.customer == 3).map(|order| order.amount);
    /// assert!(of_one.is_sorted());
    /// # Ok(()) }
    /// ```
    ///
    /// # Panics
    /// When `limit` is zero. A panic of `key`, or of the key's `hash`, fails the item, by the stage's policy.
    #[track_caller]
    pub fn keyed<T, K, F>(limit: usize, key: F) -> Keyed<F>
    where
        F: FnMut(&T) -> K,
        K: std::hash::Hash,
    {
        refuse_zero("pipeline", "concurrency", limit);
        Keyed::new(limit, key)
    }

    /// How many items at once.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Tells whether results leave in the order of the input.
    #[must_use]
    pub fn is_ordered(&self) -> bool {
        self.is_ordered
    }
}

impl From<usize> for Concurrency {
    #[track_caller]
    fn from(limit: usize) -> Self {
        Self::ordered(limit)
    }
}

/// What says how many items a stage works on at once: a number, a [`Concurrency`], or [`Concurrency::keyed`].
///
/// Not for implementing.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say how many items of type `{T}` to work on at once",
    note = "use a number, `Concurrency::ordered(8)`, `Concurrency::unordered(8)`, or `Concurrency::keyed(8, |item: &Item| item.key)` with a closure that takes the stage's items by reference"
)]
pub trait Concurrent<T> {
    #[doc(hidden)]
    type Sort: Sort<T>;

    #[doc(hidden)]
    fn layout(self) -> Layout<Self::Sort>;
}

/// A [`Concurrency`], in terms of the engine.
#[doc(hidden)]
#[derive(Debug)]
pub struct Layout<H> {
    pub(super) shape: Shape,
    pub(super) order: Order,
    pub(super) sort: H,
    /// How many items of one key.
    pub(super) cap: usize,
}

impl<T> Concurrent<T> for usize {
    type Sort = Unsorted;

    #[track_caller]
    fn layout(self) -> Layout<Unsorted> {
        Concurrent::<T>::layout(Concurrency::ordered(self))
    }
}

impl<T> Concurrent<T> for Concurrency {
    type Sort = Unsorted;

    fn layout(self) -> Layout<Unsorted> {
        let order = if self.is_ordered { Order::Input } else { Order::Completion };
        Layout { shape: shape(self.limit, 1), order, sort: Unsorted, cap: usize::MAX }
    }
}

impl<T, K, F> Concurrent<T> for Keyed<F>
where
    F: FnMut(&T) -> K,
    K: std::hash::Hash,
{
    type Sort = Self;

    #[track_caller]
    fn layout(self) -> Layout<Self> {
        let mut shape = shape(self.limit, 1);
        // What cannot be worked on fills places without work: there have to be many more than workers.
        shape.window = self.window.unwrap_or(self.limit.saturating_mul(64).max(256));
        let (cap, window) = (self.cap, shape.window);
        assert!(
            cap <= window || cap == usize::MAX,
            "pipeline: the cap of a key ({cap}) cannot be reached within the window ({window})"
        );
        Layout { shape, order: Order::Completion, cap: self.cap, sort: self }
    }
}

/// A stage that works on any item at any time.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a CPU stage cannot keep the order of keys",
    note = "use a number, `Concurrency::ordered(8)` or `Concurrency::unordered(8)`; `Concurrency::keyed` is for `map_async` and `for_each`"
)]
pub trait Unkeyed {
    #[track_caller]
    fn concurrency(self) -> Concurrency;
}

impl Unkeyed for usize {
    #[track_caller]
    fn concurrency(self) -> Concurrency {
        Concurrency::ordered(self)
    }
}

impl Unkeyed for Concurrency {
    fn concurrency(self) -> Concurrency {
        self
    }
}

/// How much a stage may hold: `chunk` items for each of its workers, and as much again, or a little more, in results.
pub(super) fn shape(workers: usize, chunk: usize) -> Shape {
    let intake = workers.saturating_mul(chunk);
    Shape { workers, intake, window: intake.saturating_add(intake.max(HANDOVER)), spare: 0 }
}
