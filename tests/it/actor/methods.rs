//! Methods as messages: what `#[regatta::actor]` makes.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use regatta::BoxError;
use regatta::actor::{ActorSystem, AskError, Builder, Call, Context, Message, Outcome, Recipient, Reply, StopReason};
use regatta::supervise::Supervisor;
use tokio::time::Instant;

use super::kit::Log;

struct Counter {
    n: i64,
    log: Log,
    waiting: Vec<Reply<i64>>,
}

#[derive(Clone, Copy)]
struct Tick(i64);

#[regatta::actor]
impl Counter {
    /// Adds, and gives the sum.
    pub async fn add(&mut self, by: i64) -> i64 {
        self.n += by;
        self.checked()
    }

    pub fn get(&self) -> i64 {
        self.n
    }

    pub fn set(&mut self, mut to: i64, log: String) {
        to += 0;
        self.n = to;
        self.log.write(log);
    }

    pub fn divide(&mut self, by: i64) -> Result<i64, String> {
        self.n = self.n.checked_div(by).ok_or("by nothing")?;
        Ok(self.n)
    }

    pub(crate) async fn read(&mut self) -> io::Result<u8> {
        Err(io::Error::other("no disk"))
    }

    pub fn later(&mut self, reply: Reply<i64>) {
        self.waiting.push(reply);
    }

    pub fn settle(&mut self, cx: &mut Context<Self>) -> usize {
        assert_eq!(cx.name(), "Counter");
        let waiting = std::mem::take(&mut self.waiting);
        waiting.into_iter().filter_map(|reply| reply.send(self.n).ok()).count()
    }

    pub fn refuse(&mut self, reply: Reply<i64, &'static str>, _why: ()) {
        let _ = reply.fail("refused");
    }

    #[msg(from = Tick)]
    pub fn on_tick(&mut self, tick: Tick) {
        self.n += tick.0;
    }

    #[msg(boxed)]
    pub fn sum(&mut self, numbers: [i64; 32], times: i64) -> i64 {
        numbers.iter().sum::<i64>() * times
    }

    #[cfg(any())]
    pub fn never(&self, what: NotThere) -> NotThere {
        what
    }

    pub fn crash(&mut self) -> Self {
        panic!("as told")
    }

    #[msg(skip)]
    pub fn new(log: &Log) -> Self {
        Self { n: 0, log: log.clone(), waiting: Vec::new() }
    }

    pub fn also_new() -> Self {
        Self::new(&Log::default())
    }

    fn checked(&self) -> i64 {
        assert!(self.n < 1_000, "too much");
        self.n
    }

    async fn started(&mut self, cx: &mut Context<Self>) -> Result<(), BoxError> {
        self.log.write(format!("started {}", cx.incarnation()));
        Ok(())
    }

    fn restarted(&mut self, exit: &StopReason, _: &mut Context<Self>) -> Result<(), std::fmt::Error> {
        self.log.write(format!("restarted: {exit}"));
        Ok(())
    }

    async fn stopping(&mut self, _: &mut Context<Self>) {
        self.log.write("stopping");
    }

    fn stopped(self, reason: &StopReason) {
        self.log.write(format!("stopped: {reason}"));
    }
}

fn counter() -> CounterHandle {
    Counter::also_new().spawn()
}

#[tokio::test]
async fn methods_are_called_told_and_tried() {
    let counter = counter();
    assert_eq!(counter.add(3).await.unwrap(), 3);
    counter.set(10, "set".into()).tell().await.unwrap();
    counter.add(1).try_tell().unwrap();
    assert_eq!(counter.get().await.unwrap(), 11);
    assert_eq!(counter.sum([2; 32], 2).await.unwrap(), 128);
    assert_eq!(counter.sum([1; 32], 1).owned().await.unwrap(), 32);
}

