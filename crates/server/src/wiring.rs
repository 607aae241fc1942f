//! Wiring of adapters into use cases.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use api::{AdmissionSettings, SocketHub, UseCases};
use domain::account::{
    LifecyclePorts, LifecycleService, PasswordHasher, ProfileService, RegistrationPolicy, RegistrationPorts,
    RegistrationService,
};
use domain::auth::{SessionPorts, SessionService};
use domain::block::BlockService;
use domain::conversation::ConversationService;
use domain::export::ExportService;
use domain::friendship::FriendshipService;
use domain::friendship_request::FriendshipRequestService;
use domain::message::MessageService;
use domain::number::saturating;
use domain::realtime::{SyncService, TypingService};
use infra::clock::DatabaseClock;
use infra::crypto::password::BcryptHasher;
use infra::crypto::password_upgrade::BackgroundPasswordUpgrades;
use infra::crypto::random::SystemRandom;
use infra::crypto::token::JwtCodec;
use infra::db::{ConnectionBudget, Connector, Db, DbSettings};
use infra::local_signals::InstanceSignals;
use infra::postgres::{
    ExportSettings, PgBlockRepository, PgChangeReader, PgConversationRepository, PgExportRepository,
    PgFriendshipRepository, PgFriendshipRequestRepository, PgInviteRepository, PgKnownDevices,
    PgLifecycleRepository, PgLoginThrottle, PgMessageRepository, PgRegistrationQuota, PgSessionRepository,
    PgTypingRelations, PgUserRepository, SearchIndexer, SendQueueSettings,
};
use infra::quota::{LookupQuotaInMemory, SendQuotaInMemory};
use infra::revoked_sessions::RevokedSessionCache;
use infra::runtime::worker::CommitMonitor;
use infra::signals::{NatsAccess, SignalLink};
use secrecy::SecretString;

use crate::config::{Settings, SignalTransport, Switch};
use crate::observability::audit::TracingAuditLog;
use crate::observability::metrics::Metrics;
use crate::observability::sockets::SocketMetrics;
use crate::search;

/// What an instance needs from outside: a migrated database and the signing secret.
pub struct RuntimeEnv {
    /// A libpq URL.
    pub database_url: String,
    /// The secret that tokens are signed with.
    pub secret: SecretString,
}

/// Length of the queue for a database thread.
const DB_QUEUE: usize = 1024;
/// Threads that store messages: one prepares its batch while the other waits for the disk.
const WRITERS: u32 = 2;
/// Length of each writer's queue, in messages.
const SEND_QUEUE: usize = 1024;
/// Exports are rare and large, and their snapshots keep dead rows from being vacuumed.
const EXPORTS: ExportSettings =
    ExportSettings { at_once: 2, slot_wait: Duration::from_secs(10), deadline: Duration::from_secs(600) };

/// The database connections of an instance.
pub(crate) fn connection_budget(settings: &Settings) -> ConnectionBudget {
    ConnectionBudget {
        requests: settings.db_pool_size,
        writers: WRITERS,
        searches: saturating(search::threads()),
        indexer: 1,
        polls: 1,
        exports: saturating(EXPORTS.at_once),
        background: 1,
        readiness: 1,
        signals: u32::from(settings.signals == SignalTransport::Postgres),
    }
}

/// How much of one account or address is admitted.
pub(crate) fn admission(settings: &Settings) -> AdmissionSettings {
    AdmissionSettings {
        in_flight: AdmissionSettings::in_flight_of(saturating(settings.db_pool_size)),
        // Several turns of the longest wait for a thread.
        patience: settings.db_patience.thread.saturating_mul(5),
        exports_per_hour: settings.rules.exports_per_hour,
        refusals: settings.rules.refusals,
    }
}

/// The main connection pool of an instance.
pub(crate) fn main_pool(settings: &Settings, url: &str, connector: &Connector) -> std::io::Result<Arc<Db>> {
    let budget = connection_budget(settings);
    let (connections, reserved) = (budget.requests, budget.reserved());
    let patience = settings.db_patience;
    let settings = DbSettings { url: url.to_owned(), connections, reserved, queue: DB_QUEUE, patience };
    Ok(Arc::new(Db::with_connector(&settings, connector)?))
}

