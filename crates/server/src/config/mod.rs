//! Settings, merged from flags, the environment, a file and defaults, in this order of precedence.

mod choices;
mod cli;
mod database_url;
mod file;
mod invocation;
mod listing;
mod options;
mod origin;
mod reader;
mod reference;
mod spelling;

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, anyhow, ensure};
use api::{ApiSettings, RefusalRates, SocketLimits, TrustedProxies};
use domain::account::{RegistrationMode, UidChangeRules};
use domain::auth::TokenLifetimes;
use domain::friendship_request::RequestRules;
use domain::quota::{QuotaRate, RegistrationRates};
use infra::db::Patience;
use infra::quota::SendRates;
use secrecy::{ExposeSecret, SecretString};
use tracing_subscriber::EnvFilter;

pub use choices::{LogFormat, LogSettings, MessageLanguage, RegistrationChoice, SignalTransport, Switch};
pub use cli::{Cli, Command, CompletedShell, ConfigCommand, InviteCommand, UserCommand, completions};
pub use database_url::{DatabaseUrl, InvalidDatabaseUrl};
pub use invocation::{InvalidInvocation, Invocation};
pub use options::Options;
pub use origin::{Origin, Origins};
pub use reference::{environment_file, settings_table};

use options::Resolved;

/// Which database to use.
#[derive(Debug, Clone)]
pub enum DatabaseSettings {
    /// An existing database.
    Existing(DatabaseUrl),
    /// An embedded cluster in the data directory.
    Embedded,
}

/// How tokens are signed.
#[derive(Debug, Clone)]
pub struct SigningSettings {
    /// `None` only with an embedded cluster: then a secret is generated and kept in the data directory.
    pub secret: Option<SecretString>,
    /// A previous secret, which verifies tokens but signs none.
    pub previous: Option<SecretString>,
    /// Lifetimes of tokens and sessions.
    pub lifetimes: TokenLifetimes,
    /// Open sessions of an account; `None` for no limit.
    pub most_open: Option<NonZeroU32>,
}

/// Parameters of the domain's rules.
#[derive(Debug, Clone, Copy)]
pub struct RuleSettings {
    /// How long a message can be recalled after it was sent.
    pub recall_window: Duration,
    /// Lifetime and quota of friendship requests.
    pub requests: RequestRules,
    /// Messages and text that an account can send.
    pub sending: SendRates,
    /// Users that an account can look up; `None` for no limit.
    pub lookups: Option<QuotaRate>,
    /// How often an account can change its uid.
    pub uid_changes: UidChangeRules,
    /// Who can register.
    pub registration: RegistrationMode,
    /// Registrations; `None` for no limit.
    pub registrations: Option<RegistrationRates>,
    /// Exports of an account per hour; `None` for no limit.
    pub exports_per_hour: Option<NonZeroU32>,
    /// Refusals that are answered at once; `None` for no limit.
    pub refusals: Option<RefusalRates>,
}

/// All settings, validated.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The address of the API.
    pub bind: SocketAddr,
    /// The address of the admin listener; `None` turns it off.
    pub admin_bind: Option<SocketAddr>,
    /// The folder of the embedded cluster and its signing secret.
    pub data_dir: PathBuf,
    /// Which database to use.
    pub database: DatabaseSettings,
    /// Database connections for requests.
    pub db_pool_size: u32,
    /// How long database work waits for threads and connections. Not an option: requests are answered within three seconds. Tests
    /// on a busy machine wait for longer.
    pub db_patience: Patience,
    /// How tokens are signed.
    pub signing: SigningSettings,
    /// Parameters of the domain's rules.
    pub rules: RuleSettings,
    /// The binary logarithm of bcrypt's rounds.
    pub bcrypt_cost: u32,
    /// The origins that browsers can call from.
    pub cors_origins: Vec<String>,
    /// The proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: TrustedProxies,
    /// The language of messages for clients that ask for none that there is.
    pub default_language: MessageLanguage,
    /// The documentation page.
    pub docs: Switch,
    /// The web client.
    pub web: Switch,
    /// Whether friends see how far each of them has read.
    pub read_receipts: Switch,
    /// Limits of sockets.
    pub sockets: SocketLimits,
    /// What carries signals between instances.
    pub signals: SignalTransport,
    /// Where the NATS servers are.
    pub nats_url: Option<SecretString>,
    /// Settings of the log.
    pub logging: LogSettings,
    /// How long to keep serving after SIGTERM while `/readyz` returns 503, so that load balancers notice.
    pub drain: Duration,
    /// How long a connection can idle between two requests.
    pub keep_alive: Duration,
    /// How long to wait for the database at the start.
    pub start: Duration,
    /// How long accepted requests can take to finish after `drain`.
    pub shutdown: Duration,
}

const fn seconds(number: u32) -> Duration {
    Duration::from_secs(number as u64)
}

impl Settings {
    /// Validates the settings of a server and adds the defaults.
    ///
    /// # Errors
    /// Names the invalid setting and the valid values.
    pub fn from_options(options: Options) -> anyhow::Result<Self> {
        let settings = Self::for_tools(options)?;
        let secret_is_missing =
            matches!(settings.database, DatabaseSettings::Existing(_)) && settings.signing.secret.is_none();
        ensure!(
            !secret_is_missing,
            "HONGYAN_JWT_SECRET must be set with DATABASE_URL, because all instances share it{}",
            crate::secret::suggestion()?
        );
        Ok(settings)
    }

