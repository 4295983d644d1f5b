//! The files that the rules look at.

use std::{fs, path::Path};

/// A file of the project, or of a made-up one.
pub(super) struct File {
    /// From the project's root, with `/` between folders.
    pub(super) path: String,
    pub(super) text: String,
}

/// The text of the file at `path`; empty if there is none.
pub(super) fn text_of<'a>(files: &'a [File], path: &str) -> &'a str {
    let file = files.iter().find(|file| file.path == path);
    file.map_or("", |file| &file.text)
}

/// All sources and manifests below the root, sorted, without what is built or hidden.
pub(super) fn below(root: &Path) -> Vec<File> {
    let mut files = Vec::new();
    collect(root, "", &mut files);
    files.sort_by(|one, other| one.path.cmp(&other.path));
    files
}

/// Adds what lies in `folder`; `prefix` is its path from the root, with a `/` at the end.
fn collect(folder: &Path, prefix: &str, files: &mut Vec<File>) {
    for entry in fs::read_dir(folder).expect("the project's folders are readable") {
        let entry = entry.expect("a folder's entries are readable");
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        if entry.path().is_dir() {
            if name != "target" && !name.starts_with('.') {
                collect(&entry.path(), &format!("{path}/"), files);
            }
        } else if name.ends_with(".rs") || name == "Cargo.toml" {
            let text = fs::read_to_string(entry.path()).expect("sources are UTF-8");
            files.push(File { path, text });
        }
    }
}
