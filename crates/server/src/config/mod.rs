//! The settings: flags first, then environment, then a file, then defaults.

mod cli;
mod file;
mod invocation;
mod listing;
mod options;
mod origin;

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use api::TrustedProxies;
use domain::auth::TokenLifetimes;
use domain::friendship_request::RequestRules;
use secrecy::{ExposeSecret, SecretString};

pub use cli::{Cli, Command, ConfigCommand, UserCommand};
pub use invocation::{Invocation, Refusal};
pub use options::{LogFormat, Options};
pub use origin::{Origin, Origins};

/// Where the database is.
#[derive(Debug, Clone)]
pub enum DatabaseSettings {
    /// Somebody else runs it.
    Given(SecretString),
    /// We run one of our own in the data folder.
    Own,
}

/// How tokens are signed.
#[derive(Debug, Clone)]
pub struct SigningSettings {
    /// None only with a database of our own: then one is made and kept in the data folder.
    pub secret: Option<SecretString>,
    /// Still good for reading tokens.
    pub previous: Option<SecretString>,
    /// How long tokens and sessions last.
    pub lifetimes: TokenLifetimes,
}

/// What the rules depend on.
#[derive(Debug, Clone, Copy)]
pub struct RuleSettings {
    /// How long a message may be recalled.
    pub recall_window: Duration,
    /// How long a friendship request may be answered, and how many one may send.
    pub requests: RequestRules,
    /// How many messages one may send in a minute; none for no limit.
    pub messages_per_minute: Option<NonZeroU32>,
    /// How long to wait between two changes of a uid; zero for no limit.
    pub uid_change_interval: Duration,
}

/// What is logged, and how.
#[derive(Debug, Clone)]
pub struct LogSettings {
    /// Which events, as `tracing` filters are written.
    pub filter: String,
    /// As text or as JSON.
    pub format: LogFormat,
}

/// All settings, resolved.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where to listen.
    pub bind: SocketAddr,
    /// Where metrics and readiness with its reasons are served; nowhere by default.
    pub admin_bind: Option<SocketAddr>,
    /// Where everything is kept that is not in the database.
    pub data_dir: PathBuf,
    /// Where the database is.
    pub database: DatabaseSettings,
    /// Connections to it.
    pub db_pool_size: u32,
    /// How tokens are signed.
    pub signing: SigningSettings,
    /// What the rules depend on.
    pub rules: RuleSettings,
    /// The logarithm of bcrypt's rounds.
    pub bcrypt_cost: u32,
    /// The origins that browsers may call from.
    pub cors_origins: Vec<String>,
    /// The proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: TrustedProxies,
    /// What is logged.
    pub logging: LogSettings,
    /// How long it serves on once it is told to stop, so that nobody is cut off who has not heard of it yet.
    pub drain: Duration,
    /// How long a connection may idle between two requests.
    pub keep_alive: Duration,
    /// How long the database may be away at the start.
    pub start: Duration,
    /// How long requests may take to finish after that.
    pub shutdown: Duration,
}

const fn seconds(number: u32) -> Duration {
    Duration::from_secs(number as u64)
}

impl Settings {
    /// Puts what was given together with the defaults, for a server.
    ///
    /// # Errors
    /// Names the setting that cannot be used and what it may be.
    pub fn from_options(options: Options) -> anyhow::Result<Self> {
        let settings = Self::for_tools(options)?;
        settings.demand_secret()?;
        Ok(settings)
    }

