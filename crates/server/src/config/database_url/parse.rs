//! libpq's grammar of connection strings ("Connection Strings" in PostgreSQL's manual).
//!
//! It is not the grammar of the crate `url`: a URL may name several hosts with a port each, a password may hold a `?`, and
//! nothing but a `%` and two digits is decoded.

use std::borrow::Cow;
use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

/// What is wrong with a connection string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDatabaseUrl {
    /// Neither of the two notations.
    #[error(
        "must be a URL such as postgresql://user:password@host/database, or pairs such as host=… dbname=…"
    )]
    Notation,
    /// `%` without two hexadecimal digits, or what they encode is no text.
    #[error("a '%' must begin an encoded character such as %40 for '@'")]
    Encoding,
    /// `[` without `]`, nothing between them, or something after them.
    #[error("an IPv6 address must stand in brackets, as in [::1]:5432")]
    Brackets,
    /// Not a number in the range of ports.
    #[error("a port must be a number from 1 to 65535; in a password encode '@' as %40 and '/' as %2F")]
    Port,
    /// A part of the query without `=`, or with two.
    #[error("each parameter after the '?' must be key=value")]
    Query,
    /// `'` without its other end.
    #[error("a value that begins with a quote must end with one")]
    Quote,
}

/// The parameters by libpq's keywords, decoded. The last of several with the same keyword counts.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    pub(super) parameters: BTreeMap<String, String>,
    pub(super) ambiguous: bool,
}

/// Whether a URL has parameters after a `?`; `None` for pairs.
pub(super) fn has_query(text: &str) -> Option<bool> {
    url_rest(text).map(|rest| split_credentials(rest).1.contains('?'))
}

fn url_rest(text: &str) -> Option<&str> {
    text.strip_prefix("postgresql://").or_else(|| text.strip_prefix("postgres://"))
}

pub(super) fn parse(text: &str) -> Result<Parsed, InvalidDatabaseUrl> {
    let parsed = match url_rest(text) {
        Some(rest) => parse_url(rest)?,
        None => Parsed { parameters: parse_pairs(text)?, ambiguous: false },
    };
    check_ports(parsed.parameters.get("port").map_or("", String::as_str))?;
    Ok(parsed)
}

/// `[user[:password]@][host[:port],…][/database][?key=value&…]`, without the scheme.
fn parse_url(rest: &str) -> Result<Parsed, InvalidDatabaseUrl> {
    let mut parsed = Parsed::default();
    let (credentials, rest) = split_credentials(rest);
    let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
    parsed.set("user", user)?;
    parsed.set("password", password)?;
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = place.split_once('/').unwrap_or((place, ""));
    let places = authority.split(',').map(split_port).collect::<Result<Vec<_>, _>>()?;
    let list = |part: fn(&(&str, &str)) -> String| places.iter().map(part).collect::<Vec<_>>().join(",");
    parsed.set("host", &list(|(host, _)| (*host).to_owned()))?;
    if places.iter().any(|(_, port)| !port.is_empty()) {
        parsed.set("port", &list(|(_, port)| (*port).to_owned()))?;
    }
    parsed.set("dbname", database)?;
    parsed.ambiguous = place.contains('@');
    parsed.read_query(query)?;
    Ok(parsed)
}

/// Splits off what stands before the first `@`, unless a `/` comes first: then there are no credentials.
fn split_credentials(rest: &str) -> (&str, &str) {
    let split = rest.find(['@', '/']).and_then(|at| rest.split_at_checked(at));
    split.and_then(|(credentials, after)| Some((credentials, after.strip_prefix('@')?))).unwrap_or(("", rest))
}

fn split_port(place: &str) -> Result<(&str, &str), InvalidDatabaseUrl> {
    let Some(inside) = place.strip_prefix('[') else {
        return Ok(place.split_once(':').unwrap_or((place, "")));
    };
    let (address, after) = inside.split_once(']').ok_or(InvalidDatabaseUrl::Brackets)?;
    let port = after.strip_prefix(':').or_else(|| after.is_empty().then_some(""));
    match port {
        Some(port) if !address.is_empty() => Ok((address, port)),
        _ => Err(InvalidDatabaseUrl::Brackets),
    }
}

