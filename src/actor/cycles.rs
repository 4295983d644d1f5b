//! Who waits for whom: asks that are awaited inside handlers, so that a circle of them is an error and not a hang.
//!
//! Only an ask that is polled in the task of an actor enters an edge; all others pay nothing. An edge lives from the
//! ask's first poll until the reply is sent, given away, or the ask ends.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use super::head::Head;
use super::here;

/// An edge; 0 is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct EdgeId(u64);

impl EdgeId {
    pub(super) const NONE: Self = Self(0);
}

/// An edge, and who waits. Ids of actors begin at 1.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edge {
    pub(super) id: EdgeId,
    asker: u64,
}

impl Edge {
    /// The ask has moved elsewhere, to a pipe or a task: the actor does not wait for it any more.
    pub(super) fn has_moved(self) -> bool {
        self.id != EdgeId::NONE && !here::is_actor(self.asker)
    }
}

#[derive(Default)]
struct Graph {
    last: u64,
    edges: HashMap<EdgeId, (u64, u64)>,
    /// Where edges lead from an actor, with the name there.
    from: HashMap<u64, Vec<(EdgeId, u64, Arc<str>)>>,
}

static GRAPH: LazyLock<Mutex<Graph>> = LazyLock::new(Mutex::default);

fn graph() -> MutexGuard<'static, Graph> {
    GRAPH.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An ask begins to wait for `target`. An error is the way round: from the actor that asks back to itself.
pub(super) fn enter(target: &Head) -> Result<Edge, Vec<Arc<str>>> {
    let Some(actor) = here::actor() else { return Ok(Edge { id: EdgeId::NONE, asker: 0 }) };
    let asker = actor.head();
    let mut graph = graph();
    if let Some(mut path) = graph.path(target.id, asker.id) {
        path.insert(0, target.name.clone());
        path.insert(0, asker.name.clone());
        drop(graph);
        asker.rare().refuse(&path);
        return Err(path);
    }
    graph.last += 1;
    let id = EdgeId(graph.last);
    graph.edges.insert(id, (asker.id, target.id));
    graph.from.entry(asker.id).or_default().push((id, target.id, target.name.clone()));
    Ok(Edge { id, asker: asker.id })
}

/// It waits no more. Any number of times.
pub(super) fn leave(id: EdgeId) {
    if id == EdgeId::NONE {
        return;
    }
    let mut graph = graph();
    let Some((from, _)) = graph.edges.remove(&id) else { return };
    if let Some(edges) = graph.from.get_mut(&from) {
        edges.retain(|(edge, ..)| *edge != id);
        if edges.is_empty() {
            graph.from.remove(&from);
        }
    }
}

/// Whom an actor waits for: the last one it has asked, of several.
pub(super) fn awaited_by(actor: u64) -> Option<Arc<str>> {
    graph().from.get(&actor)?.last().map(|(_, _, name)| name.clone())
}

impl Graph {
    /// The names on the way from one actor to another, without the first; empty when they are the same.
    fn path(&self, from: u64, to: u64) -> Option<Vec<Arc<str>>> {
        let mut seen = HashSet::from([from]);
        let mut open = vec![(from, Vec::new())];
        while let Some((at, path)) = open.pop() {
            if at == to {
                return Some(path);
            }
            for (_, next, name) in self.from.get(&at).into_iter().flatten() {
                if seen.insert(*next) {
                    let mut path = path.clone();
                    path.push(name.clone());
                    open.push((*next, path));
                }
            }
        }
        None
    }
}
