//! The settings, each declared once with its flag, environment variable, help and default.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use secrecy::SecretString;

use super::choices::{LogFormat, MessageLanguage, RegistrationChoice, SignalTransport, Switch};

/// Formats a default as the value that a user would type.
trait Typed {
    fn typed(&self) -> String;
}

macro_rules! typed_by_display {
    ($($type:ty),*) => {$(
        impl Typed for $type {
            fn typed(&self) -> String {
                self.to_string()
            }
        }
    )*};
}

typed_by_display!(SocketAddr, u8, u16, u32, String);

impl Typed for PathBuf {
    fn typed(&self) -> String {
        self.display().to_string()
    }
}

macro_rules! typed_by_word {
    ($($type:ty),*) => {$(
        impl Typed for $type {
            fn typed(&self) -> String {
                self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
            }
        }
    )*};
}

typed_by_word!(LogFormat, RegistrationChoice, MessageLanguage, Switch, SignalTransport);

/// What documentation says about a setting besides its help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Documented {
    /// The default: a value, or a description where it is computed or there is none.
    pub(super) default: String,
    /// A value for `.env.example`.
    pub(super) example: String,
}

/// The field's type in [`Resolved`]: optional if there is no default.
macro_rules! resolved_type {
    ($type:ty) => { Option<$type> };
    ($type:ty, $default:expr) => { $type };
}

macro_rules! resolve {
    ($given:expr) => {
        $given
    };
    ($given:expr, $default:expr) => {
        $given.unwrap_or_else(|| $default)
    };
}

macro_rules! document {
    ($type:ty, $default:expr) => {{
        let default: $type = $default;
        let default = default.typed();
        Documented { example: default.clone(), default }
    }};
    ($type:ty $(, $default:expr)? => $shown:literal, $example:literal) => {
        Documented { default: $shown.to_owned(), example: $example.to_owned() }
    };
}

