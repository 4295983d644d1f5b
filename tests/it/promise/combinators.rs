//! Several futures at once, within one task.

use std::error::Error;
use std::future::{Ready, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use regatta::CancellationToken;
use regatta::promise::{AggregateError, PromiseError, PromiseFuture, ResultFutureExt, any, quorum, race, settle_all};
use tokio::time::Instant;
use tokio_test::{assert_pending, assert_ready, assert_ready_eq, task};

use super::promise;
use crate::support::{DropCounter, DropGuard};

type Answer = Result<u32, &'static str>;

fn answers<const N: usize>(answers: [Answer; N]) -> [Ready<Answer>; N] {
    answers.map(ready)
}

fn panics() -> BoxFuture<'static, Answer> {
    async { panic!("out of cheese") }.boxed()
}

/// A future that never ends, and says when it is dropped.
fn endless(guard: DropGuard) -> BoxFuture<'static, Answer> {
    async move {
        let _guard = guard;
        std::future::pending().await
    }
    .boxed()
}

/// A future whose destructor panics.
fn dropped_badly() -> BoxFuture<'static, Answer> {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("dropped badly");
        }
    }
    let panics = Panics;
    async move {
        let _panics = panics;
        std::future::pending().await
    }
    .boxed()
}

#[test]
fn empty_input_is_defined_everywhere() {
    assert_eq!(settle_all(answers([])).now_or_never(), Some(vec![]));
    assert_eq!(race(answers([])).now_or_never(), Some(None));
    let nobody = any(answers([])).now_or_never().unwrap().unwrap_err();
    assert_eq!((nobody.needed(), nobody.total(), nobody.errors().len(), nobody.panics().len()), (1, 0, 0, 0));
    assert_eq!(nobody.to_string(), "any: 1 had to succeed, but there were no futures");
    assert_eq!(quorum(0, answers([])).now_or_never(), Some(Ok(vec![])));
    assert!(quorum(1, answers([])).now_or_never().unwrap().is_err());
    let too_few = quorum(3, answers([Ok(1), Ok(2)])).now_or_never().unwrap().unwrap_err();
    assert_eq!(too_few.to_string(), "quorum: 3 had to succeed, but there were only 2 futures");
    assert!(quorum(usize::MAX, answers([Ok(1)])).now_or_never().unwrap().is_err());
}

#[test]
fn settle_all_gives_what_became_of_each_in_the_order_of_the_input() {
    let (first, one) = promise();
    let (second, two) = promise();
    let mut all = task::spawn(settle_all([one.boxed(), panics_as_promise(), two.boxed()]));
    assert_pending!(all.poll());
    second.resolve(2);
    assert!(all.is_woken());
    assert_pending!(all.poll());
    first.reject("no luck");
    let all = assert_ready!(all.poll());
    assert_eq!(all[0], Err(PromiseError::Rejected(PromiseError::Rejected("no luck"))));
    assert_eq!(all[2], Ok(2));
    let Err(PromiseError::Panicked(panicked)) = &all[1] else { panic!("it panicked") };
    assert_eq!(panicked.to_string(), "future 1 of `settle_all` panicked: out of cheese");
}

fn panics_as_promise() -> BoxFuture<'static, Result<u32, PromiseError<&'static str>>> {
    async { panic!("out of cheese") }.boxed()
}

#[test]
fn race_gives_the_first_whatever_it_is_and_drops_the_others() {
    let losers = DropCounter::new();
    let (writer, future) = promise();
    let future = future.map(|result| result.map_err(|_| "lost")).boxed();
    let mut race = task::spawn(race([endless(losers.guard()), future, endless(losers.guard())]));
    assert_pending!(race.poll());
    writer.reject("no luck");
    assert!(race.is_woken());
    assert_eq!(losers.alive(), 2);
    assert_ready_eq!(race.poll(), Some(Err("lost")));
    assert_eq!(losers.dropped(), 2, "before the race itself is");
}

#[test]
fn the_panic_of_the_first_in_a_race_arrives_at_the_caller_after_the_others_are_dropped() {
    let losers = DropCounter::new();
    let mut race = race([endless(losers.guard()), panics()]);
    let payload = catch_unwind(AssertUnwindSafe(|| (&mut race).now_or_never())).unwrap_err();
    assert_eq!(payload.downcast_ref::<String>().unwrap(), "out of cheese");
    assert_eq!(losers.dropped(), 1);
}

#[test]
fn any_gives_the_first_success_and_drops_the_others() {
    let losers = DropCounter::new();
    let futures = [ready(Err("no")).boxed(), panics(), endless(losers.guard()), ready(Ok(7)).boxed()];
    let mut any = any(futures);
    assert_eq!((&mut any).now_or_never(), Some(Ok(7)));
    assert_eq!(losers.dropped(), 1, "before the future itself is");
}