impl Parsed {
    /// Keeps a parameter of a URL; one that is empty is not given.
    fn set(&mut self, keyword: &str, encoded: &str) -> Result<(), InvalidDatabaseUrl> {
        if !encoded.is_empty() {
            self.parameters.insert(keyword.to_owned(), decode(encoded)?);
        }
        Ok(())
    }

    fn read_query(&mut self, query: &str) -> Result<(), InvalidDatabaseUrl> {
        /// Parameters in which an `@` is expected.
        const WITH_AT: [&str; 6] =
            ["user", "password", "sslpassword", "options", "application_name", "fallback_application_name"];
        for pair in query.split_terminator('&') {
            let (keyword, value) = pair.split_once('=').ok_or(InvalidDatabaseUrl::Query)?;
            let (keyword, value) = (decode(keyword)?, decode(value)?);
            if !is_keyword(&keyword) || pair.split('=').count() > 2 {
                return Err(InvalidDatabaseUrl::Query);
            }
            self.ambiguous |= pair.contains('@') && !WITH_AT.contains(&keyword.as_str());
            let (keyword, value) = match (keyword.as_str(), value.as_str()) {
                // As JDBC spells it.
                ("ssl", "true") => ("sslmode".to_owned(), "require".to_owned()),
                _ => (keyword, value),
            };
            self.parameters.insert(keyword, value);
        }
        Ok(())
    }
}

/// `key = value …`, where a value may stand in single quotes and a backslash makes the next character an ordinary one.
fn parse_pairs(text: &str) -> Result<BTreeMap<String, String>, InvalidDatabaseUrl> {
    let mut parameters = BTreeMap::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (keyword, value) = rest.split_once('=').ok_or(InvalidDatabaseUrl::Notation)?;
        let keyword = keyword.trim_end();
        if !is_keyword(keyword) {
            return Err(InvalidDatabaseUrl::Notation);
        }
        let (value, after) = split_value(value.trim_start())?;
        parameters.insert(keyword.to_owned(), value);
        rest = after.trim_start();
    }
    Ok(parameters)
}

/// The first value and what follows it.
fn split_value(text: &str) -> Result<(String, &str), InvalidDatabaseUrl> {
    let (quoted, text) = text.strip_prefix('\'').map_or((false, text), |inside| (true, inside));
    let (mut value, mut characters) = (String::new(), text.chars());
    loop {
        let rest = characters.as_str();
        match characters.next() {
            None if quoted => return Err(InvalidDatabaseUrl::Quote),
            None => return Ok((value, rest)),
            Some('\'') if quoted => return Ok((value, characters.as_str())),
            Some(blank) if blank.is_whitespace() && !quoted => return Ok((value, rest)),
            Some('\\') => value.extend(characters.next()),
            Some(other) => value.push(other),
        }
    }
}

fn decode(text: &str) -> Result<String, InvalidDatabaseUrl> {
    let is_encoded = |after: &str| {
        let digits = after.as_bytes().get(..2).filter(|digits| *digits != b"00");
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    if !text.split('%').skip(1).all(is_encoded) {
        return Err(InvalidDatabaseUrl::Encoding);
    }
    percent_decode_str(text).decode_utf8().map(Cow::into_owned).map_err(|_| InvalidDatabaseUrl::Encoding)
}

fn is_keyword(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn check_ports(ports: &str) -> Result<(), InvalidDatabaseUrl> {
    let usable = |port: &str| port.is_empty() || port.parse::<u16>().is_ok_and(|port| port > 0);
    if ports.split(',').map(str::trim).all(usable) { Ok(()) } else { Err(InvalidDatabaseUrl::Port) }
}
