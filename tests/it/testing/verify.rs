//! The harness finds what is wrong with a stage. Each of these is wrong in one way.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::stream::{self, BoxStream, Stream, StreamExt};
use regatta::pipeline::Pipeline;
use regatta::testing::{Report, Rule, Verify};
use tokio::sync::mpsc;

type Input = BoxStream<'static, u32>;
type Item = Result<u32, Infallible>;

/// A stage that hand-written code is right about, polled as it is.
fn options() -> Verify {
    // Streams that are polled in the caller's task leave it to the caller to let others run.
    Verify::new().items(10_000).patience(Duration::from_millis(200)).without(Rule::Fairness)
}

async fn verified<S: Stream<Item = Item> + Send + 'static>(make: impl Fn(Input) -> S + Sync) -> Report {
    options().run(make).await
}

/// A stage that does nothing, and nothing wrong.
fn passing(input: Input) -> impl Stream<Item = Item> + Send + 'static {
    let mut input = Some(input);
    stream::poll_fn(move |cx| {
        let Some(stream) = &mut input else { return Poll::Ready(None) };
        let polled = ready!(stream.poll_next_unpin(cx));
        if polled.is_none() {
            input = None;
        }
        Poll::Ready(polled.map(Ok))
    })
}

/// The words for what was wrong by this rule.
#[track_caller]
fn assert_broken(report: &Report, rule: Rule, words: &str) {
    let broken = report.broken().iter().find(|broken| broken.rule == rule);
    let broken = broken.unwrap_or_else(|| panic!("not found: {words}\n{report}"));
    assert!(broken.seen.contains(words), "{broken}");
}

#[tokio::test(start_paused = true)]
async fn a_stage_without_faults_is_not_blamed() {
    let report = verified(passing).await;
    report.assert_ok();
    assert_eq!(report.kept().len(), 12);
    verified(|input| Pipeline::from_stream(input).into_stream().map(|item| Ok(item.unwrap()))).await.assert_ok();
}

#[tokio::test(start_paused = true)]
#[should_panic(
    expected = "the stage breaks rules\n- everything comes out once, and then the end: of 3 items number 2 never came"
)]
async fn the_report_says_everything_in_words() {
    verified(|input| input.filter(|n| std::future::ready(*n != 2)).map(Ok)).await.assert_ok();
}

#[tokio::test(start_paused = true)]
async fn items_that_come_twice_in_another_order_or_from_nowhere_are_found() {
    let twice = verified(|input| input.flat_map(|n| stream::iter([n, n])).map(Ok)).await;
    assert_broken(&twice, Rule::Whole, "of 1 items number 0 came twice");
    let swapped = || |input: Input| input.ready_chunks(2).flat_map(|pair| stream::iter(pair.into_iter().rev())).map(Ok);
    assert_broken(&verified(swapped()).await, Rule::Whole, "of 3 items number 1 came before 0");
    let may = options().unordered().holds_at_most(2).without(Rule::ReleaseAtEnd);
    may.run(swapped()).await.assert_ok();
    let other = verified(|input| input.map(|n| Ok(n + 1))).await;
    assert_broken(&other, Rule::Whole, "number 1 came, and was never sent");
    let endless = verified(|input| input.map(|_| 0).chain(stream::repeat(0)).map(Ok)).await;
    assert_broken(&endless, Rule::Whole, "of 0 items 1001 came, and then item 0");
}

#[tokio::test(start_paused = true)]
async fn a_stage_that_never_ends_is_found() {
    let report = verified(|input| input.chain(stream::pending()).map(Ok)).await;
    assert_broken(&report, Rule::Whole, "of 0 items 0 came, and then nothing within 200ms");
}

/// A task that nobody owns, a queue of so many, and what comes out of it.
fn detached(input: Input, capacity: usize) -> impl Stream<Item = Item> {
    let (sender, mut receiver) = mpsc::channel(capacity);
    tokio::spawn(async move {
        let mut input = input;
        while let Some(item) = input.next().await {
            if sender.send(item).await.is_err() {
                break;
            }
        }
    });
    stream::poll_fn(move |cx| receiver.poll_recv(cx)).map(Ok)
}

