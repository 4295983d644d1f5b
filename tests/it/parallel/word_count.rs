//! The example `word_count` beside the tools that everybody has.
#![cfg(unix)]

use std::fs;
use std::process::Command;

use crate::support::example;

/// What a command prints.
fn output(command: &mut Command) -> String {
    let ended = command.output().expect("it runs");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    String::from_utf8(ended.stdout).expect("words are ASCII")
}

#[test]
fn word_count_equals_tr_sort_and_uniq() {
    let dir = tempfile::tempdir().expect("a directory");
    let write = |name: &str, content: &[u8]| fs::write(dir.path().join(name), content).expect("it is written");
    fs::create_dir(dir.path().join("below")).expect("a directory");
    write("empty", b"");
    write("no end of line", b"the end");
    write("below/the other one", b"the beginning\r\nna\xc3\xafve \x00 \xff the-end");
    // Larger than a block, with a word that is, too.
    let mut large = b"word ".repeat(200_000);
    large.extend(b"x".repeat(600_000));
    large.extend((0..100_000).flat_map(|n: u32| format!(" w{}", n % 5_003).into_bytes()));
    write("large", &large);
    std::os::unix::fs::symlink("large", dir.path().join("link")).expect("a link");

    let words =
        r#"find "$1" -type f -exec sh -c 'tr -cs "[:alnum:]" "\n" < "$1"; echo' sh {} \; | grep . | sort | uniq -c"#;
    let expected = output(Command::new("sh").args(["-c", words, "sh"]).arg(dir.path()).env("LC_ALL", "C"));
    let counted = output(Command::new(example("word_count")).arg(dir.path()).arg("--all"));
    // Lines of 600,000 letters say little where they differ.
    let first_difference = expected.lines().zip(counted.lines()).find(|(a, b)| a != b);
    assert_eq!(first_difference.map(|(a, b)| (a.get(..80), b.get(..80))), None);
    assert_eq!(counted.len(), expected.len());
}

#[test]
fn word_count_draws_what_is_most_frequent() {
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(dir.path().join("text"), "b a b c b a").expect("it is written");
    let chart = dir.path().join("words.svg");
    let out = output(Command::new(example("word_count")).arg(dir.path()).arg("--svg").arg(&chart));
    let lines: Vec<_> = out.lines().collect();
    assert_eq!(lines[..3], ["      3 b", "      2 a", "      1 c"]);
    assert!(lines[3].starts_with("6 words, 3 different, 0.0 MB in "), "{}", lines[3]);
    let chart = fs::read_to_string(chart).expect("a chart");
    assert_eq!(chart.matches("<rect").count(), 3);
    assert!(chart.starts_with("<svg xmlns=") && chart.ends_with("</svg>\n"));
}

#[test]
fn word_count_names_a_path_that_is_not_there() {
    let ended = Command::new(example("word_count")).arg("/nowhere at all").output().expect("it runs");
    assert!(!ended.status.success());
    assert!(String::from_utf8_lossy(&ended.stderr).contains("/nowhere at all"));
}
