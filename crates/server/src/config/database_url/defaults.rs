//! Connection defaults: what libpq leaves open, so that a dead host or a standby is noticed within seconds.

use std::collections::BTreeMap;

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

/// The text of a connection string with the defaults that are not among its parameters.
pub(super) fn with_defaults(text: &str, given: &BTreeMap<String, String>) -> String {
    let hosts = given.get("host").or_else(|| given.get("hostaddr"));
    let several = hosts.is_some_and(|hosts| hosts.contains(',')).then_some(OF_SEVERAL_HOSTS);
    let missing = DEFAULTS.into_iter().chain(several).filter(|(key, _)| !given.contains_key(*key));
    let missing: Vec<String> = missing.map(|(key, value)| format!("{key}={value}")).collect();
    match has_query(text) {
        _ if missing.is_empty() => text.to_owned(),
        None => format!("{text} {}", missing.join(" ")),
        Some(false) => format!("{text}?{}", missing.join("&")),
        Some(true) => format!("{}&{}", text.trim_end_matches('&'), missing.join("&")),
    }
}
