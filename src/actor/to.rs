//! Where a message goes: a mailbox that is lent, or one that is kept alive.

use std::ops::Deref;
use std::sync::Arc;

use super::shared::Shared;

pub(super) enum To<'a, M: Send + 'static> {
    Lent(&'a Arc<Shared<M>>),
    Kept(Strong<M>),
}

/// A handle, as far as counting goes.
pub(super) struct Strong<M: Send + 'static>(Arc<Shared<M>>);

impl<M: Send + 'static> To<'_, M> {
    /// The same, for as long as one wants.
    pub(super) fn kept(self) -> To<'static, M> {
        To::Kept(match self {
            To::Lent(shared) => {
                // Whoever lends it has a handle.
                shared.head.join();
                Strong(shared.clone())
            }
            To::Kept(strong) => strong,
        })
    }
}

impl<M: Send + 'static> Deref for To<'_, M> {
    type Target = Arc<Shared<M>>;

    #[inline]
    fn deref(&self) -> &Arc<Shared<M>> {
        match self {
            Self::Lent(shared) => shared,
            Self::Kept(Strong(shared)) => shared,
        }
    }
}

impl<M: Send + 'static> Drop for Strong<M> {
    fn drop(&mut self) {
        self.0.head.leave();
    }
}
