//! How many bytes a first visit costs, and how many it may cost.

use crate::workspace;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

/// What one part of the page weighs.
pub(crate) struct Part {
    name: &'static str,
    raw: u64,
    brotli: u64,
    /// Where it has to get to, brotli.
    goal: u64,
    /// Most bytes allowed today, brotli: never below the goal; raised only with a reason in docs/decisions.
    budget: u64,
}

/// All parts.
pub(crate) struct Sizes(Vec<Part>);

const KB: u64 = 1024;

/// Adds up the files of target/site.
pub(crate) fn measure() -> Result<Sizes> {
    let mut parts = vec![
        // The budgets of the page and the lab are above their goals: docs/decisions/0004-size-of-the-engine.md.
        part("page wasm", &["clicker_bg.wasm"], 400 * KB, 580 * KB)?,
        part("page js", &["clicker.js"], 40 * KB, 40 * KB)?,
        // Only who opens the lab pays for it. Above its goal too: docs/decisions/0005-the-lab-draws-text.md.
        part("reward lab wasm and js", &["lab_bg.wasm", "lab.js", "rewards.js"], 120 * KB, 180 * KB)?,
        engine("engine wasm and js", "worker")?,
        // Instead of it, where the browser has the instructions.
        engine("engine, relaxed SIMD", "worker-relaxed")?,
        // Only who asks for the card pays for it.
        part("graphics wasm and js", &["gpu_bg.wasm", "gpu.js", "graphics.js", "compared.js"], 150 * KB, 150 * KB)?,
        part("styles", &["clicker.css"], 40 * KB, 40 * KB)?,
    ];
    // Instead of the wasm and its glue above, where it was built and the page may share memory.
    if workspace::site_dir().join("pkg/threads.js").is_file() {
        let files = ["worker-threads_bg.wasm", "worker-threads.js", "threads.js"];
        parts.push(part("engine with threads", &files, 700 * KB, 700 * KB)?);
    }
    Ok(Sizes(parts))
}

/// A build of the engine and what else the worker loads.
fn engine(name: &'static str, build: &str) -> Result<Part> {
    let (wasm, glue) = (format!("{build}_bg.wasm"), format!("{build}.js"));
    let scripts = [
        "engine.js",
        "checked.js",
        "desk.js",
        "front.js",
        "hash.js",
        "lines.js",
        "places.js",
        "pool.js",
        "share.js",
        "start.js",
        "store.js",
        "weights.js",
    ];
    let files: Vec<&str> = [wasm.as_str(), &glue].into_iter().chain(scripts).collect();
    part(name, &files, 700 * KB, 700 * KB)
}

fn part(name: &'static str, files: &[&str], goal: u64, budget: u64) -> Result<Part> {
    let pkg = workspace::site_dir().join("pkg");
    let total = |suffix: &str| -> Result<u64> {
        let mut sum = 0;
        for file in files {
            let path = pkg.join(format!("{file}{suffix}"));
            sum += std::fs::metadata(&path)
                .with_context(|| format!("{} is missing: run `cargo xtask build`", path.display()))?
                .len();
        }
        Ok(sum)
    };
    Ok(Part { name, raw: total("")?, brotli: total(".br")?, goal, budget })
}

impl Sizes {
    /// The table people read.
    pub(crate) fn print(&self) {
        println!("{:<20} {:>9} {:>9} {:>9} {:>9}", "KB", "raw", "brotli", "goal", "budget");
        for part in &self.0 {
            let over = match part.brotli {
                brotli if brotli > part.budget => "  OVER BUDGET",
                brotli if brotli > part.goal => "  above its goal",
                _ => "",
            };
            let kb = |bytes: u64| bytes as f64 / KB as f64;
            let (raw, brotli, goal, budget) = (kb(part.raw), kb(part.brotli), kb(part.goal), kb(part.budget));
            println!("{:<20} {raw:>9.1} {brotli:>9.1} {goal:>9.0} {budget:>9.0}{over}", part.name);
        }
    }

    /// An error that names every part above its budget.
    pub(crate) fn hold(&self) -> Result<()> {
        let over: Vec<String> = self
            .0
            .iter()
            .filter(|part| part.brotli > part.budget)
            .map(|part| format!("{} is {} bytes (brotli), allowed are {}", part.name, part.brotli, part.budget))
            .collect();
        if over.is_empty() {
            return Ok(());
        }
        bail!("{}. Look for a new dependency or feature in the wasm packages.", over.join("; "))
    }

    /// For `make bench`.
    pub(crate) fn json(&self) -> Value {
        let parts = self.0.iter().map(|part| {
            json!({
                "name": part.name,
                "raw_bytes": part.raw,
                "brotli_bytes": part.brotli,
                "goal_bytes": part.goal,
                "budget_bytes": part.budget,
            })
        });
        Value::Array(parts.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_above_its_budget_is_an_error_that_names_it() {
        let sizes = |brotli| Sizes(vec![Part { name: "page wasm", raw: 9, brotli, goal: 4, budget: 5 }]);
        assert!(sizes(5).hold().is_ok());
        assert!(sizes(6).hold().unwrap_err().to_string().contains("page wasm is 6 bytes"));
    }
}
