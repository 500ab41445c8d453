//! `cargo xtask serve`: the built page, on this machine only.

use std::io::{Error, ErrorKind};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process;

use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::http::{HeaderValue, header::CACHE_CONTROL};
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;

const TRIES: u16 = 10;

/// Serve the built page on 127.0.0.1.
#[derive(clap::Args)]
pub struct Args {
    /// The output folder of `cargo xtask web`
    #[arg(long, default_value = "dist", value_name = "FOLDER")]
    dir: PathBuf,
    /// The port; if it is taken, the next free one (0: any free one)
    #[arg(long, default_value_t = 8080)]
    port: u16,
}

pub fn run(args: &Args) -> Result<()> {
    serve(&args.dir, args.port)
}

pub fn serve(dir: &Path, port: u16) -> Result<()> {
    ensure!(dir.join("index.html").is_file(), "{} holds no page; build it with `cargo xtask web`", dir.display());
    let listener = bind(port)?;
    let address = listener.local_addr()?;
    if port != 0 && address.port() != port {
        println!("Port {port} is taken, so this is port {}.", address.port());
    }
    // Stopping the server is its normal end.
    ctrlc::set_handler(|| {
        println!();
        process::exit(0)
    })?;
    println!("Serving {} on http://{address} (Ctrl-C ends it)", dir.display());

    let app = Router::new()
        .fallback_service(ServeDir::new(dir).precompressed_gzip())
        // The page is rebuilt in place, so browsers must revalidate.
        .layer(SetResponseHeaderLayer::overriding(CACHE_CONTROL, HeaderValue::from_static("no-cache")));
    listener.set_nonblocking(true)?;
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        axum::serve(listener, app).await
    })?;
    Ok(())
}

/// Listens on the first free port from `port` on.
fn bind(port: u16) -> Result<TcpListener> {
    let last = port.saturating_add(TRIES - 1);
    let mut outcome = Err(Error::from(ErrorKind::AddrInUse));
    for port in port..=last {
        outcome = TcpListener::bind((Ipv4Addr::LOCALHOST, port));
        match &outcome {
            Err(error) if error.kind() == ErrorKind::AddrInUse => {}
            _ => break,
        }
    }
    outcome.with_context(|| format!("cannot listen on any of the ports {port} to {last}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_gives_the_next_free_one() -> Result<()> {
        let taken = bind(0)?.local_addr()?.port().min(u16::MAX - TRIES);
        let _first = bind(taken)?;
        let second = bind(taken)?.local_addr()?;
        assert!(second.port() > taken && second.ip().is_loopback());
        Ok(())
    }

    #[test]
    fn a_folder_without_a_page_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let error = serve(folder.path(), 0).unwrap_err().to_string();
        assert!(error.contains("cargo xtask web"), "{error}");
    }
}
