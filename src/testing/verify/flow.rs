//! What comes out, how much is pulled for it, and when.

use super::rig::{Bench, Rig, Seen};
use crate::testing::turns::quiet;

pub(super) async fn whole(bench: &Bench<'_>) -> Result<(), String> {
    for sent in [0, 1, 3, 1_000] {
        let mut rig = bench.over(sent, false);
        let (items, last) = rig.rest().await;
        if !matches!(last, Seen::End) {
            return Err(format!("of {sent} items {} came, and then {last}", items.len()));
        }
        bench.compare(&items, sent, true)?;
    }
    Ok(())
}

pub(super) async fn demand(bench: &Bench<'_>) -> Result<(), String> {
    let most = bench.may.holds;
    let Some(sent) = u32::try_from(most).ok().and_then(|most| most.checked_add(1_000)) else {
        return Ok(());
    };
    let mut rig = bench.rig();
    rig.source.send_all(0..sent);
    for taken in 0..=5 {
        if taken > 0 {
            expect_item(&mut rig).await?;
        }
        quiet().await;
        if rig.held() > most {
            let (pulled, hint) = (rig.source.pulled(), "`holds_at_most` says how many it may hold");
            return Err(format!("{pulled} were pulled although {taken} were taken and it may hold {most}; {hint}"));
        }
    }
    Ok(())
}

async fn expect_item(rig: &mut Rig) -> Result<u32, String> {
    let (taken, pulled) = (rig.taken, rig.source.pulled());
    match rig.next().await {
        Seen::Item(item) => Ok(item),
        other => Err(format!("{taken} were taken, {pulled} pulled, there are more, and what came next was {other}")),
    }
}

pub(super) async fn idle(bench: &Bench<'_>) -> Result<(), String> {
    for sent in [0, 3] {
        let mut rig = bench.rig();
        rig.source.send_all(0..sent);
        let (mut polls, mut busy) = (0, 0);
        // On several threads late polls may fall into any round; one who is busy polls in all of them.
        for _ in 0..ROUNDS {
            while let Some(seen) = rig.meanwhile().await {
                if !matches!(seen, Seen::Item(_)) {
                    return Err(format!("{sent} items were sent, and no end, and what came was {seen}"));
                }
            }
            let before = std::mem::replace(&mut polls, rig.source.polls());
            busy += usize::from(polls - before > FEW);
        }
        if busy == ROUNDS {
            return Err(format!("it polled its source {polls} times, which had {sent} items and then nothing"));
        }
    }
    Ok(())
}

/// How often it is looked whether a number stands still.
pub(super) const ROUNDS: usize = 10;

/// As many polls are nothing to worry about: we ask once a round, and once for each item.
const FEW: usize = 20;

pub(super) async fn late_demand(bench: &Bench<'_>) -> Result<(), String> {
    let mut rig = bench.over(3, false);
    let mut items = Vec::new();
    if let Some(Seen::Item(first)) = rig.meanwhile().await {
        items.push(first);
    }
    quiet().await;
    let (rest, last) = rig.rest().await;
    items.extend(rest);
    if !matches!(last, Seen::End) {
        return Err(format!("of 3 items {} came after a pause, and then {last}", items.len()));
    }
    bench.compare(&items, 3, true)
}

pub(super) async fn resume(bench: &Bench<'_>) -> Result<(), String> {
    let mut rig = bench.rig();
    rig.source.send_all(0..5);
    let mut items = vec![expect_item(&mut rig).await?];
    quiet().await;
    if bench.may.is_lossy {
        while let Some(Seen::Item(item)) = rig.meanwhile().await {
            items.push(item);
        }
    } else {
        while items.len() < 5 {
            items.push(expect_item(&mut rig).await.map_err(|seen| format!("after a pause {seen}"))?);
        }
    }
    rig.source.send(5);
    items.push(expect_item(&mut rig).await.map_err(|seen| format!("after a pause, with one item more, {seen}"))?);
    rig.source.end();
    let (rest, last) = rig.rest().await;
    items.extend(rest);
    if !matches!(last, Seen::End) {
        return Err(format!("of 6 items {} came, and then {last}", items.len()));
    }
    bench.compare(&items, 6, true)
}