#[tokio::test]
async fn an_error_of_a_method_is_an_answer_and_no_crash() {
    let counter = counter();
    counter.add(7).await.unwrap();
    assert_eq!(counter.divide(2).await.unwrap(), 3);
    let error: AskError<String> = counter.divide(0).await.unwrap_err();
    assert!(matches!(&error, AskError::Handler(text) if text == "by nothing"));
    assert_eq!((error.to_string().as_str(), error.outcome()), ("by nothing", Outcome::Executed));
    assert_eq!(error.into_handler().unwrap(), "by nothing");
    let error: AskError<io::Error> = counter.read().await.unwrap_err();
    assert_eq!(error.to_string(), "no disk");
    assert!(matches!(counter.refuse(()).await, Err(AskError::Handler("refused"))));
    // Told, nobody asked.
    counter.divide(0).tell().await.unwrap();
    assert_eq!(counter.get().await.unwrap(), 3);
}

#[tokio::test]
async fn answers_may_come_later_and_go_elsewhere() {
    let counter = counter();
    let later = tokio::spawn(counter.later().owned().into_future());
    while counter.settle().await.unwrap() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(later.await.unwrap().unwrap(), 0);

    let other = self::counter();
    other.add(5).reply_to(Recipient::<Tick>::from_tick(&counter)).await.unwrap();
    other.actor().drain().await;
    assert_eq!(counter.get().await.unwrap(), 5);
}

/// Makes a recipient of numbers out of one of ticks.
trait FromTick {
    fn from_tick(counter: &CounterHandle) -> Recipient<i64>;
}

impl From<i64> for CounterMsg {
    fn from(by: i64) -> Self {
        Tick(by).into()
    }
}

impl FromTick for Recipient<Tick> {
    fn from_tick(counter: &CounterHandle) -> Recipient<i64> {
        counter.actor().recipient()
    }
}

#[tokio::test]
async fn an_event_calls_its_method() {
    let counter = counter();
    let ticks: Recipient<Tick> = counter.actor().recipient();
    ticks.tell(Tick(4)).await.unwrap();
    assert_eq!(counter.get().await.unwrap(), 4);
}

#[tokio::test]
async fn arguments_come_back_where_nothing_was_sent() {
    let counter = counter();
    counter.actor().stop().await;
    let error = counter.set(1, "mine".into()).await.unwrap_err();
    assert!(error.is_closed() && error.outcome() == Outcome::NotExecuted);
    assert_eq!(error.take_args::<(i64,)>(), None);
    let copy = error.clone();
    assert_eq!(copy.take_args::<(i64, String)>(), Some((1, "mine".into())));
    assert_eq!(error.take_args::<(i64, String)>(), None);
    let error = counter.sum([3; 32], 9).await.unwrap_err();
    assert_eq!(error.take_args::<([i64; 32], i64)>(), Some(([3; 32], 9)));
    let told = counter.add(2).tell().await.unwrap_err();
    assert!(matches!(told.into_inner(), CounterMsg::Add { by: 2, .. }));
    assert!(counter.add(2).try_tell().unwrap_err().is_closed());
}

#[tokio::test(start_paused = true)]
async fn calls_have_limits_and_may_be_made_later() {
    let counter = counter();
    let begun = Instant::now();
    let error = counter.later().timeout(Duration::from_secs(2)).await.unwrap_err();
    assert!(matches!(error, AskError::Elapsed { delivered: true, message: "later", .. }), "{error}");
    assert_eq!(begun.elapsed(), Duration::from_secs(2));
    let call = counter.add(1).after(Duration::from_secs(3)).timeout(Duration::from_secs(1));
    assert_eq!(call.await.unwrap(), 1);
    assert_eq!(begun.elapsed(), Duration::from_secs(5));
    counter.add(1).after(Duration::from_secs(1)).tell().await.unwrap();
    assert_eq!(begun.elapsed(), Duration::from_secs(6));
    let error = counter.later().await.unwrap_err();
    assert_eq!(begun.elapsed(), Duration::from_secs(11), "{error}");
}

