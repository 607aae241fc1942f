use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use secrecy::SecretString;

/// How the log is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line, for machines.
    Json,
}

/// Declares the settings once, as flags, environment variables and keys of the file alike.
macro_rules! options {
    ($($(#[$attribute:meta])* $name:ident: $type:ty),* $(,)?) => {
        /// What was given, by flag, environment or file. What was not is none.
        #[derive(Debug, Clone, Default, Args)]
        pub struct Options {
            $($(#[$attribute])* pub $name: Option<$type>,)*
        }

        impl Options {
            /// What was given here, or else there.
            #[must_use]
            pub fn or(self, other: Self) -> Self {
                Self { $($name: self.$name.or(other.$name),)* }
            }
        }
    };
}

options! {
    /// The PostgreSQL database; unset: an own one in the data folder
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: SecretString,
    /// Where to listen [default: 127.0.0.1:8080]
    #[arg(long, env = "HONGYAN_BIND", value_name = "ADDRESS:PORT")]
    bind: SocketAddr,
    /// Where metrics and readiness with its reasons are served, for nobody but operators [default: none]
    #[arg(long, env = "HONGYAN_ADMIN_BIND", value_name = "ADDRESS:PORT")]
    admin_bind: SocketAddr,
    /// Where the own database and its secret are kept [default: ./data]
    #[arg(long, env = "HONGYAN_DATA_DIR", value_name = "FOLDER")]
    data_dir: PathBuf,
    /// Signs tokens, at least 32 bytes; needed when DATABASE_URL is set
    #[arg(long, env = "HONGYAN_JWT_SECRET", hide_env_values = true, value_name = "SECRET")]
    jwt_secret: SecretString,
    /// Tokens signed with this one are still accepted
    #[arg(long, env = "HONGYAN_JWT_PREVIOUS_SECRET", hide_env_values = true, value_name = "SECRET")]
    jwt_previous_secret: SecretString,
    /// How long an access token is good [default: 600]
    #[arg(long, env = "HONGYAN_ACCESS_TOKEN_SECONDS", value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    access_token_seconds: u32,
    /// How long an unused refresh token is good [default: 604800]
    #[arg(long, env = "HONGYAN_REFRESH_TOKEN_SECONDS", value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    refresh_token_seconds: u32,
    /// How long a session lasts, however often it is refreshed [default: 7776000]
    #[arg(long, env = "HONGYAN_SESSION_MAX_SECONDS", value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    session_max_seconds: u32,
    /// How long a used refresh token may come again without being taken for theft [default: 10]
    #[arg(long, env = "HONGYAN_REFRESH_REUSE_GRACE_SECONDS", value_name = "SECONDS")]
    refresh_reuse_grace_seconds: u32,
    /// How long a message may be recalled [default: 120]
    #[arg(long, env = "HONGYAN_RECALL_WINDOW_SECONDS", value_name = "SECONDS")]
    recall_window_seconds: u32,
    /// How long a friendship request may be answered [default: 259200]
    #[arg(long, env = "HONGYAN_FRIEND_REQUEST_TTL_SECONDS", value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    friend_request_ttl_seconds: u32,
    /// How long to wait between two changes of a uid; 0 for no limit [default: 0]
    #[arg(long, env = "HONGYAN_UID_CHANGE_INTERVAL_DAYS", value_name = "DAYS")]
    uid_change_interval_days: u32,
    /// How many messages one may send in a minute, counted by each instance; 0 for no limit [default: 0]
    #[arg(long, env = "HONGYAN_QUOTA_MESSAGES_PER_MINUTE", value_name = "NUMBER")]
    quota_messages_per_minute: u32,
    /// How many friendship requests one may send in 24 hours; 0 for no limit [default: 0]
    #[arg(long, env = "HONGYAN_QUOTA_REQUESTS_PER_DAY", value_name = "NUMBER")]
    quota_requests_per_day: u32,
    /// The logarithm of bcrypt's rounds, 4 to 31 [default: 12]
    #[arg(long, env = "HONGYAN_BCRYPT_COST", value_name = "COST", value_parser = clap::value_parser!(u8).range(4..=31))]
    bcrypt_cost: u8,
    /// Which events are logged [default: info,actix_server=warn,access=error]
    #[arg(long, env = "HONGYAN_LOG", value_name = "FILTER")]
    log: String,
    /// How the log is written [default: text]
    #[arg(long, env = "HONGYAN_LOG_FORMAT", value_name = "FORMAT")]
    log_format: LogFormat,
    /// Connections to the database [default: two per core]
    #[arg(long, env = "HONGYAN_DB_POOL_SIZE", value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=1000))]
    db_pool_size: u16,
    /// Origins that browsers may call from, separated by commas [default: none]
    #[arg(long, env = "HONGYAN_CORS_ORIGINS", value_name = "ORIGINS", value_delimiter = ',')]
    cors_origins: Vec<String>,
    /// Proxies whose X-Forwarded-For is believed: addresses and networks, separated by commas [default: none]
    #[arg(long, env = "HONGYAN_TRUSTED_PROXIES", value_name = "NETWORKS", value_delimiter = ',')]
    trusted_proxies: Vec<String>,
    /// How long a connection may idle between two requests; more than a proxy in front keeps it [default: 75]
    #[arg(long, env = "HONGYAN_KEEP_ALIVE_SECONDS", value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    keep_alive_seconds: u32,
    /// How long the database may be away at the start [default: 30]
    #[arg(long, env = "HONGYAN_START_SECONDS", value_name = "SECONDS")]
    start_seconds: u32,
    /// How long to serve on once told to stop, while /readyz says so [default: 1]
    #[arg(long, env = "HONGYAN_DRAIN_SECONDS", value_name = "SECONDS")]
    drain_seconds: u32,
    /// How long requests may take to finish after that [default: 30]
    #[arg(long, env = "HONGYAN_SHUTDOWN_SECONDS", value_name = "SECONDS")]
    shutdown_seconds: u32,
}
