//! `user`: account administration.

use std::borrow::Cow;
use std::io::IsTerminal;

use anyhow::{Context, anyhow};
use domain::account::{DisplayName, Nickname, Password, PhoneNumber, Registration, Uid};
use domain::admin::{Account, AccountPageRequest, AccountState, AdminService};
use domain::id::UserId;
use domain::known_device::ClientDevice;

use super::password;
use super::report::{CommandResult, print};
use super::services::Services;
use crate::config::{Settings, UserCommand};
use crate::database::DatabaseAccess;
use crate::observability::audit::record_command;
use crate::observability::printable::escaped;

pub(super) fn run(settings: &Settings, command: &UserCommand) -> CommandResult {
    let database = DatabaseAccess::open(settings)?
        .context("there is no database yet: `hongyan serve` or `hongyan migrate` creates it")?;
    let url = database.url().expose();
    actix_web::rt::System::new()
        .block_on(async { execute(&Services::new(settings, url)?, command).await })?;
    Ok(0)
}

async fn execute(services: &Services, command: &UserCommand) -> anyhow::Result<()> {
    let admin = &services.admin;
    match command {
        UserCommand::List => list(admin).await?,
        UserCommand::Create { .. } => record_command("user create", create(services, command).await?),
        UserCommand::ResetPassword { uid, generate_password } => {
            let user = find(admin, uid).await?;
            let (password, generated) = password::choose(*generate_password)?;
            require_other_than(&password, &parse_uid(uid)?, None)?;
            admin.reset_password(user, &password).await?;
            record_command("user reset-password", Some(user));
            print(format_args!("password of {uid} changed; all its sessions ended"));
            print_password(generated);
        }
        UserCommand::EndSessions { uid } => {
            let user = find(admin, uid).await?;
            let ended = admin.end_sessions(user).await?;
            record_command("user end-sessions", Some(user));
            print(format_args!("sessions ended: {ended}"));
        }
        UserCommand::Disable { uid } => {
            let user = find(admin, uid).await?;
            services.accounts.disable(user).await?;
            record_command("user disable", Some(user));
            print(format_args!("{uid} disabled; all its sessions ended"));
        }
        UserCommand::Enable { uid } => {
            let user = find(admin, uid).await?;
            services.accounts.enable(user).await?;
            record_command("user enable", Some(user));
            print(format_args!("{uid} enabled"));
        }
    }
    Ok(())
}

/// Prints all accounts: aligned at a terminal, and otherwise every column separated by tabs.
async fn list(service: &AdminService) -> anyhow::Result<()> {
    let (header, row): (_, fn(&Account) -> String) = if std::io::stdout().is_terminal() {
        (aligned(["created", "state", "sessions", "uid", "name"]), aligned_row)
    } else {
        ("created_at\tstate\topen_sessions\tuser_id\tuid\tname".to_owned(), full_row)
    };
    print(header);
    let mut request = AccountPageRequest::default();
    loop {
        let page = service.list(&request).await?;
        for account in &page.items {
            print(row(account));
        }
        let Some(next) = page.next else { return Ok(()) };
        request.after = Some(next);
    }
}

const fn state(account: &Account) -> &'static str {
    match account.state {
        AccountState::Active => "active",
        AccountState::Disabled => "disabled",
        AccountState::Erased => "erased",
    }
}

/// A name in one column: no line break or tab of it reaches the table.
fn name(account: &Account) -> Cow<'_, str> {
    match &account.name {
        DisplayName::Nickname(name) => escaped(name.as_str()),
        DisplayName::Erased => Cow::Borrowed("-"),
    }
}

fn full_row(account: &Account) -> String {
    let created_at = account.created_at.format("%Y-%m-%dT%H:%M:%SZ");
    let (state, name) = (state(account), name(account));
    let uid = account.uid.as_ref().map_or("-", Uid::as_str);
    format!("{created_at}\t{state}\t{}\t{}\t{uid}\t{name}", account.open_sessions, account.user_id)
}

fn aligned_row(account: &Account) -> String {
    let (created, sessions) =
        (account.created_at.format("%Y-%m-%d").to_string(), account.open_sessions.to_string());
    let uid = account.uid.as_ref().map_or("-", Uid::as_str);
    aligned([&created, state(account), &sessions, uid, &name(account)])
}

/// Columns that fit into 80 characters. The name comes last: the width of its characters is unknown.
fn aligned([created, state, sessions, uid, name]: [&str; 5]) -> String {
    format!("{created:<10}  {state:<8}  {sessions:>8}  {uid:<20}  {name}")
}

/// Creates the account of a `create` and returns its id.
async fn create(services: &Services, command: &UserCommand) -> anyhow::Result<Option<UserId>> {
    let UserCommand::Create { uid, name, phone_number, generate_password } = command else { return Ok(None) };
    let chosen = parse_uid(uid)?;
    let name = Nickname::parse(name.as_ref().unwrap_or(uid))
        .map_err(|invalid| anyhow!("the name is not valid: {invalid}"))?;
    let phone_number = phone_number
        .as_deref()
        .map(PhoneNumber::parse)
        .transpose()
        .map_err(|invalid| anyhow!("the phone number is not valid: {invalid}"))?;
    let (password, generated) = password::choose(*generate_password)?;
    require_other_than(&password, &chosen, Some(&name))?;
    let registration = Registration { name, password, uid: Some(chosen), phone_number, invite: None };
    let account = services.registration.register(registration, &ClientDevice::default()).await?;
    // Registration opens a session, whose tokens are dropped here.
    services.admin.end_sessions(account.user.id).await?;
    print(format_args!("{} {}", account.user.id, account.user.uid.as_str()));
    print_password(generated);
    Ok(Some(account.user.id))
}

async fn find(service: &AdminService, uid: &str) -> anyhow::Result<UserId> {
    Ok(service.identify(&parse_uid(uid)?).await?)
}

fn parse_uid(uid: &str) -> anyhow::Result<Uid> {
    Uid::parse(uid).map_err(|invalid| anyhow!("the uid is not valid: {invalid}"))
}

/// Checks that the password is not the uid, nor the name if there is a new one.
fn require_other_than(password: &Password, uid: &Uid, name: Option<&Nickname>) -> anyhow::Result<()> {
    password
        .require_other_than(Some(uid), name)
        .map_err(|invalid| anyhow!("the password is not valid: {invalid}"))
}

/// Prints a generated password. It is not stored and cannot be shown again.
fn print_password(generated: Option<String>) {
    if let Some(password) = generated {
        print(format_args!("password: {password}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_at_a_terminal_leaves_room_for_the_name() {
        let row = aligned(["2026-11-26", "disabled", "16", "a_uid_of_20_letters1", "鸿雁"]);
        assert_eq!(row, "2026-11-26  disabled        16  a_uid_of_20_letters1  鸿雁");
        assert!(row.chars().count() < 80 - 20);
    }
}
