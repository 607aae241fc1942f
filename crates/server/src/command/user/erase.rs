//! `user erase`: erases an account after a confirmation.

use std::io::{BufRead, IsTerminal};

use anyhow::{Context, bail, ensure};
use domain::account::Uid;
use domain::admin::{Account, AccountDetails, AdminError};
use domain::id::UserId;

use super::list;
use crate::command::report::{hint, print};
use crate::command::services::Services;
use crate::observability::audit::record_command;

/// Erases an account, after its uid was typed once more unless the operator has confirmed already.
pub(super) async fn erase(services: &Services, user: UserId, is_confirmed: bool) -> anyhow::Result<()> {
    let details = services.admin.details(user).await?;
    let uid = details.account.uid.clone().ok_or(AdminError::UnknownUser)?;
    if !is_confirmed {
        let input = std::io::stdin();
        ensure!(
            input.is_terminal(),
            "nothing was changed: standard input is no terminal to ask at; confirm with --yes"
        );
        hint(question(&details));
        confirm(&uid, &mut input.lock())?;
    }
    services.accounts.erase_by_operator(user).await?;
    record_command("user erase", Some(user));
    print(format_args!("{} erased; a running server deletes its data in the background", uid.as_str()));
    Ok(())
}

fn question(details: &AccountDetails) -> String {
    let AccountDetails { account, friends, .. } = details;
    let Account { created_at, .. } = account;
    format!(
        "{} ({}), registered {}, {friends} friends: all of it will be erased for good.\nType the uid to confirm:",
        list::uid(account),
        list::name(account),
        created_at.format("%Y-%m-%d")
    )
}

/// Reads a line, which must be the uid.
fn confirm(uid: &Uid, input: &mut impl BufRead) -> anyhow::Result<()> {
    let mut line = String::new();
    input.read_line(&mut line).context("the confirmation cannot be read")?;
    if line.trim() != uid.as_str() {
        bail!("not confirmed; nothing was changed");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::user::list::tests::account;

    #[test]
    fn only_the_uid_itself_confirms() {
        let uid = Uid::parse("alice_01").unwrap();
        for (typed, is_confirmed) in
            [("alice_01\n", true), (" alice_01", true), ("y\n", false), ("", false), ("alice_02\n", false)]
        {
            assert_eq!(confirm(&uid, &mut typed.as_bytes()).is_ok(), is_confirmed, "{typed:?}");
        }
    }

    #[test]
    fn the_question_names_the_account_without_steering_the_terminal() {
        let details = AccountDetails {
            account: account("雁\u{202e}"),
            has_phone_number: false,
            friends: 3,
            last_used_at: None,
            erased_at: None,
            is_being_erased: false,
        };
        let asked = question(&details);
        assert!(
            asked.starts_with("a_uid_of_20_letters1 (雁\\u{202e}), registered 1970-01-01, 3 friends"),
            "{asked}"
        );
    }
}
