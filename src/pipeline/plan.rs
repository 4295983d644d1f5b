//! A pipeline that has been described and not started: what there is to start, and in which order.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::cpu::CpuEngine;
use super::stage::{Stage, StageView, Title};
use super::stop::Stop;
use super::trunk::Token;

/// Starts the workers of one stage.
pub(super) type Start = Box<dyn FnOnce(&CpuEngine) + Send>;

/// Collected while the pipeline is built. Nothing in it runs.
pub(super) struct Plan {
    pub(super) title: Arc<Title>,
    /// Set when the source is to give nothing more.
    pub(super) stop: Stop,
    /// From the source to the end; where pipelines were joined, those on the left first.
    pub(super) stages: Vec<Arc<dyn StageView>>,
    /// The stage that was added last: the one that attributes apply to.
    pub(super) last: Option<Arc<Stage>>,
    /// Set when a stage ends before those upstream of it.
    pub(super) ended_early: Arc<AtomicBool>,
    /// What starts the concurrent stages.
    pub(super) starts: Vec<Start>,
    /// What the pipelines that were joined to this one are known by.
    pub(super) joined: Vec<Part>,
    /// Of which trunks it has branches.
    pub(super) tokens: Vec<Token>,
    /// The stages in the order of `stages`, with the names they were given here.
    numbered: Vec<Numbered>,
    /// The number of the next stage.
    next: usize,
}

/// What one pipeline is known by to its stages: joined ones have several of these.
#[derive(Clone)]
pub(super) struct Part {
    pub(super) title: Arc<Title>,
    pub(super) stop: Stop,
    pub(super) ended_early: Arc<AtomicBool>,
}

/// A stage, and the name it has unless it was given one.
struct Numbered {
    stage: Arc<Stage>,
    kind: String,
    default: Arc<str>,
    /// Which branch of the stage before this is.
    branch: Option<usize>,
}

impl Plan {
    pub(super) fn new() -> Self {
        Self::of(Part { title: Arc::default(), stop: Stop::default(), ended_early: Arc::default() }, Vec::new(), 0)
    }

    fn of(part: Part, joined: Vec<Part>, next: usize) -> Self {
        let Part { title, stop, ended_early } = part;
        let (stages, starts, tokens, numbered) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { title, stop, stages, last: None, ended_early, starts, joined, tokens, numbered, next }
    }

    /// Creates the next stage, named for what it does and its place.
    pub(super) fn stage(&mut self, kind: &str) -> Arc<Stage> {
        let stage = self.create(kind, None);
        self.next += 1;
        stage
    }

    /// Creates the next stage, one without workers of its own.
    pub(super) fn fused(&mut self, kind: &str) -> Arc<Stage> {
        let stage = self.stage(kind);
        self.stages.push(stage.clone());
        stage
    }

    /// Creates what a branch of the last stage is known by.
    pub(super) fn branch(&mut self, kind: &str, number: usize) -> Arc<Stage> {
        self.create(kind, Some(number))
    }

    fn create(&mut self, kind: &str, branch: Option<usize>) -> Arc<Stage> {
        let place = if branch.is_some() { self.next - 1 } else { self.next };
        let default = numbered(kind, place, branch);
        let stage = Stage::new(default.clone(), self.title.clone());
        self.numbered.push(Numbered { stage: stage.clone(), kind: kind.to_owned(), default, branch });
        self.last = Some(stage.clone());
        stage
    }

    /// The plan of a branch, as yet without stages: it stops when this one does, and has its name.
    pub(super) fn fork(&self, last: Arc<Stage>, token: Token) -> Self {
        let mut branch = Self::of(self.part(), self.joined.clone(), self.next);
        branch.last = Some(last);
        branch.tokens.push(token);
        branch
    }

    /// Takes in another plan, behind this one: they run, stop and are named as one from now on.
    pub(super) fn join(&mut self, other: Self) {
        let part = other.part();
        let Self { stages, last, starts, joined, tokens, numbered, next, .. } = other;
        self.stages.extend(stages);
        self.starts.extend(starts);
        self.tokens.extend(tokens);
        self.numbered.extend(numbered);
        self.last = last;
        self.next += next;
        // Branches of one trunk are of the same parts.
        for part in [part].into_iter().chain(joined) {
            if self.parts().iter().all(|ours| !Arc::ptr_eq(&ours.title, &part.title)) {
                self.joined.push(part);
            }
        }
    }

    fn part(&self) -> Part {
        let (title, stop, ended_early) = (self.title.clone(), self.stop.clone(), self.ended_early.clone());
        Part { title, stop, ended_early }
    }

    pub(super) fn parts(&self) -> Vec<Part> {
        [self.part()].into_iter().chain(self.joined.iter().cloned()).collect()
    }

    /// Names every pipeline in it.
    pub(super) fn set_title(&self, title: &Arc<str>) {
        self.parts().iter().for_each(|part| part.title.set(title.clone()));
    }

    /// The name of the first pipeline in it that has one.
    pub(super) fn title(&self) -> Option<Arc<str>> {
        self.parts().iter().find_map(|part| part.title.chosen())
    }

    /// Numbers the stages anew, from the sources to the end: where pipelines were joined, each began at zero. Names that
    /// were given stay.
    pub(super) fn renumber(&self) {
        let mut next = 0;
        for Numbered { stage, kind, default, branch } in &self.numbered {
            next += usize::from(branch.is_none());
            if stage.name() == *default {
                stage.rename(numbered(kind, next - 1, *branch));
            }
        }
    }
}

fn numbered(kind: &str, place: usize, branch: Option<usize>) -> Arc<str> {
    match branch {
        None => format!("{kind}#{place}").into(),
        Some(branch) => format!("{kind}#{place}.{branch}").into(),
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan").field("stages", &self.stages.len()).finish_non_exhaustive()
    }
}
