//! The rules of the house that a compiler doesn't know: who may import whom, who may spawn, who may
//! sleep.
//!
//! One file a rule. Rules read words, not types: they find what one writes by habit, not what one
//! hides.

mod files;
mod imports;
mod lexer;
mod sleeping;
mod spawning;
mod unsafety;

use std::path::Path;

use files::File;

#[test]
fn the_project_keeps_its_rules() {
    let files = files::below(Path::new(env!("CARGO_MANIFEST_DIR")));
    assert!(!files::text_of(&files, "src/lib.rs").is_empty(), "no sources found");
    let found = violations(&files);
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

/// Checks every rule on every file. Each sentence names the place and what to do.
fn violations(files: &[File]) -> Vec<String> {
    let mut found = unsafety::check(files);
    for file in files.iter().filter(|file| file.path.ends_with(".rs")) {
        let tokens = lexer::tokens(&file.text);
        if let Some(inner) = file.path.strip_prefix("src/") {
            found.extend(imports::check(file, inner, &tokens));
            found.extend(spawning::check(file, inner, &tokens));
        }
        found.extend(sleeping::check(file, &tokens));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{File, violations};

    /// What is wrong in a project of one file.
    fn planted(path: &str, text: &str) -> Vec<String> {
        violations(&[File { path: path.to_owned(), text: text.to_owned() }])
    }

    /// Asserts that there is one violation, and that it begins at the place and mentions the cause.
    #[track_caller]
    fn assert_one(found: &[String], place: &str, cause: &str) {
        let is_it = |one: &String| one.starts_with(place) && one.contains(cause);
        assert!(found.len() == 1 && found.iter().all(is_it), "{found:#?}");
    }

    #[test]
    fn an_import_from_below_is_fine() {
        assert!(planted("src/queue/ring.rs", "use crate::{error::Full, task, BoxError};").is_empty());
    }

    #[test]
    fn an_import_from_the_same_module_is_fine() {
        assert!(planted("src/queue/ring.rs", "use crate::queue::Delivery; use super::error;").is_empty());
    }

    #[test]
    fn an_import_from_above_is_found() {
        let found = planted("src/queue/ring.rs", "\nuse crate::pool::CpuPool;");
        assert_one(&found, "src/queue/ring.rs:2:", "`queue` may not import `pool`");
    }

    #[test]
    fn an_import_from_a_sibling_is_found() {
        assert_one(&planted("src/policy.rs", "use crate::error::Full;"), "src/policy.rs:1:", "`error`");
    }

    #[test]
    fn an_import_in_a_nested_group_is_found() {
        let text = "use crate::{error::{Full, actor}, task::x, cache::{y}};";
        assert_one(&planted("src/sync/rcu.rs", text), "src/sync/rcu.rs:1:", "`cache`");
    }

    #[test]
    fn a_path_within_an_expression_is_found() {
        let text = "fn f() { crate::actor::stop() }";
        assert_one(&planted("src/pool/mod.rs", text), "src/pool/mod.rs:1:", "`actor`");
    }

    #[test]
    fn an_import_through_super_is_found() {
        assert_one(&planted("src/pool/mod.rs", "use super::cache::x;"), "src/pool/mod.rs:1:", "`cache`");
        let text = "use super::super::cache::x;";
        assert_one(&planted("src/pool/slot.rs", text), "src/pool/slot.rs:1:", "`cache`");
    }

    #[test]
    fn comments_and_strings_import_nothing() {
        let text = "//! [`crate::actor`]\nconst X: &str = \"crate::actor\"; /* crate::actor */";
        assert!(planted("src/queue/mod.rs", text).is_empty());
    }

    #[test]
    fn testing_is_imported_by_none() {
        let found = planted("src/remote/mod.rs", "use crate::testing::Probe;");
        assert_one(&found, "src/remote/mod.rs:1:", "`testing`");
    }

    #[test]
    fn facades_see_all_and_are_seen_by_none() {
        assert!(planted("src/lib.rs", "pub use crate::actor::Actor;").is_empty());
        assert_one(&planted("src/actor/mod.rs", "use crate::prelude::*;"), "src/actor/mod.rs:1:", "`prelude`");
    }

    #[test]
    fn an_unknown_module_is_found() {
        assert_one(&planted("src/gadget/mod.rs", ""), "src/gadget/mod.rs:", "LAYERS");
    }

    #[test]
    fn spawning_is_found_outside_task() {
        let text = "fn f() { tokio::spawn(g()); }";
        assert_one(&planted("src/cache/mod.rs", text), "src/cache/mod.rs:1:", "TaskGroup");
        assert!(planted("src/task/group.rs", text).is_empty());
    }

    #[test]
    fn an_unbounded_channel_is_found() {
        let text = "use tokio::sync::mpsc::unbounded_channel;";
        assert_one(&planted("src/actor/mod.rs", text), "src/actor/mod.rs:1:", "bound");
    }

    #[test]
    fn a_sleep_of_a_thread_is_found() {
        let text = "#[tokio::test(start_paused = true)] async fn t() { std::thread::sleep(d); }";
        assert_one(&planted("tests/it/queue.rs", text), "tests/it/queue.rs:1:", "eventually");
    }

    #[test]
    fn a_sleep_on_a_running_clock_is_found() {
        let text = "#[tokio::test]\nasync fn t() { tokio::time::sleep(d).await; }";
        assert_one(&planted("tests/it/queue.rs", text), "tests/it/queue.rs:2:", "sleeps");
    }

    #[test]
    fn a_sleep_on_a_paused_clock_is_fine() {
        let text = "#[tokio::test(start_paused = true)] async fn t() { sleep(d).await; }";
        assert!(planted("tests/it/queue.rs", text).is_empty());
    }

    #[test]
    fn a_package_that_allows_unsafe_code_is_found() {
        assert_one(&planted("crates/x/Cargo.toml", "[package]\nname = \"x\""), "crates/x/Cargo.toml:", "unsafe");
    }

    #[test]
    fn a_package_forbids_unsafe_code_by_the_workspace() {
        let lints = "[workspace.lints.rust]\nunsafe_code = \"forbid\"";
        let package = "[package]\n[lints]\nworkspace = true";
        assert!(planted("Cargo.toml", &format!("{lints}\n{package}")).is_empty());
    }
}
