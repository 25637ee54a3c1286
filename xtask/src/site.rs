//! Puts target/site together: what the server hands to browsers. Every file is written only when it changed, and
//! what no longer belongs there is removed.

use crate::compress::{self, Encoding};
use crate::{css, sources, wasm, workspace};
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Bytes by path below target/site.
type Files = BTreeMap<PathBuf, Vec<u8>>;

/// Builds the wasm packages, the stylesheet and the static files into target/site.
pub(crate) fn build() -> Result<()> {
    let root = workspace::root();
    let pkg = Path::new("pkg");
    let mut files = Files::new();
    // Before anything is compiled: what is changed meanwhile may not be in it.
    let built_from = sources::hash(&root).context("hashing what the page is built from")?;
    collect(&root.join("public"), Path::new(""), &mut files)?;
    collect(&wasm::build(&wasm::PAGE)?, pkg, &mut files)?;
    collect(&wasm::build(&wasm::LAB)?, pkg, &mut files)?;
    collect(&wasm::build(&wasm::WORKER)?, pkg, &mut files)?;
    collect(&wasm::build(&wasm::RELAXED)?, pkg, &mut files)?;
    collect(&wasm::build(&wasm::GPU)?, pkg, &mut files)?;
    scripts(&root.join("frontend/gpu"), "graphics.js", pkg, &mut files)?;
    scripts(&root.join("frontend/lab"), "rewards.js", pkg, &mut files)?;
    scripts(&root.join("frontend/worker"), "engine.js", pkg, &mut files)?;
    let threads = wasm::threads_std().is_some();
    if threads {
        collect(&wasm::build(&wasm::THREADS)?, pkg, &mut files)?;
    } else {
        files.remove(&pkg.join("threads.js"));
    }
    put(pkg, &mut files, "@threads@", if threads { "yes" } else { "" })?;
    stamp(pkg, &mut files)?;
    files.insert(pkg.join("clicker.css"), css::bundle(&root.join("style/main.css"))?.into_bytes());

    let plain: Vec<PathBuf> = files.keys().filter(|path| compress::worth_it(path)).cloned().collect();
    for path in plain {
        for encoding in [Encoding::Brotli, Encoding::Gzip] {
            let compressed = compress::encode(&files[&path], encoding)?;
            let mut name = path.clone().into_os_string();
            name.push(".");
            name.push(encoding.extension());
            files.insert(name.into(), compressed);
        }
    }
    // The server holds it against its own.
    files.insert("build.txt".into(), built_from.into_bytes());
    write(&files, &workspace::site_dir())
}

/// A package's hand-written JavaScript: the page starts `boot.js` under the name given, and it loads the rest.
fn scripts(from: &Path, boot: &str, into: &Path, files: &mut Files) -> Result<()> {
    for entry in std::fs::read_dir(from).with_context(|| format!("reading {}", from.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "js") {
            let name = path.file_name().filter(|name| *name != "boot.js").unwrap_or(OsStr::new(boot));
            files.insert(into.join(name), without_comments(&std::fs::read_to_string(&path)?).into_bytes());
        }
    }
    Ok(())
}

