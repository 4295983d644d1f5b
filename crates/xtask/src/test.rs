//! The steps of `cargo xtask test`, quickest answer first.
//!
//! All steps but the last four build the whole workspace with all features in the same profile, so
//! that each finds what an earlier one has built.

use crate::{
    examples, instructions, manifest,
    step::Step,
    tool::VALGRIND,
    workspace::{Failure, Workspace, run},
};

/// Every step, in the order in which they run.
pub(crate) const STEPS: &[Step] = &[
    Step { name: "fmt", checks: "the code is formatted", needs: &[], run: fmt },
    Step { name: "clippy", checks: "no warning anywhere", needs: &[], run: clippy },
    Step { name: "tests", checks: "unit and integration tests", needs: &[], run: tests },
    Step { name: "doctests", checks: "the code in the documentation", needs: &[], run: doctests },
    Step { name: "docs", checks: "the documentation and its links", needs: &[], run: docs },
    Step { name: "examples", checks: "every example runs to its end", needs: &[], run: examples::run_all },
    Step { name: "release", checks: "panics in optimised code are caught", needs: &[], run: release },
    Step { name: "features", checks: "each feature builds alone", needs: &[], run: features },
    Step { name: "instructions", checks: "counting costs little", needs: &[VALGRIND], run: instructions::compare },
    Step { name: "loom", checks: "every interleaving of our state machines", needs: &[], run: loom },
];

/// Picks the named steps in the order of [`STEPS`], or all of them when none is named.
///
/// # Errors
/// The first name that no step has.
pub(crate) fn select(names: &[String]) -> Result<Vec<&'static Step>, &str> {
    let is_step = |name: &str| STEPS.iter().any(|step| step.name == name);
    match names.iter().find(|name| !is_step(name)) {
        Some(unknown) => Err(unknown),
        None => {
            Ok(STEPS.iter().filter(|step| names.is_empty() || names.iter().any(|name| name == step.name)).collect())
        }
    }
}

fn fmt(workspace: &Workspace) -> Result<(), Failure> {
    run(&mut workspace.cargo("fmt --all --check"))
}

fn clippy(workspace: &Workspace) -> Result<(), Failure> {
    run(&mut workspace.cargo("clippy --workspace --all-targets --all-features -- -D warnings"))
}

fn tests(workspace: &Workspace) -> Result<(), Failure> {
    run(&mut workspace.cargo("test --workspace --all-features --lib --bins --tests"))
}

fn doctests(workspace: &Workspace) -> Result<(), Failure> {
    run(&mut workspace.cargo("test --workspace --all-features --doc"))
}

fn docs(workspace: &Workspace) -> Result<(), Failure> {
    let mut cargo = workspace.cargo("doc --workspace --all-features --no-deps");
    run(cargo.env("RUSTDOCFLAGS", "-D warnings"))
}

/// Optimised code has been compiled to catch a panic in the wrong register, which nothing above can see: see
/// `docs/design/parallel.md`. The example sorts by an order that panics; it is in a package of its own, since the library's
/// has much to compile before an example.
fn release(workspace: &Workspace) -> Result<(), Failure> {
    run(&mut workspace.cargo("run --release --package regatta-models --example merge_sort_optimised"))
}

fn features(workspace: &Workspace) -> Result<(), Failure> {
    run(&mut workspace.cargo("check --no-default-features"))?;
    for feature in manifest::features(&manifest::read(workspace)) {
        run(&mut workspace.cargo(&format!("check --no-default-features --features {feature}")))?;
    }
    Ok(())
}

/// Model checks need other flags for every crate. In a target folder of their own they don't evict
/// what the other steps have built.
fn loom(workspace: &Workspace) -> Result<(), Failure> {
    let mut cargo = workspace.cargo("test --release --package regatta-models --test loom");
    cargo.env("CARGO_TARGET_DIR", workspace.target.join("loom"));
    run(cargo.env("RUSTFLAGS", "--cfg regatta_loom"))
}

#[cfg(test)]
mod tests {
    use super::select;

    fn selected(names: &[&str]) -> Result<Vec<&'static str>, String> {
        let names: Vec<String> = names.iter().map(|name| name.to_string()).collect();
        let steps = select(&names).map_err(str::to_owned)?;
        Ok(steps.iter().map(|step| step.name).collect())
    }

    #[test]
    fn no_name_selects_every_step() {
        assert_eq!(selected(&[]).unwrap().len(), super::STEPS.len());
    }

    #[test]
    fn named_steps_keep_their_order() {
        assert_eq!(selected(&["clippy", "fmt"]), Ok(vec!["fmt", "clippy"]));
    }

    #[test]
    fn an_unknown_name_is_refused() {
        assert_eq!(selected(&["fmt", "fnt"]), Err("fnt".to_owned()));
    }
}
