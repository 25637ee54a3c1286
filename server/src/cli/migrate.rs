//! `clicker migrate`: bring a database up to date.

use anyhow::Context;
use clicker_store::{Backend, Store};
use std::path::PathBuf;

/// Options of `clicker migrate`.
#[derive(Debug, clap::Args)]
pub(crate) struct Migrate {
    /// Folder with the database and the objects.
    #[arg(long, value_name = "DIR", default_value = "./data", env = "CLICKER_DATA_DIR")]
    data_dir: PathBuf,
}

pub(crate) fn run(command: &Migrate) -> anyhow::Result<()> {
    super::runtime()?.block_on(async {
        let dir = command.data_dir.clone();
        let store = Store::open(&Backend::Local { dir }).await.context("the database was not changed")?;
        store.close().await;
        println!("the database in {} is up to date", command.data_dir.display());
        Ok(())
    })
}
