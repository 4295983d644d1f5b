//! Tables that hold for the whole public API. A row that is wrong doesn't compile.
//!
//! Each module adds its rows when it lands: its types, the futures of its async functions, its
//! errors.

use std::error::Error;
use std::rc::Rc;
use std::time::Duration;

use regatta::promise::ResultFutureExt;
use regatta::{
    BoxError, CancellationToken, actor, cache, error, observe, parallel, pipeline, policy, pool, promise, queue,
    supervise, sync, task, testing,
};

/// States which traits a type has and, with `!`, which it lacks:
/// `assert_traits!(Rc<u8>: !Send & !Sync & Unpin)`.
macro_rules! assert_traits {
    ($type:ty: $($traits:tt)+) => {
        const _: fn(&$type) = |value| check_traits!(value, $($traits)+);
    };
}

/// The same for the future that a call returns:
/// `assert_future!(|gate: &Gate| gate.wait() => Send & !Unpin)`.
/// The arguments only give types to the call, which is never made.
macro_rules! assert_future {
    (|| $($row:tt)+) => {
        assert_future!(| | $($row)+);
    };
    (|$($argument:ident: $type:ty),*| $call:expr => $($traits:tt)+) => {
        const _: fn($($type),*) = |$($argument),*| {
            let future = $call;
            check_traits!(&future, $($traits)+);
        };
    };
}

/// Checks one trait after the other on a reference to a value.
macro_rules! check_traits {
    ($value:expr, ! $trait:ident $(& $($rest:tt)+)?) => {{
        // `probe` is found twice where the trait is there, and the compiler asks for a type
        // ("annotations needed").
        trait Lacks<Which> {
            fn probe(&self) {}
        }
        struct Anyway;
        struct WithTrait;
        impl<T: ?Sized> Lacks<Anyway> for T {}
        impl<T: ?Sized + $trait> Lacks<WithTrait> for T {}
        Lacks::<_>::probe($value);
        $(check_traits!($value, $($rest)+);)?
    }};
    ($value:expr, $trait:ident $(& $($rest:tt)+)?) => {{
        fn has<T: ?Sized + $trait>(_: &T) {}
        has($value);
        $(check_traits!($value, $($rest)+);)?
    }};
}

/// Has a row for every error of the library: `is_error::<SendError<Rc<u8>>>()` wouldn't compile.
fn is_error<E: Error + Send + Sync + 'static>() {}

#[test]
fn every_error_crosses_threads() {
    is_error::<error::Full>();
    is_error::<error::Closed>();
    is_error::<error::Elapsed>();
    is_error::<error::Cancelled>();
    is_error::<error::Panicked>();
    is_error::<actor::TellError<Unnamed>>();
    is_error::<actor::CreateError<Unnamed>>();
    is_error::<actor::GetError>();
    is_error::<actor::NamedError<Unnamed>>();
    is_error::<actor::AskError>();
    is_error::<task::TaskError>();
    is_error::<task::SpawnError<Unnamed>>();
    is_error::<queue::SendError<Unnamed>>();
    is_error::<queue::SendError<Vec<Unnamed>>>();
    is_error::<queue::TryRecvError>();
    is_error::<queue::WorkerError>();
    is_error::<pool::SubmitError<Unnamed>>();
    is_error::<pool::JobError>();
    is_error::<pool::MapError<error::Closed>>();
    is_error::<parallel::ScatterError>();
    is_error::<parallel::SortError<Unnamed>>();
    is_error::<parallel::MapReduceError<error::Closed>>();
    is_error::<parallel::MemoryLimit>();
    is_error::<promise::PromiseError<error::Closed>>();
    is_error::<promise::AggregateError<error::Closed>>();
    is_error::<pipeline::PipelineError>();
    is_error::<supervise::StartError>();
    is_error::<supervise::ChildError>();
    is_error::<supervise::GaveUp>();
    is_error::<supervise::Ignored>();
    is_error::<cache::LoadError>();
    is_error::<cache::LoadFailure>();
    is_error::<sync::Conflict<Unnamed>>();
    is_error::<sync::InitError>();
    is_error::<sync::InitFailure>();
    is_error::<sync::Reentrant>();
}

