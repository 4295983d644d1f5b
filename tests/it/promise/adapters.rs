//! What follows a future of a result.

use std::cell::RefCell;
use std::future::{pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use futures::future::LocalBoxFuture;
use futures::{FutureExt, TryFutureExt};
use regatta::promise::{PromiseError, ResultFutureExt};
use regatta::{BoxError, CancellationToken};
use tokio_test::{assert_pending, task};

use super::{SECOND, promise};
use crate::support::{DropCounter, DropGuard};

type Answer = Result<u32, &'static str>;

/// What happened, in order.
#[derive(Clone, Default)]
struct Events(Rc<RefCell<Vec<&'static str>>>);

/// Says when it is dropped.
struct Held(Events, &'static str);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.add(self.1);
    }
}

impl Events {
    fn add(&self, event: &'static str) {
        self.0.borrow_mut().push(event);
    }

    /// A future that ends as told at its second poll, and says when it is dropped: not before, whatever its state.
    fn future<C: FnOnce() -> Answer>(&self, end: C) -> impl Future<Output = Answer> + use<C> {
        let held = Held(self.clone(), "future dropped");
        let (mut end, mut has_begun) = (Some(end), false);
        poll_fn(move |_| {
            let _held = &held;
            match std::mem::replace(&mut has_begun, true) {
                true => Poll::Ready((end.take().expect("polled too often"))()),
                false => Poll::Pending,
            }
        })
    }

    fn take(&self) -> Vec<&'static str> {
        self.0.take()
    }
}

async fn endless(guard: DropGuard) -> Answer {
    let _guard = guard;
    pending().await
}

#[test]
fn each_adapter_acts_on_its_side_and_lets_the_other_pass() {
    let ok = || ready(Answer::Ok(1));
    let err = || ready(Answer::Err("a"));
    assert_eq!(ok().then_ok(|n| async move { n + 1 }).now_or_never(), Some(Ok(2)));
    assert_eq!(err().then_ok(|n| async move { n + 1 }).now_or_never(), Some(Err("a")));
    assert_eq!(ok().then_err(|e| async move { e.len() }).now_or_never(), Some(Ok(1)));
    assert_eq!(err().then_err(|e| async move { e.len() }).now_or_never(), Some(Err(1)));
    assert_eq!(ok().and_try(|n| Answer::Ok(n + 1)).now_or_never(), Some(Ok(2)));
    assert_eq!(ok().and_try(|_| Answer::Err("b")).now_or_never(), Some(Err("b")));
    assert_eq!(err().and_try(|n| Answer::Ok(n + 1)).now_or_never(), Some(Err("a")));
    assert_eq!(ok().recover(|_| 9).now_or_never(), Some(1));
    assert_eq!(err().recover(|_| 9).now_or_never(), Some(9));
    assert_eq!(ok().recover_with(|_| async { 9 }).now_or_never(), Some(1));
    assert_eq!(err().recover_with(|_| async { 9 }).now_or_never(), Some(9));
    assert_eq!(ok().recover_if(|_| true, |_| 9).now_or_never(), Some(Ok(1)));
    assert_eq!(err().recover_if(|_| true, |_| 9).now_or_never(), Some(Ok(9)));
    assert_eq!(err().recover_if(|_| false, |_| 9).now_or_never(), Some(Err("a")));
    assert_eq!(ok().timeout_or(SECOND, || "late").now_or_never(), Some(Ok(1)), "no timer is needed");
    assert_eq!(err().catch_panic().now_or_never(), Some(Err(PromiseError::Rejected("a"))));
    assert_eq!(err().cancel_on(CancellationToken::new()).now_or_never(), Some(Err(PromiseError::Rejected("a"))));
}

#[test]
fn and_try_converts_the_error_as_the_question_mark_does() {
    let parsed = ready(Ok::<_, BoxError>("x")).and_try(str::parse::<u32>).now_or_never().unwrap();
    assert_eq!(parsed.unwrap_err().to_string(), "invalid digit found in string");
}

