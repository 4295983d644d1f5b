//! Where the project lies, and how a command is run in it.

use std::{
    env, fmt,
    path::{Path, PathBuf, absolute},
    process::Command,
};

/// The folders that every step works in.
pub(crate) struct Workspace {
    /// The folder with the workspace's `Cargo.toml`. Every command runs here.
    pub(crate) root: PathBuf,
    /// Where cargo puts what it builds.
    pub(crate) target: PathBuf,
    /// Whether the caller chose `target` through `CARGO_TARGET_DIR`.
    target_is_chosen: bool,
}

impl Workspace {
    /// Finds the workspace through the variable that `cargo run` sets: unlike `env!`, it stays true
    /// when a target folder is shared by two checkouts.
    pub(crate) fn find() -> Self {
        let package = env::var_os("CARGO_MANIFEST_DIR").expect("xtask is started by `cargo xtask`");
        let root = Path::new(&package).ancestors().nth(2).expect("xtask lies in crates/xtask");
        let chosen = env::var_os("CARGO_TARGET_DIR").filter(|dir| !dir.is_empty());
        Self {
            root: root.to_path_buf(),
            // A relative folder is meant from where the caller stands, not from the root.
            target: match &chosen {
                Some(dir) => absolute(dir).expect("the current folder is readable"),
                None => root.join("target"),
            },
            target_is_chosen: chosen.is_some(),
        }
    }

    /// Builds a call of cargo from words separated by spaces.
    pub(crate) fn cargo(&self, words: &str) -> Command {
        // `CARGO` is the cargo that runs us, so a `+toolchain` given there holds here.
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(words.split_whitespace()).current_dir(&self.root);
        if self.target_is_chosen {
            command.env("CARGO_TARGET_DIR", &self.target);
        }
        command
    }
}

/// Why a step failed, and what to type to see it again.
pub(crate) struct Failure {
    /// A line for the shell, to be run in the workspace's root.
    pub(crate) command: String,
    /// What went wrong, such as the exit status.
    pub(crate) reason: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; to repeat it:\n    {}", self.reason, self.command)
    }
}

/// Prints a command, runs it to its end, and fails unless it succeeds.
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    println!("$ {}", shell_line(command));
    run_silently(command)
}

/// As [`run`], without a word unless it fails.
pub(crate) fn run_silently(command: &mut Command) -> Result<(), Failure> {
    let reason = match command.status() {
        Ok(status) if status.success() => return Ok(()),
        Ok(status) => status.to_string(),
        Err(error) => format!("could not be started: {error}"),
    };
    Err(Failure { command: shell_line(command), reason })
}

/// Writes a command the way one types it: the variables set for it, the program's name, the
/// arguments.
pub(crate) fn shell_line(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_stem().unwrap_or_default();
    let variables = command
        .get_envs()
        .filter_map(|(name, value)| Some(format!("{}={}", name.display(), quoted(&value?.to_string_lossy()))));
    let arguments = command.get_args().map(|argument| quoted(&argument.to_string_lossy()));
    let words = variables.chain([program.to_string_lossy().into_owned()]).chain(arguments);
    words.collect::<Vec<_>>().join(" ")
}

fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_line_can_be_typed() {
        let mut command = Command::new("/opt/rust/bin/cargo");
        command.args(["test", "it's"]).env("RUSTFLAGS", "--cfg regatta_loom");
        assert_eq!(shell_line(&command), r"RUSTFLAGS='--cfg regatta_loom' cargo test 'it'\''s'");
    }
}
