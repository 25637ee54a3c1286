//! `cargo xtask cuda`: the server with its trainer on NVIDIA cards, beside the ordinary build and in a target folder of its own.
//!
//! With a CUDA toolkit (CUDA_HOME, CUDA_PATH or nvcc on PATH) the ordinary way. Without one, the toolkit's pieces come from the
//! Python wheels that NVIDIA publishes, into the cache folder; the driver's library, which only a machine with a card has, is
//! stood for by one that answers every call with the error that NVIDIA's own stub gives. Needs no card.

use crate::workspace;
use anyhow::{Context, Result, bail};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

/// CUDA 13.0: what current drivers run, and what candle's bindings know.
const WHEELS: [&str; 8] = [
    "nvidia-cuda-nvcc==13.0.*",
    "nvidia-nvvm==13.0.*",
    "nvidia-cuda-crt==13.0.*",
    "nvidia-cuda-runtime==13.0.*",
    "nvidia-cublas==13.0.*",
    "nvidia-cuda-nvrtc==13.0.*",
    "nvidia-cuda-cccl==13.0.*",
    "nvidia-curand==10.4.*",
];
/// Code for cards of this compute capability where CUDA_COMPUTE_CAP names none and no card is there to ask: Hopper.
const CAPABILITY: &str = "90";
/// `CUDA_ERROR_STUB_LIBRARY`.
const STUB: u32 = 34;

/// A toolkit, and whether the driver's library has to be stood for when linking.
struct Toolkit {
    home: PathBuf,
    /// From wheels.
    ours: bool,
}

/// Build, and say where the binary is.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let toolkit = match installed() {
        Some(home) => Toolkit { home, ours: false },
        None => Toolkit { home: from_wheels()?, ours: true },
    };
    let home = &toolkit.home;
    println!("CUDA toolkit: {}", home.display());
    let lib = if home.join("lib64").exists() { home.join("lib64") } else { home.join("lib") };
    let target = cache().join("target-cuda");
    let path = std::env::join_paths(
        std::iter::once(home.join("bin")).chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
    )?;
    let mut cargo = workspace::cargo();
    cargo.args(["rustc", "--package", "clicker-server", "--bin", "clicker", "--features", "cuda"]).args(args);
    // Where the toolkit's libraries are now; elsewhere the system's own are looked for as usual.
    cargo.args(["--", "-C"]).arg(format!("link-arg=-Wl,-rpath,{}", lib.display()));
    cargo.env("CUDA_HOME", home).env("CUDA_PATH", home).env("PATH", path).env("CARGO_TARGET_DIR", &target);
    let mut libraries = vec![lib.clone()];
    if toolkit.ours {
        let stubs = lib.join("stubs");
        stub(&stubs)?;
        libraries.push(stubs);
    } else {
        libraries.push(lib.join("stubs"));
    }
    libraries.extend(std::env::var_os("LIBRARY_PATH").iter().flat_map(std::env::split_paths));
    cargo.env("LIBRARY_PATH", std::env::join_paths(libraries)?);
    if std::env::var_os("CUDA_COMPUTE_CAP").is_none() && workspace::on_path("nvidia-smi").is_none() {
        println!("no card here to ask: code for compute capability {CAPABILITY}; name another as CUDA_COMPUTE_CAP=86");
        cargo.env("CUDA_COMPUTE_CAP", CAPABILITY);
    }
    workspace::run("building the server with CUDA", &mut cargo)?;
    println!("built {}", target.join("debug/clicker").display());
    Ok(())
}

/// A toolkit that is installed: where CUDA_HOME or CUDA_PATH says, where nvcc on PATH lies, or in the usual place.
fn installed() -> Option<PathBuf> {
    let named = ["CUDA_HOME", "CUDA_PATH"].into_iter().filter_map(std::env::var_os).map(PathBuf::from);
    let on_path =
        workspace::on_path("nvcc").and_then(|nvcc| Some(nvcc.canonicalize().ok()?.parent()?.parent()?.to_path_buf()));
    named.chain(on_path).chain([PathBuf::from("/usr/local/cuda")]).find(|home| home.join("bin/nvcc").is_file())
}

fn cache() -> PathBuf {
    let named = std::env::var_os("CLICKER_CACHE").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map_or_else(|| PathBuf::from("/tmp"), PathBuf::from);
    let base = || std::env::var_os("XDG_CACHE_HOME").map_or_else(|| home().join(".cache"), PathBuf::from);
    named.unwrap_or_else(|| base().join("clicker"))
}

