//! Compiles the four wasm packages, the engine once more with relaxed SIMD and again with threads where that is possible, and writes their JavaScript
//! glue.
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
    /// What it may use of a browser.
    uses: Uses,
}

/// A package is compiled for what every browser has, or for more, in a folder of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Uses {
    /// The flags of `.cargo/config.toml`.
    Common,
    /// Relaxed SIMD.
    Relaxed,
    /// That, and atomics, against a standard library of its own, for a memory that workers share.
    Threads,
}

/// The page: `hydrate()`.
pub(crate) const PAGE: Package = Package {
    name: "clicker-frontend",
    artifact: "clicker_frontend.wasm",
    profile: "wasm-page",
    out: "clicker",
    optimise: "-Oz",
    uses: Uses::Common,
};

/// The reward lab, beside the page.
pub(crate) const LAB: Package =
    Package { name: "clicker-lab", artifact: "clicker_lab.wasm", profile: "wasm-page", out: "lab", ..PAGE };

/// The engine in its Web Worker.
pub(crate) const WORKER: Package = Package {
    name: "clicker-worker",
    artifact: "clicker_worker.wasm",
    profile: "wasm-worker",
    out: "worker",
    optimise: "-O3",
    uses: Uses::Common,
};

/// The engine for browsers with relaxed SIMD.
pub(crate) const RELAXED: Package = Package { out: "worker-relaxed", uses: Uses::Relaxed, ..WORKER };

/// The engine for those whose pages may share memory besides.
pub(crate) const THREADS: Package = Package { out: "worker-threads", uses: Uses::Threads, ..WORKER };

const RELAXED_FLAGS: [&str; 1] = ["-Ctarget-feature=+simd128,+relaxed-simd"];

/// What the build with threads is compiled and linked with. The memory is made in JavaScript and imported; each thread gets a stack and
/// variables of its own from the glue, which asks for these exports.
const THREADS_FLAGS: [&str; 9] = [
    "-Ctarget-feature=+simd128,+relaxed-simd,+atomics,+bulk-memory,+mutable-globals",
    "-Clink-arg=--shared-memory",
    "-Clink-arg=--import-memory",
    // The most that a 32-bit address reaches; only address space, where nothing is written.
    "-Clink-arg=--max-memory=4294967296",
    "-Clink-arg=--export=__heap_base",
    "-Clink-arg=--export=__tls_base",
    "-Clink-arg=--export=__tls_size",
    "-Clink-arg=--export=__tls_align",
    "-Clink-arg=--export=__wasm_init_tls",
];

/// Where the standard library with atomics lies, if the set-up made one (`xtask/setup.sh threads`).
pub(crate) fn threads_std() -> Option<PathBuf> {
    std::env::var_os("CLICKER_THREADS_STD").map(PathBuf::from).filter(|sysroot| sysroot.is_dir())
}

/// The graphics card, beside the engine: what is fast there is compiled by the browser.
pub(crate) const GPU: Package = Package {
    name: "clicker-gpu",
    artifact: "clicker_gpu.wasm",
    profile: "wasm-worker",
    out: "gpu",
    optimise: "-Oz",
    uses: Uses::Common,
};

/// Compiles the package and returns the folder with its `<out>.js`, `<out>_bg.wasm` and snippets.
/// The glue is only written anew when the compiled bytes changed.
pub(crate) fn build(package: &Package) -> Result<PathBuf> {
    let mut cargo = workspace::cargo();
    let mut target = workspace::target_dir();
    let with = match package.uses {
        Uses::Common => "",
        Uses::Relaxed => {
            target = target.join("relaxed");
            with_flags(&mut cargo, &RELAXED_FLAGS);
            " with relaxed SIMD"
        }
        Uses::Threads => {
            target = target.join("threads");
            with_threads(&mut cargo)?;
            " with threads"
        }
    };
    let step = format!("building {} for wasm32{with}", package.name);
    cargo.args(["build", "--package", package.name, "--lib", "--target", "wasm32-unknown-unknown"]);
    workspace::run(&step, cargo.args(["--profile", package.profile, "--target-dir"]).arg(&target))?;
    let compiled = target.join("wasm32-unknown-unknown").join(package.profile).join(package.artifact);
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

/// Another standard library, and the compiler that it was made with.
pub(crate) fn with_threads(cargo: &mut Command) -> Result<()> {
    let std = threads_std().context("there is no standard library with atomics: run `make threads`")?;
    let sysroot = format!("--sysroot={}", std.display());
    // wasm-bindgen's thread-local variables are behind feature gates that a stable compiler opens only for this.
    cargo.env("RUSTC_BOOTSTRAP", "1");
    if let Some(rustc) = std::env::var_os("CLICKER_THREADS_RUSTC") {
        cargo.env("RUSTC", rustc);
    }
    let flags = THREADS_FLAGS.into_iter().chain([sysroot.as_str()]).collect::<Vec<_>>();
    with_flags(cargo, &flags);
    Ok(())
}

/// In the place of those in .cargo/config.toml; encoded, because a path may have spaces.
fn with_flags(cargo: &mut Command, flags: &[&str]) {
    cargo.env_remove("RUSTFLAGS").env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
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
