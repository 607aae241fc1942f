//! `invite`: the codes that allow registrations while registration is by invitation only.

use std::num::NonZeroU32;
use std::time::Duration;

use anyhow::Context;
use domain::invite::{Invite, InviteService, InviteTerms};
use serde_json::{Value, json};

use super::report::{CommandResult, print, print_json};
use super::services::{Services, open_migrated};
use crate::config::{InviteCommand, Settings};
use crate::observability::audit::record_command;

pub(super) fn run(settings: &Settings, command: &InviteCommand) -> CommandResult {
    let database = open_migrated(settings)?;
    let url = database.url().expose();
    actix_web::rt::System::new()
        .block_on(async { execute(&Services::new(settings, url)?.invites, command).await })?;
    Ok(0)
}

async fn execute(invites: &InviteService, command: &InviteCommand) -> anyhow::Result<()> {
    match command {
        InviteCommand::Create { uses, days } => {
            let lifetime = Duration::from_secs(u64::from(*days) * 86_400);
            let uses = NonZeroU32::new(*uses).context("an invite needs at least one use")?;
            let (code, invite) = invites.create(InviteTerms { uses, lifetime }).await?;
            record_command("invite create", None);
            // The code comes alone on its line, for scripts. It is not stored and cannot be shown again.
            print(code.grouped());
            print(aligned(HEADER));
            print(row(&invite));
        }
        InviteCommand::List { json: true } => {
            print_json(&invites.list().await?.iter().map(as_json).collect());
        }
        InviteCommand::List { json: false } => {
            print(aligned(HEADER));
            for invite in invites.list().await? {
                print(row(&invite));
            }
        }
        InviteCommand::Revoke { id } => {
            invites.revoke(id).await?;
            record_command("invite revoke", None);
            print("invite revoked");
        }
    }
    Ok(())
}

const HEADER: [&str; 5] = ["id", "state", "used", "created", "expires"];

const fn state(invite: &Invite) -> &'static str {
    match invite.is_open {
        true => "open",
        false if invite.used >= invite.uses => "used up",
        false => "expired",
    }
}

fn as_json(invite: &Invite) -> Value {
    let [created, expires] = times(invite);
    json!({
        "id": invite.id,
        "state": state(invite),
        "uses": invite.uses,
        "used": invite.used,
        "created_at": created,
        "expires_at": expires,
    })
}

/// When an invite was created and when it expires.
fn times(invite: &Invite) -> [String; 2] {
    [invite.created_at, invite.expires_at].map(|time| time.format("%Y-%m-%dT%H:%M:%SZ").to_string())
}

fn row(invite: &Invite) -> String {
    let used = format!("{}/{}", invite.used, invite.uses);
    let [created, expires] = times(invite);
    aligned([&invite.id, state(invite), &used, &created, &expires])
}

fn aligned([id, state, used, created, expires]: [&str; 5]) -> String {
    format!("{id:<5}  {state:<7}  {used:>9}  {created:<20}  {expires}")
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    #[test]
    fn each_state_of_an_invite_has_its_word() {
        let invite = |used, is_open| Invite {
            id: "abcde".to_owned(),
            uses: 3,
            used,
            created_at: DateTime::UNIX_EPOCH,
            expires_at: DateTime::UNIX_EPOCH,
            is_open,
        };
        let times = "1970-01-01T00:00:00Z  1970-01-01T00:00:00Z";
        for (used, is_open, expected) in [
            (2, true, "abcde  open           2/3"),
            (3, false, "abcde  used up        3/3"),
            (1, false, "abcde  expired        1/3"),
        ] {
            assert_eq!(row(&invite(used, is_open)), format!("{expected}  {times}"));
            let json = as_json(&invite(used, is_open));
            assert!(expected.contains(json["state"].as_str().unwrap()), "{json}");
            assert_eq!((&json["used"], &json["uses"]), (&json!(used), &json!(3)));
        }
    }
}
