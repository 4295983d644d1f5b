//! Reads the little we need of a `Cargo.toml`, line by line.
//!
//! It knows the manifest as we write it: one `key = value` a line. That is a page less to trust
//! than a TOML parser.

use std::fs;

use crate::workspace::Workspace;

/// The text of the root's manifest.
pub(crate) fn read(workspace: &Workspace) -> String {
    fs::read_to_string(workspace.root.join("Cargo.toml")).expect("the root has a Cargo.toml")
}

/// The names in `[features]`, without `default`, which names no capability.
pub(crate) fn features(manifest: &str) -> Vec<&str> {
    sections(manifest)
        .filter(|(title, _)| *title == "[features]")
        .flat_map(|(_, entries)| entries)
        .map(|(key, _)| key)
        .filter(|key| *key != "default")
        .collect()
}

/// The name and the path of every `[[example]]`.
pub(crate) fn examples(manifest: &str) -> Vec<(&str, &str)> {
    sections(manifest)
        .filter(|(title, _)| *title == "[[example]]")
        .filter_map(|(_, entries)| {
            let value = |wanted| entries.iter().find(|(key, _)| *key == wanted).map(|(_, value)| *value);
            Some((value("name")?, value("path")?))
        })
        .collect()
}

/// The line of `[dependencies]` that says which version of a crate, with which features.
pub(crate) fn dependency<'a>(manifest: &'a str, name: &str) -> &'a str {
    let lines = manifest.lines().skip_while(|line| *line != "[dependencies]");
    let is_it = |line: &&str| entry(line).is_some_and(|(key, _)| key == name);
    lines.take_while(|line| !line.starts_with("[features]")).find(is_it).expect("the manifest has this dependency")
}

/// Every section: its title with the brackets, and its entries.
fn sections(manifest: &str) -> impl Iterator<Item = (&str, Vec<(&str, &str)>)> {
    let starts = manifest.lines().enumerate().filter(|(_, line)| line.starts_with('['));
    starts.map(|(start, title)| {
        let body = manifest.lines().skip(start + 1).take_while(|line| !line.starts_with('['));
        (title.trim_end(), body.filter_map(entry).collect())
    })
}

/// Splits `key = "value"`. A comment, an empty line or the inside of a list is no entry.
fn entry(line: &str) -> Option<(&str, &str)> {
    let is_key = line.starts_with(|c: char| c.is_alphanumeric() || c == '"');
    let (key, value) = line.split_once('=').filter(|_| is_key)?;
    Some((key.trim().trim_matches('"'), value.trim().trim_matches('"')))
}

#[cfg(test)]
mod tests {
    const MANIFEST: &str = r#"
[package]
name = "regatta"

[features]
default = ["signal"]
# Costs = little.
signal = ["tokio/signal"]
tower = [
    "dep:tower-service",
]

[[example]]
name = "textbook_actors"
path = "examples/textbook/actors.rs"

[dependencies]
tokio = "1"
"#;

    #[test]
    fn features_are_listed_without_default() {
        assert_eq!(super::features(MANIFEST), ["signal", "tower"]);
    }

    #[test]
    fn a_dependency_is_its_line() {
        assert_eq!(super::dependency(MANIFEST, "tokio"), "tokio = \"1\"");
    }

    #[test]
    fn examples_have_a_name_and_a_path() {
        assert_eq!(super::examples(MANIFEST), [("textbook_actors", "examples/textbook/actors.rs")]);
    }
}