/// Declares settings as `name: Type = default`, or as `name: Type => ("described default", "example")` where there is no
/// default, or with both where the default depends on the machine.
macro_rules! options {
    ($($(#[$attribute:meta])* $name:ident: $type:ty $(= $default:expr)? $(=> ($shown:literal, $example:literal))?;)*) => {
        /// The given settings, from one source or merged from several.
        #[derive(Debug, Clone, Default, Args)]
        pub struct Options {
            $($(#[$attribute])* pub $name: Option<$type>,)*
        }

        /// The given settings and the defaults of the others.
        #[derive(Debug, Clone)]
        pub(super) struct Resolved {
            $(pub(super) $name: resolved_type!($type $(, $default)?),)*
        }

        impl Options {
            /// Merges two sources; the first one takes precedence.
            #[must_use]
            pub fn or(self, other: Self) -> Self {
                Self { $($name: self.$name.or(other.$name),)* }
            }

            /// Adds the defaults.
            pub(super) fn resolve(self) -> Resolved {
                Resolved { $($name: resolve!(self.$name $(, $default)?),)* }
            }

            /// The documentation of a setting, by the name of its field.
            pub(super) fn documented(name: &str) -> Option<Documented> {
                match name {
                    $(stringify!($name) => Some(document!($type $(, $default)? $(=> $shown, $example)?)),)*
                    _ => None,
                }
            }
        }
    };
}

options! {
    /// The PostgreSQL database, version 15 or newer: a URL or a string of key=value pairs
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: SecretString => ("an embedded cluster in the data directory", "postgresql://hongyan:password@localhost/hongyan");
    /// The address of the API; a proxy in front terminates TLS
    #[arg(long, env = "HONGYAN_BIND", value_name = "ADDRESS:PORT")]
    bind: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 8080));
    /// The address of the admin listener: metrics, and readiness with its reasons
    #[arg(long, env = "HONGYAN_ADMIN_BIND", value_name = "ADDRESS:PORT")]
    admin_bind: SocketAddr => ("none", "127.0.0.1:9090");
    /// The folder of the embedded cluster and its signing secret
    #[arg(long, env = "HONGYAN_DATA_DIR", value_name = "FOLDER")]
    data_dir: PathBuf = PathBuf::from("./data");
    /// Signs tokens, at least 32 bytes; required with DATABASE_URL, the same for all instances
    #[arg(long, env = "HONGYAN_JWT_SECRET", hide_env_values = true, value_name = "SECRET")]
    jwt_secret: SecretString => ("generated once for the embedded cluster", "");
    /// A previous signing secret whose tokens are still accepted
    #[arg(long, env = "HONGYAN_JWT_PREVIOUS_SECRET", hide_env_values = true, value_name = "SECRET")]
    jwt_previous_secret: SecretString => ("none", "");
    /// Lifetime of an access token
    #[arg(long, env = "HONGYAN_ACCESS_TOKEN_SECONDS", value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    access_token_seconds: u32 = 600;
    /// Lifetime of an unused refresh token
    #[arg(long, env = "HONGYAN_REFRESH_TOKEN_SECONDS", value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    refresh_token_seconds: u32 = 604_800;
    /// Lifetime of a session, however often it is refreshed
    #[arg(long, env = "HONGYAN_SESSION_MAX_SECONDS", value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    session_max_seconds: u32 = 7_776_000;
    /// Open sessions of an account; a login beyond it ends the one that was unused the longest; 0 for no limit
    #[arg(long, env = "HONGYAN_SESSIONS_PER_ACCOUNT", value_name = "NUMBER")]
    sessions_per_account: u32 = 64;
    /// How long a used refresh token can be repeated without being treated as stolen
    #[arg(long, env = "HONGYAN_REFRESH_REUSE_GRACE_SECONDS", value_name = "SECONDS")]
    refresh_reuse_grace_seconds: u32 = 10;
    /// How long a message can be recalled after it was sent
    #[arg(long, env = "HONGYAN_RECALL_WINDOW_SECONDS", value_name = "SECONDS")]
    recall_window_seconds: u32 = 120;
    /// How long a friendship request can be answered
    #[arg(long, env = "HONGYAN_FRIEND_REQUEST_TTL_SECONDS", value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    friend_request_ttl_seconds: u32 = 259_200;
    /// Minimum time between two changes of a uid; 0 for no limit
    #[arg(long, env = "HONGYAN_UID_CHANGE_INTERVAL_DAYS", value_name = "DAYS")]
    uid_change_interval_days: u32 = 0;
    /// Who can register: open for all, invite for those with an invite of `hongyan invite create`, closed for none
    #[arg(long, env = "HONGYAN_REGISTRATION", value_name = "MODE")]
    registration: RegistrationChoice = RegistrationChoice::default();
    /// Messages that an account can send per minute, counted by each instance: that many at once, then evenly; 0 for no limit
    #[arg(long, env = "HONGYAN_QUOTA_MESSAGES_PER_MINUTE", value_name = "NUMBER")]
    quota_messages_per_minute: u32 = 300;
    /// Kilobytes of text that an account can send per minute, counted by each instance; 0 for no limit
    #[arg(long, env = "HONGYAN_QUOTA_MESSAGE_KILOBYTES_PER_MINUTE", value_name = "NUMBER")]
    quota_message_kilobytes_per_minute: u32 = 2048;
    /// Friendship requests that an account can send in 24 hours, on all instances together; 0 for no limit
    #[arg(long, env = "HONGYAN_QUOTA_REQUESTS_PER_DAY", value_name = "NUMBER")]
    quota_requests_per_day: u32 = 50;
    /// Users that an account can look up by uid per minute, counted by each instance; 0 for no limit
    #[arg(long, env = "HONGYAN_QUOTA_LOOKUPS_PER_MINUTE", value_name = "NUMBER")]
    quota_lookups_per_minute: u32 = 60;
    /// Changes of uid per account in 24 hours, attempts for a taken uid included, on all instances together; 0 for no limit
    #[arg(long, env = "HONGYAN_QUOTA_UID_CHANGES_PER_DAY", value_name = "NUMBER")]
    quota_uid_changes_per_day: u32 = 5;
    /// Registrations per hour from an IPv4 address or an IPv6 /64, on all instances together; then also 60 a minute in all; 0 for no limit
    #[arg(long, env = "HONGYAN_QUOTA_REGISTRATIONS_PER_HOUR", value_name = "NUMBER")]
    quota_registrations_per_hour: u32 = 20;
    /// Complete exports of an account per hour, counted by each instance; 0 for no limit
    #[arg(long, env = "HONGYAN_QUOTA_EXPORTS_PER_HOUR", value_name = "NUMBER")]
    quota_exports_per_hour: u32 = 1;
    /// Refused requests (4xx) per minute that are answered at once to an account, ten times as many to an address, counted by each instance; the answer to others takes a second; 0 for no limit
    #[arg(long, env = "HONGYAN_QUOTA_REFUSALS_PER_MINUTE", value_name = "NUMBER")]
    quota_refusals_per_minute: u32 = 60;
    /// The binary logarithm of bcrypt's rounds, 4 to 31; less than 10 logs a warning
    #[arg(long, env = "HONGYAN_BCRYPT_COST", value_name = "COST", value_parser = clap::value_parser!(u8).range(4..=31))]
    bcrypt_cost: u8 = 12;
    /// A filter of log events in the syntax of the tracing crate; access=info logs every request
    #[arg(long, env = "HONGYAN_LOG", value_name = "FILTER")]
    log: String = "info,actix_server=warn,access=error".to_owned();
    /// The format of the log: text or json
    #[arg(long, env = "HONGYAN_LOG_FORMAT", value_name = "FORMAT")]
    log_format: LogFormat = LogFormat::default();
    /// Database connections for requests, 1 to 1000
    #[arg(long, env = "HONGYAN_DB_POOL_SIZE", value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=1000))]
    db_pool_size: u16 = default_pool_size() => ("two per core, 2 to 64", "4");
    /// The language of messages for clients that ask for neither Chinese nor English: zh or en
    #[arg(long, env = "HONGYAN_DEFAULT_LANGUAGE", value_name = "LANGUAGE")]
    default_language: MessageLanguage = MessageLanguage::default();
    /// The documentation page at /docs: on or off
    #[arg(long, env = "HONGYAN_DOCS", value_name = "SWITCH")]
    docs: Switch = Switch::default();
    /// The web client at /: on or off
    #[arg(long, env = "HONGYAN_WEB", value_name = "SWITCH")]
    web: Switch = Switch::default();
    /// Whether friends see how far each of them has read, where both share it: on or off
    #[arg(long, env = "HONGYAN_READ_RECEIPTS", value_name = "SWITCH")]
    read_receipts: Switch = Switch::default();
    /// The most WebSocket connections of an instance; 0 for none
    #[arg(long, env = "HONGYAN_SOCKETS", value_name = "NUMBER")]
    sockets: u32 = crate::limits::default_sockets() => ("three quarters of the connections that the limit of open files permits", "10000");
    /// The most WebSocket connections of an account, 1 to 1000; with one more, the oldest is closed
    #[arg(long, env = "HONGYAN_SOCKETS_PER_USER", value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=1000))]
    sockets_per_user: u16 = 16;
    /// Time between two signs of life on a WebSocket connection, 1 to 60; less than the idle time of a proxy in front
    #[arg(long, env = "HONGYAN_SOCKET_PING_SECONDS", value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=60))]
    socket_ping_seconds: u32 = 25;
    /// What carries typing reports and early notice of changes between instances: postgres, nats, or off for nothing
    #[arg(long, env = "HONGYAN_SIGNALS", value_name = "TRANSPORT")]
    signals: SignalTransport = SignalTransport::default();
    /// The NATS servers that carry signals, separated by commas
    #[arg(long, env = "HONGYAN_NATS_URL", hide_env_values = true, value_name = "URL")]
    nats_url: SecretString => ("none", "nats://127.0.0.1:4222");
    /// Origins that browsers can call from, separated by commas, without path or trailing slash; * for all
    #[arg(long, env = "HONGYAN_CORS_ORIGINS", value_name = "ORIGINS", value_delimiter = ',')]
    cors_origins: Vec<String> = Vec::new() => ("none", "https://chat.example");
    /// Addresses and networks of trusted proxies, separated by commas; the right-most untrusted address in X-Forwarded-For is the client's, by which wrong passwords are counted
    #[arg(long, env = "HONGYAN_TRUSTED_PROXIES", value_name = "NETWORKS", value_delimiter = ',')]
    trusted_proxies: Vec<String> = Vec::new() => ("none", "10.0.0.0/8");
    /// How long a connection can idle between two requests; must exceed the idle time of a proxy in front
    #[arg(long, env = "HONGYAN_KEEP_ALIVE_SECONDS", value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    keep_alive_seconds: u32 = 75;
    /// How long to wait for the database at the start
    #[arg(long, env = "HONGYAN_START_SECONDS", value_name = "SECONDS")]
    start_seconds: u32 = 30;
    /// How long to keep serving after SIGTERM while /readyz returns 503; must exceed the interval of the load balancer's checks, 3 with deploy/nginx.conf
    #[arg(long, env = "HONGYAN_DRAIN_SECONDS", value_name = "SECONDS")]
    drain_seconds: u32 = 1;
    /// How long accepted requests can take to finish after that
    #[arg(long, env = "HONGYAN_SHUTDOWN_SECONDS", value_name = "SECONDS")]
    shutdown_seconds: u32 = 30;
}

/// Two connections per core: one works while the other waits for the disk.
fn default_pool_size() -> u16 {
    let cores = std::thread::available_parallelism().map_or(2, std::num::NonZeroUsize::get);
    u16::try_from(cores.saturating_mul(2)).unwrap_or(u16::MAX).clamp(2, 64)
}
