//! The binary `clicker`: reads the command line and hands over to the library.

use clap::Parser;
use clicker_server::cli::{Cli, exit_code, run};
use std::process::ExitCode;

/// Tensors of a training step are allocated and freed by the thousand; mimalloc keeps that off the critical path and
/// gives memory back between runs, which glibc's allocator does not.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    serial_products();
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("clicker: {error:#}");
            ExitCode::from(exit_code(&error))
        }
    }
}

/// Training cuts every step into shards, one thread each (docs/decisions/0002-two-shards.md); matrix products that spread over
/// threads of their own would only get in their way.
fn serial_products() {
    if std::env::var_os("RAYON_NUM_THREADS").is_none() {
        // SAFETY: the first thing that the process does: no other thread exists that could read the environment.
        #[expect(unsafe_code, reason = "the products' library reads its number of threads from the environment only")]
        unsafe {
            std::env::set_var("RAYON_NUM_THREADS", "1");
        }
    }
}
