//! Every package keeps out unsafe code: by the workspace's lints, or by a line in its crate root.

use super::files::{File, text_of};

/// Checks every manifest, those of packages outside the workspace too.
pub(super) fn check(files: &[File]) -> Vec<String> {
    let lints = section(text_of(files, "Cargo.toml"), "[workspace.lints.rust]");
    let workspace_forbids = lints.contains("unsafe_code = \"forbid\"");
    let forbids = |manifest: &File, folder: &str| {
        let inherits = section(&manifest.text, "[lints]").contains("workspace = true");
        (workspace_forbids && inherits) || root_forbids(files, folder)
    };

    let mut found = Vec::new();
    for manifest in files {
        let Some(folder) = manifest.path.strip_suffix("Cargo.toml") else {
            continue;
        };
        let is_package = manifest.text.contains("[package]\n");
        if is_package && !forbids(manifest, folder) {
            let hint = "add `[lints] workspace = true`, or `#![forbid(unsafe_code)]` in its root";
            found.push(format!("{}: unsafe code is allowed; {hint}", manifest.path));
        }
    }
    found
}

/// Whether the package has a crate root, and each one has the line.
fn root_forbids(files: &[File], folder: &str) -> bool {
    let roots = ["src/lib.rs", "src/main.rs"].map(|root| text_of(files, &format!("{folder}{root}")));
    let mut roots = roots.iter().filter(|root| !root.is_empty()).peekable();
    roots.peek().is_some() && roots.all(|root| root.contains("#![forbid(unsafe_code)]"))
}

/// The lines between a title and the next one.
fn section(manifest: &str, title: &str) -> String {
    let after = manifest.lines().skip_while(|line| line.trim_end() != title).skip(1);
    after.take_while(|line| !line.starts_with('[')).collect()
}