/// A toolkit from NVIDIA's wheels.
fn from_wheels() -> Result<PathBuf> {
    let site = cache().join("cuda-wheels/site");
    let home = site.join("nvidia/cu13");
    if !home.join("bin/nvcc").is_file() {
        println!(
            "no CUDA toolkit is installed (CUDA_HOME, CUDA_PATH, nvcc on PATH): taking NVIDIA's wheels for it, about 1.2 GB, into {}",
            site.display()
        );
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--target"]);
        workspace::run("installing NVIDIA's wheels", pip.arg(&site).args(WHEELS))
            .context("install the CUDA toolkit 13.0 instead, and name its folder as CUDA_HOME")?;
    }
    let lib = home.join("lib");
    link("lib", &home.join("lib64"))?;
    // Linkers look for names without a version, which wheels leave out.
    for name in ["libcublas.so", "libcublasLt.so", "libcudart.so", "libcurand.so", "libnvrtc.so"] {
        let prefix = format!("{name}.");
        let mut entries = fs::read_dir(&lib)
            .with_context(|| lib.display().to_string())?
            .filter_map(|e| e.ok()?.file_name().into_string().ok());
        let Some(versioned) = entries.find(|file| file.starts_with(&prefix)) else {
            bail!("{} holds no {name}; remove {} and try again", lib.display(), site.display());
        };
        link(&versioned, &lib.join(name))?;
    }
    Ok(home)
}

fn link(to: &str, at: &Path) -> Result<()> {
    if at.symlink_metadata().is_ok() {
        return Ok(());
    }
    symlink(to, at).with_context(|| format!("linking {}", at.display()))
}

/// A library in the driver's name with every function that candle's bindings may call.
fn stub(folder: &Path) -> Result<()> {
    let library = folder.join("libcuda.so");
    let bindings = bindings()?;
    let text = fs::read_to_string(&bindings).with_context(|| bindings.display().to_string())?;
    let names = functions(&text);
    if names.is_empty() {
        bail!(
            "{} names no function of the driver: this version of cudarc is written in another way",
            bindings.display()
        );
    }
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let source = folder.join("libcuda.c");
    let code: String = names.iter().map(|name| format!("int {name}(void) {{ return {STUB}; }}\n")).collect();
    fs::write(&source, code).with_context(|| source.display().to_string())?;
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-w", "-Wl,-soname,libcuda.so.1", "-o"]).arg(&library).arg(&source);
    workspace::run("compiling a stand-in for the driver's library", &mut cc)?;
    link("libcuda.so", &folder.join("libcuda.so.1"))
}

/// The functions of the driver that the bindings declare.
fn functions(bindings: &str) -> Vec<&str> {
    let declared = bindings.match_indices("fn cu").filter_map(|(at, _)| {
        let name = &bindings[at + "fn ".len()..];
        let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
        // `cuda...` and `cublas...` are of other libraries.
        name["cu".len()..].starts_with(|c: char| c.is_ascii_uppercase()).then_some(&name[..end])
    });
    let mut names: Vec<&str> = declared.collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The file of cudarc that declares the driver's functions, of the version in Cargo.lock.
fn bindings() -> Result<PathBuf> {
    let mut cargo = workspace::cargo();
    cargo.args(["metadata", "--format-version", "1", "--features", "clicker-server/cuda"]);
    let output = cargo.output().context("cargo metadata")?;
    if !output.status.success() {
        bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).context("cargo metadata prints JSON")?;
    let packages = metadata["packages"].as_array().map_or(&[][..], Vec::as_slice);
    let cudarc = packages.iter().find(|package| package["name"] == "cudarc").and_then(|p| p["manifest_path"].as_str());
    let manifest = cudarc.context("Cargo.lock holds no cudarc: did the cuda feature of clicker-server change?")?;
    Ok(Path::new(manifest).with_file_name("src").join("driver/sys/mod.rs"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_of_the_driver_is_found_once() {
        let text = "pub unsafe fn cuInit(x: u32) -> R {\n extern \"C\" {\n fn cuInit(x: u32);\n }\n}\nfn cuCtxCreate_v2(a: B);\nfn cublasCreate_v2(); fn culib() -> &L; fn curand(); fn cudaMalloc();";
        assert_eq!(functions(text), ["cuCtxCreate_v2", "cuInit"]);
    }
}
