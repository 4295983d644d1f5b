//! Numbers and sentences as people read them.

use std::time::Duration;

/// Of the lines of a sentence after its first.
const INDENT: usize = 4;

/// `17 µs`, `4.2 ms`, `12 s`, `3 min`.
pub(crate) fn duration(duration: Duration) -> String {
    match duration.as_secs_f64() {
        short if short < 1e-3 => format!("{:.0} µs", short * 1e6),
        short if short < 1e-2 => format!("{:.1} ms", short * 1e3),
        short if short < 1.0 => format!("{:.0} ms", short * 1e3),
        few if few < 10.0 => format!("{few:.1} s"),
        many if many < 120.0 => format!("{many:.0} s"),
        many if many < 7200.0 => format!("{:.0} min", many / 60.0),
        long => format!("{:.0} h", long / 3600.0),
    }
}

/// As exact as it is worth.
pub(crate) fn rate(per_second: f64) -> String {
    match per_second {
        0.0 => "0".to_owned(),
        slow if slow < 10.0 => format!("{slow:.1}"),
        fast => format!("{fast:.0}"),
    }
}

/// `1 task`, `2 tasks`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// Splits a sentence into lines of that width, the second and all after it indented.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("one is there from the beginning");
        let length = line.chars().count();
        if length > INDENT && length + 1 + word.chars().count() > width {
            lines.push(format!("{:INDENT$}{word}", ""));
        } else {
            line.push_str(if line.is_empty() { "" } else { " " });
            line.push_str(word);
        }
    }
    lines
}

/// Cuts off what is too long.
pub(crate) fn cut(text: &str, width: usize) -> String {
    match text.char_indices().nth(width) {
        None => text.to_owned(),
        Some(_) => text.chars().take(width.saturating_sub(1)).chain(['…']).collect(),
    }
}