#[tokio::test]
async fn panics_name_the_method_and_the_handle_outlives_them() {
    let log = Log::default();
    let seen = log.clone();
    let counter = Counter::supervised(move || Counter::new(&seen));
    let error = counter.crash().await.map(|_| ()).unwrap_err();
    assert_eq!(error.to_string(), "no answer to crash: actor `Counter`, crash, panicked: as told");
    counter.add(2_000).await.unwrap_err();
    assert_eq!(counter.add(1).await.unwrap(), 1);
    assert_eq!(counter.actor().stats().restarts, 2);
    counter.actor().stop().await;
    let lines = log.lines();
    assert_eq!(lines[0], "started 1");
    assert_eq!(lines[2], "restarted: actor `Counter`, crash, panicked: as told");
    assert_eq!(lines[lines.len() - 2..], ["stopping", "stopped: stopped"]);
}

#[tokio::test]
async fn whoever_makes_an_actor_gets_the_handle() {
    let system = ActorSystem::new("app").await;
    let named: CounterHandle = system.create("named", Counter::also_new()).await.unwrap();
    named.add(1).await.unwrap();
    assert_eq!(system.get::<Counter>("named").unwrap(), named);
    let many = system.create_supervised("many", Builder::new().mailbox(4), Counter::also_new).await.unwrap();
    assert_eq!(many.add(2).await.unwrap(), 2);
    let (child, spec) = Builder::new().child(Counter::also_new);
    let tree = Supervisor::builder().child(spec).start("tree").await.unwrap();
    assert_eq!(child.add(3).await.unwrap(), 3);
    let weak = child.actor().downgrade();
    assert_eq!(weak.upgrade().unwrap().get().await.unwrap(), 3);
    drop(tree);
}

#[tokio::test]
async fn handles_and_mocks_are_the_same_to_those_who_call() {
    struct Mock;
    impl CounterApi for Mock {
        fn add(&self, by: i64) -> Call<'_, CounterMsg, i64> {
            Call::from_future(async move { Ok(-by) })
        }
        fn get(&self) -> Call<'_, CounterMsg, i64> {
            Call::ready(17)
        }
        fn set(&self, _: i64, _: String) -> Call<'_, CounterMsg, ()> {
            Call::ready(())
        }
        fn divide(&self, _: i64) -> Call<'_, CounterMsg, i64, String> {
            Call::failed(AskError::Handler("never".into()))
        }
        fn read(&self) -> Call<'_, CounterMsg, u8, io::Error> {
            Call::ready(1)
        }
        fn later(&self) -> Call<'_, CounterMsg, i64> {
            Call::ready(0)
        }
        fn settle(&self) -> Call<'_, CounterMsg, usize> {
            Call::ready(0)
        }
        fn refuse(&self, (): ()) -> Call<'_, CounterMsg, i64, &'static str> {
            Call::failed(AskError::Handler("no"))
        }
        fn on_tick(&self, _: Tick) -> Call<'_, CounterMsg, ()> {
            Call::ready(())
        }
        fn sum(&self, _: [i64; 32], _: i64) -> Call<'_, CounterMsg, i64> {
            Call::ready(0)
        }
        fn crash(&self) -> Call<'_, CounterMsg, Counter> {
            Call::ready(Counter::also_new())
        }
    }
    async fn use_it(counter: Arc<dyn CounterApi>) -> (i64, i64, String) {
        counter.set(3, String::new()).tell().await.unwrap();
        let divided = counter.divide(0).await.unwrap_err();
        (counter.add(1).await.unwrap(), counter.get().await.unwrap(), divided.to_string())
    }
    assert_eq!(use_it(Arc::new(counter())).await, (4, 4, "by nothing".into()));
    assert_eq!(use_it(Arc::new(Mock)).await, (-1, 17, "never".into()));
    // The answer of a mock goes where it should, too.
    let to = counter();
    Mock.add(-5).reply_to(Recipient::<Tick>::from_tick(&to)).await.unwrap();
    Mock.get().reply_to(Recipient::<Tick>::from_tick(&to)).await.unwrap();
    assert_eq!(to.get().await.unwrap(), 22);
}

struct Store<T: Clone + Send + 'static, const N: usize>
where
    Vec<T>: Send,
{
    items: Vec<T>,
}

