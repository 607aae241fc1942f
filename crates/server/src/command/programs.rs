//! PostgreSQL's own programs for backups, told of the database without its password on their command lines, which everybody
//! on the machine can read.

use std::path::PathBuf;
use std::process::{Child, Command};

use anyhow::Context;
use local_postgres::Installation;

/// One of PostgreSQL's programs: of the newest server that is installed, or else wherever the system finds it.
pub(super) fn program(name: &str) -> Command {
    let path = Installation::find().map_or_else(|_| PathBuf::from(name), |installed| installed.program(name));
    Command::new(path)
}

/// The program for this database.
pub(super) fn program_for(name: &str, url: &str) -> Command {
    let (without, password) = split_password(url);
    let mut command = program(name);
    command.arg(format!("--dbname={without}")).args(["--no-password", "--no-owner", "--no-privileges"]);
    if let Some(password) = password {
        command.env("PGPASSWORD", password);
    }
    command
}

/// Starts a program; says how to install it when it is not there.
pub(super) fn start(command: &mut Command) -> anyhow::Result<Child> {
    command.spawn().with_context(|| {
        let name = command.get_program().to_string_lossy().into_owned();
        format!(
            "{name} cannot be started; install PostgreSQL's client programs or name their folder in PG_BIN"
        )
    })
}

/// A connection URL or string without its password, and the password.
fn split_password(url: &str) -> (String, Option<String>) {
    in_a_url(url)
        .or_else(|| in_a_string(url))
        .map_or_else(|| (url.to_owned(), None), |(without, password)| (without, Some(password)))
}

/// `postgresql://user:password@host/name`.
fn in_a_url(url: &str) -> Option<(String, String)> {
    let (scheme, rest) = url.split_once("://")?;
    let (credentials, place) = rest.split_once('@')?;
    let (user, password) = credentials.split_once(':')?;
    Some((format!("{scheme}://{user}@{place}"), percent_decoded(password)?))
}

/// `host=… password=… dbname=…`, where a value may stand in quotes.
fn in_a_string(text: &str) -> Option<(String, String)> {
    if text.contains("://") {
        return None;
    }
    let start =
        text.find("password=").filter(|start| *start == 0 || text.get(..*start).is_some_and(ends_blank))?;
    let (before, rest) = text.split_at(start);
    let mut characters = rest.strip_prefix("password=")?.chars();
    let mut password = String::new();
    let quoted = characters.as_str().starts_with('\'');
    if quoted {
        characters.next();
    }
    while let Some(character) = characters.next() {
        match character {
            '\\' => password.extend(characters.next()),
            '\'' if quoted => break,
            blank if blank.is_whitespace() && !quoted => break,
            other => password.push(other),
        }
    }
    Some((format!("{before}{}", characters.as_str()), password))
}

fn ends_blank(text: &str) -> bool {
    text.ends_with(char::is_whitespace)
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_taken_out_of_whatever_names_the_database() {
        for (given, without, password) in [
            (
                "postgresql://me:p%40ss%20word@db:5432/chat?sslmode=require",
                "postgresql://me@db:5432/chat?sslmode=require",
                Some("p@ss word"),
            ),
            ("postgres://me@db/chat", "postgres://me@db/chat", None),
            ("postgresql:///chat?host=%2Ftmp&user=me", "postgresql:///chat?host=%2Ftmp&user=me", None),
            ("host=db password=secret dbname=chat", "host=db dbname=chat", Some("secret")),
            ("host=db password='it\\'s one' dbname=chat", "host=db  dbname=chat", Some("it's one")),
            ("password=secret", "", Some("secret")),
            ("host=db passfile=/x/password=y", "host=db passfile=/x/password=y", None),
        ] {
            assert_eq!(split_password(given), (without.to_owned(), password.map(str::to_owned)), "{given}");
        }
    }
}
