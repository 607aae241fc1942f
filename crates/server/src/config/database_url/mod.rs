//! A parsed libpq connection string. Its secrets are kept apart from its other parameters, so that they reach neither a
//! command line nor a screen.

mod defaults;
mod parse;

use std::collections::BTreeMap;
use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};

pub use parse::InvalidDatabaseUrl;

/// What a URL may hold unencoded in any of its parts.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// As [`ENCODED`], for people: folders and lists stay readable.
const ENCODED_FOR_DISPLAY: &AsciiSet = &ENCODED.remove(b'/').remove(b',');
/// What is shown instead of something secret.
const MASK: &str = "***";

/// Where a database is and how to log in to it, as libpq's URL or as its `key=value` string.
///
/// `Display` shows hosts, ports and the name of the database; `Debug` shows the same.
#[derive(Clone)]
pub struct DatabaseUrl {
    /// What libpq gets: as it was given, with the defaults that it does not give.
    text: SecretString,
    parameters: BTreeMap<String, String>,
    secrets: BTreeMap<String, SecretString>,
    /// A password may have been typed without percent-encoding, so that it stands where other parts belong.
    ambiguous: bool,
}

impl DatabaseUrl {
    /// Reads a URL or a `key=value` string by libpq's grammar.
    ///
    /// # Errors
    /// What is wrong with it, without any part of it: all of them may be a password.
    pub fn parse(text: &str) -> Result<Self, InvalidDatabaseUrl> {
        let parsed = parse::parse(text)?;
        let (secrets, parameters) = parsed.parameters.into_iter().partition(|(key, _)| is_secret(key));
        let secrets: BTreeMap<String, String> = secrets;
        let ambiguous = parsed.ambiguous;
        // What a part of an ambiguous URL means is for libpq to say.
        let text = if ambiguous { text.to_owned() } else { defaults::with_defaults(text, &parameters) };
        let secrets = secrets.into_iter().map(|(key, value)| (key, value.into())).collect();
        Ok(Self { text: text.into(), parameters, secrets, ambiguous })
    }

    /// The whole string, secrets and defaults included, as libpq takes it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.text.expose_secret()
    }

    /// A parameter that is no secret, by libpq's keyword.
    #[must_use]
    pub fn parameter(&self, keyword: &str) -> Option<&str> {
        self.parameters.get(keyword).map(String::as_str)
    }

    /// The secrets by libpq's keywords: `password`, `sslpassword` and their like.
    #[must_use]
    pub const fn secrets(&self) -> &BTreeMap<String, SecretString> {
        &self.secrets
    }

    /// An equivalent URL without any secret, for a command line.
    #[must_use]
    pub fn without_secrets(&self) -> String {
        let database = self.parameter("dbname").unwrap_or_default();
        let rest = self.parameters.iter().filter(|(key, _)| *key != "dbname");
        let rest: Vec<String> = rest.map(|(key, value)| format!("{key}={}", encode(value))).collect();
        let mark = if rest.is_empty() { "" } else { "?" };
        format!("postgresql:///{}{mark}{}", encode(database), rest.join("&"))
    }

    /// `host:port,host:port`, as far as they are given. Sockets have no place there.
    fn authority(&self) -> Option<String> {
        let hosts = self.parameter("host").or_else(|| self.parameter("hostaddr")).unwrap_or_default();
        if hosts.split(',').any(|host| host.starts_with(['/', '@'])) {
            return None;
        }
        let ports: Vec<&str> = self.parameter("port").unwrap_or_default().split(',').collect();
        let places = hosts.split(',').enumerate().map(|(index, host)| {
            let host = if host.contains(':') { format!("[{host}]") } else { encode_for_display(host) };
            // One port is every host's.
            match ports.get(index).or_else(|| ports.first().filter(|_| ports.len() == 1)) {
                Some(port) if !port.is_empty() => format!("{host}:{port}"),
                _ => host,
            }
        });
        Some(places.collect::<Vec<_>>().join(","))
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ambiguous {
            return f.write_str(MASK);
        }
        f.write_str("postgresql://")?;
        if self.parameter("user").is_some() || !self.secrets.is_empty() {
            write!(f, "{MASK}@")?;
        }
        let database = encode_for_display(self.parameter("dbname").unwrap_or_default());
        if let Some(authority) = self.authority() {
            return write!(f, "{authority}/{database}");
        }
        let socket = encode_for_display(self.parameter("host").unwrap_or_default());
        write!(f, "/{database}?host={socket}")
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

/// Whether libpq's parameter holds a secret. A keyword of a later libpq is recognised by its name.
fn is_secret(keyword: &str) -> bool {
    let keyword = keyword.to_ascii_lowercase();
    ["password", "secret", "scram_client_key", "scram_server_key"].iter().any(|word| keyword.contains(word))
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

fn encode_for_display(text: &str) -> String {
    utf8_percent_encode(text, ENCODED_FOR_DISPLAY).to_string()
}

#[cfg(test)]
mod tests;