#[test]
fn any_gives_every_error_and_every_panic_when_all_have_failed() {
    let (first, one) = promise();
    let (second, two) = promise();
    let rejected = |future: PromiseFuture<u32, &'static str>| {
        future.map(|result| result.map_err(|error| error.rejected().unwrap())).boxed()
    };
    let mut any = task::spawn(any([rejected(one), panics(), rejected(two)]));
    assert_pending!(any.poll());
    second.reject("b");
    first.reject("a");
    let error = assert_ready!(any.poll()).unwrap_err();
    assert_eq!(error.errors().collect::<Vec<_>>(), [(0, &"a"), (2, &"b")], "in the order of the input");
    assert_eq!(error.panics().next().unwrap().to_string(), "future 1 of `any` panicked: out of cheese");
    assert_eq!(error.to_string(), "any: 3 of 3 futures failed, where 1 had to succeed; first: a");
    assert_eq!(error.into_errors(), ["a", "b"]);
}

#[test]
fn quorum_gives_the_first_successes_in_the_order_in_which_they_came() {
    let losers = DropCounter::new();
    let (first, one) = promise();
    let (second, two) = promise();
    let plain = |future: PromiseFuture<u32, &'static str>| future.map(|result| result.map_err(|_| "broken")).boxed();
    let mut quorum = task::spawn(quorum(2, [plain(one), endless(losers.guard()), plain(two)]));
    assert_pending!(quorum.poll());
    second.resolve(2);
    assert_pending!(quorum.poll());
    first.resolve(1);
    assert_ready_eq!(quorum.poll(), Ok(vec![2, 1]));
    assert_eq!(losers.dropped(), 1, "before the future itself is");
}

#[test]
fn quorum_fails_as_soon_as_it_is_impossible() {
    let losers = DropCounter::new();
    let mut quorum = quorum(2, [ready(Err("no")).boxed(), endless(losers.guard()), panics()]);
    let error = (&mut quorum).now_or_never().unwrap().unwrap_err();
    assert_eq!((error.needed(), error.total(), losers.dropped()), (2, 3, 1));
    assert_eq!(error.to_string(), "quorum: 2 of 3 futures failed, where 2 had to succeed; first: no");
    assert!(catch_unwind(AssertUnwindSafe(|| (&mut quorum).now_or_never())).is_err(), "it has ended");
}

#[test]
fn a_quorum_of_nothing_or_too_many_polls_nobody() {
    assert_eq!(quorum(0, [panics()]).now_or_never(), Some(Ok(vec![])));
    let impossible = quorum(3, [panics(), panics()]).now_or_never().unwrap().unwrap_err();
    assert_eq!(impossible.panics().len(), 0, "it was impossible from the start");
    assert!(quorum(3, answers([Ok(1), Ok(2), Ok(3)])).now_or_never().unwrap().is_ok());
}

#[test]
fn losers_whose_destructors_panic_keep_no_answer_from_its_caller() {
    let two = |winner: Answer| [dropped_badly(), ready(winner).boxed(), dropped_badly()];
    assert_eq!(race(two(Ok(7))).now_or_never(), Some(Some(Ok(7))));
    assert_eq!(any(two(Ok(7))).now_or_never(), Some(Ok(7)));
    assert_eq!(quorum(1, two(Ok(7))).now_or_never(), Some(Ok(vec![7])));
    assert!(quorum(3, two(Err("no"))).now_or_never().unwrap().is_err());
    drop(settle_all(two(Ok(7))));
    let mut polled = settle_all(two(Ok(7)));
    assert!((&mut polled).now_or_never().is_none());
    drop(polled);
}

