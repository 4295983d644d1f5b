//! Actors: one file for each side of them.

mod ask;
mod blocking;
mod child;
mod context;
mod crashes;
mod cycles;
mod ends;
mod handles;
mod hostile;
mod kit;
mod lifeless;
mod methods;
mod restarts;
mod runtimes;
mod shapes;
mod stress;
mod system;
mod tell;
mod topics;
