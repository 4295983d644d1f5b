//! What both ends can do: end the queue, wait for its end, and look at it. Written once, documented on each.

macro_rules! both_ends {
    ($End:ident) => {
        impl<T> $End<T> {
            /// Waits until everything accepted is finished: done, given up, dropped by policy or discarded. Dead letters
            /// are where they go by then.
            ///
            /// It counts what is delivered as well as what is queued, and it closes nothing: new items prolong the
            /// wait. After [`close`](Self::close) it resolves when the rest is worked off; after
            /// [`close_now`](Self::close_now), when the deliveries that are out are finished.
            ///
            /// # Examples
            /// ```
            /// use regatta::queue;
            /// use tokio_test::{assert_pending, assert_ready, task};
            ///
            /// let (producer, consumer) = queue::bounded(8);
            /// producer.try_send("work").expect("there is room");
            /// let delivery = consumer.try_recv().expect("an item is queued");
            ///
            /// let mut join = task::spawn(producer.join());
            /// assert_pending!(join.poll()); // received is not finished
            /// delivery.done();
            /// assert!(join.is_woken());
            /// assert_ready!(join.poll());
            /// ```
            ///
            /// # Cancel safety
            /// Safe to drop and to call again.
            #[doc(alias = "wait_idle")]
            pub fn join(&self) -> $crate::queue::JoinFuture<'_, T> {
                $crate::queue::JoinFuture::new(&self.ring)
            }

            /// Blocks this thread until everything accepted is finished, as [`join`](Self::join), whose form for threads
            /// that run no async code it is.
            ///
            /// A thread that holds a delivery itself waits for ever.
            ///
            /// # Examples
            /// ```
            /// use regatta::queue;
            /// use std::thread;
            ///
            /// let (producer, consumer) = queue::bounded(8);
            /// producer.send_blocking("work").expect("the queue is open");
            /// let worker = thread::spawn(move || consumer.recv_blocking().expect("an item is queued").done());
            /// producer.join_blocking();
            /// assert_eq!(producer.stats().flow.done, 1);
            /// worker.join().expect("no panic");
            /// ```
            ///
            /// # Panics
            /// On a thread that drives async tasks, with tokio's message. Inside `spawn_blocking` and `block_in_place`
            /// it is allowed.
            #[track_caller]
            pub fn join_blocking(&self) {
                $crate::task::block_on(self.join());
            }

            /// Blocks this thread until everything accepted is finished, for at most `limit` of real time.
            ///
            /// # Examples
            /// ```
            /// use regatta::queue;
            /// use std::time::Duration;
            ///
            /// let (producer, consumer) = queue::bounded(8);
            /// producer.try_send("work").expect("there is room");
            /// assert!(producer.join_blocking_timeout(Duration::from_millis(1)).is_err());
            /// consumer.try_recv().expect("an item is queued").done();
            /// assert!(producer.join_blocking_timeout(Duration::ZERO).is_ok());
            /// ```
            ///
            /// # Errors
            /// [`Elapsed`](crate::error::Elapsed) when something was unfinished all the time.
            ///
            /// # Panics
            /// As [`join_blocking`](Self::join_blocking).
            #[track_caller]
            pub fn join_blocking_timeout(&self, limit: std::time::Duration) -> Result<(), $crate::error::Elapsed> {
                let joined = $crate::task::block_on_timeout(self.join(), limit);
                joined.ok_or_else(|| $crate::error::Elapsed::new(self.ring.place().clone(), limit))
            }

            /// Accepts nothing more: senders fail with their item, consumers work off the rest. At once, any number of
            /// times.
            #[doc(alias = "shutdown")]
            pub fn close(&self) {
                self.ring.close();
            }

            /// Closes the queue and hands back what is queued; those items count as `discarded`.
            ///
            /// Deliveries that are out go on: they may be finished, and one that is put back is delivered again as long
            /// as there is a consumer. Calling it again hands back what has come back meanwhile.
            ///
            /// # Ordering
            /// The highest lane comes first. In a lane, items that had been put back come first, each group oldest
            /// first.
            #[must_use = "these items were accepted and nobody will work on them"]
            pub fn close_now(&self) -> Vec<T> {
                self.ring.close_now()
            }

            /// Tells whether the queue accepts nothing more.
            #[must_use]
            pub fn is_closed(&self) -> bool {
                self.ring.lock.look(|state| state.is_closed())
            }

            /// Waits until the queue is [closed](Self::close), by whomever; it may still hold items.
            ///
            /// For producers that have nothing to send at the moment and should stop all the same.
            ///
            /// # Cancel safety
            /// Safe to drop and to call again.
            pub fn closed(&self) -> $crate::queue::ClosedFuture<'_, T> {
                $crate::queue::ClosedFuture::new(&self.ring)
            }

            /// How many items are queued; those being worked on are not among them.
            #[must_use]
            #[doc(alias = "qsize")]
            pub fn len(&self) -> usize {
                self.ring.lock.look(|state| state.queued())
            }

            /// Tells whether nothing is queued.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// How many items may be queued.
            #[must_use]
            pub fn capacity(&self) -> usize {
                self.ring.capacity()
            }

            /// The name given to the [`Builder`](crate::queue::Builder), else `queue#` and a number.
            #[must_use]
            pub fn name(&self) -> &str {
                self.ring.name()
            }

            /// All counters, as of one instant.
            #[must_use]
            pub fn stats(&self) -> $crate::queue::Stats {
                self.ring.stats()
            }
        }

        impl<T> std::fmt::Debug for $End<T> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let stats = self.stats();
                f.debug_struct(stringify!($End))
                    .field("name", &self.name())
                    .field("queued", &stats.queued)
                    .field("capacity", &stats.capacity)
                    .finish_non_exhaustive()
            }
        }
    };
}

pub(super) use both_ends;
