//! The life of the server process: start, serve, stop.

use std::io::Write;
use std::time::Duration;

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};

use crate::app::Application;
use crate::config::Settings;
use crate::database::{Database, MigrationWatch};
use crate::limits;
use crate::observability::log_limit;
use crate::risks;
use crate::startup::StartupServer;

/// Runs the server until SIGTERM or SIGINT.
///
/// # Errors
/// When it cannot start, or fails while it serves.
pub fn run(settings: &Settings) -> anyhow::Result<()> {
    risks::warn(settings);
    limits::raise_open_files();
    let mut responder = StartupResponder { settings, server: None };
    let database = Database::prepare(settings, &mut responder)?;
    let sockets = responder.server.map(StartupServer::stop).unwrap_or_default();
    let served = actix_web::rt::System::new().block_on(async {
        let application = Application::build_on(settings, &database.env, sockets)?;
        let stop = shutdown_signal()?;
        print_banner(&application, &database.location);
        actix_web::rt::spawn(report_suppressed_lines());
        application.run_until(stop).await
    });
    database.stop();
    log_limit::report();
    tracing::info!("stopped");
    served
}

/// Counts the lines that the log leaves out, also where no later line of their kind does.
async fn report_suppressed_lines() {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        log_limit::report();
    }
}

/// Starts the 503 responder when the database is unreachable.
struct StartupResponder<'a> {
    settings: &'a Settings,
    server: Option<StartupServer>,
}

impl MigrationWatch for StartupResponder<'_> {
    fn waiting(&mut self) -> anyhow::Result<()> {
        if self.server.is_none() {
            self.server = Some(StartupServer::start(self.settings)?);
        }
        Ok(())
    }
}

/// Resolves at SIGTERM, SIGINT or SIGHUP, which a closed terminal sends. Unhandled, it would end the process at once and leave
/// PostgreSQL running.
fn shutdown_signal() -> anyhow::Result<impl Future<Output = ()> + 'static> {
    let mut terminate = signal(SignalKind::terminate()).context("no handler can be set for SIGTERM")?;
    let mut hangup = signal(SignalKind::hangup()).context("no handler can be set for SIGHUP")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("no handler can be set for SIGINT")?;
    Ok(async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
            _ = hangup.recv() => "SIGHUP",
        };
        tracing::info!(signal = name, "shutting down: finishing accepted requests");
    })
}

/// Prints the addresses of a server that is ready, and what to try next.
fn print_banner(application: &Application, location: &str) {
    let address = application.address();
    let metrics = application.admin_address();
    let metrics = metrics.map_or_else(String::new, |at| format!("\n  metrics       http://{at}/metrics"));
    let version = crate::version::FULL;
    let banner = format!(
        "\n  Hongyan 鸿雁 {version}\n\
         \n  listening on  http://{address}\
         \n  data          {location}\
         \n  chat          http://{address} (two tabs are two people)\
         \n  try it        http://{address}/docs (every call, in the browser)\
         \n  readiness     curl http://{address}/readyz{metrics}\
         \n  stop          Ctrl-C\n\n"
    );
    // A closed standard output must not keep the server from serving.
    let _ = std::io::stdout().write_all(banner.as_bytes());
    tracing::info!(%address, version, "serving");
}
