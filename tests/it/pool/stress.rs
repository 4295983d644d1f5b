//! Many at once: every job is in exactly one place.

use regatta::pool::CpuPool;

use super::kit::{Drops, SOON};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_stress_every_accepted_job_is_in_exactly_one_place() {
    let pool = CpuPool::builder().limit(3).capacity(8).build();
    // What the jobs themselves, and those who submit them, know.
    let (begun, panicked, gone) = (Drops::default(), Drops::default(), Drops::default());
    let submitters: Vec<_> = (0..6_u64)
        .map(|id| {
            let (pool, begun, panicked, gone) = (pool.clone(), begun.clone(), panicked.clone(), gone.clone());
            tokio::spawn(async move {
                let (mut accepted, mut refused) = (0_u64, 0_usize);
                for n in 0..500 {
                    let (begun, panicked, captured) = (begun.clone(), panicked.clone(), gone.guard());
                    let job = move || {
                        let _captured = captured;
                        drop(begun.guard());
                        if (n + id) % 7 == 0 {
                            drop(panicked.guard());
                            panic!("the seventh");
                        }
                    };
                    let handle = match (n + id) % 5 {
                        2 => pool.try_submit(job).ok(),
                        _ => Some(pool.submit(job).await.expect("open")),
                    };
                    match handle {
                        Some(handle) => {
                            accepted += 1;
                            match (n + id) % 5 {
                                0 | 2 => drop(handle),
                                1 => handle.detach(),
                                _ => drop(handle.await),
                            }
                        }
                        None => refused += 1,
                    }
                    let flow = pool.stats().flow;
                    assert!(flow.in_flight <= 6 * 500 && flow.accepted >= accepted, "{flow}");
                }
                (accepted, refused)
            })
        })
        .collect();
    let (mut accepted, mut refused) = (0, 0);
    for submitter in submitters {
        let counted = submitter.await.expect("the submitter ends");
        (accepted, refused) = (accepted + counted.0, refused + counted.1);
    }
    let report = pool.shutdown(SOON).await;
    let (begun, panicked) = (begun.count() as u64, panicked.count() as u64);
    let expected = (begun - panicked, panicked, accepted - begun);
    assert_eq!((report.finished, report.panicked_count, report.aborted), expected);
    let stats = pool.stats();
    assert_eq!((stats.queued, stats.active, stats.flow.in_flight), (0, 0, 0));
    assert_eq!((stats.flow.done, stats.flow.failed, stats.flow.discarded), expected);
    assert_eq!(stats.flow.accepted, accepted);
    assert_eq!(gone.count(), 6 * 500, "every closure is gone, also the {refused} that were refused");
}
