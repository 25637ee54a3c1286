//! `make bench`: the server binary's own measurements plus what the page weighs, as one JSON file and a table.

use crate::{site, sizes, workspace};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::process::{Command, Stdio};

/// Runs `clicker bench all --json`, adds the sizes, writes target/bench.json and prints both as tables.
pub(crate) fn run(args: &[String]) -> Result<()> {
    site::build()?;
    let sizes = sizes::measure()?;
    let server = workspace::build_server()?;
    let output = Command::new(&server)
        .args(["bench", "all", "--json"])
        .args(args)
        .current_dir(workspace::root())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("starting {}", server.display()))?;
    if !output.status.success() {
        bail!("`clicker bench all --json` failed ({})", output.status);
    }
    let speed: Value = serde_json::from_slice(&output.stdout).context("`clicker bench all --json` must print JSON")?;

    print_rows("", &speed);
    println!();
    sizes.print();
    let report = json!({ "speed": speed, "sizes": sizes.json() });
    let path = workspace::root().join("target/bench.json");
    std::fs::write(&path, serde_json::to_string_pretty(&report)?)?;
    println!("\nwritten to {}", path.display());
    Ok(())
}

/// One line a number, named by its path through the JSON.
fn print_rows(path: &str, value: &Value) {
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| print_rows(&below(key), value)),
        Value::Array(items) => {
            for (i, value) in items.iter().enumerate() {
                print_rows(&below(&i.to_string()), value);
            }
        }
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() => println!("{path:<48} {float:>14.3}"),
            _ => println!("{path:<48} {number:>14}"),
        },
        other => println!("{path:<48} {:>14}", other.as_str().map_or_else(|| other.to_string(), str::to_owned)),
    }
}
