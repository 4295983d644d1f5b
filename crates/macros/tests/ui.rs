//! What a wrong use of `#[regatta::actor]`, or a wrong composition of a pipeline, is told: each message is pinned.

use std::process::Command;

/// The compiler whose own messages are pinned.
const PINNED: &str = "rustc 1.95.";

#[test]
fn wrong_shapes_are_clear_errors() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/*.rs");
    let rustc = Command::new("rustc").arg("--version").output().expect("a compiler");
    if rustc.stdout.starts_with(PINNED.as_bytes()) {
        cases.compile_fail("tests/ui/rustc/*.rs");
    } else {
        eprintln!("SKIPPED: tests/ui/rustc holds the messages of {PINNED}x, this is another compiler");
    }
}
