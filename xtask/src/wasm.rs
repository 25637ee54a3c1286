//! Compiles the four wasm packages and writes their JavaScript glue.
//!
//! They are a cargo call each because they are built for different ends: page and lab for size, the engine for speed; the graphics
//! card's package shares the engine's profile and with it most of what both link.

use crate::{compress, workspace};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;
use wasm_bindgen_cli_support::Bindgen;

/// One wasm package and the names of what it becomes.
pub(crate) struct Package {
    /// Cargo's package name.
    name: &'static str,
    /// Cargo's file name for it.
    artifact: &'static str,
    /// Cargo profile, in the root Cargo.toml.
    profile: &'static str,
    /// `<out>.js` and `<out>_bg.wasm` under /pkg.
    out: &'static str,
    /// wasm-opt's level.
    optimise: &'static str,
}

/// The page: `hydrate()`.
pub(crate) const PAGE: Package = Package {
    name: "clicker-frontend",
    artifact: "clicker_frontend.wasm",
    profile: "wasm-page",
    out: "clicker",
    optimise: "-Oz",
};

/// The reward lab, beside the page.
pub(crate) const LAB: Package =
    Package { name: "clicker-lab", artifact: "clicker_lab.wasm", profile: "wasm-page", out: "lab", optimise: "-Oz" };

/// The engine in its Web Worker.
pub(crate) const WORKER: Package = Package {
    name: "clicker-worker",
    artifact: "clicker_worker.wasm",
    profile: "wasm-worker",
    out: "worker",
    optimise: "-O3",
};

/// The graphics card, beside the engine: what is fast there is compiled by the browser.
pub(crate) const GPU: Package =
    Package { name: "clicker-gpu", artifact: "clicker_gpu.wasm", profile: "wasm-worker", out: "gpu", optimise: "-Oz" };

/// Compiles the package and returns the folder with its `<out>.js`, `<out>_bg.wasm` and snippets.
/// The glue is only written anew when the compiled bytes changed.
pub(crate) fn build(package: &Package) -> Result<PathBuf> {
    let step = format!("building {} for wasm32", package.name);
    workspace::run(
        &step,
        workspace::cargo().args(["build", "--package", package.name, "--lib"]).args([
            "--target",
            "wasm32-unknown-unknown",
            "--profile",
            package.profile,
        ]),
    )?;
    let compiled = workspace::target_dir().join("wasm32-unknown-unknown").join(package.profile).join(package.artifact);
    let bytes = std::fs::read(&compiled).with_context(|| format!("reading {}", compiled.display()))?;

    let optimiser = workspace::on_path("wasm-opt");
    let recipe = format!("{} wasm-opt:{}", package.out, optimiser.is_some());
    let key = compress::hash(&[&bytes, recipe.as_bytes()]);
    let dir = workspace::root().join("target/site-cache").join(package.out);
    if std::fs::read_to_string(dir.join(".key")).is_ok_and(|made_from| made_from == key) {
        return Ok(dir);
    }
    if dir.exists() {
        std::fs::remove_dir_all(&dir).with_context(|| format!("emptying {}", dir.display()))?;
    }
    std::fs::create_dir_all(&dir)?;
    bindgen(package, &compiled, &dir)?;
    if let Some(program) = optimiser {
        optimise(&program, package, &dir.join(format!("{}_bg.wasm", package.out)))?;
    }
    std::fs::write(dir.join(".key"), key)?;
    Ok(dir)
}

fn bindgen(package: &Package, compiled: &Path, dir: &Path) -> Result<()> {
    let mut bindgen = Bindgen::new();
    bindgen.input_path(compiled).out_name(package.out).typescript(false);
    bindgen.remove_name_section(true).remove_producers_section(true);
    bindgen.web(true)?.generate(dir).with_context(|| {
        format!(
            "writing the JavaScript for {}: is `wasm-bindgen` in Cargo.lock the version of `wasm-bindgen-cli-support`?",
            package.name
        )
    })
}

fn optimise(program: &Path, package: &Package, wasm: &Path) -> Result<()> {
    let smaller = wasm.with_extension("opt");
    let mut command = Command::new(program);
    command.arg(package.optimise).arg("--all-features").arg(wasm).arg("-o").arg(&smaller);
    workspace::run("wasm-opt", &mut command)?;
    if !smaller.is_file() {
        bail!("wasm-opt ended well but wrote no {}", smaller.display());
    }
    Ok(std::fs::rename(&smaller, wasm)?)
}
