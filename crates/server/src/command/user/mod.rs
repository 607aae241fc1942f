//! `user`: account administration.

mod erase;
mod list;
mod show;

use anyhow::anyhow;
use domain::account::{Nickname, Password, PhoneNumber, Registration, Uid};
use domain::admin::{AdminError, AdminService};
use domain::id::UserId;
use domain::known_device::ClientDevice;

use self::list::Extent;
use super::password;
use super::report::{CommandResult, print};
use super::services::{Services, open_migrated};
use crate::config::{Settings, UserCommand};
use crate::observability::audit::record_command;

pub(super) fn run(settings: &Settings, command: &UserCommand) -> CommandResult {
    let database = open_migrated(settings)?;
    let url = database.url().expose();
    actix_web::rt::System::new()
        .block_on(async { execute(&Services::new(settings, url)?, command).await })?;
    Ok(0)
}

async fn execute(services: &Services, command: &UserCommand) -> anyhow::Result<()> {
    match command {
        UserCommand::List { limit, after, json } => {
            let extent = extent(&services.admin, *limit, after.as_deref()).await?;
            list::print_accounts(&services.admin, extent, *json).await?;
        }
        UserCommand::Show { account, json } => {
            let user = find(&services.admin, account).await?;
            show::print_details(&services.admin.details(user).await?, *json);
        }
        UserCommand::Create { .. } => record_command("user create", create(services, command).await?),
        UserCommand::ResetPassword { account, generate_password } => {
            reset_password(services, account, *generate_password).await?;
        }
        UserCommand::EndSessions { account } => {
            let user = find(&services.admin, account).await?;
            let ended = services.admin.end_sessions(user).await?;
            record_command("user end-sessions", Some(user));
            print(format_args!("sessions ended: {ended}"));
        }
        UserCommand::Disable { account } => {
            let user = find(&services.admin, account).await?;
            services.accounts.disable(user).await?;
            record_command("user disable", Some(user));
            print(format_args!("{account} disabled; all its sessions ended"));
        }
        UserCommand::Enable { account } => {
            let user = find(&services.admin, account).await?;
            services.accounts.enable(user).await?;
            record_command("user enable", Some(user));
            print(format_args!("{account} enabled"));
        }
        UserCommand::Erase { account, yes } => {
            let user = find(&services.admin, account).await?;
            erase::erase(services, user, *yes).await?;
        }
    }
    Ok(())
}

async fn extent(service: &AdminService, limit: Option<u32>, after: Option<&str>) -> anyhow::Result<Extent> {
    let after = match after {
        Some(account) => Some(find(service, account).await?),
        None => None,
    };
    Ok(Extent { limit, after })
}

/// Changes a password; its owner's uid is none.
async fn reset_password(services: &Services, account: &str, generate: bool) -> anyhow::Result<()> {
    let user = find(&services.admin, account).await?;
    let uid = services.admin.details(user).await?.account.uid.ok_or(AdminError::UnknownUser)?;
    let (password, generated) = password::choose(generate)?;
    require_other_than(&password, &uid, None)?;
    services.admin.reset_password(user, &password).await?;
    record_command("user reset-password", Some(user));
    print(format_args!("password of {account} changed; all its sessions ended"));
    print_password(generated);
    Ok(())
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

/// The account of a uid or of an id. An erased one has an id only.
async fn find(service: &AdminService, account: &str) -> anyhow::Result<UserId> {
    match UserId::parse(account) {
        Ok(id) => Ok(service.details(id).await?.account.user_id),
        Err(_) => Ok(service.identify(&parse_uid(account)?).await?),
    }
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
