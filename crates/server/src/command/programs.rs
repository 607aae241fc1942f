//! PostgreSQL's client programs `pg_dump` and `pg_restore`.
//!
//! Every user of the machine can read a command line, so that secrets of the database's URL go into the environment and into
//! a private file instead.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::{Child, Command};

use anyhow::{Context, ensure};
use domain::account::RandomSource;
use infra::crypto::random::SystemRandom;
use local_postgres::{Installation, clear_environment};
use secrecy::ExposeSecret;

use crate::config::DatabaseUrl;
use crate::secret;

/// A program of the newest server that is installed, or else the one on the `PATH`.
pub(super) fn program(name: &str) -> Command {
    let path = Installation::find().map_or_else(|_| PathBuf::from(name), |installed| installed.program(name));
    let mut command = Command::new(path);
    clear_environment(&mut command);
    command
}

/// The variables of an operator's environment that may complete `DATABASE_URL`: a password file, certificates, and where they
/// are found by default. Variables that change what is read or written, such as `PGCLIENTENCODING`, are not among them.
const COMPLETING: [&str; 8] = [
    "HOME",
    "PGPASSFILE",
    "PGPASSWORD",
    "PGSSLCERT",
    "PGSSLKEY",
    "PGSSLMODE",
    "PGSSLROOTCERT",
    "PGSERVICEFILE",
];

/// A program that works on a database. It must outlive the process that it starts.
pub(super) struct DatabaseProgram {
    pub(super) command: Command,
    _service: Option<ServiceFile>,
}

/// The program, set up to log in to this database.
pub(super) fn program_for(name: &str, url: &DatabaseUrl) -> anyhow::Result<DatabaseProgram> {
    let mut command = program(name);
    command.envs(COMPLETING.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    command.arg(format!("--dbname={}", url.without_secrets()));
    command.args(["--no-password", "--no-owner", "--no-privileges"]);
    // Both programs set their own time limits, and rely on these.
    command.env(
        "PGOPTIONS",
        "-c default_transaction_read_only=off -c default_transaction_isolation=read\\ committed",
    );
    if let Some(password) = url.secrets().get("password") {
        command.env("PGPASSWORD", password.expose_secret());
    }
    let service = ServiceFile::write(url)?;
    if let Some(file) = &service {
        command.env("PGSERVICEFILE", &file.0).env("PGSERVICE", ServiceFile::NAME);
    }
    Ok(DatabaseProgram { command, _service: service })
}

/// Starts a program; says how to install it when it is missing.
pub(super) fn start(command: &mut Command) -> anyhow::Result<Child> {
    command.spawn().with_context(|| {
        let name = command.get_program().to_string_lossy().into_owned();
        format!(
            "{name} cannot be started; install PostgreSQL's client programs or name their folder in PG_BIN"
        )
    })
}

/// A private file for the secrets that libpq reads from no environment variable, such as `sslpassword`: a "connection
/// service file" of libpq's. Dropping it removes it.
struct ServiceFile(PathBuf);

impl ServiceFile {
    const NAME: &str = "hongyan";

    fn write(url: &DatabaseUrl) -> anyhow::Result<Option<Self>> {
        let mut text = format!("[{}]\n", Self::NAME);
        let secrets = url.secrets().iter().filter(|(keyword, _)| *keyword != "password");
        for (keyword, secret) in secrets.clone() {
            let secret = secret.expose_secret();
            let fits = !secret.contains(['\n', '\r']) && !secret.ends_with(char::is_whitespace);
            ensure!(fits, "the {keyword} of DATABASE_URL must not end with a blank or span lines");
            let _ = writeln!(text, "{keyword}={secret}");
        }
        if secrets.count() == 0 {
            return Ok(None);
        }
        let has_service = url.parameter("service").is_some();
        ensure!(
            !has_service,
            "DATABASE_URL names a service; put its other secrets into that service's file, too"
        );
        let name = secret::hex(&SystemRandom.bytes()?);
        let file = Self(std::env::temp_dir().join(format!("hongyan-service-{name}")));
        let open = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file.0);
        let written = open.and_then(|mut open| open.write_all(text.as_bytes()));
        written.with_context(|| format!("{} cannot be written", file.0.display()))?;
        Ok(Some(file))
    }
}

impl Drop for ServiceFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// What a program's command line and environment hold.
    fn shown(command: &Command) -> (String, String) {
        let arguments: Vec<_> = command.get_args().map(|argument| argument.to_string_lossy()).collect();
        let variables: Vec<_> =
            command.get_envs().map(|(name, value)| format!("{name:?}={value:?}")).collect();
        (arguments.join(" "), variables.join(" "))
    }

    fn service_file(program: &DatabaseProgram) -> Option<PathBuf> {
        let mut variables = program.command.get_envs();
        variables.find(|(name, _)| *name == "PGSERVICEFILE").and_then(|(_, value)| value.map(PathBuf::from))
    }

    #[test]
    fn secrets_reach_a_program_but_not_its_command_line() {
        for given in [
            "postgresql://me:canary-1@db/chat?sslpassword=canary-2",
            "postgresql://db:5432/chat?user=a@b&password=canary-1&sslpassword=canary-2",
            "host=db password=canary-1 sslpassword='canary-2'",
        ] {
            let program = program_for("pg_dump", &DatabaseUrl::parse(given).unwrap()).unwrap();
            let (arguments, variables) = shown(&program.command);
            assert!(!arguments.contains("canary"), "{arguments}");
            assert!(variables.contains("\"PGPASSWORD\"=Some(\"canary-1\")"), "{variables}");
            let file = service_file(&program).unwrap();
            assert_eq!(std::fs::read_to_string(&file).unwrap(), "[hongyan]\nsslpassword=canary-2\n");
            assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
            drop(program);
            assert!(!file.exists());
        }
    }

    #[test]
    fn secrets_that_a_service_file_cannot_hold_are_refused() {
        for given in ["sslpassword='a '", "sslpassword='a\nhost=evil'", "service=mine sslpassword=a"] {
            assert!(program_for("pg_dump", &DatabaseUrl::parse(given).unwrap()).is_err(), "{given}");
        }
        let plain = program_for("pg_dump", &DatabaseUrl::parse("service=mine password=a").unwrap()).unwrap();
        assert!(service_file(&plain).is_none());
    }
}
