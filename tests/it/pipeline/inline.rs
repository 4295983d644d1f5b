//! Pipelines in one task.