#[regatta::actor]
impl<T: Clone + Send + 'static, const N: usize> Store<T, N>
where
    Vec<T>: Send,
{
    pub fn put(&mut self, item: T) -> Result<usize, T> {
        if self.items.len() == N {
            return Err(item);
        }
        self.items.push(item);
        Ok(self.items.len())
    }

    pub fn all(&self) -> Vec<T> {
        self.items.clone()
    }
}

#[tokio::test]
async fn generics_go_along() {
    let store: StoreHandle<&str, 2> = Store { items: Vec::new() }.spawn();
    assert_eq!(store.put("a").await.unwrap(), 1);
    assert_eq!(store.put("b").await.unwrap(), 2);
    assert!(matches!(store.put("c").await, Err(AskError::Handler("c"))));
    assert_eq!(store.all().await.unwrap(), ["a", "b"]);
    assert_eq!(StoreMsg::<u8, 1>::All { reply: Reply::nobody() }.name(), "all");
    assert_eq!(format!("{:?}", StoreMsg::<u8, 1>::Put { item: 1, reply: Reply::nobody() }), "put");
}

mod elsewhere {
    use regatta as moved;

    pub(super) struct Far;

    #[moved::actor(crate = moved)]
    impl Far {
        #[deprecated = "use something near"]
        pub fn old(&self) -> u8 {
            1
        }

        pub fn r#type(&self) -> &'static str {
            "far"
        }
    }
}

#[tokio::test]
#[expect(deprecated)]
async fn attributes_and_other_paths_go_along() {
    let far = elsewhere::Far.spawn();
    assert_eq!(far.old().await.unwrap(), 1);
}

#[tokio::test]
async fn a_call_that_is_not_made_does_nothing() {
    let counter = counter();
    drop(counter.add(5));
    let call = counter.add(6).owned();
    assert_eq!(format!("{call:?}"), "Call { to: \"Counter\", method: \"add\", .. }");
    drop(call);
    assert_eq!(counter.get().await.unwrap(), 0);
    // One that is kept for later keeps the actor alive.
    let call = counter.add(7).owned();
    let stopped = counter.actor().wait_stopped();
    drop(counter);
    assert_eq!(call.await.unwrap(), 7);
    assert!(matches!(stopped.await, StopReason::Unreferenced));
}

/// Seen by all, with messages for a few: what the trait of an actor names has to be seen as far as the actor.
#[allow(unreachable_pub, reason = "as in a library")]
pub struct Seen;

#[regatta::actor]
impl Seen {
    #[cfg_attr(all(), inline, doc = "Carried in part.")]
    #[expect(clippy::unused_async)]
    pub(crate) async fn narrow(&mut self, cx: u8, msg: u8, context: &mut Context<Self>) -> usize {
        usize::from(cx + msg) + context.name().len()
    }

    #[cfg(any())]
    fn started(&mut self, _: &mut Context<Self>) -> Result<(), NotThere> {
        unreachable!()
    }

    #[cfg(feature = "macros")]
    fn stopping(&mut self, _: &mut Context<Self>) {}

    #[cfg(any())]
    fn stopping(&mut self, _: &mut Context<Self>) {}
}

#[tokio::test]
async fn what_is_not_there_leaves_no_trace() {
    assert_eq!(Seen.spawn().narrow(1, 2).await.unwrap(), 7);
    assert_eq!(elsewhere::FarMsg::Type { reply: Reply::nobody() }.name(), "type");
}

#[tokio::test]
async fn a_reply_that_is_handed_on_by_a_call_is_no_part_of_a_circle() {
    struct Front {
        back: CounterHandle,
    }
    #[regatta::actor]
    impl Front {
        pub async fn ask(&mut self, reply: Reply<i64>) {
            self.back.add(1).reply_to(reply).await.unwrap();
            self.back.add(1).await.unwrap();
        }
    }
    let front = Front { back: counter() }.spawn();
    assert_eq!(front.ask().await.unwrap(), 1);
}
