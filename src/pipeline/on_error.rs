//! What a stage does about its own failures.

use std::fmt;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::error::PipelineError;
use super::stage::Stage;
use crate::error::{BoxError, Panicked, drop_quietly};
use crate::queue::{Producer, SendError};

/// What a stage does with an item whose closure fails, by an error or by a panic. It holds for this stage alone; `T` is
/// what comes into it.
#[derive(Default)]
#[non_exhaustive]
pub enum OnError<T> {
    /// The pipeline ends with the error. Nothing new is started; an ordered stage still emits everything before the
    /// failed item, an unordered one what was started before the failure.
    #[default]
    Stop,
    /// The item is left out, counted as `failed` and logged as a warning; the stage goes on.
    Skip,
    /// As [`Skip`](Self::Skip), and the stage begins anew: what it has made of the items before, such as the state of a
    /// [`scan`](super::Pipeline::scan), is dropped and made again. A stage that remembers nothing skips.
    Reset,
    /// As [`Skip`](Self::Skip), and the item goes into a queue, with the error; see [`OnError::dead_letter`].
    DeadLetter(DeadLetters<T>),
}

/// An item whose stage could not make anything of it; what [`OnError::dead_letter`] puts into a queue.
#[derive(Debug)]
#[non_exhaustive]
pub struct DeadLetter<T> {
    /// The item as it came into the stage; `None` with [`OnError::dead_letter_error`].
    pub item: Option<T>,
    /// Why it failed: an error or a panic, with the stage's name.
    pub error: PipelineError,
    /// How often it was tried. Zero where it was refused before.
    pub attempts: u32,
}

/// Where dead letters go; inside [`OnError::DeadLetter`].
pub struct DeadLetters<T> {
    post: Arc<dyn Post<T>>,
}

/// Why an attempt came to nothing.
#[doc(hidden)]
#[derive(Debug)]
pub enum Failure {
    Error(BoxError),
    Panicked(Panicked),
}

/// What becomes of the stage whose item has failed.
pub(super) enum Verdict {
    /// It ends.
    Stop(PipelineError),
    /// It goes on.
    Skip,
    /// It goes on when the letter is in the queue; or ends, if it is refused.
    Wait(Sending),
}

/// A dead letter that waits for room. Gives what ends the stage, if it is refused.
pub(super) type Sending = BoxFuture<'static, Option<PipelineError>>;

/// Knows the type of the items, and whether they can be cloned.
trait Post<T>: Send + Sync {
    fn keep(&self, item: &T) -> Option<T>;
    fn post(&self, letter: DeadLetter<T>) -> Verdict;
}

struct Mail<T> {
    producer: Producer<DeadLetter<T>>,
    /// Absent where letters carry the error alone.
    keep: Option<fn(&T) -> T>,
}

impl<T: Send + 'static> OnError<T> {
    /// Leaves the failed item out and puts it into a queue, with the error, for others to look at or to try again later.
    ///
    /// **While the queue is full the stage waits**, so nothing is lost in silence: read it while the pipeline runs, or give it
    /// room for all that may fail. The log says when a stage waits for that. When the queue is closed, or
    /// [rejects](crate::policy::Overflow::Reject) the letter, the pipeline ends with the item's own error. Each item is
    /// cloned before it is worked on; what cannot be cloned goes into [`dead_letter_error`](Self::dead_letter_error).
    ///
    /// A letter is a [`Delivery`](crate::queue::Delivery) like any other: one that is dropped without
    /// [`done`](crate::queue::Delivery::done) or [`into_inner`](crate::queue::Delivery::into_inner) comes back.
    ///
    /// # Examples
    /// ```
    /// use regatta::{pipeline::{OnError, Pipeline}, queue};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (letters, dead) = queue::bounded(100);
    /// let numbers = Pipeline::from_iter(["1", "two", "3"]).try_map(str::parse::<u32>).on_error(OnError::dead_letter(letters));
    /// assert_eq!(numbers.collect::<Vec<_>>().await?, [1, 3]);
    ///
    /// let letter = dead.recv().await.expect("one was left out").into_inner();
    /// assert_eq!(letter.item, Some("two"));
    /// assert_eq!(letter.error.downcast_ref::<std::num::ParseIntError>().unwrap().to_string(), "invalid digit found in string");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn dead_letter(producer: Producer<DeadLetter<T>>) -> Self
    where
        T: Clone,
    {
        Self::posted(producer, Some(T::clone))
    }

    /// As [`dead_letter`](Self::dead_letter), for items that cannot be cloned, or are too dear to be: the letter carries the
    /// error alone.
    #[must_use]
    pub fn dead_letter_error(producer: Producer<DeadLetter<T>>) -> Self {
        Self::posted(producer, None)
    }

    fn posted(producer: Producer<DeadLetter<T>>, keep: Option<fn(&T) -> T>) -> Self {
        Self::DeadLetter(DeadLetters { post: Arc::new(Mail { producer, keep }) })
    }
}

