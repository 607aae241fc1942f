//! The settings of the API, which the server passes in.

use std::sync::Arc;
use std::time::Duration;

use crate::admission::Bulkheads;
use crate::http::proxies::TrustedProxies;
use crate::realtime::SocketHub;

/// The settings of the API.
#[derive(Clone, Default)]
pub struct ApiSettings {
    /// Origins that browsers may call from (CORS), or [`ApiSettings::ANY_ORIGIN`]; none by default.
    pub cors_origins: Vec<String>,
    /// Proxies whose `X-Forwarded-For` is trusted; none by default.
    pub trusted_proxies: TrustedProxies,
    /// Whether clients that ask for neither Chinese nor English get messages in English.
    pub english_by_default: bool,
    /// Whether the documentation page is left out.
    pub without_docs: bool,
    /// Whether the web client is left out.
    pub without_web: bool,
    /// What the server tells about itself.
    pub facts: ServerFacts,
    /// The bulkheads, shared by all workers.
    pub admission: Arc<Bulkheads>,
    /// The sockets of this instance, shared by all workers.
    pub sockets: Arc<SocketHub>,
}

/// Facts about the server that depend on its build and its settings.
#[derive(Debug, Clone)]
pub struct ServerFacts {
    /// Its version.
    pub version: &'static str,
    /// Who can register: `open`, `invite` or `closed`.
    pub registration: &'static str,
    /// How long a message can be recalled.
    pub recall_window: Duration,
}

impl ApiSettings {
    /// In `cors_origins`: every origin.
    pub const ANY_ORIGIN: &str = "*";
}

impl Default for ServerFacts {
    fn default() -> Self {
        Self { version: env!("CARGO_PKG_VERSION"), registration: "open", recall_window: Duration::ZERO }
    }
}
