//! The binary `clicker`: reads the command line and hands over to the library.

use clap::Parser;
use clicker_server::cli::{Cli, run};
use std::process::ExitCode;

/// Tensors of a training step are allocated and freed by the thousand; mimalloc keeps that off the critical path and
/// gives memory back between runs, which glibc's allocator does not.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("clicker: {error:#}");
            ExitCode::FAILURE
        }
    }
}
