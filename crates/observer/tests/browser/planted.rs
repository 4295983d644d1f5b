//! Programs of which one knows what is wrong with them. They run as long as what is returned is kept.

use std::future::pending;
use std::time::Duration;

use futures::Stream;
use regatta::actor::{self, Actor, ActorRef, Builder, Context};
use regatta::pipeline::{Concurrency, Pipeline, PipelineHandle, Segment};
use regatta::task::TaskGroup;
use tokio::time::{interval, timeout};

/// A name that is a program, for a page that takes names for HTML.
pub(crate) const HOSTILE: &str = "<img src=x onerror=document.title='owned'>";

pub(crate) const STAGES: [&str; 3] = ["read", "resize", "store"];
const FAST: Duration = Duration::from_millis(2);
const SLOW: Duration = Duration::from_millis(20);

/// Three stages with one worker each, of which one takes ten times as long as the others.
pub(crate) fn limited(title: &str, slow: &str) -> PipelineHandle<()> {
    staged(Pipeline::from_iter(0..), title, STAGES.map(|stage| if stage == slow { SLOW } else { FAST }))
}

/// Three stages that could do more than comes.
pub(crate) fn healthy(title: &str) -> PipelineHandle<()> {
    staged(Pipeline::from_stream(each(Duration::from_millis(25))), title, [FAST; 3])
}

/// Three stages that are equally slow.
pub(crate) fn balanced(title: &str) -> PipelineHandle<()> {
    staged(Pipeline::from_iter(0..), title, [SLOW / 2; 3])
}

/// Three stages, of which the one in the middle has four workers and, for 19 items in 20, the same key. What waits for that
/// key fills the stage in no time.
pub(crate) fn skewed(title: &str) -> PipelineHandle<()> {
    let key = |item: &u64| if item.is_multiple_of(20) { item % 7 } else { 99 };
    Pipeline::from_iter(0..)
        .map_async(1, |item| after(FAST, item))
        .named(STAGES[0])
        .map_async(Concurrency::keyed(4, key).window(32), |item| after(SLOW, item))
        .named(STAGES[1])
        .map_async(1, |item| after(FAST, item))
        .named(STAGES[2])
        .for_each(1, |_| async {})
        .named("count")
        .titled(title)
        .spawn()
}

/// One stage that is slow, and a name for everything.
pub(crate) fn called(name: &str) -> PipelineHandle<()> {
    Pipeline::from_iter(0..)
        .map_async(1, |item| after(FAST, item))
        .map_async(1, |item| after(SLOW, item))
        .named(name)
        .for_each(1, |_| async {})
        .titled(name)
        .spawn()
}

fn staged<S: Segment<Item = u64>>(source: Pipeline<S>, title: &str, time: [Duration; 3]) -> PipelineHandle<()> {
    source
        .named("files")
        .map_async(1, move |item| after(time[0], item))
        .named(STAGES[0])
        .map_async(1, move |item| after(time[1], item))
        .named(STAGES[1])
        .map_async(1, move |item| after(time[2], item))
        .named(STAGES[2])
        .for_each(1, |_| async {})
        .named("count")
        .titled(title)
        .spawn()
}

async fn after<T>(time: Duration, item: T) -> T {
    let _ = timeout(time, pending::<()>()).await;
    item
}

fn each(period: Duration) -> impl Stream<Item = u64> + Send {
    futures::stream::unfold((interval(period), 0), |(mut clock, item)| async move {
        clock.tick().await;
        Some((item, (clock, item + 1)))
    })
}

/// What an actor is asked to do.
pub(crate) enum Ask {
    Panic,
    /// And what that is called.
    Hang(&'static str),
}

/// Does what it is asked.
pub(crate) struct Obedient;

impl Actor for Obedient {
    type Msg = Ask;
    type Handle = ActorRef<Self>;

    async fn handle(&mut self, ask: Ask, _: &mut Context<Self>) {
        match ask {
            Ask::Panic => panic!("{HOSTILE}"),
            Ask::Hang(_) => pending().await,
        }
    }

    fn message_name(ask: &Ask) -> &'static str {
        match ask {
            Ask::Panic => HOSTILE,
            Ask::Hang(name) => name,
        }
    }
}

/// An actor that handles one message for ever, while so many wait.
pub(crate) async fn stuck(name: &str, waiting: usize) -> ActorRef<Obedient> {
    let actor = Builder::new().name(name).spawn(Obedient);
    actor.tell(Ask::Hang("Query")).await.expect("it lives");
    // What waits when it looks into its mailbox it takes along, and then that no longer counts as queued.
    while !actor.is_empty() {
        tokio::task::yield_now().await;
    }
    for _ in 0..waiting {
        actor.tell(Ask::Hang("Query")).await.expect("there is room");
    }
    actor
}

/// So many actors, and a task that tells the last one something most of the time and the others now and then.
pub(crate) fn clients(count: usize) -> impl Send {
    let start = |n| Builder::new().name(format!("/client/{n}")).spawn(actor::from_fn((), |_, (): ()| {}));
    let clients: Vec<_> = (0..count).map(start).collect();
    let group = TaskGroup::new("traffic");
    let telling = async move {
        let mut clock = interval(Duration::from_millis(5));
        for n in 0.. {
            clock.tick().await;
            for told in [count - 1, n * 7 % 90 * 97] {
                // A mailbox that is full has enough.
                let _ = clients[told].try_tell(());
            }
        }
    };
    group.spawn("telling", telling).expect("it is open");
    group
}
