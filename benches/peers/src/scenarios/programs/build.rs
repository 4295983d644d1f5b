//! Building the example that takes part.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// Builds the library's example `dupes`; gives where it is.
pub(super) fn dupes() -> Result<PathBuf, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    if !root.join("examples/dupes").exists() {
        return Err("the library has no example `dupes`".to_owned());
    }
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let flags = ["build", "--release", "--example", "dupes", "--message-format=json-render-diagnostics"];
    let built = Command::new(cargo).current_dir(root).args(flags).stderr(Stdio::inherit()).output();
    let built = built.map_err(|error| format!("cargo: {error}"))?;
    let messages = String::from_utf8_lossy(&built.stdout);
    let program = messages.lines().filter_map(|line| executable(&serde_json::from_str(line).ok()?)).next_back();
    program.filter(|_| built.status.success()).ok_or_else(|| "the example `dupes` does not build".to_owned())
}

fn executable(message: &Value) -> Option<PathBuf> {
    let is_ours = message["target"]["name"] == "dupes";
    message["executable"].as_str().filter(|_| is_ours).map(PathBuf::from)
}
