//! The application: an instance that is wired, bound and ready to run.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::web;
use anyhow::Context;
use api::{ApiSettings, Bulkheads, ReadinessProbe, RequestObserver, ServerFacts, SocketHub};
use domain::account::RegistrationMode;
use infra::db::{ConnectionBudget, Connector};
use infra::postgres::{ChangePoll, SearchIndexer};
use infra::signals::SignalLink;

use crate::background::Background;
use crate::config::{MessageLanguage, Settings, Switch};
use crate::connection::{self, HttpSettings, UnreadLimits};
use crate::limits;
use crate::listener::Listener;
use crate::observability::admin::AdminServer;
use crate::observability::metrics::Metrics;
use crate::observability::readiness::Readiness;
use crate::shutdown::GracefulShutdown;
use crate::startup::BoundSockets;
use crate::version;
use crate::wiring::{self, Wiring};

pub use crate::wiring::RuntimeEnv;

/// A server that is wired and bound but not running yet.
pub struct Application {
    server: Server,
    address: SocketAddr,
    shutdown: GracefulShutdown,
    indexer: SearchIndexer,
    change_poll: ChangePoll,
    signals: Option<SignalLink>,
    background: Background,
    admin: Option<AdminServer>,
}

impl Application {
    /// Time limit for receiving the head of a request.
    const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

    /// The database connections of an instance.
    #[must_use]
    pub fn connection_budget(settings: &Settings) -> ConnectionBudget {
        wiring::connection_budget(settings)
    }

    fn http_settings(settings: &Settings) -> HttpSettings {
        HttpSettings {
            workers: limits::workers(),
            connections_per_worker: limits::connections_per_worker(Self::connection_budget(settings).total()),
            keep_alive: settings.keep_alive,
            head_timeout: Self::HEAD_TIMEOUT,
            unread: UnreadLimits::SERVER,
            shutdown: settings.shutdown,
        }
    }

    /// Wires everything and binds the address; port 0 picks a free one.
    ///
    /// # Errors
    /// When the address is in use, the secret is too short or a thread cannot be started.
    pub fn build(settings: &Settings, env: &RuntimeEnv) -> anyhow::Result<Self> {
        Self::build_on(settings, env, BoundSockets::default())
    }

    /// As [`Self::build`], on sockets that listen already, where there are any.
    ///
    /// # Errors
    /// As [`Self::build`].
    pub fn build_on(settings: &Settings, env: &RuntimeEnv, sockets: BoundSockets) -> anyhow::Result<Self> {
        let metrics = Arc::new(Metrics::new()?);
        let hasher = wiring::hasher(settings)?;
        metrics.register(hasher.collectors()?)?;
        let (url, connector) = (&env.database_url, Connector::start());
        let db = wiring::main_pool(settings, url, &connector)?;
        let change_poll = ChangePoll::start(&db)?;
        metrics.register(change_poll.collectors()?)?;
        let wiring = Wiring { settings, env, db, metrics: &metrics };
        let (use_cases, parts) = wiring.use_cases(hasher)?;
        let readiness = Arc::new(Readiness::new(url, &connector, parts.commits)?);
        let background = Background::wire(settings, url, &connector)?;
        metrics.register(background.collectors()?)?;
        let probe: Arc<dyn ReadinessProbe> = Arc::<Readiness>::clone(&readiness);
        let observer: Arc<dyn RequestObserver> = Arc::<Metrics>::clone(&metrics);
        let api_settings = api_settings(settings);
        let admission = Arc::clone(&api_settings.admission);
        let signals = wiring.signals(&api_settings.sockets)?;
        use_cases.sessions.tell_of_ends(Arc::<SocketHub>::clone(&api_settings.sockets));
        let (socket, listener) = match sockets.api {
            Some(bound) => bound,
            None => Listener::bind("HONGYAN_BIND", settings.bind)?,
        };
        let use_cases = web::Data::new(use_cases);
        let app = move || {
            api::app(use_cases.clone(), Arc::clone(&probe), Arc::clone(&observer), api_settings.clone())
        };
        let address = socket.local_addr().context("the server has no address")?;
        let server = connection::listen(socket, Self::http_settings(settings), app)?;
        let build = |bind| AdminServer::build(bind, metrics, Arc::clone(&readiness), sockets.admin);
        let admin = settings.admin_bind.map(build).transpose()?;
        let (handle, drain) = (server.handle(), settings.drain);
        let shutdown = GracefulShutdown { server: handle, listener, readiness, admission, drain };
        let indexer = parts.indexer;
        Ok(Self { server, address, shutdown, indexer, change_poll, signals, background, admin })
    }

    /// The address that the API listens on.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address of the admin listener, if there is one.
    #[must_use]
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(|admin| admin.address)
    }

    /// Serves until `stop` resolves, then shuts down gracefully. Background tasks and the admin listener run until the end, so
    /// that operators can watch the shutdown.
    ///
    /// # Errors
    /// When the server fails.
    pub async fn run_until(self, stop: impl Future<Output = ()> + 'static) -> anyhow::Result<()> {
        let (background, shutdown) = (self.background.start(), self.shutdown);
        actix_web::rt::spawn(async move {
            stop.await;
            shutdown.run().await;
        });
        let admin_server = self.admin.map(|admin| (admin.handle, actix_web::rt::spawn(admin.server)));
        let served = self.server.await.context("the server failed");
        drop(self.indexer);
        if let Some(signals) = self.signals {
            signals.finish();
        }
        self.change_poll.finish();
        background.stop().await;
        if let Some((handle, admin)) = admin_server {
            handle.stop(false).await;
            admin.await.context("the admin listener failed")??;
        }
        served
    }
}

fn api_settings(settings: &Settings) -> ApiSettings {
    ApiSettings {
        cors_origins: settings.cors_origins.clone(),
        trusted_proxies: settings.trusted_proxies.clone(),
        english_by_default: settings.default_language == MessageLanguage::En,
        without_docs: settings.docs == Switch::Off,
        without_web: settings.web == Switch::Off,
        facts: ServerFacts {
            version: version::FULL,
            registration: match settings.rules.registration {
                RegistrationMode::Open => "open",
                RegistrationMode::Invite => "invite",
                RegistrationMode::Closed => "closed",
            },
            recall_window: settings.rules.recall_window,
        },
        admission: Arc::new(Bulkheads::new(wiring::admission(settings))),
        sockets: Arc::new(SocketHub::new(settings.sockets)),
    }
}