/// Comments are for readers of the repository: lines that are nothing else are left out of what browsers fetch.
fn without_comments(script: &str) -> String {
    let (mut out, mut within) = (String::with_capacity(script.len()), false);
    for line in script.lines() {
        let text = line.trim_start();
        let comment = within || text.starts_with("//") || text.starts_with("/**");
        within = (within || text.starts_with("/**")) && !text.contains("*/");
        if !comment {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

/// Writes into `engine.js` what tells this build of the engine from any other: tabs share one only if they were loaded from the same build.
fn stamp(pkg: &Path, files: &mut Files) -> Result<()> {
    let scripts: Vec<&[u8]> =
        files.iter().filter(|(path, _)| path.starts_with(pkg)).map(|(_, bytes)| bytes.as_slice()).collect();
    let build = compress::hash(&scripts);
    put(pkg, files, "@build@", &build[..16])
}

/// Fills in a place that `engine.js` has for what only the build knows.
fn put(pkg: &Path, files: &mut Files, place: &str, value: &str) -> Result<()> {
    let boot = files.get_mut(&pkg.join("engine.js")).context("frontend/worker/boot.js is missing")?;
    let text = std::str::from_utf8(boot)?;
    anyhow::ensure!(text.matches(place).count() == 1, "frontend/worker/boot.js must have {place} once");
    *boot = text.replace(place, value).into_bytes();
    Ok(())
}

/// Reads a folder, names starting with a dot left out. A folder that is not there is empty.
fn collect(from: &Path, into: &Path, files: &mut Files) -> Result<()> {
    if !from.is_dir() {
        return Ok(());
    }
    for entry in std::fs::read_dir(from).with_context(|| format!("reading {}", from.display()))? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        let target = into.join(entry.file_name());
        if entry.path().is_dir() {
            collect(&entry.path(), &target, files)?;
        } else {
            files.insert(target, std::fs::read(entry.path())?);
        }
    }
    Ok(())
}

/// Makes the folder hold exactly these files.
fn write(files: &Files, dir: &Path) -> Result<()> {
    std::fs::create_dir_all(dir)?;
    let mut old = Files::new();
    collect(dir, Path::new(""), &mut old)?;
    for path in old.keys().filter(|path| !files.contains_key(*path)) {
        std::fs::remove_file(dir.join(path))?;
    }
    for (path, bytes) in files.iter().filter(|(path, bytes)| old.get(*path) != Some(*bytes)) {
        let target = dir.join(path);
        std::fs::create_dir_all(target.parent().unwrap_or(dir))?;
        std::fs::write(&target, bytes).with_context(|| format!("writing {}", target.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_loses_no_line() {
        let script =
            "// a\nconst a = 2 // two\n  * 3;\n/** one line */\nfoo();\n  /**\n   * @param x\n   */\n  *bar() {}\n";
        assert_eq!(without_comments(script), "const a = 2 // two\n  * 3;\nfoo();\n  *bar() {}\n");
    }

    #[test]
    fn another_file_is_another_build() {
        let pkg = Path::new("pkg");
        let stamped = |other: &[u8]| {
            let mut files = Files::from([
                (pkg.join("engine.js"), b"const BUILD = \"@build@\";".to_vec()),
                (pkg.join("worker_bg.wasm"), other.to_vec()),
            ]);
            stamp(pkg, &mut files).unwrap();
            String::from_utf8(files.remove(&pkg.join("engine.js")).unwrap()).unwrap()
        };
        assert!(!stamped(b"1").contains("@build@"));
        assert_eq!(stamped(b"1"), stamped(b"1"));
        assert_ne!(stamped(b"1"), stamped(b"2"));
        assert!(stamp(pkg, &mut Files::from([(pkg.join("engine.js"), b"no place".to_vec())])).is_err());
    }

    #[test]
    fn other_views_have_another_hash() {
        let root = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
            sources::FOLDERS.into_iter().for_each(|folder| std::fs::create_dir_all(root.path().join(folder)).unwrap());
        };
        let lock = |leptos: &str, other: &str| {
            let package = |name, version| format!("[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n\n");
            put("Cargo.lock", &(package("leptos", leptos) + &package("other", other)));
        };
        lock("0.8.1", "1");
        put("app/src/pages/runs.rs", "a view");
        let first = sources::hash(root.path()).unwrap();
        put("crates/lm/src/lib.rs", "no view");
        lock("0.8.1", "2");
        assert_eq!(sources::hash(root.path()).unwrap(), first);
        lock("0.8.2", "2");
        let second = sources::hash(root.path()).unwrap();
        put("app/src/pages/runs.rs", "another view");
        let third = sources::hash(root.path()).unwrap();
        put("app/src/pages/more.rs", "");
        let fourth = sources::hash(root.path()).unwrap();
        let all = std::collections::BTreeSet::from([first, second, third, fourth]);
        assert_eq!(all.len(), 4, "{all:?}");
    }

    #[test]
    fn the_folder_ends_up_with_exactly_the_files() {
        let dir = tempfile::tempdir().unwrap();
        let files = Files::from([("a.txt".into(), b"1".to_vec()), ("pkg/b.js".into(), b"2".to_vec())]);
        write(&files, dir.path()).unwrap();
        let fewer = Files::from([("pkg/b.js".into(), b"3".to_vec())]);
        write(&fewer, dir.path()).unwrap();
        let mut found = Files::new();
        collect(dir.path(), Path::new(""), &mut found).unwrap();
        assert_eq!(found, fewer);
    }
}
