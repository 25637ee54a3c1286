//! `cargo xtask <command>`: everything about building and checking Clicker that cargo alone does not do.
//!
//! Knows the repository's layout and nothing of what the crates compute.

mod bench;
mod compress;
mod css;
mod cuda;
mod site;
mod sizes;
#[path = "../../app/sources.rs"]
mod sources;
mod verify;
mod wasm;
mod workspace;

use anyhow::{Result, bail};
use std::os::unix::process::CommandExt;

const USAGE: &str = "usage: cargo xtask <command>
  build            the page, the engine and the styles, into target/site
  engine           the engine alone, into target/site-cache/worker: quicker while working on it
  threads          the engine with threads alone, into target/site-cache/worker-threads; once the set-up has made its standard library
                   (`make threads`), every build has it
  play [ARGS...]   build, then serve it; ARGS go to `clicker serve`
  test             formatting, lints, unit and workspace tests, then the browser tests
  check            formatting, lints and the architecture tests
  cuda [ARGS...]   the server with its trainer on NVIDIA cards, in ~/.cache/clicker/target-cuda; ARGS go to cargo
  bench [ARGS...]  speed and sizes, as a table and as target/bench.json; ARGS go to `clicker bench all`";

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let command = args.next();
    let rest: Vec<String> = args.collect();
    match command.as_deref() {
        Some("build") => {
            site::build()?;
            sizes::measure()?.print();
            Ok(())
        }
        Some("threads") => {
            println!("{}", wasm::build(&wasm::THREADS)?.display());
            Ok(())
        }
        Some("engine") => {
            println!("{}", wasm::build(&wasm::WORKER)?.display());
            Ok(())
        }
        Some("play") => play(&rest),
        Some("test") => verify::test(),
        Some("check") => verify::check(),
        Some("cuda") => cuda::run(&rest),
        Some("bench") => bench::run(&rest),
        Some(other) => bail!("there is no command `{other}`\n{USAGE}"),
        None => bail!("a command is missing\n{USAGE}"),
    }
}

/// Builds page and server, then becomes the server: ctrl-C and the exit status are its own.
fn play(args: &[String]) -> Result<()> {
    site::build()?;
    let server = workspace::build_server()?;
    let failure = std::process::Command::new(&server).arg("serve").args(args).current_dir(workspace::root()).exec();
    bail!("cannot start {}: {failure}", server.display())
}
