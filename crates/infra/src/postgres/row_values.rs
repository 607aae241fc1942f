//! Conversions between column values and domain values. A value that the domain rejects is a [`DbError`] that names its row.

use domain::account::{AccountState, DisplayName, Nickname, Uid};
use domain::id::UserId;

use crate::db::DbError;

pub(super) const ACTIVE: &str = "active";
pub(super) const DISABLED: &str = "disabled";
pub(super) const ERASED: &str = "erased";

pub(super) const fn as_db_str(state: AccountState) -> &'static str {
    match state {
        AccountState::Active => ACTIVE,
        AccountState::Disabled => DISABLED,
        AccountState::Erased => ERASED,
    }
}

pub(super) fn account_state(user: UserId, word: &str) -> Result<AccountState, DbError> {
    match word {
        ACTIVE => Ok(AccountState::Active),
        DISABLED => Ok(AccountState::Disabled),
        ERASED => Ok(AccountState::Erased),
        _ => Err(DbError::UnknownWord {
            table: "users",
            key: user.to_string(),
            column: "state",
            word: word.to_owned(),
        }),
    }
}

pub(super) fn nickname(user: UserId, name: &str) -> Result<Nickname, DbError> {
    Nickname::from_stored(name).map_err(DbError::stored("users", "name", user))
}

pub(super) fn uid(user: UserId, uid: &str) -> Result<Uid, DbError> {
    Uid::parse(uid).map_err(DbError::stored("users", "uid", user))
}

/// The name of an account as shown to others. An erased account has none.
pub(super) fn display_name_from_row(user: UserId, state: &str, name: &str) -> Result<DisplayName, DbError> {
    if state == ERASED { Ok(DisplayName::Erased) } else { nickname(user, name).map(DisplayName::Nickname) }
}

/// The uid of an account as shown to others; `None` for an erased account.
pub(super) fn display_uid_from_row(user: UserId, state: &str, text: &str) -> Result<Option<Uid>, DbError> {
    if state == ERASED { Ok(None) } else { uid(user, text).map(Some) }
}