    /// Validates the settings of a command that signs no tokens, and adds the defaults.
    ///
    /// # Errors
    /// Names the invalid setting and the valid values.
    pub fn for_tools(options: Options) -> anyhow::Result<Self> {
        let given = options.resolve();
        let settings = Self {
            signing: signing(&given),
            rules: rules(&given),
            trusted_proxies: trusted_proxies(&given.trusted_proxies)?,
            database: database(given.database_url)?,
            bind: given.bind,
            admin_bind: given.admin_bind,
            data_dir: given.data_dir,
            db_pool_size: u32::from(given.db_pool_size),
            db_patience: Patience::SERVER,
            bcrypt_cost: u32::from(given.bcrypt_cost),
            cors_origins: given.cors_origins,
            default_language: given.default_language,
            docs: given.docs,
            web: given.web,
            read_receipts: given.read_receipts,
            sockets: SocketLimits {
                most: usize::try_from(given.sockets).unwrap_or(usize::MAX),
                per_account: usize::from(given.sockets_per_user),
                heartbeat: seconds(given.socket_ping_seconds),
            },
            signals: given.signals,
            nats_url: given.nats_url,
            logging: LogSettings { filter: given.log, format: given.log_format },
            keep_alive: seconds(given.keep_alive_seconds),
            start: seconds(given.start_seconds),
            drain: seconds(given.drain_seconds),
            shutdown: seconds(given.shutdown_seconds),
        };
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> anyhow::Result<()> {
        let secrets = [
            ("HONGYAN_JWT_SECRET", &self.signing.secret),
            ("HONGYAN_JWT_PREVIOUS_SECRET", &self.signing.previous),
        ];
        for (name, secret) in secrets {
            let is_short =
                secret.as_ref().is_some_and(|secret| secret.expose_secret().len() < crate::secret::MIN_BYTES);
            ensure!(
                !is_short,
                "{name} needs at least {} bytes{}",
                crate::secret::MIN_BYTES,
                crate::secret::suggestion()?
            );
        }
        EnvFilter::try_new(&self.logging.filter).with_context(|| {
            format!("HONGYAN_LOG: {:?} must be a filter such as info,infra=debug", self.logging.filter)
        })?;
        ensure!((4..=31).contains(&self.bcrypt_cost), "HONGYAN_BCRYPT_COST must be 4 to 31");
        ensure!((1..=1000).contains(&self.db_pool_size), "HONGYAN_DB_POOL_SIZE must be 1 to 1000");
        let is_nats_missing = self.signals == SignalTransport::Nats && self.nats_url.is_none();
        ensure!(
            !is_nats_missing,
            "HONGYAN_SIGNALS=nats needs HONGYAN_NATS_URL, such as nats://127.0.0.1:4222"
        );
        for origin in &self.cors_origins {
            let host = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
            let is_valid = host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '*', ' ']));
            ensure!(
                is_valid || origin == ApiSettings::ANY_ORIGIN,
                "HONGYAN_CORS_ORIGINS: {origin:?} must be an origin such as https://chat.example, with no path and no trailing \
                 slash, or * for all"
            );
        }
        Ok(())
    }
}

fn database(url: Option<SecretString>) -> anyhow::Result<DatabaseSettings> {
    let Some(url) = url else { return Ok(DatabaseSettings::Embedded) };
    let url = DatabaseUrl::parse(url.expose_secret()).map_err(|error| anyhow!("DATABASE_URL {error}"))?;
    Ok(DatabaseSettings::Existing(url))
}

fn signing(given: &Resolved) -> SigningSettings {
    SigningSettings {
        secret: given.jwt_secret.clone(),
        previous: given.jwt_previous_secret.clone(),
        most_open: NonZeroU32::new(given.sessions_per_account),
        lifetimes: TokenLifetimes {
            access: seconds(given.access_token_seconds),
            refresh: seconds(given.refresh_token_seconds),
            session_max: seconds(given.session_max_seconds),
            reuse_grace: seconds(given.refresh_reuse_grace_seconds),
        },
    }
}

fn rules(given: &Resolved) -> RuleSettings {
    const MINUTE: Duration = seconds(60);
    const DAY: u32 = 86_400;
    RuleSettings {
        recall_window: seconds(given.recall_window_seconds),
        requests: RequestRules {
            time_to_live: seconds(given.friend_request_ttl_seconds),
            per_day: NonZeroU32::new(given.quota_requests_per_day),
            per_pair_and_day: NonZeroU32::new(3),
        },
        sending: SendRates {
            messages: QuotaRate::new(given.quota_messages_per_minute.into(), MINUTE),
            bytes: QuotaRate::new(u64::from(given.quota_message_kilobytes_per_minute) * 1024, MINUTE),
        },
        lookups: QuotaRate::new(given.quota_lookups_per_minute.into(), MINUTE),
        uid_changes: UidChangeRules {
            interval: seconds(given.uid_change_interval_days.saturating_mul(DAY)),
            quota: QuotaRate::new(given.quota_uid_changes_per_day.into(), seconds(DAY)),
        },
        registration: match given.registration {
            RegistrationChoice::Open => RegistrationMode::Open,
            RegistrationChoice::Invite => RegistrationMode::Invite,
            RegistrationChoice::Closed => RegistrationMode::Closed,
        },
        registrations: RegistrationRates::per_hour(given.quota_registrations_per_hour.into()),
        exports_per_hour: NonZeroU32::new(given.quota_exports_per_hour),
        refusals: RefusalRates::per_minute(given.quota_refusals_per_minute.into()),
    }
}

fn trusted_proxies(networks: &[String]) -> anyhow::Result<TrustedProxies> {
    let mut proxies = TrustedProxies::default();
    for text in networks {
        let network = text.parse::<TrustedProxies>();
        proxies.extend([network.map_err(|error| anyhow!("HONGYAN_TRUSTED_PROXIES: {text:?} {error}"))?]);
    }
    Ok(proxies)
}

#[cfg(test)]
mod tests;
