//! Every kind of stage between the same source and the same end, with trouble to order: what the matrices run.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use regatta::pipeline::{Concurrency, OnError, Pipeline, PipelineHandle, Segment};
use regatta::policy::{Overflow, Rate};

use super::kit::{Log, burst};
use crate::support::{DropCounter, DropGuard, Gate};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Map,
    TryMap,
    Filter,
    FlatMap,
    Ordered,
    Unordered,
    TryOrdered,
    TryUnordered,
    Keyed,
    TryKeyed,
    Cpu,
    TryCpu,
    Wait,
    Oldest,
    Newest,
    Reject,
    Batch,
    Scan,
    TryScan,
    Take,
    TakeWhile,
    Inspect,
    Flatten,
    Window,
    Weighted,
    Debounce,
    Conflate,
    Throttle,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Trouble {
    /// The source panics.
    Source,
    /// The closure, or its future, gives an error.
    Error,
    /// The closure panics.
    Panic,
    /// The closure's future panics, when it is polled again.
    Poll,
    /// The iterator that an item became panics after its first part.
    HalfWay,
}

use Kind::*;

pub(super) const KINDS: [Kind; 28] = [
    Map,
    TryMap,
    Filter,
    FlatMap,
    Ordered,
    Unordered,
    TryOrdered,
    TryUnordered,
    Keyed,
    TryKeyed,
    Cpu,
    TryCpu,
    Wait,
    Oldest,
    Newest,
    Reject,
    Batch,
    Scan,
    TryScan,
    Take,
    TakeWhile,
    Inspect,
    Flatten,
    Window,
    Weighted,
    Debounce,
    Conflate,
    Throttle,
];

impl Kind {
    /// What can go wrong in it.
    pub(super) fn troubles(self) -> &'static [Trouble] {
        match self {
            Map | Filter | Cpu | Scan | TakeWhile | Inspect | Weighted | Conflate => &[Trouble::Panic],
            TryMap | TryCpu | TryScan => &[Trouble::Error, Trouble::Panic],
            FlatMap | Flatten => &[Trouble::Panic, Trouble::HalfWay],
            Ordered | Unordered | Keyed => &[Trouble::Panic, Trouble::Poll],
            TryOrdered | TryUnordered | TryKeyed => &[Trouble::Error, Trouble::Panic, Trouble::Poll],
            Wait | Oldest | Newest | Reject | Batch | Take | Window | Debounce | Throttle => &[],
        }
    }

    /// Whether items leave in the order they came.
    pub(super) fn is_ordered(self) -> bool {
        !matches!(self, Unordered | TryUnordered | Keyed | TryKeyed)
    }

    /// Whether items may be dropped or refused although nothing is wrong.
    pub(super) fn is_lossy(self) -> bool {
        matches!(self, Oldest | Newest | Reject | Debounce)
    }
}

/// An item; the probe knows that it lives.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) n: u32,
    _guard: DropGuard,
}

/// What the parts of a pipeline are told, and what they tell.
#[derive(Clone)]
pub(super) struct Setup {
    pub(super) items: u32,
    pub(super) trouble: Option<(Trouble, u32)>,
    pub(super) policy: OnError<Item>,
    /// Counts every item, and everything that the source and the closures captured.
    pub(super) probe: DropCounter,
    /// Holds up the end.
    pub(super) gate: Gate,
    pub(super) arrived: Log<u32>,
}

/// A setup that a closure captured.
#[derive(Clone)]
struct Captured(Arc<(Setup, DropGuard)>);

impl Setup {
    pub(super) fn new(items: u32) -> Self {
        let (probe, gate, arrived) = (DropCounter::new(), Gate::new(), Log::new());
        Self { items, trouble: None, policy: OnError::Stop, probe, gate, arrived }
    }

    fn captured(&self) -> Captured {
        Captured(Arc::new((self.clone(), self.probe.guard())))
    }

    pub(super) fn source(&self) -> impl Iterator<Item = Item> + Send + use<> {
        let inside = self.captured();
        (0..self.items).map(move |n| {
            inside.strike(Trouble::Source, n);
            Item { n, _guard: inside.0.0.probe.guard() }
        })
    }

    /// What the end does with each item.
    pub(super) fn sink(&self) -> impl Fn(Item) -> BoxFuture<'static, ()> + Send + Sync + use<> {
        let inside = self.captured();
        move |item| {
            let (arrived, gate) = (inside.0.0.arrived.clone(), inside.0.0.gate.clone());
            Box::pin(async move {
                arrived.push(item.n);
                gate.wait().await;
            })
        }
    }
}

impl Captured {
    fn is_struck(&self, trouble: Trouble, n: u32) -> bool {
        self.0.0.trouble == Some((trouble, n))
    }

    fn strike(&self, trouble: Trouble, n: u32) {
        if self.is_struck(trouble, n) {
            burst();
        }
    }

    fn pass(&self, item: Item) -> Item {
        self.strike(Trouble::Panic, item.n);
        item
    }

