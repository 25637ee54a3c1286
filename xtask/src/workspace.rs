//! Where things lie, and how cargo is called. Knows nothing of what is built.

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_path_buf()
}

/// Cargo's target folder: `target`, or where `CARGO_TARGET_DIR` says.
pub(crate) fn target_dir() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

/// Where the server looks for the page. Always inside the clone, so that two clones which share a target folder
/// never serve each other's page.
pub(crate) fn site_dir() -> PathBuf {
    root().join("target/site")
}

/// The cargo that runs us, in the repository's root.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // Set, it would make Leptos look for `clicker.wasm` where wasm-bindgen writes `clicker_bg.wasm`.
    cargo.current_dir(root()).env_remove("LEPTOS_OUTPUT_NAME");
    cargo
}

/// Runs a command to its end and turns failure into an error that names the step.
pub(crate) fn run(step: &str, command: &mut Command) -> Result<()> {
    let status =
        command.status().with_context(|| format!("{step}: cannot start {}", command.get_program().display()))?;
    if !status.success() {
        bail!("{step} failed ({status})");
    }
    Ok(())
}

/// Compiles the server and says where the binary is.
pub(crate) fn build_server() -> Result<PathBuf> {
    run("building the server", cargo().args(["build", "--bin", "clicker"]))?;
    Ok(server_binary())
}

/// Where cargo leaves the server.
pub(crate) fn server_binary() -> PathBuf {
    target_dir().join("debug/clicker")
}

/// The program's path when it is on PATH.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|dir| dir.join(program)).find(|path| path.is_file())
}
