//! Looking after accounts.

use std::sync::Arc;

use anyhow::Context;
use domain::administration::{Account, AccountPageRequest, AccountState, AdministrationService};
use domain::session::{DeviceName, Recognised, Registration};
use domain::user::{DisplayName, Nickname, PhoneNumber, Uid};
use infra::db::{Db, DbSettings};
use infra::password::BcryptHasher;
use infra::postgres::PgAdministrationRepository;
use secrecy::ExposeSecret;

use super::{Outcome, password, say};
use crate::app;
use crate::config::{Settings, UserCommand};
use crate::database::Visit;

pub(super) fn run(settings: &Settings, what: &UserCommand) -> Outcome {
    let visit = Visit::pay(settings)?
        .context("there is no database yet; `hongyan serve` or `hongyan migrate` makes it")?;
    let work = async {
        match what {
            UserCommand::List => list(&administration(settings, visit.url())?).await,
            UserCommand::Create { .. } => create(settings, &visit, what).await,
        }
    };
    actix_web::rt::System::new().block_on(work)?;
    Ok(0)
}

/// The use-cases of operators, on one connection.
pub(super) fn administration(settings: &Settings, url: &str) -> anyhow::Result<AdministrationService> {
    let db = DbSettings { url: url.to_owned(), connections: 1, reserved: 0, queue: 1 };
    let repository = PgAdministrationRepository::new(Arc::new(Db::new(&db)?));
    let hasher = BcryptHasher::start(settings.bcrypt_cost, 1)
        .map_err(|error| anyhow::anyhow!("bcrypt cannot be started: {error}"))?;
    Ok(AdministrationService::new(Arc::new(repository), Arc::new(hasher)))
}

async fn list(service: &AdministrationService) -> anyhow::Result<()> {
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

async fn create(settings: &Settings, visit: &Visit, what: &UserCommand) -> anyhow::Result<()> {
    let UserCommand::Create { uid, name, phone_number, generate_password } = what else { return Ok(()) };
    let cannot = |invalid| anyhow::anyhow!("the account cannot be made: {invalid}");
    let chosen = Uid::parse("uid", uid).map_err(cannot)?;
    let name = Nickname::parse(name.as_ref().unwrap_or(uid)).map_err(cannot)?;
    let phone_number = phone_number.as_deref().map(PhoneNumber::parse).transpose().map_err(cannot)?;
    let (password, shown) = if *generate_password {
        password::make().map(|(password, text)| (password, Some(text)))?
    } else {
        (password::read()?, None)
    };
    let sessions = app::sessions_for_tools(settings, visit.url())?;
    let registration = Registration { name, password, uid: Some(chosen), phone_number };
    let made = sessions.register(registration, &DeviceName::default()).await?;
    // Registering logs in; nobody has these tokens, so the session ends at once.
    let (Recognised::Surely(owner) | Recognised::Unconfirmed(owner)) =
        sessions.authenticate(made.tokens.access.expose_secret())?;
    sessions.logout(owner).await?;
    say(format_args!("{} {}", made.user.id, made.user.uid.as_str()));
    if let Some(password) = shown {
        say(format_args!("password: {password}"));
    }
    Ok(())
}