    /// Puts what was given together with the defaults, for a command that signs no tokens.
    ///
    /// # Errors
    /// Names the setting that cannot be used and what it may be.
    pub fn for_tools(options: Options) -> anyhow::Result<Self> {
        let database = options.database_url.clone().map_or(DatabaseSettings::Own, DatabaseSettings::Given);
        let settings = Self {
            bind: options.bind.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080))),
            admin_bind: options.admin_bind,
            data_dir: options.data_dir.clone().unwrap_or_else(|| PathBuf::from("./data")),
            db_pool_size: options.db_pool_size.map_or_else(default_pool_size, u32::from),
            signing: signing(&options),
            rules: rules(&options),
            bcrypt_cost: u32::from(options.bcrypt_cost.unwrap_or(12)),
            cors_origins: options.cors_origins.clone().unwrap_or_default(),
            trusted_proxies: trusted_proxies(&options)?,
            logging: LogSettings {
                filter: options
                    .log
                    .clone()
                    .unwrap_or_else(|| "info,actix_server=warn,access=error".to_owned()),
                format: options.log_format.unwrap_or_default(),
            },
            keep_alive: seconds(options.keep_alive_seconds.unwrap_or(75)),
            start: seconds(options.start_seconds.unwrap_or(30)),
            drain: seconds(options.drain_seconds.unwrap_or(1)),
            shutdown: seconds(options.shutdown_seconds.unwrap_or(30)),
            database,
        };
        settings.check()?;
        Ok(settings)
    }

    fn demand_secret(&self) -> anyhow::Result<()> {
        let given = matches!(self.database, DatabaseSettings::Given(_));
        anyhow::ensure!(
            !(given && self.signing.secret.is_none()),
            "HONGYAN_JWT_SECRET must be set when DATABASE_URL is, because all instances share it{}",
            crate::secret::offer()?
        );
        Ok(())
    }

    fn check(&self) -> anyhow::Result<()> {
        let secrets = [
            ("HONGYAN_JWT_SECRET", &self.signing.secret),
            ("HONGYAN_JWT_PREVIOUS_SECRET", &self.signing.previous),
        ];
        for (name, secret) in secrets {
            let short =
                secret.as_ref().is_some_and(|secret| secret.expose_secret().len() < crate::secret::MIN_BYTES);
            anyhow::ensure!(
                !short,
                "{name} needs at least {} bytes{}",
                crate::secret::MIN_BYTES,
                crate::secret::offer()?
            );
        }
        anyhow::ensure!((4..=31).contains(&self.bcrypt_cost), "HONGYAN_BCRYPT_COST must be 4 to 31");
        anyhow::ensure!((1..=1000).contains(&self.db_pool_size), "HONGYAN_DB_POOL_SIZE must be 1 to 1000");
        for origin in &self.cors_origins {
            let plain = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
            let usable = plain.is_some_and(|host| !host.is_empty() && !host.contains(['/', '*', ' ']));
            anyhow::ensure!(
                usable,
                "HONGYAN_CORS_ORIGINS: {origin:?} must be an origin such as https://chat.example"
            );
        }
        Ok(())
    }
}

/// Two connections per core: one works while the other waits for the disk.
fn default_pool_size() -> u32 {
    let cores = std::thread::available_parallelism().map_or(2, std::num::NonZeroUsize::get);
    u32::try_from(cores.saturating_mul(2)).unwrap_or(u32::MAX).clamp(2, 64)
}

fn signing(options: &Options) -> SigningSettings {
    SigningSettings {
        secret: options.jwt_secret.clone(),
        previous: options.jwt_previous_secret.clone(),
        lifetimes: TokenLifetimes {
            access: seconds(options.access_token_seconds.unwrap_or(600)),
            refresh: seconds(options.refresh_token_seconds.unwrap_or(604_800)),
            session_max: seconds(options.session_max_seconds.unwrap_or(7_776_000)),
            reuse_grace: seconds(options.refresh_reuse_grace_seconds.unwrap_or(10)),
        },
    }
}

fn rules(options: &Options) -> RuleSettings {
    const DAY: u32 = 86_400;
    let interval = options.uid_change_interval_days.unwrap_or(0).saturating_mul(DAY);
    RuleSettings {
        recall_window: seconds(options.recall_window_seconds.unwrap_or(120)),
        requests: RequestRules {
            time_to_live: seconds(options.friend_request_ttl_seconds.unwrap_or(259_200)),
            per_day: options.quota_requests_per_day.and_then(NonZeroU32::new),
        },
        messages_per_minute: options.quota_messages_per_minute.and_then(NonZeroU32::new),
        uid_change_interval: seconds(interval),
    }
}

fn trusted_proxies(options: &Options) -> anyhow::Result<TrustedProxies> {
    let mut proxies = TrustedProxies::default();
    for text in options.trusted_proxies.iter().flatten() {
        let network = text.parse::<TrustedProxies>();
        proxies
            .extend([network.map_err(|error| anyhow::anyhow!("HONGYAN_TRUSTED_PROXIES: {text:?} {error}"))?]);
    }
    Ok(proxies)
}

#[cfg(test)]
mod tests;
