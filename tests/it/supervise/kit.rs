//! Children that say what they do.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::{Arc, Mutex};

use regatta::BoxError;
use regatta::supervise::{ChildContext, ChildSpec, EventKind, SupervisorRef};
use tokio::sync::{Notify, mpsc};

/// What the children of a test have done, and what they are told to do.
#[derive(Clone, Default)]
pub(super) struct Stage {
    lines: Arc<Mutex<Vec<String>>>,
    changed: Arc<Notify>,
    cues: Arc<Mutex<HashMap<String, mpsc::Sender<Cue>>>>,
}

/// How a child is to end.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cue {
    Done,
    Fail,
    Panic,
}

impl Stage {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn say(&self, line: impl Display) {
        self.lines.lock().expect("no panic").push(line.to_string());
        self.changed.notify_waiters();
    }

    /// What has been said since the last time.
    pub(super) fn said(&self) -> String {
        std::mem::take(&mut *self.lines.lock().expect("no panic")).join(" ")
    }

    /// Waits until so much has been said since the last time, and gives it.
    pub(super) async fn after(&self, count: usize) -> String {
        loop {
            let changed = self.changed.notified();
            if self.lines.lock().expect("no panic").len() >= count {
                return self.said();
            }
            changed.await;
        }
    }

    /// A child that says `+name` and `-name`, and ends by its cue, or when it is asked to.
    pub(super) fn child(&self, name: &'static str) -> ChildSpec {
        let stage = self.clone();
        ChildSpec::new(name, move |cx| {
            let stage = stage.clone();
            async move { stage.play(&cx).await }
        })
    }

    /// What such a child does.
    pub(super) async fn play(&self, cx: &ChildContext) -> Result<(), BoxError> {
        let (cue, mut cued) = mpsc::channel(1);
        self.cues.lock().expect("no panic").insert(cx.name().to_owned(), cue);
        self.say(format_args!("+{}", cx.name()));
        let _ends = Ends { stage: self, line: format!("-{}", cx.name()) };
        match cx.token().run_until_cancelled(cued.recv()).await {
            Some(Some(Cue::Fail)) => Err("as told".into()),
            Some(Some(Cue::Panic)) => panic!("as told"),
            _ => Ok(()),
        }
    }

    /// A child that is started for every letter of `plan`, and then stays: `e`: fails, `p`: panics, `i`: is ignored,
    /// `s`: starts.
    pub(super) fn starter(&self, name: &'static str, plan: &'static str) -> ChildSpec {
        let stage = self.clone();
        ChildSpec::starting(name, move |cx| {
            let stage = stage.clone();
            async move {
                let step = plan.chars().nth(cx.incarnation() as usize - 1).unwrap_or('s');
                stage.say(format_args!("{step}{name}"));
                match step {
                    'e' => return Err("not today".into()),
                    'p' => panic!("not today"),
                    'i' => return Err(regatta::supervise::Ignored.into()),
                    _ => {}
                }
                Ok(async move { stage.play(&cx).await })
            }
        })
    }

    /// Tells the child of this name how to end.
    pub(super) fn cue(&self, name: &str, cue: Cue) {
        let cues = self.cues.lock().expect("no panic");
        cues[name].try_send(cue).expect("the child lives");
    }
}

struct Ends<'a> {
    stage: &'a Stage,
    line: String,
}

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.stage.say(&self.line);
    }
}

/// The states of the children: `a: running, b: stopped`.
pub(super) fn states(tree: &SupervisorRef) -> String {
    let children = tree.which_children();
    children.iter().map(|child| format!("{}: {}", child.name, child.state)).collect::<Vec<_>>().join(", ")
}

/// Lets everything that can happen without the clock happen. Requests are served in order: after this one, so have been
/// all failures that the supervisor knew of.
pub(super) async fn settle(tree: &SupervisorRef) {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    let _ = tree.delete_child("nobody").await;
}

/// What an event says, without the child.
pub(super) fn kind(kind: &EventKind) -> &'static str {
    match kind {
        EventKind::Started { .. } => "started",
        EventKind::Ignored => "ignored",
        EventKind::StartFailed { .. } => "start failed",
        EventKind::Exited { .. } => "exited",
        EventKind::Restarting { .. } => "restarting",
        EventKind::Removed => "removed",
        EventKind::GaveUp(_) => "gave up",
        _ => "something else",
    }
}