#[test]
fn a_second_future_is_waited_for() {
    let (writer, second) = promise();
    let mut chain = task::spawn(ready(Answer::Ok(1)).then_ok(|n| second.map_ok(move |m| n + m)));
    assert_pending!(chain.poll());
    writer.resolve(2);
    assert!(chain.is_woken());
    assert_eq!(chain.poll(), Poll::Ready(Ok(Ok(3))));
}

#[test]
fn the_first_future_is_gone_before_the_closure_runs() {
    type Make = fn(&Events) -> LocalBoxFuture<'static, ()>;
    let makes: [Make; 7] = [
        |on| on.future(|| Ok(1)).then_ok(note(on)).map(drop).boxed_local(),
        |on| on.future(|| Ok(1)).and_try(note_try(on)).map(drop).boxed_local(),
        |on| on.future(|| Err("a")).then_err(note(on)).map(drop).boxed_local(),
        |on| on.future(|| Err("a")).recover(note_value(on)).map(drop).boxed_local(),
        |on| on.future(|| Err("a")).recover_with(note(on)).map(drop).boxed_local(),
        |on| on.future(|| Err("a")).recover_if(|_| true, note_value(on)).map(drop).boxed_local(),
        |on| on.future(|| Ok(1)).finally(note_end(on)).map(drop).boxed_local(),
    ];
    for make in makes {
        let events = Events::default();
        let mut chain = make(&events);
        assert!(chain.as_mut().now_or_never().is_none());
        assert!(chain.as_mut().now_or_never().is_some());
        assert_eq!(events.take(), ["future dropped", "closure"]);
    }

    fn note<T>(events: &Events) -> impl FnOnce(T) -> std::future::Ready<u32> + use<T> {
        let events = events.clone();
        move |_| {
            events.add("closure");
            ready(1)
        }
    }
    fn note_try(events: &Events) -> impl FnOnce(u32) -> Answer + use<> {
        let events = events.clone();
        move |n| {
            events.add("closure");
            Ok(n)
        }
    }
    fn note_value(events: &Events) -> impl FnOnce(&'static str) -> u32 + use<> {
        let events = events.clone();
        move |_| {
            events.add("closure");
            1
        }
    }
    fn note_end(events: &Events) -> impl FnOnce() + use<> {
        let events = events.clone();
        move || events.add("closure")
    }
}

#[test]
fn adapters_dropped_after_any_number_of_polls_drop_the_future_and_run_nothing() {
    type Make = fn(DropGuard) -> LocalBoxFuture<'static, ()>;
    let makes: [Make; 8] = [
        |guard| endless(guard).then_ok(|_| async { panic!("it runs") }).map(drop::<Result<(), _>>).boxed_local(),
        |guard| endless(guard).and_try(|_| -> Answer { panic!("it runs") }).map(drop).boxed_local(),
        |guard| endless(guard).then_err(|_| async { panic!("it runs") }).map(drop::<Result<_, ()>>).boxed_local(),
        |guard| endless(guard).recover(|_| panic!("it runs")).map(drop).boxed_local(),
        |guard| endless(guard).recover_with(|_| async { panic!("it runs") }).map(drop).boxed_local(),
        |guard| endless(guard).recover_if(|_| true, |_| panic!("it runs")).map(drop).boxed_local(),
        |guard| endless(guard).catch_panic().map(drop).boxed_local(),
        |guard| endless(guard).cancel_on(CancellationToken::new()).map(drop).boxed_local(),
    ];
    for make in makes {
        for polls in 0..3 {
            let captured = DropCounter::new();
            let mut chain = make(captured.guard());
            (0..polls).for_each(|_| assert!(chain.as_mut().now_or_never().is_none()));
            assert_eq!(captured.alive(), 1);
            drop(chain);
            assert_eq!(captured.dropped(), 1);
        }
    }
}

