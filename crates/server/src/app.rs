//! Wiring: adapters into use cases into handlers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::{HttpServer, web};
use anyhow::Context;
use api::{ApiSettings, ReadinessProbe, RequestObserver, UseCases};
use domain::account::{
    LifecyclePorts, LifecycleService, PasswordHasher, ProfileService, RegistrationPorts, RegistrationService,
};
use domain::auth::{SessionPorts, SessionService};
use domain::block::BlockService;
use domain::conversation::ConversationService;
use domain::export::ExportService;
use domain::friendship::FriendshipService;
use domain::friendship_request::FriendshipRequestService;
use domain::message::MessageService;
use domain::number::saturating;
use infra::clock::DatabaseClock;
use infra::crypto::password::BcryptHasher;
use infra::crypto::random::SystemRandom;
use infra::crypto::token::JwtCodec;
use infra::db::{ConnectionBudget, Db, DbSettings};
use infra::postgres::{
    ExportSettings, PgBlockRepository, PgConversationRepository, PgExportRepository, PgFriendshipRepository,
    PgFriendshipRequestRepository, PgLifecycleRepository, PgLoginThrottle, PgMessageRepository,
    PgSessionRepository, PgUserRepository, SearchIndexer, SendQueueSettings,
};
use infra::revoked_sessions::RevokedSessionCache;
use infra::send_quota::SendQuotaInMemory;
use secrecy::SecretString;

use crate::background::Background;
use crate::config::Settings;
use crate::limits;
use crate::listener::Listener;
use crate::observability::admin::AdminServer;
use crate::observability::metrics::Metrics;
use crate::observability::readiness::Readiness;
use crate::search;
use crate::shutdown::GracefulShutdown;
use crate::startup::BoundSockets;

/// What an instance needs from outside: a migrated database and the signing secret.
pub struct RuntimeEnv {
    /// A libpq URL.
    pub database_url: String,
    /// The secret that tokens are signed with.
    pub secret: SecretString,
}

/// A server that is wired and bound but not running yet.
pub struct Application {
    server: Server,
    address: SocketAddr,
    shutdown: GracefulShutdown,
    indexer: SearchIndexer,
    background: Background,
    admin: Option<AdminServer>,
}

impl Application {
    /// Length of the queue for a database thread.
    const DB_QUEUE: usize = 1024;
    /// Threads that store messages: one prepares its batch while the other waits for the disk.
    const WRITERS: u32 = 2;
    /// Length of each writer's queue, in messages.
    const SEND_QUEUE: usize = 1024;
    /// Exports are rare and large, and their snapshots keep dead rows from being vacuumed.
    const EXPORTS: ExportSettings = ExportSettings { at_once: 2, deadline: Duration::from_secs(600) };
    /// Time limit for receiving the head of a request.
    const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

