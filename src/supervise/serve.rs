//! What a supervisor does on request.

use std::sync::Arc;

use super::command::{Command, Request};
use super::engine::Engine;
use super::error::ChildError;
use super::policy::Restart;
use super::spec::ChildSpec;
use super::start::Started;
use crate::error::{Closed, drop_quietly};

impl Engine {
    pub(super) async fn serve(&mut self, Command { request, answer }: Command) {
        let served = match request {
            Request::Start(spec) => self.start_new(*spec).await,
            Request::Stop(name) => self.stop_named(&name).await,
            Request::Restart(name) => self.restart_named(&name).await,
            Request::Delete(name) => self.delete_named(&name),
            Request::Sweep(name) => {
                self.sweep(&name).await;
                Ok(())
            }
        };
        // Whoever asked may have left.
        let _ = answer.send(served);
    }

    async fn start_new(&mut self, spec: ChildSpec) -> Result<(), ChildError> {
        self.sweep(&spec.name).await;
        let path = self.board.path_of(&spec.name);
        if let Some(refused) = self.refuse(&spec, &path) {
            // What it has captured is the user's.
            drop_quietly(spec);
            return Err(refused);
        }
        let key = self.add(spec);
        let started = self.start_child(key).await;
        match started {
            Started::Running => Ok(()),
            Started::Ignored => {
                self.was_ignored(key);
                Ok(())
            }
            Started::Failed(exit) | Started::Gone(_, exit) => {
                self.forget(key);
                Err(ChildError::NotStarted { path, exit })
            }
            Started::Refused => {
                self.forget(key);
                Err(self.closed())
            }
        }
    }

    /// One that is of no more use to anybody, and whose end was not looked at yet, does not keep its name.
    async fn sweep(&mut self, name: &Arc<str>) {
        let Some(&key) = self.names.get(name) else { return };
        if self.children[&key].spec.lasting.as_ref().is_some_and(|lasting| lasting.has_ended()) {
            let due = self.due_at(key);
            self.stop_child(key).await;
            // Those that it has taken along still want to be started.
            if let Some(due) = due {
                self.hand_over(key, due);
            }
            let is_significant = self.children[&key].spec.is_significant;
            self.forget(key);
            self.is_over |= self.ends_with(is_significant);
        }
    }

    fn refuse(&self, spec: &ChildSpec, path: &Arc<str>) -> Option<ChildError> {
        if self.board.lock().is_closed || self.is_over {
            return Some(self.closed());
        }
        if let Some(key) = self.names.get(&spec.name)
            && let Some(child) = self.board.lock().child(*key)
        {
            return Some(ChildError::Exists { path: path.clone(), state: child.state });
        }
        (!self.makes_sense(spec)).then(|| ChildError::Significant { path: path.clone() })
    }

    async fn stop_named(&mut self, name: &Arc<str>) -> Result<(), ChildError> {
        let key = self.find(name)?;
        let due = self.due_at(key);
        let is_last = self.stop_child(key).await;
        // Those that it has taken along still want to be started.
        if let Some(due) = due {
            self.hand_over(key, due);
        }
        if is_last || self.children[&key].spec.restart == Restart::Temporary {
            self.forget(key);
        }
        Ok(())
    }

    async fn restart_named(&mut self, name: &Arc<str>) -> Result<(), ChildError> {
        let key = self.find_stopped(name)?;
        match self.start_child(key).await {
            Started::Running | Started::Ignored => Ok(()),
            Started::Failed(exit) | Started::Gone(_, exit) => {
                Err(ChildError::NotStarted { path: self.board.path_of(name), exit })
            }
            Started::Refused => Err(self.closed()),
        }
    }

    fn delete_named(&mut self, name: &Arc<str>) -> Result<(), ChildError> {
        let key = self.find_stopped(name)?;
        self.forget(key);
        Ok(())
    }

    fn find(&self, name: &Arc<str>) -> Result<u64, ChildError> {
        self.names.get(name).copied().ok_or_else(|| ChildError::NotFound { path: self.board.path_of(name) })
    }

    fn find_stopped(&mut self, name: &Arc<str>) -> Result<u64, ChildError> {
        let key = self.find(name)?;
        // One that has ended in this moment, and whose end is to be looked at yet, counts as alive.
        let child = &self.children[&key];
        if child.life.is_none() && !child.is_restarting {
            return Ok(key);
        }
        let state = self.board.lock().child(key).map(|child| child.state);
        let path = self.board.path_of(name);
        Err(state.map_or(ChildError::NotFound { path: path.clone() }, |state| ChildError::NotStopped { path, state }))
    }

    fn closed(&self) -> ChildError {
        ChildError::Closed(Closed::new(format!("supervisor `{}`", self.board.path)))
    }
}
