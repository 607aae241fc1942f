//! The wiring: adapters into use-cases into handlers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::{HttpServer, web};
use anyhow::Context;
use api::{ApiSettings, ReadinessProbe, RequestObserver, UseCases};
use domain::account::{
    AccountPorts, AccountService, PasswordHasher, RegistrationPorts, RegistrationService, UserService,
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
use infra::crypto::password::{BcryptHasher, CheckCounter};
use infra::crypto::random::SystemRandom;
use infra::crypto::token::JwtCodec;
use infra::db::{ConnectionBudget, Db, DbSettings};
use infra::postgres::{
    ExportSettings, PgAccountRepository, PgBlockRepository, PgConversationRepository, PgExportRepository,
    PgFriendshipRepository, PgFriendshipRequestRepository, PgLoginThrottle, PgMessageRepository,
    PgSessionRepository, PgUserRepository, SearchIndexer, SendQueueSettings,
};
use infra::revoked_sessions::RevokedSessionCache;
use infra::send_quota::SendQuotaInMemory;
use secrecy::SecretString;

use crate::admin::Admin;
use crate::background::Background;
use crate::config::Settings;
use crate::departure::Departure;
use crate::entrance::Entrance;
use crate::limits;
use crate::metrics::Metrics;
use crate::readiness::Readiness;
use crate::search;
use crate::waiting::Listeners;

/// What a running instance stands on: its database, migrated, and its secret.
pub struct Ground {
    /// A libpq URL.
    pub database_url: String,
    /// Signs tokens.
    pub secret: SecretString,
}

/// A server that is bound and wired, but not running yet.
pub struct Application {
    server: Server,
    address: SocketAddr,
    departure: Departure,
    indexer: SearchIndexer,
    background: Background,
    password_checks: Arc<CheckCounter>,
    admin: Option<Admin>,
}

impl Application {
    /// Jobs that may wait for one of the database's threads.
    const DB_QUEUE: usize = 1024;
    /// Threads that store messages: while one waits for the disk, the other prepares its batch.
    const WRITERS: u32 = 2;
    /// Messages that may wait for each of them.
    const SEND_QUEUE: usize = 1024;
    /// Exports are rare and large, and hold old rows up.
    const EXPORTS: ExportSettings = ExportSettings { at_once: 2, deadline: Duration::from_secs(600) };
    /// How long the head of a request may take to arrive.
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

    /// Wires everything and binds the address; port 0 takes any that is free.
    ///
    /// # Errors
    /// When the address is taken, the secret is too short or the system starts no more threads.
    pub fn build(settings: &Settings, ground: &Ground) -> anyhow::Result<Self> {
        Self::build_on(settings, ground, Listeners::default())
    }

    /// As [`Self::build`], on sockets that listen already.
    ///
    /// # Errors
    /// As [`Self::build`].
    pub fn build_on(settings: &Settings, ground: &Ground, listeners: Listeners) -> anyhow::Result<Self> {
        let metrics = Arc::new(Metrics::new()?);
        let hasher = hasher(settings)?;
        metrics.register(hasher.collectors()?)?;
        let password_checks = hasher.checks();
        let (use_cases, indexer) = use_cases(settings, ground, hasher, &metrics)?;
        let use_cases = web::Data::new(use_cases);
        let readiness = Arc::new(Readiness::new(&ground.database_url)?);
        let probe: Arc<dyn ReadinessProbe> = Arc::<Readiness>::clone(&readiness);
        let observer: Arc<dyn RequestObserver> = Arc::<Metrics>::clone(&metrics);
        let outside = (probe, observer);
        let api_settings = ApiSettings {
            cors_origins: settings.cors_origins.clone(),
            trusted_proxies: settings.trusted_proxies.clone(),
        };
        let (listener, entrance) = match listeners.api {
            Some(listening) => listening,
            None => Entrance::open("HONGYAN_BIND", settings.bind)?,
        };
        let server =
            HttpServer::new(move || api::app(use_cases.clone(), outside.clone(), api_settings.clone()))
                .disable_signals()
                .shutdown_timeout(settings.shutdown.as_secs())
                .client_request_timeout(Self::HEAD_TIMEOUT)
                .keep_alive(settings.keep_alive)
                .workers(limits::workers())
                .max_connections(limits::connections_per_worker(Self::connection_budget(settings).total()))
                .listen(listener)?;
        let address = server.addrs().first().copied().context("the server listens nowhere")?;
        let server = server.run();
        let admin = settings
            .admin_bind
            .map(|bind| Admin::build(bind, metrics, Arc::clone(&readiness), listeners.admin));
        let admin = admin.transpose()?;
        let departure = Departure { server: server.handle(), entrance, readiness, drain: settings.drain };
        let background = Background::wire(settings, &ground.database_url)?;
        Ok(Self { server, address, departure, indexer, background, password_checks, admin })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Counts the passwords that are checked.
    #[must_use]
    pub fn password_checks(&self) -> Arc<CheckCounter> {
        Arc::clone(&self.password_checks)
    }

    /// Where the admin listener listens, if there is one.
    #[must_use]
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(|admin| admin.address)
    }

    /// Serves until `stop` resolves, says for a while that it is about to stop, and then finishes what it has accepted.
    ///
    /// Without that while, whoever had just sent a request on a connection that the server takes for idle, or had just
    /// connected, would get no answer. The work in the background goes on to the end.
    ///
    /// # Errors
    /// When the server fails.
    pub async fn run_until(self, stop: impl Future<Output = ()> + 'static) -> anyhow::Result<()> {
        let (background, departure) = (self.background.start(), self.departure);
        actix_web::rt::spawn(async move {
            stop.await;
            departure.depart().await;
        });
        // It goes on to the very end, so that the stopping can be watched.
        let watched = self.admin.map(|admin| (admin.handle, actix_web::rt::spawn(admin.server)));
        let served = self.server.await.context("the server failed");
        drop(self.indexer);
        background.stop().await;
        if let Some((handle, admin)) = watched {
            handle.stop(false).await;
            admin.await.context("the admin listener failed")??;
        }
        served
    }
}

fn use_cases(
    settings: &Settings,
    ground: &Ground,
    hasher: BcryptHasher,
    metrics: &Metrics,
) -> anyhow::Result<(UseCases, SearchIndexer)> {
    let budget = Application::connection_budget(settings);
    let db = Arc::new(Db::new(&DbSettings {
        url: ground.database_url.clone(),
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
    let ports = session_ports((settings, ground), &db, Arc::clone(&users), hasher)?;
    let (ended, hasher) = (Arc::clone(&ports.ended), Arc::clone(&ports.hasher));
    let sessions = Arc::new(SessionService::new(ports, settings.signing.lifetimes));
    let use_cases = UseCases {
        accounts: AccountService::new(AccountPorts {
            accounts: Arc::new(PgAccountRepository::new(Arc::clone(&db))),
            sessions: Arc::clone(&sessions),
            ended,
        }),
        registration: registration(Arc::clone(&users), hasher, Arc::clone(&sessions)),
        exports: ExportService::new(Arc::new(PgExportRepository::start(&db, Application::EXPORTS)?)),
        users: UserService::new(users, rules.uid_change_interval),
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
    // One core is left to everybody else.
    BcryptHasher::start(settings.bcrypt_cost, cores.saturating_sub(1))
        .map_err(|error| anyhow::anyhow!("bcrypt cannot be started: {error}"))
}

pub(crate) fn registration(
    users: Arc<PgUserRepository>,
    hasher: Arc<dyn PasswordHasher>,
    sessions: Arc<SessionService>,
) -> RegistrationService {
    RegistrationService::new(RegistrationPorts { users, hasher, random: Arc::new(SystemRandom), sessions })
}

pub(crate) fn session_ports(
    (settings, ground): (&Settings, &Ground),
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
        tokens: Arc::new(JwtCodec::new(&ground.secret, settings.signing.previous.as_ref())?),
        ended: Arc::new(RevokedSessionCache::start(db, life)?),
        clock,
    })
}
