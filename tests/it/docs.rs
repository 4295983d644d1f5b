//! What the pages of the project say of its files.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below a folder with this ending, without what is built or not ours.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        match path.is_dir() {
            true if name != "target" && !name.starts_with('.') => found.extend(files(&path, ending)),
            false if name.ends_with(ending) => found.push(path),
            _ => {}
        }
    }
    found
}

/// The targets of `](…)` in a page.
fn links(page: &str) -> impl Iterator<Item = &str> {
    page.split("](").skip(1).filter_map(|rest| rest.split(')').next())
}

#[test]
fn every_link_between_files_leads_somewhere() {
    for page in files(root(), ".md") {
        let text = fs::read_to_string(&page).unwrap();
        for link in links(&text).filter(|link| !link.contains("::") && !link.contains("://") && !link.starts_with('#'))
        {
            let target = page.parent().unwrap().join(link.split('#').next().unwrap());
            assert!(target.exists(), "{} links to {link}, which is not there", page.display());
        }
    }
}

#[test]
fn every_test_that_a_page_names_exists() {
    let of = |folder| files(&root().join(folder), ".rs");
    let sources: String = of("tests")
        .iter()
        .chain(&of("src"))
        .chain(&of("crates"))
        .map(|file| fs::read_to_string(file).unwrap())
        .collect();
    for page in ["docs/hazards.md", "src/guide/semantics.md"] {
        let text = fs::read_to_string(root().join(page)).unwrap();
        let named: Vec<&str> = text.split('`').skip(1).step_by(2).filter(|name| !name.contains('/')).collect();
        assert!(named.len() > 20);
        let is_ours = |name: &str| ["wait_stopped", "into_inner"].contains(&name);
        for name in named.iter().filter(|name| name.contains('_') && !is_ours(name)) {
            assert!(sources.contains(&format!("fn {name}(")), "{page}: no test is called {name}");
        }
    }
}

#[test]
fn the_readme_shows_all_of_its_code() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let code = readme.split("```").skip(1).step_by(2).filter(|block| block.starts_with("rust"));
    for line in code.flat_map(str::lines) {
        assert!(
            !line.trim_start().starts_with("# "),
            "hidden by rustdoc only, and then it does not compile when copied: {line}"
        );
    }
}

#[test]
fn the_minimum_of_rust_is_the_same_everywhere() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let version = manifest.split("rust-version = \"").nth(1).unwrap().split('"').next().unwrap();
    assert!(fs::read_to_string(root().join("README.md")).unwrap().contains(&format!("Rust {version} or newer")));
}

#[test]
fn the_first_code_of_the_readme_is_an_example_that_prints_what_it_says() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let mut blocks = readme.split("```").skip(1).step_by(2);
    let code = blocks.next().unwrap().strip_prefix("rust\n").expect("code comes first");
    let example = fs::read_to_string(root().join("examples/counter.rs")).unwrap();
    assert!(example.ends_with(code), "the README and examples/counter.rs differ");
    let shown = blocks.next().unwrap().strip_prefix("text\n").expect("then what it prints");
    let output = std::process::Command::new(crate::support::example("counter")).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), shown);
}
