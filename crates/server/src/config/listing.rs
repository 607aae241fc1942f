//! All settings on one screen.

use std::fmt::Write as _;

use super::origin::{Given, Origins};

/// A line for each setting: its environment variable, its value, where that comes from.
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
        Some(url) if given.name == "DATABASE_URL" => without_credentials(url),
        Some(secret) if given.secret => format!("*** ({} bytes)", secret.len()),
        Some(value) => value.clone(),
    }
}

/// Which database a URL names, without who logs in to it and how. Of what is no URL nothing is shown.
fn without_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://").filter(|(scheme, _)| scheme.starts_with("postgres"))
    else {
        return "***".to_owned();
    };
    // A password may contain anything: only what follows the very last '@' is certainly none of it.
    let (mask, place) = rest.rsplit_once('@').map_or(("", rest), |(_, place)| ("***@", place));
    let place = place.split('?').next().unwrap_or_default();
    format!("{scheme}://{mask}{place}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_database_only_its_place_is_shown() {
        for (url, shown) in [
            (
                "postgresql://hongyan:canary@db.example:5433/chat?sslmode=require",
                "postgresql://***@db.example:5433/chat",
            ),
            ("postgres://db/chat?password=canary", "postgres://db/chat"),
            ("postgres://a:can?ary@db/chat?options=x@y", "postgres://***@y"),
            ("postgres://a:can@ary@db/chat", "postgres://***@db/chat"),
            ("postgresql:///chat?host=%2Ftmp&user=canary", "postgresql:///chat"),
            ("host=db password=canary", "***"),
        ] {
            assert_eq!(without_credentials(url), shown);
        }
    }
}
