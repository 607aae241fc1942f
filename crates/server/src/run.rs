//! The life of the process: start, serve, stop.

use std::io::Write;

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};

use crate::app::Application;
use crate::config::Settings;
use crate::database::{Foundation, MigrationWatch};
use crate::limits;
use crate::waiting::StandIn;

/// Runs the server until it is told to stop.
///
/// # Errors
/// When it cannot start, or fails.
pub fn run(settings: &Settings) -> anyhow::Result<()> {
    if settings.bcrypt_cost < 10 {
        tracing::warn!(
            cost = settings.bcrypt_cost,
            "HONGYAN_BCRYPT_COST under 10 makes stolen passwords cheap to guess"
        );
    }
    limits::raise();
    let mut door = Door { settings, stand_in: None };
    let foundation = Foundation::lay(settings, &mut door)?;
    let listeners = door.stand_in.map(StandIn::stop).unwrap_or_default();
    let served = actix_web::rt::System::new().block_on(async {
        let application = Application::build_on(settings, &foundation.ground, listeners)?;
        let stop = told_to_stop()?;
        greet(&application, &foundation.place);
        application.run_until(stop).await
    });
    foundation.stop();
    tracing::info!("stopped");
    served
}

/// Has somebody answer the door once the database is found to be away.
struct Door<'a> {
    settings: &'a Settings,
    stand_in: Option<StandIn>,
}

impl MigrationWatch for Door<'_> {
    fn is_away(&mut self) -> anyhow::Result<()> {
        if self.stand_in.is_none() {
            self.stand_in = Some(StandIn::start(self.settings)?);
        }
        Ok(())
    }
}

/// Resolves at SIGTERM or SIGINT.
fn told_to_stop() -> anyhow::Result<impl Future<Output = ()> + 'static> {
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be waited for")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT cannot be waited for")?;
    Ok(async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        tracing::info!(signal = name, "finishing what was accepted, then stopping");
    })
}

/// Tells a person where everything is and what to try.
fn greet(application: &Application, place: &str) {
    let address = application.address();
    let metrics = application.admin_address();
    let metrics = metrics.map_or_else(String::new, |at| format!("\n  metrics       http://{at}/metrics"));
    let version = crate::version::FULL;
    let banner = format!(
        "\n  Hongyan 鸿雁 {version}\n\
         \n  listening on  http://{address}\
         \n  the data is   {place}\
         \n  try it        http://{address}/docs (every call, in the browser)\
         \n  is it well?   curl http://{address}/readyz{metrics}\
         \n  stop it       Ctrl-C\n\n"
    );
    // A closed terminal is no reason not to serve.
    let _ = std::io::stdout().write_all(banner.as_bytes());
    tracing::info!(%address, version, "serving");
}
