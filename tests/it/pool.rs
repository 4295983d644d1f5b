//! Pools of closures and of futures. Jobs are held at gates, so nothing here depends on time.

mod children;
mod handles;
mod kit;
mod looks;
mod maps;
mod nested;
mod overflow;
mod placement;
mod places;
mod priorities;
mod resize;
mod runtimes;
mod schedules;
mod state;
mod stops;
mod stress;
mod submit;
mod tasks;
