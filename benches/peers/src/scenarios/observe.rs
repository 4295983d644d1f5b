//! What it costs a program that is busy that somebody looks: the page of `regatta-observer`, and the console of kameo.
//!
//! Each side is busy for [`load::LOAD`], in which the one that is looked at is read several times, once a second. Server and
//! load share the two workers of a runtime; who looks has a thread of its own, as it would have a process. Before the time
//! begins, the first look has been answered.
//!
//! ```text
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- observe/
//! cargo run --release --manifest-path benches/peers/Cargo.toml --features kameo-console -- "kameo console"
//! cargo run --release --manifest-path benches/peers/Cargo.toml --features kameo-console --bin observe_kameo
//! ```
//!
//! A row takes a minute and a half. What a look is made of, and what it costs to be there to be seen, tell the programs
//! `observe_snapshot` and `observe_memory`.

#[cfg(feature = "kameo-console")]
mod console;
mod load;
mod page;
mod table;
mod viewer;

use super::actor::counter_of_ours;
use crate::measure::{Contest, Side, Sides, in_task_counted};

pub use table::observe_kameo;

/// The time of a message or an item when nobody looks, beside that when somebody does.
const NEARLY_NOTHING: f64 = 0.95;

pub(crate) fn contests() -> Vec<Contest> {
    let (told, piped) = ("observe/tell/page", "observe/pipeline/page");
    let alone = "nobody looking";
    vec![
        contest(told, alone, tell_beside_page, tell).bar(NEARLY_NOTHING),
        contest(piped, alone, pipeline_beside_page, pipeline).bar(NEARLY_NOTHING),
        #[cfg(feature = "kameo-console")]
        contest(told, "kameo console", tell_beside_page, console::tell_beside_console),
    ]
}

fn contest(scenario: &'static str, peer: &'static str, ours: fn() -> Side, theirs: fn() -> Side) -> Contest {
    Contest::new(scenario, peer, move || Ok(Sides { ours: ours(), theirs: theirs(), note: None }))
}

fn tell() -> Side {
    in_task_counted(|| async { load::tell(counter_of_ours().await).await })
}

fn tell_beside_page() -> Side {
    in_task_counted(|| async {
        let load = async { load::tell(counter_of_ours().await).await };
        page::beside_page("\"kind\":\"actor\"", load).await
    })
}

fn pipeline() -> Side {
    in_task_counted(load::pipeline)
}

fn pipeline_beside_page() -> Side {
    in_task_counted(|| page::beside_page("\"kind\":\"pipeline\"", load::pipeline()))
}
