//! Looking after accounts.

use anyhow::{Context, anyhow};
use domain::account::{DisplayName, Nickname, PhoneNumber, Registration, Uid};
use domain::admin::{Account, AccountPageRequest, AccountState, AdminService};
use domain::auth::DeviceName;
use domain::id::UserId;

use super::services::Services;
use super::{Outcome, password, say};
use crate::config::{Settings, UserCommand};
use crate::database::Visit;

pub(super) fn run(settings: &Settings, what: &UserCommand) -> Outcome {
    let visit = Visit::pay(settings)?
        .context("there is no database yet; `hongyan serve` or `hongyan migrate` makes it")?;
    actix_web::rt::System::new()
        .block_on(async { work(&Services::new(settings, visit.url())?, what).await })?;
    Ok(0)
}

async fn work(services: &Services, what: &UserCommand) -> anyhow::Result<()> {
    let admin = &services.admin;
    match what {
        UserCommand::List => list(admin).await?,
        UserCommand::Create { .. } => create(services, what).await?,
        UserCommand::ResetPassword { uid, generate_password } => {
            let user = identify(admin, uid).await?;
            let (password, shown) = password::choose(*generate_password)?;
            admin.reset_password(user, &password).await?;
            say(format_args!("the password of {uid} is changed; all sessions were ended"));
            tell(shown);
        }
        UserCommand::EndSessions { uid } => {
            let user = identify(admin, uid).await?;
            say(format_args!("{} sessions were ended", admin.end_sessions(user).await?));
        }
        UserCommand::Disable { uid } => {
            services.accounts.disable(identify(admin, uid).await?).await?;
            say(format_args!("{uid} is disabled; all sessions were ended"));
        }
        UserCommand::Enable { uid } => {
            services.accounts.enable(identify(admin, uid).await?).await?;
            say(format_args!("{uid} is enabled"));
        }
    }
    Ok(())
}

async fn list(service: &AdminService) -> anyhow::Result<()> {
    let mut request = AccountPageRequest::default();
    say("created_at\tstate\topen_sessions\tuser_id\tuid\tname");
    loop {
        let page = service.list(&request).await?;
        for account in &page.items {
            say(row(account));
        }
        let Some(next) = page.next else { return Ok(()) };
        request.after = Some(next);
    }
}

fn row(account: &Account) -> String {
    let state = match account.state {
        AccountState::Active => "active",
        AccountState::Disabled => "disabled",
        AccountState::Erased => "erased",
    };
    let name = match &account.name {
        DisplayName::Nickname(name) => name.as_str(),
        DisplayName::Erased => "-",
    };
    let created_at = account.created_at.format("%Y-%m-%dT%H:%M:%SZ");
    let uid = account.uid.as_ref().map_or("-", Uid::as_str);
    format!("{created_at}\t{state}\t{}\t{}\t{uid}\t{name}", account.open_sessions, account.user_id)
}

async fn create(services: &Services, what: &UserCommand) -> anyhow::Result<()> {
    let UserCommand::Create { uid, name, phone_number, generate_password } = what else { return Ok(()) };
    let chosen = parse_uid(uid)?;
    let name = Nickname::parse(name.as_ref().unwrap_or(uid))
        .map_err(|invalid| anyhow!("the name is not valid: {invalid}"))?;
    let phone_number = phone_number
        .as_deref()
        .map(PhoneNumber::parse)
        .transpose()
        .map_err(|invalid| anyhow!("the phone number is not valid: {invalid}"))?;
    let (password, shown) = password::choose(*generate_password)?;
    let registration = Registration { name, password, uid: Some(chosen), phone_number };
    let made = services.registration.register(registration, &DeviceName::default()).await?;
    // Registering logs in; nobody has these tokens, so the session ends at once.
    services.admin.end_sessions(made.user.id).await?;
    say(format_args!("{} {}", made.user.id, made.user.uid.as_str()));
    tell(shown);
    Ok(())
}

async fn identify(service: &AdminService, uid: &str) -> anyhow::Result<UserId> {
    Ok(service.identify(&parse_uid(uid)?).await?)
}

fn parse_uid(uid: &str) -> anyhow::Result<Uid> {
    Uid::parse(uid).map_err(|invalid| anyhow!("the uid is not valid: {invalid}"))
}

/// Shows a password that was made up, this once.
fn tell(made_up: Option<String>) {
    if let Some(password) = made_up {
        say(format_args!("password: {password}"));
    }
}