#[tokio::test(start_paused = true)]
async fn a_stage_that_prefetches_without_bound_is_found() {
    let report = options().holds_at_most(10).run(|input| detached(input, 100_000)).await;
    assert_broken(&report, Rule::Demand, "1010 were pulled although 0 were taken and it may hold 10");
}

#[tokio::test(start_paused = true)]
async fn a_panic_that_looks_like_the_end_is_found() {
    let report = options().holds_at_most(2).run(|input| detached(input, 1)).await;
    assert_broken(&report, Rule::Panic, "the source panicked after 0 items, and after 0 came the end");
}

#[tokio::test(start_paused = true)]
async fn a_task_that_outlives_the_stage_is_found() {
    let report = options().holds_at_most(2).run(|input| detached(input, 1)).await;
    assert_broken(
        &report,
        Rule::ReleaseOnDrop,
        "the stage was dropped before its first poll, and 200ms later its source",
    );
}

#[tokio::test(start_paused = true)]
async fn a_stage_that_pulls_on_after_its_end_is_found() {
    let report = options().holds_at_most(usize::MAX).run(|input| {
        let (sender, receiver) = mpsc::unbounded_channel();
        tokio::spawn(input.for_each(move |item| {
            let _ = sender.send(item);
            std::future::ready(())
        }));
        let mut receiver = receiver;
        stream::poll_fn(move |cx| receiver.poll_recv(cx)).map(Item::Ok)
    });
    assert_broken(
        &report.await,
        Rule::NothingAfterDrop,
        "1000 were pulled when it was dropped, and 1010 some turns later",
    );
}

/// Goes on for a while after it was dropped, and then stops.
#[tokio::test(start_paused = true)]
async fn a_stage_that_pulls_a_few_more_after_its_drop_is_found() {
    struct Greedy(Option<Input>);

    impl Stream for Greedy {
        type Item = Item;

        fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Item>> {
            let Some(input) = &mut self.0 else { return Poll::Ready(None) };
            input.poll_next_unpin(cx).map(|item| item.map(Ok))
        }
    }

    impl Drop for Greedy {
        fn drop(&mut self) {
            let input = self.0.take().expect("it is dropped once");
            tokio::spawn(input.take(500).for_each(async |_| {}));
        }
    }

    let report = verified(|input| Greedy(Some(input))).await;
    assert_broken(&report, Rule::NothingAfterDrop, "1 were pulled when it was dropped, and 501 some turns later");
}

/// Keeps every source for ever.
#[tokio::test(start_paused = true)]
async fn a_source_that_leaks_is_found() {
    let leaked = Arc::new(Mutex::new(Vec::new()));
    let report = verified(move |input| {
        let input = Arc::new(Mutex::new(input.fuse()));
        leaked.lock().unwrap().push(input.clone());
        stream::poll_fn(move |cx| input.lock().unwrap().poll_next_unpin(cx)).map(Ok)
    });
    let report = report.await;
    assert_broken(&report, Rule::ReleaseAtEnd, "the stage gave the end, and 200ms later its source is still there");
    assert_broken(&report, Rule::ReleaseOnDrop, "its source is still there");
}

#[tokio::test(start_paused = true)]
async fn captured_values_that_leak_are_found() {
    let (held, leaked) = (Arc::new(()), Mutex::new(Vec::new()));
    let inside = held.clone();
    let report = options().captured(&held).run(move |input| {
        leaked.lock().unwrap().push(inside.clone());
        passing(input)
    });
    let words = "the stage gave the end, and 200ms later what its closures captured is still there";
    assert_broken(&report.await, Rule::ReleaseAtEnd, words);
}

/// A stream whose polls are what the test wants them to be.
fn polled(
    mut input: Input,
    mut poll: impl FnMut(&mut Input, &mut Context<'_>) -> Poll<Option<Item>> + Send + 'static,
) -> impl Stream<Item = Item> + Send + 'static {
    stream::poll_fn(move |cx| poll(&mut input, cx))
}

