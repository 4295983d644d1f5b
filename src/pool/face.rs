//! What both pools can do besides taking jobs. Written once, documented on each.

macro_rules! face {
    ($Pool:ident) => {
        impl<S> $Pool<S> {
            pub(super) fn of(owner: Arc<Owner>) -> Self {
                Self { owner, state: PhantomData }
            }

            pub(super) fn crew(&self) -> &Arc<dyn Crew> {
                self.owner.crew()
            }

            fn core(&self) -> &Arc<Core> {
                self.owner.core()
            }

            /// The pool's name.
            #[must_use]
            pub fn name(&self) -> &str {
                &self.core().names().name
            }

            /// Changes how many jobs run at once, at most 131,071 (more means that many), while the pool runs. At once, and it
            /// does not wait.
            ///
            /// Growing starts workers at once for what is queued. Shrinking lets jobs that run come to their end: whichever
            /// workers end theirs first leave, until no more are out than the limit allows, and of the others those whose
            /// number is not below it move to one that is. No job is lost: what lies in a worker's line is stolen by the
            /// others, and what is bound to it moves, see [`Placement::Worker`](super::Placement::Worker).
            ///
            /// # Panics
            /// When `limit` is zero.
            #[doc = concat!("\n# Examples\n```\nuse regatta::pool::", stringify!($Pool), ";\n")]
            /// # #[tokio::main(flavor = "current_thread")] async fn main() {
            #[doc = concat!("let pool = ", stringify!($Pool), "::new(8);")]
            /// pool.resize(2); // the machine is needed for something else
            /// assert_eq!(pool.stats().limit, 2);
            /// # }
            /// ```
            #[track_caller]
            #[doc(alias("set_num_threads", "SetMaxThreads", "add_permits"))]
            pub fn resize(&self, limit: usize) {
                refuse_zero(stringify!($Pool), "limit", limit);
                self.crew().resize(limit.min(LIMIT_MAX));
            }

            /// Accepts no more jobs; what is accepted is finished. At once, any number of times.
            pub fn close(&self) {
                self.core().close();
            }

            /// Tells whether the pool accepts no more jobs.
            #[must_use]
            pub fn is_closed(&self) -> bool {
                self.core().levels().is_closed()
            }

            /// Reads what became of the jobs, the levels of the moment, and what the workers have done.
            ///
            /// # Complexity
            /// One short lock, and some loads for each worker there has been.
            #[must_use]
            pub fn stats(&self) -> PoolStats {
                PoolStats::of(self.core())
            }
        }

        impl $Pool {
            /// Creates a pool that runs at most `limit` jobs at once and queues up to 1024, on the runtime it is created in.
            ///
            /// # Panics
            /// When `limit` is zero, and outside a tokio runtime.
            #[track_caller]
            pub fn new(limit: usize) -> Self {
                refuse_zero(stringify!($Pool), "limit", limit);
                Self::builder().limit(limit).build()
            }
        }

        impl<S> Clone for $Pool<S> {
            fn clone(&self) -> Self {
                Self::of(self.owner.clone())
            }
        }

        impl<S> fmt::Debug for $Pool<S> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let levels = self.core().levels();
                f.debug_struct(stringify!($Pool))
                    .field("name", &self.name())
                    .field("levels", &levels)
                    .field("flow", &self.core().books.flow())
                    .finish_non_exhaustive()
            }
        }
    };
}

pub(super) use face;
