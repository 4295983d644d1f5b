//! Pipelines with branches: what each gets, who waits for whom, who owns them, and that none of it is lost.