    fn try_pass(&self, item: Item) -> Result<Item, &'static str> {
        if self.is_struck(Trouble::Error, item.n) { Err("as ordered") } else { Ok(self.pass(item)) }
    }

    fn future(&self, item: Item) -> impl Future<Output = Result<Item, &'static str>> + Send + use<> {
        let (item, inside) = (self.pass(item), self.clone());
        async move {
            for _ in 0..item.n % 3 {
                tokio::task::yield_now().await;
            }
            inside.strike(Trouble::Poll, item.n);
            inside.try_pass(item)
        }
    }

    fn parts(&self, item: Item) -> impl Iterator<Item = Item> + Send + use<> {
        let (inside, n) = (self.clone(), item.n);
        let mut whole = Some(self.pass(item));
        std::iter::from_fn(move || {
            let part = whole.take();
            if part.is_none() {
                inside.strike(Trouble::HalfWay, n);
            }
            part
        })
    }
}

/// Runs a stage of this kind between the source and an end that takes one item at a time.
pub(super) fn run(kind: Kind, setup: &Setup) -> PipelineHandle<()> {
    let (source, inside, policy) = (Pipeline::from_iter(setup.source()), setup.captured(), setup.policy.clone());
    let buffer = |overflow| Pipeline::from_iter(setup.source()).buffer(4, overflow);
    let unordered = Concurrency::unordered(4);
    let expect = |result: Result<Item, _>| result.expect("not a stage that is given errors");
    match kind {
        Map => end(source.map(move |item| inside.pass(item)).on_error(policy), setup),
        TryMap => end(source.try_map(move |item| inside.try_pass(item)).on_error(policy), setup),
        Filter => {
            let keep = move |item: &Item| {
                inside.strike(Trouble::Panic, item.n);
                true
            };
            end(source.filter(keep).on_error(policy), setup)
        }
        FlatMap => end(source.flat_map(move |item| inside.parts(item)).on_error(policy), setup),
        Ordered | Unordered => {
            let concurrency = if kind == Ordered { Concurrency::ordered(4) } else { unordered };
            let work = move |item| futures::FutureExt::map(inside.future(item), expect);
            end(source.map_async(concurrency, work).on_error(policy), setup)
        }
        Keyed => {
            let concurrency = Concurrency::keyed(4, |item: &Item| item.n % 3);
            let work = move |item| futures::FutureExt::map(inside.future(item), expect);
            end(source.map_async(concurrency, work).on_error(policy), setup)
        }
        TryKeyed => {
            let concurrency = Concurrency::keyed(4, |item: &Item| item.n % 3);
            end(source.try_map_async(concurrency, move |item| inside.future(item)).on_error(policy), setup)
        }
        TryOrdered | TryUnordered => {
            let concurrency = if kind == TryOrdered { Concurrency::ordered(4) } else { unordered };
            end(source.try_map_async(concurrency, move |item| inside.future(item)).on_error(policy), setup)
        }
        Cpu => end(source.map_cpu(2, move |item| inside.pass(item)).on_error(policy), setup),
        TryCpu => end(source.try_map_cpu(2, move |item| inside.try_pass(item)).on_error(policy), setup),
        Wait => end(buffer(Overflow::Wait), setup),
        Oldest => end(buffer(Overflow::DropOldest), setup),
        Newest => end(buffer(Overflow::DropNewest), setup),
        Reject => end(buffer(Overflow::Reject), setup),
        Batch => end(source.batch(3, Duration::MAX).flat_map(|batch| batch), setup),
        Scan => end(source.scan(|| 0, count(move |item| inside.pass(item))).on_error(policy), setup),
        TryScan => end(source.try_scan(|| 0, count(move |item| inside.try_pass(item))).on_error(policy), setup),
        Take => end(source.take(usize::MAX), setup),
        TakeWhile => {
            let keep = move |item: &Item| {
                inside.strike(Trouble::Panic, item.n);
                true
            };
            end(source.take_while(keep).on_error(policy), setup)
        }
        Inspect => {
            let look = move |item: &Item| inside.strike(Trouble::Panic, item.n);
            end(source.inspect(look).on_error(policy), setup)
        }
        Flatten => {
            let skips = !matches!(policy, OnError::Stop);
            let parts = source.map(move |item| inside.parts(item)).on_error(policy);
            end(parts.flatten().on_error(if skips { OnError::Skip } else { OnError::Stop }), setup)
        }
        Window => {
            let shared = source.map(Arc::new).window(1, 1).flat_map(|window| window);
            end(shared.map(|item| Arc::try_unwrap(item).expect("one window, one item")), setup)
        }
        Weighted => {
            let weigh = move |item: &Item| {
                inside.strike(Trouble::Panic, item.n);
                u64::from(item.n % 3)
            };
            end(source.batch_weighted(3, Duration::MAX, weigh).on_error(policy).flat_map(|batch| batch), setup)
        }
        Debounce => end(source.debounce(Duration::MAX), setup),
        Conflate => {
            let other = inside.clone();
            let begin = move |item| vec![other.pass(item)];
            let merge = move |items: &mut Vec<Item>, item| items.push(inside.pass(item));
            end(source.conflate(begin, merge).on_error(policy).flat_map(|items| items), setup)
        }
        Throttle => end(source.throttle(Rate::per_sec(u32::MAX)), setup),
    }
}

/// A step that counts, whatever else it does.
fn count<T>(mut pass: impl FnMut(Item) -> T) -> impl FnMut(&mut u32, Item) -> T {
    move |seen, item| {
        *seen += 1;
        pass(item)
    }
}

fn end(stages: Pipeline<impl Segment<Item = Item>>, setup: &Setup) -> PipelineHandle<()> {
    stages.for_each(1, setup.sink()).spawn()
}