#[test]
fn finally_runs_exactly_once_whatever_the_end_is() {
    let ends: [fn() -> Answer; 3] = [|| Ok(1), || Err("a"), || panic!("out of cheese")];
    for end in ends {
        for polls in 0..3 {
            let events = Events::default();
            let last = events.clone();
            let mut chain = Box::pin(events.future(end).finally(move || last.add("closure")));
            for _ in 0..polls {
                let polled = catch_unwind(AssertUnwindSafe(|| chain.as_mut().now_or_never()));
                assert!(polled.is_ok() || events.0.borrow().len() == 2, "after a panic, too");
            }
            drop(chain);
            assert_eq!(events.take(), ["future dropped", "closure"], "after {polls} polls");
        }
    }
}

#[test]
fn a_panic_of_the_future_goes_on_after_finally_even_if_that_panics_too() {
    let chain = async { if true { panic!("first") } else { Answer::Ok(1) } }.finally(|| panic!("second"));
    let payload = catch_unwind(AssertUnwindSafe(|| chain.now_or_never())).unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&"first"));
}

#[test]
fn a_panic_of_finally_reaches_who_awaits_or_drops() {
    let chain = ready(Answer::Ok(1)).finally(|| panic!("last"));
    assert!(catch_unwind(AssertUnwindSafe(|| chain.now_or_never())).is_err());
    let chain = pending::<Answer>().finally(|| panic!("last"));
    assert!(catch_unwind(AssertUnwindSafe(|| drop(chain))).is_err());
    let died = std::thread::spawn(|| {
        let _chain = pending::<Answer>().finally(|| panic!("during another panic"));
        panic!("first");
    });
    assert!(died.join().is_err(), "and the process lives");
}

#[test]
fn an_output_whose_destructor_panics_ends_no_process_when_finally_panics() {
    struct Bad;
    impl Drop for Bad {
        fn drop(&mut self) {
            panic!("dropped badly");
        }
    }
    let chain = ready(Ok::<_, ()>(Bad)).finally(|| panic!("last"));
    let payload = catch_unwind(AssertUnwindSafe(|| drop(chain.now_or_never()))).unwrap_err();
    assert_eq!(payload.downcast_ref::<&str>(), Some(&"last"));
    // The same where the future panics when it is dropped.
    let mut outputs = vec![Bad, Bad];
    let captured = outputs.pop();
    let future = async move {
        let output = outputs.pop().ok_or(());
        let _captured = captured;
        output
    };
    let refused = catch_unwind(AssertUnwindSafe(|| drop(future.finally(|| ()).now_or_never()))).unwrap_err();
    assert_eq!(refused.downcast_ref::<&str>(), Some(&"dropped badly"));
}

