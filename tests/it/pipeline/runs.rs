//! Every kind of stage to its end: any number of items, and every trouble at every place.

use regatta::pipeline::{OnError, PipelineError};

use super::kit::{both_flavours, settled};
use super::matrix::{KINDS, Kind, Setup, Trouble, run};

const COUNTS: [u32; 4] = [0, 1, 3, 300];

/// How a run ended. Everything that it captured is gone by then, and the numbers add up.
struct Ended {
    result: Result<(), PipelineError>,
    arrived: Vec<u32>,
    failed: u64,
    dropped: u64,
}

async fn ended(kind: Kind, setup: &Setup) -> Ended {
    setup.gate.open();
    let mut running = run(kind, setup);
    let result = (&mut running).await;
    assert_eq!(setup.probe.alive(), 0, "{kind:?} with {:?} of {}", setup.trouble, setup.items);
    let stats = running.stats();
    settled(&stats);
    let failed = stats.stages.iter().map(|stage| stage.flow.failed).sum();
    let dropped = stats.stages.iter().map(|stage| stage.flow.dropped).sum();
    let mut arrived = setup.arrived.all();
    if !kind.is_ordered() {
        arrived.sort_unstable();
    }
    Ended { result, arrived, failed, dropped }
}

/// The first, the last and one between.
fn places(items: u32) -> impl Iterator<Item = u32> {
    let mut places = vec![0, items / 2, items.saturating_sub(1)];
    places.dedup();
    places.into_iter().filter(move |place| *place < items)
}

/// Each trouble that a kind can have, at each place.
fn troubles(kinds: impl Iterator<Item = Kind>) -> impl Iterator<Item = (Kind, Setup)> {
    let each = kinds.flat_map(|kind| kind.troubles().iter().map(move |trouble| (kind, *trouble)));
    each.flat_map(|(kind, trouble)| COUNTS.iter().map(move |items| (kind, trouble, *items))).flat_map(
        |(kind, trouble, items)| {
            places(items).map(move |place| (kind, Setup { trouble: Some((trouble, place)), ..Setup::new(items) }))
        },
    )
}

both_flavours! {
    async fn every_item_arrives() {
        for kind in KINDS.into_iter().filter(|kind| !kind.is_lossy()) {
            for items in COUNTS {
                let ended = ended(kind, &Setup::new(items)).await;
                assert!(ended.result.is_ok(), "{kind:?}: {:?}", ended.result);
                assert_eq!(ended.arrived, (0..items).collect::<Vec<_>>(), "{kind:?}");
            }
        }
    }

    async fn every_item_arrives_or_is_counted() {
        for kind in KINDS.into_iter().filter(|kind| kind.is_lossy()) {
            for items in COUNTS {
                let ended = ended(kind, &Setup::new(items)).await;
                match ended.result {
                    Ok(()) => assert_eq!(ended.arrived.len() as u64 + ended.dropped, u64::from(items), "{kind:?}"),
                    Err(PipelineError::Full(_)) if kind == Kind::Reject => assert!(ended.failed > 0),
                    Err(failure) => panic!("{kind:?}: {failure}"),
                }
            }
        }
    }

    async fn a_failure_stops_every_kind() {
        for (kind, setup) in troubles(KINDS.into_iter()) {
            let (trouble, place) = setup.trouble.unwrap();
            let ended = ended(kind, &setup).await;
            let failure = ended.result.expect_err("it was told to stop");
            assert_eq!(failure.is_panicked(), trouble != Trouble::Error, "{kind:?} with {trouble:?}: {failure}");
            assert_eq!(ended.failed, 1, "{kind:?} with {trouble:?} at {place}");
            assert!(!ended.arrived.contains(&place) || trouble == Trouble::HalfWay);
        }
    }

    async fn a_failure_that_is_skipped_costs_one_item() {
        for (kind, setup) in troubles(KINDS.into_iter()) {
            let (trouble, place) = setup.trouble.unwrap();
            let setup = Setup { policy: OnError::Skip, ..setup };
            let ended = ended(kind, &setup).await;
            assert!(ended.result.is_ok(), "{kind:?} with {trouble:?} at {place}: {:?}", ended.result);
            let is_left_out = |n: &u32| *n != place || trouble == Trouble::HalfWay;
            let expected: Vec<u32> = (0..setup.items).filter(is_left_out).collect();
            assert_eq!(ended.arrived, expected, "{kind:?} with {trouble:?} at {place}");
            assert_eq!(ended.failed, 1, "{kind:?} with {trouble:?} at {place}");
        }
    }

    async fn a_source_that_panics_stops_every_kind() {
        for kind in KINDS.into_iter().filter(|kind| !kind.is_lossy()) {
            for (items, policy) in [(1, OnError::Stop), (3, OnError::Skip), (300, OnError::Stop)] {
                for place in places(items) {
                    let setup = Setup { trouble: Some((Trouble::Source, place)), policy: policy.clone(), ..Setup::new(items) };
                    let ended = ended(kind, &setup).await;
                    assert!(ended.result.is_err_and(|failure| failure.is_panicked()), "{kind:?} at {place}");
                    // What was given before the panic is finished.
                    assert_eq!(ended.arrived, (0..place).collect::<Vec<_>>(), "{kind:?} at {place}");
                }
            }
        }
    }

    async fn an_ordered_stage_gives_all_that_was_before_the_failure() {
        for (kind, setup) in troubles(KINDS.into_iter().filter(|kind| kind.is_ordered())) {
            let (trouble, place) = setup.trouble.unwrap();
            let arrived = ended(kind, &setup).await.arrived;
            let expected = if trouble == Trouble::HalfWay { place + 1 } else { place };
            assert_eq!(arrived, (0..expected).collect::<Vec<_>>(), "{kind:?} with {trouble:?}");
        }
    }
}
