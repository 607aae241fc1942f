//! Connection defaults: what libpq leaves open, so that a dead host or a standby is noticed within seconds.

use super::DatabaseUrl;
use super::parse::has_query;

/// libpq's keywords and values for a URL that does not give them. Sockets of the file system ignore those of TCP.
const DEFAULTS: [(&str, &str); 5] = [
    ("connect_timeout", "2"),
    // Milliseconds without an acknowledgement of sent data.
    ("tcp_user_timeout", "5000"),
    ("keepalives_idle", "5"),
    ("keepalives_interval", "2"),
    ("keepalives_count", "3"),
];

/// Of several hosts, the one that accepts writes.
const OF_SEVERAL_HOSTS: (&str, &str) = ("target_session_attrs", "read-write");

/// The text with the defaults that `url` does not give.
pub(super) fn with_defaults(url: &DatabaseUrl, text: &str) -> String {
    // What a part of an ambiguous URL means is for libpq to say.
    if url.ambiguous {
        return text.to_owned();
    }
    let hosts = url.parameter("host").or_else(|| url.parameter("hostaddr")).unwrap_or_default();
    let several = hosts.contains(',').then_some(OF_SEVERAL_HOSTS);
    let missing = DEFAULTS.into_iter().chain(several).filter(|(key, _)| url.parameter(key).is_none());
    let missing: Vec<String> = missing.map(|(key, value)| format!("{key}={value}")).collect();
    match has_query(text) {
        _ if missing.is_empty() => text.to_owned(),
        None => format!("{text} {}", missing.join(" ")),
        Some(false) => format!("{text}?{}", missing.join("&")),
        Some(true) => format!("{}&{}", text.trim_end_matches('&'), missing.join("&")),
    }
}
