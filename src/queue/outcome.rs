//! What becomes of items, as the [`State`](super::state::State) answers it.

/// What became of an offered item.
pub(super) enum Offer<T> {
    Accepted,
    /// Accepted; by policy this one is dropped.
    Displaced(T),
    Full,
    Closed,
}

/// What became of several items that were offered.
pub(super) enum Intake {
    /// All of them.
    Accepted,
    Full,
    Closed,
}

/// How a delivery ended that was not put back.
#[derive(Clone, Copy)]
pub(super) enum Ending {
    Done,
    Failed,
    Discarded,
}

/// What became of an item that was put back.
pub(super) enum Fate<T> {
    Redelivered,
    /// There was no room, and by policy this one, the oldest, is dropped.
    Displaced(T),
    /// It had its last attempt. If there is a place for dead letters, this is one on its way.
    GivenUp(T),
    /// There is no consumer any more.
    Discarded(T),
}
