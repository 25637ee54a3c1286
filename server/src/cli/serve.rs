//! `clicker serve`: the page, the API and the trainer in one process.

use crate::{AppState, Hosts, OwnerKey, router, site};
use anyhow::{Context, bail};
use clicker_service::headless::Compute;
use clicker_service::{Service, ServiceConfig};
use leptos::config::{Env, LeptosOptions};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How long open downloads may keep a stopping server alive.
const PATIENCE: Duration = Duration::from_secs(10);

/// Options of `clicker serve`.
#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    /// Folder for the database, the checkpoints and the owner's token; made if it is not there.
    #[arg(long, value_name = "DIR", default_value = "./data", env = "CLICKER_DATA_DIR")]
    data_dir: PathBuf,
    /// Port to listen on; 0 takes a free one and prints it.
    #[arg(long, default_value_t = 3000, env = "CLICKER_PORT")]
    port: u16,
    /// Address to listen on.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1", env = "CLICKER_HOST")]
    host: IpAddr,
    /// Allow an address that other machines can reach. Anybody who reaches it can read runs and votes, and vote.
    #[arg(long)]
    allow_remote: bool,
    /// Folder with the built page: `pkg/` with scripts, wasm and styles, and the public files.
    #[arg(long, value_name = "DIR", default_value = "target/site", env = "CLICKER_SITE_ROOT")]
    site_root: PathBuf,
    /// Where runs are trained: cpu, or cuda:N for an NVIDIA card (a build with CUDA). The page and evaluations stay on the processor.
    #[arg(long, value_name = "DEVICE", default_value = "cpu", env = "CLICKER_TRAIN_DEVICE")]
    train_device: String,
    /// The built-in model: a GGUF file with weights and tokenizer.
    #[arg(long, value_name = "FILE", default_value = super::BUILTIN, env = "CLICKER_MODEL")]
    model: PathBuf,
}

pub(crate) fn run(command: &Serve) -> anyhow::Result<()> {
    if !command.host.is_loopback() && !command.allow_remote {
        bail!(
            "{} can be reached from other machines; add --allow-remote if you mean it, or leave --host at 127.0.0.1",
            command.host
        );
    }
    super::runtime()?.block_on(serve(command))
}

async fn serve(command: &Serve) -> anyhow::Result<()> {
    let compute = Compute::named(&command.train_device)?;
    let mut interrupts = Interrupts::listen()?;
    let listener = TcpListener::bind((command.host, command.port)).await.with_context(|| {
        let (host, port) = (command.host, command.port);
        format!("{host}:{port} cannot be listened on; is another server running there? --port 0 takes any free port")
    })?;
    let address = listener.local_addr()?;

    let model = read_model(&command.model)?;
    let service =
        Service::open(ServiceConfig { compute, ..ServiceConfig::local(command.data_dir.clone(), model) }).await?;
    let owner = OwnerKey::load(&command.data_dir)?;
    if !command.site_root.join("pkg").is_dir() {
        tracing::warn!("{} holds no built page; build it with `cargo xtask build`", command.site_root.display());
    } else if let Some(misfit) = site::misfit(&command.site_root) {
        tracing::warn!("{misfit}");
    }
    let state = AppState {
        service: service.clone(),
        options: options(address, &command.site_root),
        owner: owner.clone(),
        hosts: if command.allow_remote { Hosts::Any } else { Hosts::Loopback },
    };
    greet(address, &owner, &command.data_dir);

    let stopping = service.clone();
    let (begun, mut begins) = tokio::sync::oneshot::channel();
    let server = axum::serve(listener, router(state)).with_graceful_shutdown(async move {
        interrupts.next().await;
        tracing::info!("stopping: the current step is stored first; interrupt again to stop at once");
        // Ends the event streams, which would keep their connections open for ever.
        stopping.begin_shutdown();
        let _ = begun.send(());
        tokio::spawn(async move {
            interrupts.next().await;
            tracing::warn!("stopped at once: a running run goes on from its last stored step at the next start");
            std::process::exit(130);
        });
    });
    let late = async {
        if (&mut begins).await.is_err() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(PATIENCE).await;
    };
    tokio::select! {
        result = server.into_future() => result.context("the server failed")?,
        () = late => tracing::warn!("some connections were cut: they did not end within {} s", PATIENCE.as_secs()),
    }
    service.shutdown().await;
    tracing::info!("stopped");
    Ok(())
}

/// The built-in model's bytes. A server without one serves checkpoints and votes all the same.
fn read_model(path: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            tracing::warn!("there is no built-in model at {}; name one with --model", path.display());
            Ok(None)
        }
        Err(e) => Err(e).with_context(|| format!("the built-in model {} cannot be read", path.display())),
    }
}

fn options(address: SocketAddr, site_root: &Path) -> LeptosOptions {
    LeptosOptions::builder()
        .output_name("clicker")
        .site_root(site_root.to_string_lossy().into_owned())
        .site_pkg_dir("pkg")
        .site_addr(address)
        .env(Env::PROD)
        .build()
}

fn greet(address: SocketAddr, owner: &OwnerKey, data_dir: &Path) {
    println!("Clicker     http://{address}");
    println!("Owner link  http://{address}/owner?token={}", owner.token());
    println!("Data        {}", data_dir.display());
    println!("The owner link lets its browser start and stop training; keep it to yourself.");
}

/// Ctrl-C and the wish of a supervisor.
struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupts {
    fn listen() -> anyhow::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
