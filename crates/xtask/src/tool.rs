//! Programs beyond the Rust toolchain that a step may need.

use std::env;

/// A program, and where it comes from.
pub(crate) struct Tool {
    /// What is called.
    program: &'static str,
    /// Debian's package with it, which `.ci/run` installs.
    package: &'static str,
}

pub(crate) const VALGRIND: Tool = Tool { program: "valgrind", package: "valgrind" };

impl Tool {
    /// Looks where a shell would. Calling it would start whole browsers.
    fn is_installed(&self) -> bool {
        let path = env::var_os("PATH").unwrap_or_default();
        env::split_paths(&path).any(|folder| folder.join(self.program).is_file())
    }

    fn lack(&self) -> String {
        format!("{} is not installed (Debian: apt-get install {})", self.program, self.package)
    }
}

/// Says of the first that is not there how to get it.
pub(crate) fn lack(tools: &[Tool]) -> Option<String> {
    tools.iter().find(|tool| !tool.is_installed()).map(Tool::lack)
}

/// Whether this is CI, where nothing may be skipped.
pub(crate) fn is_ci() -> bool {
    env::var_os("CI").is_some_and(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_not_lacking() {
        let tools = [Tool { program: "cargo", package: "cargo" }];
        assert_eq!(lack(&tools), None);
    }

    #[test]
    fn what_is_lacking_is_named_with_its_package() {
        let tools = [Tool { program: "no-such-driver", package: "no-such" }];
        let sentence = "no-such-driver is not installed (Debian: apt-get install no-such)";
        assert_eq!(lack(&tools).as_deref(), Some(sentence));
    }
}