pub(crate) fn hasher(settings: &Settings) -> anyhow::Result<BcryptHasher> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    // One core is left to everything else.
    BcryptHasher::start(settings.bcrypt_cost, cores.saturating_sub(1))
        .map_err(|error| anyhow::anyhow!("cannot start bcrypt: {error}"))
}

/// The ports of registering, without a quota.
pub(crate) fn registration_ports(
    db: &Arc<Db>,
    users: Arc<PgUserRepository>,
    hasher: Arc<dyn PasswordHasher>,
    sessions: Arc<SessionService>,
) -> RegistrationPorts {
    RegistrationPorts {
        users,
        hasher,
        invites: Arc::new(PgInviteRepository::new(Arc::clone(db))),
        random: Arc::new(SystemRandom),
        sessions,
        quota: None,
    }
}

/// Parts of the adapters that the instance uses itself.
pub(crate) struct AdapterParts {
    /// Search relies on it. Dropping it stops it.
    pub(crate) indexer: SearchIndexer,
    /// Readiness asks it.
    pub(crate) commits: CommitMonitor,
}

/// What the use cases are wired to.
pub(crate) struct Wiring<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) env: &'a RuntimeEnv,
    pub(crate) db: Arc<Db>,
    /// The metrics of all adapters are registered here.
    pub(crate) metrics: &'a Metrics,
}

