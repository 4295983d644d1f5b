//! A pipeline that has been described and not started: what there is to start, and in which order.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::cpu::CpuEngine;
use super::stage::{Stage, StageView, Title};
use super::stop::Stop;

/// Starts the workers of one stage.
pub(super) type Start = Box<dyn FnOnce(&CpuEngine) + Send>;

/// Collected while the pipeline is built. Nothing in it runs.
pub(super) struct Plan {
    pub(super) title: Arc<Title>,
    /// Set when the source is to give nothing more.
    pub(super) stop: Stop,
    /// From the source to the end.
    pub(super) stages: Vec<Arc<dyn StageView>>,
    /// The stage that was added last: the one that attributes apply to.
    pub(super) last: Option<Arc<Stage>>,
    /// Set when a stage ends before those upstream of it.
    pub(super) ended_early: Arc<AtomicBool>,
    /// What starts the concurrent stages.
    pub(super) starts: Vec<Start>,
}

impl Plan {
    pub(super) fn new() -> Self {
        let (title, stop, ended_early) = (Arc::default(), Stop::default(), Arc::default());
        Self { title, stop, stages: Vec::new(), last: None, ended_early, starts: Vec::new() }
    }

    /// Creates the next stage, named for what it does and its place.
    pub(super) fn stage(&mut self, kind: &str) -> Arc<Stage> {
        let stage = Stage::new(format!("{kind}#{}", self.stages.len()).into(), self.title.clone());
        self.last = Some(stage.clone());
        stage
    }

    /// Creates the next stage, one without workers of its own.
    pub(super) fn fused(&mut self, kind: &str) -> Arc<Stage> {
        let stage = self.stage(kind);
        self.stages.push(stage.clone());
        stage
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan").field("stages", &self.stages.len()).finish_non_exhaustive()
    }
}