/// A value without `Debug`: errors that hand one back must not ask for it.
struct Unnamed;

/// A value that may move to another thread and not be seen from two.
type Moves = std::cell::Cell<u8>;

/// A future of a result.
type SendResult = std::future::Ready<Result<u8, u8>>;

assert_traits!(CancellationToken: Send & Sync & Unpin);
assert_traits!(BoxError: Send & Sync & Unpin);

assert_traits!(observe::Flow: Send & Sync & Unpin);
assert_traits!(observe::Registry: Send & Sync & Unpin);
assert_traits!(observe::Snapshot: Send & Sync & Unpin);
assert_traits!(observe::Count: Send & Sync & Unpin);
assert_traits!(observe::Diagnosis: Send & Sync & Unpin);
assert_traits!(observe::Finding: Send & Sync & Unpin);
assert_traits!(observe::Gauge: Send & Sync & Unpin);
assert_traits!(observe::Gone: Send & Sync & Unpin);
assert_traits!(observe::Histogram: Send & Sync & Unpin);
assert_traits!(observe::Inspector: Send & Sync & Unpin);
assert_traits!(observe::Limit: Send & Sync & Unpin);
assert_traits!(observe::Machine: Send & Sync & Unpin);
assert_traits!(observe::MetricsBridge: Send & Sync & Unpin);
assert_traits!(observe::Rate: Send & Sync & Unpin);
assert_traits!(observe::Rates: Send & Sync & Unpin);
assert_traits!(observe::Row: Send & Sync & Unpin);
assert_traits!(observe::RowId: Send & Sync & Unpin);
assert_traits!(observe::RowRates: Send & Sync & Unpin);
assert_traits!(observe::Severity: Send & Sync & Unpin);
assert_traits!(observe::Timed: Send & Sync & Unpin);
assert_traits!(observe::Times: Send & Sync & Unpin);
assert_traits!(observe::Topic: Send & Sync & Unpin);
assert_traits!(observe::Totals: Send & Sync & Unpin);
assert_traits!(observe::Verdict: Send & Sync & Unpin);
assert_traits!(observe::WindowTiming: Send & Sync & Unpin);
assert_traits!(observe::Series<'static>: Send & Sync & Unpin);

assert_traits!(policy::Backoff: Send & Sync & Unpin);
assert_traits!(policy::Delays: Send & Sync & Unpin);
assert_traits!(policy::RetryBudget: Send & Sync & Unpin);
assert_traits!(policy::Rate: Send & Sync & Unpin);

assert_traits!(supervise::Supervisor: Send & Sync & Unpin);
assert_traits!(supervise::SupervisorRef: Send & Sync & Unpin);
assert_traits!(supervise::SupervisorBuilder: Send & Sync & Unpin);
assert_traits!(supervise::ChildSpec: Send & Sync & Unpin);
assert_traits!(supervise::ChildContext: Send & Sync & Unpin);
assert_traits!(supervise::Event: Send & Sync & Unpin);
assert_traits!(supervise::Tree: Send & Sync & Unpin);
assert_traits!(task::TaskGroup: Send & Sync & Unpin);
assert_traits!(task::Spawner: Send & Sync & Unpin);
assert_traits!(task::TaskHandle<Moves>: Send & Sync & Unpin);
assert_traits!(task::ShutdownReport: Send & Sync & Unpin);

assert_traits!(queue::Builder: Send & Sync & Unpin);
assert_traits!(queue::Producer<Moves>: Send & Sync & Unpin);
assert_traits!(queue::Consumer<Moves>: Send & Sync & Unpin);
assert_traits!(queue::Delivery<Moves>: Send & !Sync & Unpin);
assert_traits!(queue::Batch<Moves>: Send & !Sync & Unpin);
assert_traits!(queue::Producer<Rc<u8>>: !Send & !Sync);
assert_traits!(queue::SendFuture<'static, Moves>: Send & Unpin);
assert_traits!(queue::SendManyFuture<'static, Moves>: Send & Unpin);
assert_traits!(queue::RecvFuture<'static, Moves>: Send & Unpin);
assert_traits!(queue::RecvManyFuture<'static, Moves>: Send & Unpin);
assert_traits!(queue::JoinFuture<'static, Moves>: Send & Unpin);
assert_traits!(queue::ClosedFuture<'static, Moves>: Send & Unpin);
assert_traits!(queue::Builder<queue::DeadLetters<Moves>>: Send & Sync & Unpin);
assert_traits!(queue::DeadLetters<Rc<u8>>: Send & Sync & Unpin);
assert_traits!(queue::DeadLetter<Moves>: Send & !Sync & Unpin);
assert_traits!(queue::Producer<queue::DeadLetter<Moves>>: Send & Sync & Unpin);
assert_traits!(queue::Stats: Send & Sync & Unpin);
assert_traits!(queue::ForEachReport: Send & Sync & Unpin);
assert_traits!(queue::WorkerReport: Send & Sync & Unpin);
assert_traits!(queue::Report: Send & Sync & Unpin);

assert_traits!(parallel::Items<Rc<u8>>: !Send & !Sync & Unpin);
assert_traits!(parallel::Items<u8>: Send & Sync & Unpin);
assert_traits!(parallel::Gathered<u8>: Send & Sync & Unpin);
assert_traits!(pool::CpuPool<Moves>: Send & Sync & Unpin);
assert_traits!(pool::TaskPool<Moves>: Send & Sync & Unpin);
assert_traits!(pool::PoolBuilder<pool::OfClosures, Moves>: Send & Sync & Unpin);
assert_traits!(pool::PoolBuilder<pool::OfFutures, Moves>: Send & Sync & Unpin);
assert_traits!(pool::JobHandle<Moves>: Send & Sync & Unpin);
assert_traits!(pool::SubmitFuture<'static, fn() -> u8, u8>: Send & Unpin);
assert_traits!(pool::AsCompleted<Moves>: Send & Sync & Unpin);
assert_traits!(pool::CpuContext<Moves>: Send & !Sync & Unpin);
assert_traits!(pool::TaskContext<Moves>: Send & !Sync & Unpin);
assert_traits!(pool::PoolStats: Send & Sync & Unpin);
assert_traits!(pool::RunStats: Send & Sync & Unpin);
assert_traits!(pool::JobEvent: Send & Sync & Unpin);
assert_traits!(pool::JobOptions: Send & Sync & Unpin);

assert_traits!(promise::Promise<u8, BoxError>: Send & Sync & Unpin);
assert_traits!(promise::Promise<Moves, u8>: !Send & !Sync);
assert_traits!(promise::SharedPromise<u8, BoxError>: Send & Sync & Unpin);
assert_traits!(promise::PromiseFuture<u8, BoxError>: Send & Sync & Unpin);
assert_traits!(promise::PromiseFuture<Moves, u8>: !Send & !Sync & Unpin);
assert_traits!(promise::WaitRefFuture<'static, u8, BoxError>: Send & Sync & Unpin);
assert_traits!(promise::AbandonedFuture<'static, u8, BoxError>: Send & Sync & Unpin);
assert_traits!(promise::PromiseError<Moves>: Send & !Sync & Unpin);
assert_traits!(promise::AggregateError<Moves>: Send & !Sync & Unpin);

assert_traits!(pipeline::Concurrency: Send & Sync & Unpin);
assert_traits!(pipeline::OnError<Moves>: Send & Sync & Unpin);
assert_traits!(pipeline::DeadLetter<Moves>: Send & Unpin);
assert_traits!(pipeline::Keyed<Moves>: Send & Unpin);
assert_traits!(pipeline::PipelineHandle<Moves>: Send & Unpin);
assert_traits!(pipeline::Run<Moves>: Send & Unpin);
assert_traits!(pipeline::PipelineStats: Send & Sync & Unpin);
assert_traits!(pipeline::InlineRun<std::future::Ready<Moves>>: Send & !Sync & Unpin);
assert_traits!(pipeline::InlineRun<std::future::Ready<Rc<u8>>>: !Send & !Sync & Unpin);

assert_traits!(testing::TestSource<Moves>: Send & Sync & Unpin);
assert_traits!(testing::TestStream<Moves>: Send & Sync & Unpin);
assert_traits!(testing::TestSink<testing::TestStream<Moves>>: Send & Sync & Unpin);
assert_traits!(testing::Verify: Send & Sync & Unpin);
assert_traits!(testing::Report: Send & Sync & Unpin);

/// An actor whose state and messages may move to another thread and not be seen from two.
struct Mover(#[allow(dead_code)] Moves);

impl actor::Actor for Mover {
    type Msg = Moves;
    type Handle = actor::ActorRef<Self>;
    async fn handle(&mut self, _: Moves, _: &mut actor::Context<Self>) {}
}

assert_traits!(actor::ActorRef<Mover>: Send & Sync & Unpin);
assert_traits!(actor::ActorSystem: Send & Sync & Unpin);
assert_traits!(actor::DeadLetter: Send & Sync & Unpin);
assert_traits!(actor::WeakActorRef<Mover>: Send & Sync & Unpin);
assert_traits!(actor::Recipient<Moves>: Send & Sync & Unpin);
assert_traits!(actor::WeakRecipient<Moves>: Send & Sync & Unpin);
assert_traits!(actor::Context<Mover>: Send & Unpin);
assert_traits!(actor::Reply<Moves>: Send & Sync & Unpin);
assert_traits!(actor::StoppedFuture: Send & Sync & Unpin);
assert_traits!(actor::TellFuture<'static, Moves>: Send & Unpin);
assert_traits!(actor::AskFuture<'static, Moves, u8, std::convert::Infallible, fn(actor::Reply<u8>) -> Moves>: Send & !Unpin);
assert_traits!(actor::Builder<Moves>: Send & Sync & Unpin);
assert_traits!(actor::StopReason: Send & Sync & Unpin);
assert_traits!(actor::ActorStats: Send & Sync & Unpin);
assert_traits!(actor::Blocking<Moves>: Send & Unpin);
assert_traits!(actor::FromFn<Moves, Moves, fn(&mut Moves, Moves)>: Send & Unpin);

assert_traits!(cache::Cache<u8, u8>: Send & Sync & Unpin);
assert_traits!(cache::Cache<u8, Moves>: !Send & !Sync);
assert_traits!(cache::Cache<Rc<u8>, u8>: !Send & !Sync);
assert_traits!(cache::WeakCache<u8, u8>: Send & Sync & Unpin);
assert_traits!(cache::CacheBuilder<u8, u8>: Send & Sync & Unpin);
assert_traits!(cache::CacheReader<u8, u8>: Send & Sync & Unpin);
assert_traits!(cache::CacheSnapshot<u8, u8>: Send & Sync & Unpin);
assert_traits!(cache::CacheStats: Send & Sync & Unpin);

assert_traits!(sync::Rcu<u8>: Send & Sync & Unpin);
assert_traits!(sync::Rcu<Moves>: !Send & !Sync);
assert_traits!(sync::Rcu<Rc<u8>>: !Send & !Sync);
assert_traits!(sync::RcuBuilder<u8>: Send & Sync & Unpin);
assert_traits!(sync::RcuReader<u8>: Send & Sync & Unpin);
assert_traits!(sync::Snapshot<u8>: Send & Sync & Unpin);
assert_traits!(sync::Guard<'static, u8>: !Send & !Sync);
assert_traits!(sync::Reclaimer: Send & Sync & Unpin);
assert_traits!(sync::RcuMap<u8, u8>: Send & Sync & Unpin);
assert_traits!(sync::RcuMap<u8, Rc<u8>>: !Send & !Sync);
assert_traits!(sync::RcuMapBuilder<u8, u8>: Send & Sync & Unpin);
assert_traits!(sync::RcuMapReader<u8, u8>: Send & Sync & Unpin);
assert_traits!(sync::MapSnapshot<u8, u8>: Send & Sync & Unpin);
assert_traits!(sync::MapIter<'static, u8, u8>: Send & Sync & Unpin);
assert_traits!(sync::Transaction<u8, u8>: Send & Sync & Unpin);
assert_traits!(sync::CasCell<u8>: Send & Sync & Unpin);
assert_traits!(sync::CasCellBuilder<u8>: Send & Sync & Unpin);
assert_traits!(sync::CasCounter: Send & Sync & Unpin);
assert_traits!(sync::OnceCell<u8>: Send & Sync & Unpin);
assert_traits!(sync::OnceCell<Moves>: Send & !Sync);
assert_traits!(sync::Lazy<u8>: Send & Sync & Unpin);
assert_traits!(sync::ChangedFuture<'static, u8>: Send & Unpin);
assert_traits!(sync::ReaderChangedFuture<'static, u8>: Send & Unpin);
assert_traits!(sync::SynchronizeFuture<'static>: Send & Unpin);

assert_future!(|token: &CancellationToken| token.cancelled() => Send & Sync & !Unpin);
assert_future!(|group: &task::TaskGroup| group.join() => Send & Sync & !Unpin);
assert_future!(|group: &task::TaskGroup, deadline: Duration| group.shutdown(deadline) => Send & Sync & !Unpin);
assert_future!(|group: &task::TaskGroup| group.aborted() => Send & Sync & !Unpin);
assert_future!(|probe: &actor::ActorRef<Mover>, msg: Moves| probe.tell(msg) => Send & Unpin);
assert_future!(|probe: &actor::ActorRef<Mover>, msg: Moves, d: Duration| probe.tell_timeout(msg, d) => Send & !Unpin);
assert_future!(|probe: &actor::ActorRef<Mover>| probe.wait_stopped() => Send & Unpin);
assert_future!(|to: &'static actor::Recipient<u8>| to.tell(1) => Send & !Unpin);
assert_future!(|reply: &mut actor::Reply<Moves>| reply.abandoned() => Send & !Unpin);
assert_future!(|reply: actor::Reply<u8>, to: &'static actor::ActorRef<Mover>| reply.forward_to(to, |_| Moves::new(1)) => Send & Unpin);
assert_future!(|| task::shutdown_signal() => Send & !Unpin);
assert_future!(|registry: &observe::Registry| registry.scope(std::future::ready(1)) => Send & Sync);
assert_future!(|producer: &queue::Producer<u8>, item: u8| producer.send(item) => Send & Unpin);
assert_future!(|producer: &queue::Producer<u8>, d: Duration| producer.send_timeout(1, d) => Send & !Unpin);
assert_future!(|producer: &queue::Producer<u8>| producer.send_many([1]) => Send & Unpin);
assert_future!(|consumer: &queue::Consumer<u8>| consumer.recv() => Send & Unpin);
assert_future!(|consumer: &queue::Consumer<u8>| consumer.recv_many(1) => Send & Unpin);
assert_future!(|consumer: &queue::Consumer<u8>, d: Duration| consumer.recv_timeout(d) => Send & !Unpin);
assert_future!(|consumer: &queue::Consumer<u8>| consumer.join() => Send & Unpin);
assert_future!(|cache: &cache::Cache<u8, u8>| cache.get_or_load(&1, std::future::ready) => Send & !Unpin);
assert_future!(|cache: &cache::Cache<u8, u8>| cache.try_get_or_load(&1, |_| std::future::ready(Ok::<_, BoxError>(1))) => Send & !Unpin);
assert_future!(|cache: &cache::Cache<u8, u8>| cache.invalidate_if(|_, _| true) => Send & !Unpin);
assert_future!(|cache: &cache::Cache<u8, u8>, deadline: Duration| cache.shutdown(deadline) => Send & !Unpin);
assert_future!(|cache: &cache::Cache<u8, u8>| cache.aborted() => Send & !Unpin);
assert_future!(|| parallel::reduce([1], || 0, |sum, n| sum + n, |a, b| a + b).into_future() => Send & Unpin);
assert_future!(|| parallel::scatter_gather(vec![1], 2, |chunk| chunk, |all| all).into_future() => Send & Unpin);
assert_future!(|| parallel::scatter_gather(vec![1], 2, |chunk| chunk, |all| all).quorum(1).into_future() => Send & Unpin);
assert_future!(|| parallel::bisect(1, |_| true, |n| n, |n| [n, n], |a, b| a + b).into_future() => Send & Unpin);
assert_future!(|| parallel::divide_and_conquer(1, |_| true, |n| n, |n| vec![n], |all| all[0]).into_future() => Send & Unpin);
assert_future!(|| parallel::sort(vec![1]).into_future() => Send & Unpin);
assert_future!(|pool: &pool::CpuPool| pool.submit(|| 1) => Send & Unpin);
assert_future!(|pool: &pool::CpuPool, d: Duration| pool.submit_timeout(|| 1, d) => Send & !Unpin);
assert_future!(|pool: &pool::CpuPool| pool.submit_to(0, |_| 1) => Send & Unpin);
assert_future!(|pool: &pool::CpuPool| pool.map([1], |n| n) => Send);
assert_future!(|pool: &pool::CpuPool| pool.try_map([1], Ok::<u8, u8>) => Send);
assert_future!(|pool: &pool::CpuPool| pool.map_unordered([1], |n| n) => Send);
assert_future!(|pool: &pool::CpuPool| pool.map_with(pool::Schedule::Stealing, vec![1], |n| n) => Send);
assert_future!(|pool: &pool::CpuPool, deadline: Duration| pool.shutdown(deadline) => Send & !Unpin);
assert_future!(|pool: &pool::TaskPool| pool.submit(async { 1 }) => Send & Unpin);
assert_future!(|pool: &pool::TaskPool| pool.map([1], |n| async move { n }) => Send);
assert_future!(|pool: &pool::TaskPool| pool.map_unordered([1], |n| async move { n }) => Send);
assert_future!(|pool: &pool::TaskPool, deadline: Duration| pool.shutdown(deadline) => Send & !Unpin);
assert_future!(|pool: &pool::TaskPool| pool.aborted() => Send & !Unpin);
assert_future!(|handle: pipeline::PipelineHandle<u8>| handle.drain() => Send & !Unpin);
assert_future!(|handle: &mut pipeline::PipelineHandle<u8>, d: Duration| handle.shutdown(d) => Send & !Unpin);
assert_future!(|handle: &mut pipeline::PipelineHandle<u8>| handle.aborted() => Send & !Unpin);
assert_future!(|source: &testing::TestSource<u8>| source.demanded() => Send & !Unpin);
assert_future!(|source: &testing::TestSource<u8>| source.dropped() => Send & !Unpin);
assert_future!(|sink: &mut testing::TestSink<testing::TestStream<u8>>| sink.expect(1) => Send & !Unpin);
assert_future!(|verify: testing::Verify, make: fn(futures::stream::BoxStream<'static, u32>) -> pipeline::PipelineStream<
    pipeline::StreamSource<futures::stream::BoxStream<'static, u32>>,
>| verify.run(make) => Send & !Unpin);
assert_future!(|builder: supervise::SupervisorBuilder| builder.start("app") => Send & !Unpin);
assert_future!(|tree: &supervise::SupervisorRef, child: supervise::ChildSpec| tree.start_child(child) => Send & !Unpin);
assert_future!(|tree: &supervise::SupervisorRef| tree.stop_child("a") => Send & !Unpin);
assert_future!(|tree: &supervise::SupervisorRef| tree.wait_stopped() => Send & !Unpin);
assert_future!(|tree: &supervise::Supervisor, deadline: Duration| tree.shutdown(deadline) => Send & !Unpin);
assert_future!(|cell: &sync::Rcu<u8>| cell.changed() => Send & Unpin);
assert_future!(|cell: &sync::Rcu<u8>| cell.changed_since(1) => Send & Unpin);
assert_future!(|cell: &sync::Rcu<u8>| cell.synchronize() => Send & Unpin);
assert_future!(|cell: &sync::Rcu<u8>| cell.update_async(|n| async move { *n }) => Send);
assert_future!(|cell: &sync::Rcu<u8>| cell.try_update_async(|n| async move { Ok::<u8, u8>(*n) }) => Send);
assert_future!(|reader: &mut sync::RcuReader<u8>| reader.changed() => Send & Unpin);
assert_future!(|map: &sync::RcuMap<u8, u8>| map.changed_since(1) => Send & !Unpin);
assert_future!(|map: &sync::RcuMap<u8, u8>| map.synchronize() => Send & Unpin);
assert_future!(|reader: &mut sync::RcuMapReader<u8, u8>| reader.changed() => Send & !Unpin);
assert_future!(|reclaimer: &sync::Reclaimer, d: Duration| reclaimer.shutdown(d) => Send & !Unpin);
assert_future!(|cell: &sync::OnceCell<u8>| cell.get_or_init(|| async { 1 }) => Send & !Unpin);
assert_future!(|cell: &sync::OnceCell<u8>| cell.get_or_try_init(|| async { Ok::<u8, std::io::Error>(1) }) => Send & !Unpin);
assert_future!(|lazy: &sync::Lazy<u8>| lazy.force() => Send & !Unpin);
assert_future!(|writer: promise::Promise<u8, u8>| writer.settle_from(async { Ok(1) }) => Send & !Unpin);
assert_future!(|one: SendResult| promise::settle_all([one]) => Send & Unpin);
assert_future!(|one: SendResult| promise::race([one]) => Send & Unpin);
assert_future!(|one: SendResult| promise::any([one]) => Send & Unpin);
assert_future!(|one: SendResult| promise::quorum(1, [one]) => Send & Unpin);
assert_future!(|one: SendResult| promise::join_all_limit(1, [one]) => Send & !Unpin);
assert_future!(|one: SendResult| one.then_ok(|n| async move { n }) => Send);
assert_future!(|one: SendResult| one.and_try(Ok::<u8, u8>) => Send & Sync & Unpin);
assert_future!(|one: SendResult| one.then_err(|e| async move { e }) => Send);
assert_future!(|one: SendResult| one.recover(|e| e) => Send & Sync & Unpin);
assert_future!(|one: SendResult| one.recover_with(|e| async move { e }) => Send);
assert_future!(|one: SendResult| one.recover_if(|_| true, |e| e) => Send & Sync & Unpin);
assert_future!(|one: SendResult| one.finally(|| ()) => Send & Sync & Unpin);
assert_future!(|one: SendResult, d: Duration| one.timeout_or(d, || 1) => Send & !Unpin);
assert_future!(|one: SendResult| one.catch_panic() => Send & Sync & Unpin);
assert_future!(|one: SendResult, token: CancellationToken| one.cancel_on(token) => Send & Sync & !Unpin);
assert_future!(|one: std::future::Ready<Result<Rc<u8>, u8>>| one.recover_if(|_| true, |_| Rc::new(1)) => !Send & Unpin);