#[test]
fn finally_runs_although_the_destructor_of_the_future_panics() {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("dropped badly");
        }
    }
    for polls in 0..2 {
        let events = Events::default();
        let (last, panics) = (events.clone(), Panics);
        let future = async move {
            let _panics = panics;
            pending::<Answer>().await
        };
        let mut chain = Box::pin(future.finally(move || last.add("closure")));
        (0..polls).for_each(|_| assert!(chain.as_mut().now_or_never().is_none()));
        assert!(catch_unwind(AssertUnwindSafe(|| drop(chain))).is_err());
        assert_eq!(events.take(), ["closure"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_timeout_counts_from_the_first_poll_and_drops_the_future_before_it_gives_the_error() {
    let captured = DropCounter::new();
    let seen = captured.clone();
    let chain = endless(captured.guard()).timeout_or(SECOND, move || {
        assert_eq!(seen.dropped(), 1);
        "late"
    });
    tokio::time::advance(3 * SECOND).await;
    let begun = tokio::time::Instant::now();
    assert_eq!(chain.await, Err("late"));
    assert_eq!(begun.elapsed(), SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_result_that_is_there_is_never_late_and_max_is_no_limit() {
    let (writer, future) = promise();
    let mut waiting = task::spawn(future.clone().timeout_or(Duration::MAX, || PromiseError::Broken));
    assert_pending!(waiting.poll());
    let mut late = task::spawn(future.deadline_or(tokio::time::Instant::now() + SECOND, || PromiseError::Broken));
    assert_pending!(late.poll());
    tokio::time::advance(2 * SECOND).await;
    writer.resolve(7);
    assert_eq!(late.poll(), Poll::Ready(Ok(7)));
    assert_eq!(waiting.poll(), Poll::Ready(Ok(7)));
    assert_eq!(pending::<Answer>().timeout_or(Duration::ZERO, || "late").await, Err("late"));
}

/// A future that uses up the task's budget in each poll, and would so keep a timer in the same task from being looked
/// at.
#[tokio::test(start_paused = true)]
async fn a_greedy_future_does_not_hold_up_its_timeout() {
    let greedy = poll_fn(|cx| {
        while tokio::task::coop::has_budget_remaining() {
            std::task::ready!(tokio::task::coop::poll_proceed(cx)).made_progress();
        }
        cx.waker().wake_by_ref();
        Poll::<Answer>::Pending
    });
    let begun = tokio::time::Instant::now();
    let chain = tokio::spawn(greedy.timeout_or(SECOND, || "late"));
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    tokio::time::advance(SECOND).await;
    assert_eq!(chain.await.unwrap(), Err("late"));
    assert!(begun.elapsed() < 2 * SECOND);
}

#[test]
fn a_panic_is_caught_with_the_line_that_asked_for_it_also_one_of_a_destructor() {
    let broken = async { if true { panic!("out of cheese") } else { Answer::Ok(1) } };
    let (line, chain) = (line!(), broken.catch_panic());
    let Some(Err(PromiseError::Panicked(panicked))) = chain.now_or_never() else { panic!("it panicked") };
    assert!(panicked.place.contains(&format!("adapters.rs:{line}:")), "{}", panicked.place);
    assert_eq!(&*panicked.message, "out of cheese");
    assert_eq!(ready(Answer::Ok(1)).catch_panic().now_or_never(), Some(Ok(1)));
}

#[test]
fn a_panic_of_a_closure_reaches_who_awaits_unless_it_is_caught_behind() {
    let chain = || ready(Answer::Ok(1)).and_try(|_| -> Answer { panic!("out of cheese") });
    assert!(catch_unwind(AssertUnwindSafe(|| chain().now_or_never())).is_err());
    assert!(chain().catch_panic().now_or_never().unwrap().unwrap_err().is_panicked());
}

#[test]
fn a_token_ends_a_future_and_what_it_held_is_gone_by_then() {
    let captured = DropCounter::new();
    let token = CancellationToken::new();
    let (line, chain) = (line!(), endless(captured.guard()).cancel_on(token.clone()));
    let mut chain = task::spawn(chain);
    assert_pending!(chain.poll());
    token.cancel();
    assert!(chain.is_woken());
    let Poll::Ready(Err(PromiseError::Cancelled(cancelled))) = chain.poll() else { panic!("cancelled") };
    assert!(cancelled.place.contains(&format!("adapters.rs:{line}:")), "{}", cancelled.place);
    assert_eq!(captured.dropped(), 1);
}

#[test]
fn a_result_that_is_there_beats_a_token_but_nothing_begins_under_a_cancelled_one() {
    let token = CancellationToken::new();
    let (writer, future) = promise();
    let mut chain = task::spawn(future.cancel_on(token.clone()));
    assert_pending!(chain.poll());
    token.cancel();
    writer.resolve(7);
    assert_eq!(chain.poll(), Poll::Ready(Ok(7)));
    let never_begun = async { if true { panic!("it began") } else { Answer::Ok(1) } }.cancel_on(token);
    assert!(never_begun.now_or_never().unwrap().unwrap_err().is_cancelled());
}

#[tokio::test]
async fn our_names_and_those_of_futures_go_together() {
    let chain = ready(Ok::<_, &str>("12"))
        .map_ok(str::len)
        .and_then(|n| ready(if n > 1 { Ok(n) } else { Err("short") }))
        .then_ok(|n| async move { n * 2 })
        .map_err(|error| error.len())
        .or_else(|n| ready(Err::<usize, _>(n)))
        .recover_if(|n| *n == 0, |n| n)
        .finally(|| ())
        .into_promise();
    assert_eq!(chain.await, Ok(4));
}
