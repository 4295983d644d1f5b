//! What the branches of a fan out share, and who runs it: the pipeline that has brought all of them together.
//!
//! Each branch carries a token of its trunk. The pipeline that is started with all the tokens there are takes the trunk in;
//! so a trunk has exactly one owner, as every task has. A branch that is dropped takes its token along, and is not missed.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::plan::Plan;
use super::stage::Stage;

/// A stage with several branches, and all that is upstream of it.
pub(super) struct Trunk {
    stage: Arc<Stage>,
    /// Until a pipeline takes it in.
    plan: Mutex<Option<Plan>>,
    /// How many branches live.
    tokens: AtomicUsize,
}

/// One branch of a trunk.
pub(super) struct Token(Arc<Trunk>);

impl Trunk {
    pub(super) fn new(stage: Arc<Stage>) -> Arc<Self> {
        Arc::new(Self { stage, plan: Mutex::default(), tokens: AtomicUsize::new(0) })
    }

    pub(super) fn token(self: &Arc<Self>) -> Token {
        self.tokens.fetch_add(1, Ordering::Relaxed);
        Token(self.clone())
    }

    /// Says what the trunk is: once the branches have their tokens.
    pub(super) fn plant(&self, plan: Plan) {
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) = Some(plan);
    }

    /// Tells whether these are all the tokens there are.
    fn is_whole(self: &Arc<Self>, tokens: &[Token]) -> bool {
        let ours = tokens.iter().filter(|token| Arc::ptr_eq(&token.0, self)).count();
        // Acquire: pairs with the Release of a branch that was dropped.
        ours == self.tokens.load(Ordering::Acquire)
    }
}

impl Plan {
    /// Takes in the trunks of all branches, each before what its branches became.
    #[track_caller]
    pub(super) fn complete(mut self) -> Self {
        while let Some(first) = self.tokens.first() {
            // From the right, so that the leftmost comes first in the end.
            let whole = self.tokens.iter().rev().find(|token| token.0.is_whole(&self.tokens));
            let Some(trunk) = whole.map(|token| token.0.clone()) else {
                panic!(
                    "a branch of stage `{}` is missing: bring all branches together with `merge`, `zip`, `chain` or \
                     `Run::and`, or drop it",
                    first.0.stage.name()
                )
            };
            let plan = trunk.plan.lock().unwrap_or_else(PoisonError::into_inner).take();
            let Some(mut plan) = plan else { unreachable!("who has all the tokens is the first to ask") };
            self.tokens.retain(|token| !Arc::ptr_eq(&token.0, &trunk));
            plan.join(self);
            self = plan;
        }
        self
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        // Release: pairs with the Acquire of who asks whether the trunk is whole.
        self.0.tokens.fetch_sub(1, Ordering::Release);
    }
}