impl<T> OnError<T> {
    /// What has to be kept of an item before it is worked on. Clones it: user code.
    #[inline]
    pub(super) fn keep(&self, item: &T) -> Option<T> {
        match self {
            Self::DeadLetter(letters) => letters.post.keep(item),
            Self::Stop | Self::Skip | Self::Reset => None,
        }
    }

    pub(super) fn is_reset(&self) -> bool {
        matches!(self, Self::Reset)
    }

    pub(super) fn judge(&self, stage: &Stage, failure: Failure, kept: Option<T>, attempts: u32) -> Verdict {
        match self {
            Self::Stop => {
                drop_quietly(kept);
                Verdict::Stop(stage.stopped_by(failure))
            }
            Self::Skip | Self::Reset => {
                drop_quietly(kept);
                stage.skipped(failure);
                Verdict::Skip
            }
            Self::DeadLetter(letters) => {
                let error = failure.into_error(stage.place());
                tracing::warn!(target: "regatta::pipeline", place = %stage.place(), "an item goes to the dead letters");
                match letters.post.post(DeadLetter { item: kept, error, attempts }) {
                    Verdict::Stop(error) => Verdict::Stop(stage.noted(error)),
                    verdict => verdict,
                }
            }
        }
    }
}

impl Failure {
    pub(super) fn into_error(self, place: Arc<str>) -> PipelineError {
        match self {
            Self::Error(error) => PipelineError::Failed { place, error },
            Self::Panicked(panicked) => PipelineError::Panicked(panicked),
        }
    }
}

impl<T: Send + 'static> Post<T> for Mail<T> {
    fn keep(&self, item: &T) -> Option<T> {
        self.keep.map(|keep| keep(item))
    }

    fn post(&self, mut letter: DeadLetter<T>) -> Verdict {
        if self.keep.is_none() {
            // Kept for other reasons.
            drop_quietly(letter.item.take());
        }
        match self.producer.try_send(letter) {
            Ok(()) => Verdict::Skip,
            Err(refused) if refused.is_full() => {
                let (producer, letter) = (self.producer.clone(), refused.into_inner());
                let queue = producer.name();
                tracing::warn!(target: "regatta::pipeline", queue, "a stage waits for room for its dead letters");
                let sending = async move {
                    let refused = producer.send(letter).await.err()?;
                    Some(unsent(producer.name(), refused))
                };
                Verdict::Wait(sending.boxed())
            }
            Err(refused) => Verdict::Stop(unsent(self.producer.name(), refused)),
        }
    }
}

/// Nobody takes the letter: its error is the stage's.
fn unsent<T>(queue: &str, refused: SendError<DeadLetter<T>>) -> PipelineError {
    tracing::error!(target: "regatta::pipeline", queue, %refused, "a dead letter was refused, and ends its stage");
    let letter = refused.into_inner();
    drop_quietly(letter.item);
    letter.error
}

impl<T> Clone for OnError<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Stop => Self::Stop,
            Self::Skip => Self::Skip,
            Self::Reset => Self::Reset,
            Self::DeadLetter(letters) => Self::DeadLetter(DeadLetters { post: letters.post.clone() }),
        }
    }
}

impl<T> fmt::Debug for OnError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stop => "Stop",
            Self::Skip => "Skip",
            Self::Reset => "Reset",
            Self::DeadLetter(_) => "DeadLetter",
        })
    }
}

impl<T> fmt::Debug for DeadLetters<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLetters").finish_non_exhaustive()
    }
}