#[tokio::test(start_paused = true)]
async fn busy_polling_is_found() {
    let report = verified(|input| {
        polled(input, |input, cx| {
            let polled = input.poll_next_unpin(cx);
            if polled.is_pending() {
                cx.waker().wake_by_ref();
            }
            polled.map(|item| item.map(Ok))
        })
    });
    assert_broken(&report.await, Rule::Idle, "times, which had 0 items and then nothing");
}

#[tokio::test(start_paused = true)]
async fn an_end_that_is_none_is_found() {
    let report = verified(|input| {
        let mut ends = 0;
        polled(input, move |input, cx| match input.poll_next_unpin(cx) {
            Poll::Ready(None) => {
                ends += 1;
                Poll::Ready((ends == 5).then_some(Ok(7)))
            }
            polled => polled.map(|item| item.map(Ok)),
        })
    });
    let report = report.await;
    assert_broken(&report, Rule::Fused, "poll 4 after the end gave item 7");
    assert_broken(&report, Rule::SourceEnd, "the source had ended, and was polled 10 times more");
}

#[tokio::test(start_paused = true)]
async fn a_stage_that_goes_back_to_sleep_on_an_error_is_found() {
    let report = Verify::new().patience(Duration::from_millis(200)).without(Rule::Fairness).run(|input| {
        let mut input = Pipeline::from_stream(input).into_stream();
        let mut has_failed = false;
        stream::poll_fn(move |cx| {
            if has_failed {
                return Poll::Pending;
            }
            let polled = input.poll_next_unpin(cx);
            has_failed = matches!(polled, Poll::Ready(Some(Err(_))));
            polled
        })
    });
    assert_broken(&report.await, Rule::Fused, "gave nothing, as if something could still come");
}

/// Calls itself for each item.
fn collect(input: &mut Input, cx: &mut Context<'_>, items: &mut Vec<u32>) -> Poll<()> {
    match input.poll_next_unpin(cx) {
        Poll::Ready(Some(item)) => {
            items.push(item);
            let polled = collect(input, cx, items);
            items.shrink_to(0);
            polled
        }
        polled => polled.map(|_| ()),
    }
}

#[tokio::test(start_paused = true)]
async fn recursion_for_each_item_is_found() {
    let report = options().holds_at_most(usize::MAX).run(|input| {
        let mut items = Vec::new();
        let mut has_ended = false;
        polled(input, move |input, cx| {
            if !has_ended && collect(input, cx, &mut items).is_ready() {
                has_ended = true;
                items.reverse();
            }
            match (items.pop(), has_ended) {
                (Some(item), _) => Poll::Ready(Some(Ok(item))),
                (None, true) => Poll::Ready(None),
                (None, false) => Poll::Pending,
            }
        })
    });
    assert_broken(&report.await, Rule::Stack, "bytes of stack apart");
}

#[tokio::test]
async fn a_stage_that_keeps_the_executor_is_found() {
    let report = Verify::new().run(passing).await;
    assert_broken(&report, Rule::Fairness, "another task had 0 turns in");
    assert_eq!(report.broken().len(), 1, "{report}");
}

#[tokio::test(start_paused = true)]
async fn results_that_wait_for_new_input_are_found() {
    // Gives an item when the next one comes.
    let report = verified(|input| {
        let mut kept = None;
        let mut input = input.fuse();
        stream::poll_fn(move |cx| {
            loop {
                match input.poll_next_unpin(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(None) => return Poll::Ready(kept.take().map(Ok)),
                    Poll::Ready(Some(item)) => {
                        if let Some(item) = kept.replace(item) {
                            return Poll::Ready(Some(Ok(item)));
                        }
                    }
                }
            }
        })
    });
    assert_broken(
        &report.await,
        Rule::Resume,
        "after a pause 4 were taken, 5 pulled, there are more, and what came next was",
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_are_found_on_several_threads() {
    let report = options().holds_at_most(2).run(|input| detached(input, 1)).await;
    assert_broken(&report, Rule::Panic, "came the end");
    assert_broken(&report, Rule::ReleaseOnDrop, "its source is still there");
}
