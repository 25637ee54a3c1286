//! `make check` and `make test`: the steps, in the order in which a mistake is cheapest to find.

use crate::{site, sizes, wasm, workspace};
use anyhow::{Result, bail};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

const WASM_PACKAGES: [&str; 8] = [
    "--package",
    "clicker-frontend",
    "--package",
    "clicker-lab",
    "--package",
    "clicker-worker",
    "--package",
    "clicker-gpu",
];

/// Passed and failed tests of one runner.
#[derive(Debug, Default, PartialEq, Eq)]
struct Count {
    passed: u32,
    failed: u32,
}

/// Formatting, lints, licences (where cargo-deny is installed) and the architecture tests.
pub(crate) fn check() -> Result<()> {
    lint()?;
    if workspace::on_path("cargo-deny").is_some() {
        workspace::run("cargo-deny", workspace::cargo().args(["deny", "check"]))?;
    }
    // No `--package`: all default members together settle features, so nothing is compiled a second time for this.
    let args = ["test", "--test", "all", "invariants::"];
    workspace::run("architecture tests", workspace::cargo().args(args))
}

/// Everything. The last line is the total of all runners.
pub(crate) fn test() -> Result<()> {
    lint()?;
    // Before any test runs, with the same flags: the browser tests need the server binary, and one compilation of the
    // dependency tree serves both.
    heading("building the tests and the server");
    workspace::run("building the tests", workspace::cargo().args(["build", "--all-targets"]))?;
    heading("tests");
    let mut total = Count::default();
    let native = tally(workspace::cargo().args(["test", "--no-fail-fast"]), cargo_line, &mut total)?;
    heading("page and engine");
    site::build()?;
    let sizes = sizes::measure()?;
    sizes.print();
    heading("browser tests");
    let browser = tally(&mut browser_tests()?, node_line, &mut total)?;
    let budget = sizes.hold();
    match &budget {
        Ok(()) => total.passed += 1,
        Err(problem) => {
            total.failed += 1;
            println!("size budget: {problem}");
        }
    }
    println!("{} passed, {} failed", total.passed, total.failed);
    budget?;
    if !native || !browser || total.failed > 0 {
        bail!("the tests did not pass");
    }
    Ok(())
}

fn lint() -> Result<()> {
    heading("formatting");
    workspace::run(
        "formatting (mend it with `cargo fmt --all`)",
        workspace::cargo().args(["fmt", "--all", "--check"]),
    )?;
    heading("lints");
    let deny = ["--", "-D", "warnings"];
    workspace::run("clippy", workspace::cargo().args(["clippy", "--all-targets"]).args(deny))?;
    let wasm_lints = ["--lib", "--target", "wasm32-unknown-unknown", "--", "-D", "warnings"];
    workspace::run("clippy for wasm32", workspace::cargo().arg("clippy").args(WASM_PACKAGES).args(wasm_lints))?;
    // What is there with threads alone, where that can be compiled: with a compiler of one's own comes no clippy. Not the worker, whose 125
    // lines of this kind would take checking all that it links once more (106 s at first).
    if wasm::threads_std().is_some() && std::env::var_os("CLICKER_THREADS_RUSTC").is_none() {
        let mut clippy = workspace::cargo();
        wasm::with_threads(&mut clippy)?;
        clippy.args(["clippy", "--package", "clicker-kernels", "--target-dir"]);
        workspace::run("clippy for threads", clippy.arg(workspace::target_dir().join("threads")).args(wasm_lints))?;
    }
    Ok(())
}

/// Node's own runner over every spec, against the server just built. One at a time: each spec starts a server and a
/// browser, and two cores are soon full.
fn browser_tests() -> Result<Command> {
    let folder = workspace::root().join("end2end");
    let mut specs = Vec::new();
    for entry in std::fs::read_dir(folder.join("specs"))? {
        specs.push(entry?.path());
    }
    specs.sort();
    let mut node = Command::new("node");
    node.args(["--test", "--test-reporter=spec", "--test-concurrency=1"])
        .args(specs)
        .current_dir(folder)
        .env("CLICKER_BIN", workspace::server_binary())
        .env("CLICKER_PARITY", workspace::target_dir().join("debug/examples/parity"));
    Ok(node)
}

/// Runs a test runner, shows what it prints and adds up the lines that count. True when it ended well.
fn tally(runner: &mut Command, count: fn(&str, &mut Count), total: &mut Count) -> Result<bool> {
    let mut child = runner.stdout(Stdio::piped()).spawn()?;
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines() {
            let line = line?;
            println!("{line}");
            count(&line, total);
        }
    }
    Ok(child.wait()?.success())
}

/// `test result: ok. 12 passed; 0 failed; ...`
fn cargo_line(line: &str, total: &mut Count) {
    let Some(result) = line.strip_prefix("test result: ") else { return };
    let mut number: Option<u32> = None;
    for word in result.split([' ', ';', '.']).filter(|word| !word.is_empty()) {
        match (word, number) {
            ("passed", Some(n)) => total.passed += n,
            ("failed", Some(n)) => total.failed += n,
            _ => {}
        }
        number = word.parse().ok();
    }
}

/// `ℹ pass 12` and `ℹ fail 0`, with `#` for the mark when the output is not a terminal's.
fn node_line(line: &str, total: &mut Count) {
    let mut words = line.split_whitespace();
    if !matches!(words.next(), Some("ℹ" | "#")) {
        return;
    }
    let field = match words.next() {
        Some("pass") => &mut total.passed,
        Some("fail" | "cancelled") => &mut total.failed,
        _ => return,
    };
    *field += words.next().and_then(|word| word.parse::<u32>().ok()).unwrap_or(0);
}

fn heading(text: &str) {
    println!("\n== {text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_of_both_runners_are_counted() {
        let mut total = Count::default();
        let line = "test result: FAILED. 7 passed; 2 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.1s";
        cargo_line(line, &mut total);
        cargo_line("test failed::named ... ok", &mut total);
        assert_eq!(total, Count { passed: 7, failed: 2 });
        for line in ["ℹ tests 5", "ℹ pass 3", "ℹ fail 1", "# cancelled 1", "  # pass it on"] {
            node_line(line, &mut total);
        }
        assert_eq!(total, Count { passed: 10, failed: 4 });
    }
}
