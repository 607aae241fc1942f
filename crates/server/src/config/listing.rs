//! The output of `config print`.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::DatabaseUrl;
use super::origin::{Given, Origins};

/// One object per setting: environment variable, value, origin.
pub(super) fn json(origins: &Origins) -> Value {
    let row = |given: &Given| json!({"name": given.name, "value": shown(given), "origin": given.origin.to_string()});
    origins.0.iter().map(row).collect()
}

/// One line per setting: environment variable, value, origin.
pub(super) fn print(origins: &Origins) -> String {
    let rows: Vec<(&str, String)> =
        origins.0.iter().map(|given| (given.name.as_str(), shown(given))).collect();
    let width = |lengths: &mut dyn Iterator<Item = usize>| lengths.max().unwrap_or_default();
    let names = width(&mut rows.iter().map(|(name, _)| name.chars().count()));
    let values = width(&mut rows.iter().map(|(_, value)| value.chars().count()));
    rows.iter().zip(&origins.0).fold(String::new(), |mut text, ((name, value), given)| {
        let _ = writeln!(text, "{name:names$}  {value:values$}  {}", given.origin);
        text
    })
}

fn shown(given: &Given) -> String {
    match &given.value {
        None => given.default.clone(),
        // Nothing is shown of a text that is not a connection string: any part of it may be a password.
        Some(url) if given.name == "DATABASE_URL" => {
            DatabaseUrl::parse(url).map_or_else(|_| "***".to_owned(), |url| url.to_string())
        }
        Some(secret) if given.secret => format!("*** ({} bytes)", secret.len()),
        Some(value) => value.clone(),
    }
}
