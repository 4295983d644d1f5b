//! The keeper of what is known: an actor, so that an interrupted run can still get at it, and a crash is not hidden.

use std::mem;
use std::path::PathBuf;

use blake3::Hash;
use regatta::BoxError;
use regatta::actor::{Actor, ActorRef, Builder, Context, Reply, StopReason};

use crate::entry::{Entry, FileId, Problem};
use crate::known::Known;

/// How many messages may wait for the index, each a batch. When it falls behind, the steps wait.
const MAILBOX: usize = 16;

/// Tells the index what the steps find out. Clones tell the same one.
#[derive(Debug, Clone)]
pub(crate) struct Findings(ActorRef<Index>);

/// What the actor knows, and whether it is all that it was told.
#[derive(Debug, Default)]
pub(crate) struct Index {
    pub(crate) known: Known,
    /// How the life before this one ended, if there was one. What it knew went with it.
    pub(crate) crash: Option<StopReason>,
}

#[derive(Debug)]
pub(crate) enum Msg {
    Files(Vec<(Entry, Hash)>),
    Problems(Vec<Problem>),
    Paths(Vec<(FileId, PathBuf)>),
    Take(Reply<Index>),
}

impl Findings {
    /// Starts the index, and starts it again after a panic: what comes then is worth having, as long as the report says
    /// that it lacks what came before.
    pub(crate) fn start() -> Self {
        Self(Builder::new().name("index").mailbox(MAILBOX).supervised(Index::default))
    }

    /// Takes in files with the hashes of their contents.
    pub(crate) async fn add(&self, files: Vec<(Entry, Hash)>) -> Result<(), BoxError> {
        self.tell(files, Msg::Files).await
    }

    /// Takes in what was passed over.
    pub(crate) async fn add_problems(&self, problems: Vec<Problem>) -> Result<(), BoxError> {
        self.tell(problems, Msg::Problems).await
    }

    /// Takes in other paths to files that have come already.
    pub(crate) async fn add_paths(&self, paths: Vec<(FileId, PathBuf)>) -> Result<(), BoxError> {
        self.tell(paths, Msg::Paths).await
    }

    /// Everything that was told before. It comes as it is: to put it in order is nobody's work but the caller's.
    pub(crate) async fn take(&self) -> Result<Index, BoxError> {
        // However much waits before the question, the answer comes: there is nothing to be gained by giving up.
        let asked = self.0.ask(Msg::Take).no_timeout().await;
        // In words, because they tell the cause already, and whoever prints an error prints its causes too.
        Ok(asked.map_err(|error| error.to_string())?)
    }

    async fn tell<T>(&self, found: Vec<T>, msg: fn(Vec<T>) -> Msg) -> Result<(), BoxError> {
        // There is mostly no problem and no other path, and that is not worth a message.
        if !found.is_empty() {
            self.0.tell(msg(found)).await?;
        }
        Ok(())
    }
}

impl Actor for Index {
    type Msg = Msg;
    type Handle = ActorRef<Self>;

    async fn handle(&mut self, msg: Msg, _: &mut Context<Self>) {
        match msg {
            Msg::Files(files) => self.known.add(files),
            Msg::Problems(problems) => self.known.add_problems(problems),
            Msg::Paths(paths) => self.known.add_paths(paths),
            // Whoever asked is gone only if the whole run is.
            Msg::Take(reply) => drop(reply.send(mem::take(self))),
        }
    }

    async fn restarted(&mut self, exit: &StopReason, _: &mut Context<Self>) -> Result<(), BoxError> {
        self.crash = Some(exit.clone());
        Ok(())
    }

    fn message_name(msg: &Msg) -> &'static str {
        match msg {
            Msg::Files(_) => "Files",
            Msg::Problems(_) => "Problems",
            Msg::Paths(_) => "Paths",
            Msg::Take(_) => "Take",
        }
    }
}
