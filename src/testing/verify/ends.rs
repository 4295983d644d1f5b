//! How it ends, and what is left then.

use tokio::runtime::{Handle, RuntimeFlavor};

use super::flow::ROUNDS;
use super::rig::{Bench, Rig, Seen};
use crate::testing::turns::quiet;

/// How many items a source gives, and whether it panics then.
const ENDS: [(u32, bool); 3] = [(0, false), (3, false), (3, true)];

pub(super) async fn fused(bench: &Bench<'_>) -> Result<(), String> {
    for (sent, panics) in ENDS {
        let mut rig = bench.over(sent, panics);
        let (_, last) = rig.rest().await;
        // A stage that unwound cannot be polled again.
        if matches!(last, Seen::End | Seen::Error(_)) {
            nothing_more(&mut rig, &last).await?;
        }
    }
    Ok(())
}

async fn nothing_more(rig: &mut Rig, last: &Seen) -> Result<(), String> {
    for poll in 1..=10 {
        match rig.now().await {
            Some(Seen::End) => {}
            Some(seen) => return Err(format!("poll {poll} after {last} gave {seen}")),
            None => return Err(format!("poll {poll} after {last} gave nothing, as if something could still come")),
        }
    }
    Ok(())
}

pub(super) async fn source_end(bench: &Bench<'_>) -> Result<(), String> {
    for (sent, panics) in ENDS {
        let mut rig = bench.over(sent, panics);
        let (_, last) = rig.rest().await;
        if matches!(last, Seen::End | Seen::Error(_)) {
            for _ in 0..10 {
                let _ = rig.now().await;
            }
        }
        quiet().await;
        let polls = rig.source.polls_when_over();
        if polls > 0 {
            let what = if panics { "panicked" } else { "ended" };
            return Err(format!("the source had {what}, and was polled {polls} times more"));
        }
    }
    Ok(())
}

pub(super) async fn panic(bench: &Bench<'_>) -> Result<(), String> {
    for (sent, with_a_pause) in [(0, false), (3, false), (0, true), (3, true)] {
        let mut rig = bench.over(sent, true);
        let (mut items, mut last) = (Vec::new(), None);
        if with_a_pause {
            match rig.now().await {
                Some(Seen::Item(item)) => items.push(item),
                other => last = other,
            }
            quiet().await;
        }
        let last = match last {
            Some(last) => last,
            None => {
                let (rest, last) = rig.rest().await;
                items.extend(rest);
                last
            }
        };
        if !matches!(last, Seen::Error(_) | Seen::Unwound(_)) {
            return Err(format!("the source panicked after {sent} items, and after {} came {last}", items.len()));
        }
        bench.compare(&items, sent, false)?;
    }
    Ok(())
}

pub(super) async fn release_at_end(bench: &Bench<'_>) -> Result<(), String> {
    for (sent, panics) in ENDS {
        let mut rig = bench.over(sent, panics);
        let (_, last) = rig.rest().await;
        if matches!(last, Seen::End | Seen::Error(_)) {
            bench.released(&rig.source, &format!("the stage gave {last}")).await?;
        }
    }
    Ok(())
}

pub(super) async fn release_on_drop(bench: &Bench<'_>) -> Result<(), String> {
    let mut fresh = bench.rig();
    fresh.cancel();
    bench.released(&fresh.source, "the stage was dropped before its first poll").await?;

    let mut parked = bench.rig();
    let _ = parked.meanwhile().await;
    parked.cancel();
    bench.released(&parked.source, "the stage was dropped while its source had nothing").await?;

    let mut busy = bench.rig();
    busy.source.send_all(0..1_000);
    let _ = busy.next().await;
    busy.cancel();
    bench.released(&busy.source, "the stage was dropped in the middle of the items").await
}

pub(super) async fn nothing_after_drop(bench: &Bench<'_>) -> Result<(), String> {
    let mut rig = bench.rig();
    rig.source.send_all(0..1_000);
    let _ = rig.next().await;
    rig.cancel();
    let at_once = rig.source.pulled();
    quiet().await;
    // On one thread nothing can have been under way.
    if Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread && rig.source.pulled() > at_once {
        return Err(format!("{at_once} were pulled when it was dropped, and {} some turns later", rig.source.pulled()));
    }
    let (first, mut pulled, mut grew) = (rig.source.pulled(), 0, 0);
    // On several threads a pull that was under way may fall into any round.
    for round in 0..ROUNDS {
        rig.source.send(1_000 + round as u32);
        quiet().await;
        let before = std::mem::replace(&mut pulled, rig.source.pulled());
        grew += usize::from(pulled > before.max(first));
    }
    if grew > 1 {
        return Err(format!("{first} were pulled when it was dropped, and {pulled} some turns later"));
    }
    Ok(())
}