    /// The database connections of an instance.
    #[must_use]
    pub fn connection_budget(settings: &Settings) -> ConnectionBudget {
        ConnectionBudget {
            requests: settings.db_pool_size,
            writers: Self::WRITERS,
            searches: saturating(search::threads()),
            indexer: 1,
            polls: 1,
            exports: saturating(Self::EXPORTS.at_once),
            background: 1,
            readiness: 1,
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
        let hasher = hasher(settings)?;
        metrics.register(hasher.collectors()?)?;
        let (use_cases, indexer) = use_cases(settings, env, hasher, &metrics)?;
        let use_cases = web::Data::new(use_cases);
        let readiness = Arc::new(Readiness::new(&env.database_url)?);
        let probe: Arc<dyn ReadinessProbe> = Arc::<Readiness>::clone(&readiness);
        let observer: Arc<dyn RequestObserver> = Arc::<Metrics>::clone(&metrics);
        let api_settings = ApiSettings {
            cors_origins: settings.cors_origins.clone(),
            trusted_proxies: settings.trusted_proxies.clone(),
        };
        let (socket, listener) = match sockets.api {
            Some(bound) => bound,
            None => Listener::bind("HONGYAN_BIND", settings.bind)?,
        };
        let app = move || {
            api::app(use_cases.clone(), Arc::clone(&probe), Arc::clone(&observer), api_settings.clone())
        };
        let server = HttpServer::new(app)
            .disable_signals()
            .shutdown_timeout(settings.shutdown.as_secs())
            .client_request_timeout(Self::HEAD_TIMEOUT)
            .keep_alive(settings.keep_alive)
            .workers(limits::workers())
            .max_connections(limits::connections_per_worker(Self::connection_budget(settings).total()))
            .listen(socket)?;
        let address = server.addrs().first().copied().context("the server has no address")?;
        let server = server.run();
        let admin = settings
            .admin_bind
            .map(|bind| AdminServer::build(bind, metrics, Arc::clone(&readiness), sockets.admin));
        let admin = admin.transpose()?;
        let shutdown =
            GracefulShutdown { server: server.handle(), listener, readiness, drain: settings.drain };
        let background = Background::wire(settings, &env.database_url)?;
        Ok(Self { server, address, shutdown, indexer, background, admin })
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
        background.stop().await;
        if let Some((handle, admin)) = admin_server {
            handle.stop(false).await;
            admin.await.context("the admin listener failed")??;
        }
        served
    }
}

fn use_cases(
    settings: &Settings,
    env: &RuntimeEnv,
    hasher: BcryptHasher,
    metrics: &Metrics,
) -> anyhow::Result<(UseCases, SearchIndexer)> {
    let budget = Application::connection_budget(settings);
    let db = Arc::new(Db::new(&DbSettings {
        url: env.database_url.clone(),
        connections: budget.requests,
        reserved: budget.reserved(),
        queue: Application::DB_QUEUE,
    })?);
    let writers = usize::try_from(Application::WRITERS)?;
    let queue = SendQueueSettings { writers, queue: Application::SEND_QUEUE, max_wait: Db::MAX_QUEUE_WAIT };
    let users = Arc::new(PgUserRepository::new(Arc::clone(&db)));
    let rules = settings.rules;
    let requests = Arc::new(PgFriendshipRequestRepository::new(Arc::clone(&db)));
    let (search, indexer) = search::start(&db)?;
    let messages = PgMessageRepository::start(Arc::clone(&db), queue)?;
    metrics.register(db.collectors()?)?;
    metrics.register(messages.collectors()?)?;
    let ports = session_ports(settings, env, &db, Arc::clone(&users), hasher)?;
    let (ended, hasher) = (Arc::clone(&ports.ended), Arc::clone(&ports.hasher));
    let sessions = Arc::new(SessionService::new(ports, settings.signing.lifetimes));
    let use_cases = UseCases {
        accounts: LifecycleService::new(LifecyclePorts {
            accounts: Arc::new(PgLifecycleRepository::new(Arc::clone(&db))),
            sessions: Arc::clone(&sessions),
            ended,
        }),
        registration: registration(Arc::clone(&users), hasher, Arc::clone(&sessions)),
        exports: ExportService::new(Arc::new(PgExportRepository::start(&db, Application::EXPORTS)?)),
        users: ProfileService::new(users, rules.uid_change_interval),
        sessions,
        friendship_requests: FriendshipRequestService::new(requests, rules.requests),
        friendships: FriendshipService::new(Arc::new(PgFriendshipRepository::new(Arc::clone(&db)))),
        blocks: BlockService::new(Arc::new(PgBlockRepository::new(Arc::clone(&db)))),
        conversations: ConversationService::new(Arc::new(PgConversationRepository::new(Arc::clone(&db)))),
        messages: MessageService::new(
            Arc::new(messages),
            rules.recall_window,
            rules.messages_per_minute.map(|quota| Arc::new(SendQuotaInMemory::per_minute(quota)) as _),
        ),
        search,
    };
    Ok((use_cases, indexer))
}

pub(crate) fn hasher(settings: &Settings) -> anyhow::Result<BcryptHasher> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    // One core is left to everything else.
    BcryptHasher::start(settings.bcrypt_cost, cores.saturating_sub(1))
        .map_err(|error| anyhow::anyhow!("cannot start bcrypt: {error}"))
}

pub(crate) fn registration(
    users: Arc<PgUserRepository>,
    hasher: Arc<dyn PasswordHasher>,
    sessions: Arc<SessionService>,
) -> RegistrationService {
    RegistrationService::new(RegistrationPorts { users, hasher, random: Arc::new(SystemRandom), sessions })
}

pub(crate) fn session_ports(
    settings: &Settings,
    env: &RuntimeEnv,
    db: &Arc<Db>,
    users: Arc<PgUserRepository>,
    hasher: BcryptHasher,
) -> anyhow::Result<SessionPorts> {
    let clock = Arc::new(DatabaseClock::start(db)?);
    let life = settings.signing.lifetimes.access;
    Ok(SessionPorts {
        users,
        sessions: Arc::new(PgSessionRepository::new(Arc::clone(db))),
        throttle: Arc::new(PgLoginThrottle::new(Arc::clone(db))),
        hasher: Arc::new(hasher),
        tokens: Arc::new(JwtCodec::new(&env.secret, settings.signing.previous.as_ref())?),
        ended: Arc::new(RevokedSessionCache::start(db, life)?),
        clock,
    })
}