impl Wiring<'_> {
    /// The ports of the session service; starts the workers of the revocation list and of the database's clock.
    pub(crate) fn session_ports(
        &self,
        users: Arc<PgUserRepository>,
        hasher: BcryptHasher,
    ) -> anyhow::Result<SessionPorts> {
        let signing = &self.settings.signing;
        let clock = DatabaseClock::start(&self.db)?;
        let ended = RevokedSessionCache::start(&self.db, signing.lifetimes.access)?;
        self.metrics.register(clock.collectors()?)?;
        self.metrics.register(ended.collectors()?)?;
        let hasher = Arc::new(hasher);
        Ok(SessionPorts {
            sessions: Arc::new(PgSessionRepository::new(Arc::clone(&self.db))),
            throttle: Arc::new(PgLoginThrottle::new(Arc::clone(&self.db))),
            known_devices: Arc::new(PgKnownDevices::new(Arc::clone(&self.db))),
            upgrades: Arc::new(BackgroundPasswordUpgrades::new(Arc::clone(&hasher), (*users).clone())),
            audit: Arc::new(TracingAuditLog),
            users,
            hasher,
            tokens: Arc::new(JwtCodec::new(&self.env.secret, signing.previous.as_ref())?),
            ended: Arc::new(ended),
            clock: Arc::new(clock),
        })
    }

    /// The use cases of the API, and what belongs to their adapters.
    pub(crate) fn use_cases(&self, hasher: BcryptHasher) -> anyhow::Result<(UseCases, AdapterParts)> {
        let db = || Arc::clone(&self.db);
        let rules = self.settings.rules;
        let users = Arc::new(PgUserRepository::new(db()));
        let requests = Arc::new(PgFriendshipRequestRepository::new(db()));
        let (search, indexer) = search::start(&self.db)?;
        let (messages, commits) = self.messages()?;
        self.metrics.register(self.db.collectors()?)?;
        self.metrics.register(indexer.collectors()?)?;
        let ports = self.session_ports(Arc::clone(&users), hasher)?;
        let (ended, hasher) = (Arc::clone(&ports.ended), Arc::clone(&ports.hasher));
        let sessions = Arc::new(self.sessions(ports));
        let use_cases = UseCases {
            accounts: LifecycleService::new(LifecyclePorts {
                accounts: Arc::new(PgLifecycleRepository::new(db())),
                sessions: Arc::clone(&sessions),
                ended,
            }),
            registration: self.registration(registration_ports(
                &self.db,
                Arc::clone(&users),
                hasher,
                Arc::clone(&sessions),
            )),
            exports: ExportService::new(Arc::new(PgExportRepository::start(&self.db, EXPORTS)?)),
            users: self.profiles(users),
            sessions,
            audit: Arc::new(TracingAuditLog),
            friendship_requests: FriendshipRequestService::new(requests, rules.requests),
            friendships: FriendshipService::new(Arc::new(PgFriendshipRepository::new(db()))),
            blocks: BlockService::new(Arc::new(PgBlockRepository::new(db()))),
            conversations: self.conversations(),
            messages,
            search,
            sync: self.sync(),
            typing: self.typing(),
        };
        Ok((use_cases, AdapterParts { indexer, commits }))
    }

    fn sessions(&self, ports: SessionPorts) -> SessionService {
        let signing = &self.settings.signing;
        SessionService::new(ports, signing.lifetimes).keeping_open(signing.most_open)
    }

    /// The use-cases of profiles.
    fn profiles(&self, users: Arc<PgUserRepository>) -> ProfileService {
        let rules = self.settings.rules;
        let lookups = rules.lookups.map(|rate| Arc::new(LookupQuotaInMemory::new(rate)) as _);
        ProfileService::new(users, rules.uid_changes, lookups)
    }

    /// The use-cases of conversations.
    fn conversations(&self) -> ConversationService {
        let conversations = Arc::new(PgConversationRepository::new(Arc::clone(&self.db)));
        ConversationService::new(conversations, self.settings.read_receipts == Switch::On)
    }

    /// The use-case of catching up.
    fn sync(&self) -> SyncService {
        let changes = Arc::new(PgChangeReader::new(Arc::clone(&self.db)));
        let signals = Arc::new(InstanceSignals::new(Arc::clone(self.db.signals())));
        SyncService::new(changes, signals, self.settings.read_receipts == Switch::On)
    }

    /// The use-case of reporting that one is writing.
    fn typing(&self) -> TypingService {
        let signals = Arc::new(InstanceSignals::new(Arc::clone(self.db.signals())));
        TypingService::new(Arc::new(PgTypingRelations::new(Arc::clone(&self.db))), signals)
    }

    /// The exchange of signals with other instances, whose typing reports go to the sockets of this one.
    pub(crate) fn signals(&self, sockets: &Arc<SocketHub>) -> anyhow::Result<Option<SignalLink>> {
        self.metrics.register(vec![Box::new(SocketMetrics::new(Arc::clone(sockets))?)])?;
        self.metrics.register(self.db.signals().collectors())?;
        self.db.signals().show_to(Arc::<SocketHub>::clone(sockets));
        let audience = Arc::<SocketHub>::clone(sockets);
        let signals = match (self.settings.signals, &self.settings.nats_url) {
            (SignalTransport::Postgres, _) => SignalLink::by_postgres(&self.db, audience)?,
            (SignalTransport::Nats, Some(url)) => {
                let access = NatsAccess::parse(url, &self.env.secret).context("HONGYAN_NATS_URL")?;
                SignalLink::by_nats(&self.db, access, audience)?
            }
            _ => return Ok(None),
        };
        self.metrics.register(signals.collectors()?)?;
        Ok(Some(signals))
    }

    /// The registration of clients, under its quota.
    fn registration(&self, ports: RegistrationPorts) -> RegistrationService {
        let rules = self.settings.rules;
        let quota = |rates| Arc::new(PgRegistrationQuota::new(Arc::clone(&self.db), rates)) as _;
        let ports = RegistrationPorts { quota: rules.registrations.map(quota), ..ports };
        RegistrationService::new(ports, RegistrationPolicy::of_clients(rules.registration))
    }

    /// The message service; starts the writers of the send queue.
    fn messages(&self) -> anyhow::Result<(MessageService, CommitMonitor)> {
        let queue = SendQueueSettings {
            writers: saturating(WRITERS),
            queue: SEND_QUEUE,
            max_wait: self.settings.db_patience.thread,
        };
        let messages = PgMessageRepository::start(Arc::clone(&self.db), queue)?;
        self.metrics.register(messages.collectors()?)?;
        let rules = self.settings.rules;
        let quota = SendQuotaInMemory::new(rules.sending).map(|quota| Arc::new(quota) as _);
        let commits = messages.commit_monitor();
        Ok((MessageService::new(Arc::new(messages), rules.recall_window, quota), commits))
    }
}