#[test]
fn combinators_dropped_after_any_number_of_polls_drop_every_future() {
    type Make = fn(Vec<BoxFuture<'static, Answer>>) -> BoxFuture<'static, ()>;
    let makes: [Make; 4] = [
        |futures| settle_all(futures).map(drop).boxed(),
        |futures| race(futures).map(drop).boxed(),
        |futures| any(futures).map(drop).boxed(),
        |futures| quorum(2, futures).map(drop).boxed(),
    ];
    for make in makes {
        for polls in 0..3 {
            let captured = DropCounter::new();
            let mut future = make((0..5).map(|_| endless(captured.guard())).collect());
            (0..polls).for_each(|_| assert!(future.as_mut().now_or_never().is_none()));
            assert_eq!(captured.alive(), 5);
            drop(future);
            assert_eq!(captured.dropped(), 5);
        }
    }
}

#[test]
fn combinators_are_lazy_and_take_futures_that_do_not_move() {
    let (tx, began) = std::sync::mpsc::channel();
    let begin = |n| {
        let tx = tx.clone();
        async move {
            tx.send(n).unwrap();
            Ok::<_, ()>(n)
        }
    };
    let all = settle_all((0..3).map(begin));
    assert!(began.try_recv().is_err());
    assert_eq!(all.now_or_never().unwrap(), [Ok(0), Ok(1), Ok(2)]);
    assert_eq!(began.try_iter().collect::<Vec<_>>(), [0, 1, 2]);
}

#[test]
fn a_future_is_polled_when_it_is_woken_and_not_when_another_one_is() {
    let polls = std::cell::Cell::new(0);
    let (writer, one) = promise();
    let (_other, two) = promise();
    let mut two = Box::pin(two);
    let counted = std::future::poll_fn(|cx| {
        polls.set(polls.get() + 1);
        two.as_mut().poll(cx)
    });
    let futures: [Pin<Box<dyn Future<Output = _> + '_>>; 2] = [Box::pin(one), Box::pin(counted)];
    let mut all = task::spawn(settle_all(futures));
    assert_pending!(all.poll());
    writer.resolve(1);
    assert_pending!(all.poll());
    assert_eq!(polls.get(), 1);
}

#[test]
fn an_aggregate_names_its_first_error_or_panic_as_its_source() {
    let parse = || "x".parse::<u32>().unwrap_err();
    let error: AggregateError<_> = any([ready(Err::<u32, _>(parse()))]).now_or_never().unwrap().unwrap_err();
    assert_eq!(error.source().unwrap().downcast_ref(), Some(&parse()));
    let broken = async { if true { panic!("out of cheese") } else { Err::<u32, _>(parse()) } };
    let error = any([broken]).now_or_never().unwrap().unwrap_err();
    assert_eq!(error.source().unwrap().to_string(), "future 0 of `any` panicked: out of cheese");
    assert!(error.to_string().ends_with("first: future 0 of `any` panicked: out of cheese"), "{error}");
}

#[test]
fn an_iterator_that_panics_reaches_who_asked_for_the_future() {
    let captured = DropCounter::new();
    let futures = (0..3).map(|n| if n < 2 { endless(captured.guard()) } else { panic!("no more") });
    assert!(catch_unwind(AssertUnwindSafe(|| settle_all(futures))).is_err());
    assert_eq!(captured.dropped(), 2);
}

/// Polls a future to its end and once more.
#[track_caller]
fn polled_too_often<F: Future + Unpin>(mut future: F) -> String {
    assert!((&mut future).now_or_never().is_some());
    let again = catch_unwind(AssertUnwindSafe(|| drop((&mut future).now_or_never()))).unwrap_err();
    again.downcast_ref::<String>().cloned().unwrap_or_default()
}

#[test]
fn a_combinator_that_is_polled_after_its_end_says_which_it_is() {
    let text = |of| format!("{of}: a future is not polled after its end");
    assert_eq!(polled_too_often(race(answers([Ok(1), Ok(2)]))), text("race"));
    assert_eq!(polled_too_often(race(answers([]))), text("race"));
    assert_eq!(polled_too_often(any(answers([Ok(1), Ok(2)]))), text("any"));
    assert_eq!(polled_too_often(any(answers([]))), text("any"));
    assert_eq!(polled_too_often(quorum(1, answers([Ok(1), Ok(2)]))), text("quorum"));
    assert_eq!(polled_too_often(quorum(0, answers([]))), text("quorum"));
    assert_eq!(polled_too_often(settle_all(answers([Ok(1), Err("no")]))), text("settle_all"));
    assert_eq!(polled_too_often(settle_all(answers([]))), text("settle_all"));
}

#[test]
fn an_adapter_that_is_polled_after_its_end_says_which_it_is() {
    let text = |of| format!("{of}: a future is not polled after its end");
    let (good, bad) = (|| ready(Answer::Ok(1)), || ready(Answer::Err("no")));
    assert_eq!(polled_too_often(good().then_ok(|n| ready(n + 1))), text("then_ok"));
    assert_eq!(polled_too_often(good().and_try(Answer::Ok)), text("and_try"));
    assert_eq!(polled_too_often(bad().then_err(ready)), text("then_err"));
    assert_eq!(polled_too_often(bad().recover(|_| 1)), text("recover"));
    assert_eq!(polled_too_often(bad().recover_with(|_| ready(1))), text("recover_with"));
    assert_eq!(polled_too_often(bad().recover_if(|_| true, |_| 1)), text("recover_if"));
    assert_eq!(polled_too_often(good().finally(|| ())), text("finally"));
    assert_eq!(polled_too_often(good().timeout_or(Duration::MAX, || "late").boxed()), text("timeout_or"));
    assert_eq!(polled_too_often(good().deadline_or(Instant::now(), || "late").boxed()), text("deadline_or"));
    assert_eq!(polled_too_often(good().catch_panic()), text("catch_panic"));
    assert_eq!(polled_too_often(good().cancel_on(CancellationToken::new()).boxed()), text("cancel_on"));
    let (writer, _future) = promise();
    assert_eq!(polled_too_often(writer.settle_from(good())), text("settle_from"));
}
