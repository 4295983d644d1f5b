//! The probes at both ends of a stream.

use std::time::Duration;

use futures::{StreamExt, stream};
use regatta::pipeline::{Pipeline, PipelineError};
use regatta::testing::{quiet, sink, source};

use crate::support::poll_once;

#[tokio::test]
async fn a_source_gives_what_it_is_told_in_order() {
    let (source, stream) = source();
    let mut sink = sink(stream);
    source.send("a");
    source.send_all(["b", "c"]);
    assert_eq!((source.queued(), source.pulled(), source.polls()), (3, 0, 0));
    sink.expect("a").await;
    assert_eq!((source.queued(), source.pulled(), source.polls()), (2, 1, 1));
    source.end();
    assert_eq!(sink.request(5).await, ["b", "c"]);
    sink.expect_end().await;
    assert_eq!((sink.taken(), source.polls_when_over()), (3, 1));
}

#[tokio::test]
async fn a_source_knows_who_waits() {
    let (source, mut stream) = source::<u32>();
    assert!(!source.is_demanded());
    let waiting = tokio::spawn(async move { (stream.next().await, stream) });
    source.demanded().await;
    assert!(source.is_demanded());
    source.send(1);
    assert!(!source.is_demanded());
    let (item, stream) = waiting.await.unwrap();
    assert_eq!(item, Some(1));
    let mut dropped = Box::pin(source.dropped());
    assert!(poll_once(dropped.as_mut()).is_pending());
    drop(stream);
    dropped.await;
    source.send(2); // is dropped
    assert!(source.is_dropped());
}

#[tokio::test]
async fn a_source_that_is_dropped_ends_behind_what_it_sent() {
    let (source, stream) = source();
    source.send(1);
    let collecting = tokio::spawn(stream.collect::<Vec<_>>());
    quiet().await;
    drop(source);
    assert_eq!(collecting.await.unwrap(), [1]);
}

#[tokio::test]
async fn a_sink_polls_only_when_it_is_told_to() {
    let (source, stream) = source::<u32>();
    let mut sink = sink(stream);
    quiet().await;
    assert_eq!(source.polls(), 0);
    sink.expect_nothing().await;
    assert_eq!(source.polls(), 1);
    source.send(1);
    assert_eq!(source.polls(), 1);
    assert_eq!(sink.next().await, Some(1));
    sink.cancel();
    assert!(source.is_dropped());
    assert_eq!(sink.next().await, None);
}

#[tokio::test]
async fn a_sink_takes_the_results_of_a_pipeline() {
    let (source, stream) = source();
    let mut sink = sink(Pipeline::from_stream(stream).map_async(2, |n: u32| async move { n }).into_stream());
    source.send_all([1, 2, 3]);
    sink.expect_all([1, 2, 3]).await;
    sink.expect_nothing().await;
    source.panic("out of paper");
    let error: PipelineError = sink.expect_error().await;
    assert!(error.is_panicked());
    sink.expect_end().await;
}

/// What a test that fails says, from the file on.
async fn words(test: impl Future<Output = ()> + Send + 'static) -> String {
    let panic = tokio::spawn(test).await.expect_err("it fails").into_panic();
    let message = panic.downcast::<String>().expect("words");
    assert!(message.starts_with(file!()), "the place of the caller: {message}");
    message.split_once(": ").expect("a place and words").1.to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_sink_says_what_it_expected_and_what_came() {
    type Item = Result<u32, &'static str>;
    let numbers = || sink(stream::iter([Item::Ok(1), Item::Err("broken")]));
    assert_eq!(words(async move { numbers().expect(2).await }).await, "the sink expected 2, and got 1");
    let second = words(async move { numbers().expect_all([1, 2]).await });
    assert_eq!(second.await, "the sink expected 2 (number 1 of those named), and got the error \"broken\"");
    let error = words(async move { assert_eq!(numbers().expect_error().await, "none") });
    assert_eq!(error.await, "the sink expected an error, and got 1");
    let end = words(async move { numbers().expect_end().await });
    assert_eq!(end.await, "the sink expected the end, and got Ok(1)");
    let nothing = words(async move { numbers().expect_nothing().await });
    assert_eq!(nothing.await, "the sink expected nothing, and got Ok(1)");
    let over = words(async move { sink(stream::empty::<u32>()).expect(1).await });
    assert_eq!(over.await, "the sink expected 1, and got the end");
    let over = words(async move { sink(stream::empty::<u32>()).expect_nothing().await });
    assert_eq!(over.await, "the sink expected nothing, and got the end");
    let late = || sink(stream::pending::<u32>()).patience(Duration::from_secs(1));
    let nothing = words(async move { late().expect(1).await });
    assert_eq!(nothing.await, "the sink expected 1, and got nothing within 1s");
    let nothing = words(async move { drop(late().request(2).await) });
    assert_eq!(nothing.await, "the sink expected 2 items, or the end, and got 0 and then nothing within 1s");
}

#[tokio::test(start_paused = true)]
async fn a_source_says_what_it_expected() {
    let asked = words(async {
        let (source, _stream) = source::<u32>();
        source.demanded().await;
    });
    assert_eq!(asked.await, "the source expected to be asked for an item, and was not within 5s");
    let asked = words(async {
        let (source, stream) = source::<u32>();
        drop(stream);
        source.demanded().await;
    });
    assert_eq!(asked.await, "the source expected to be asked for an item, but its stream was dropped");
    let dropped = words(async {
        let (source, _stream) = source::<u32>();
        source.patience(Duration::from_secs(1)).dropped().await;
    });
    assert_eq!(dropped.await, "the source expected its stream to be dropped, and it was not within 1s");
}

#[test]
#[should_panic(expected = "the source was told something after its end")]
fn nothing_follows_the_end_of_a_source() {
    let (source, _stream) = source();
    source.end();
    source.send(1);
}
