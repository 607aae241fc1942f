//! `user list`: accounts as a table at a terminal, as tab-separated lines in a pipe, or as JSON.

use std::borrow::Cow;
use std::io::IsTerminal;

use domain::account::{DisplayName, Uid};
use domain::admin::{Account, AccountCursor, AccountPageRequest, AccountState, AdminService};
use domain::id::UserId;
use serde_json::{Value, json};

use crate::command::report::{JsonArray, hint, print};
use crate::command::table;
use crate::observability::printable::escaped;

/// Columns that are left for names at a terminal of 80 columns.
const NAME_COLUMNS: usize = 26;

/// The part of all accounts to list: at most so many, after one of them.
pub(super) struct Extent {
    pub(super) limit: Option<u32>,
    pub(super) after: Option<UserId>,
}

enum Form {
    Table,
    Tabs,
    Json(JsonArray),
}

impl Form {
    fn begin(as_json: bool) -> Self {
        if as_json {
            return Self::Json(JsonArray::default());
        }
        if std::io::stdout().is_terminal() {
            print(aligned(["created", "state", "sessions", "uid", "name"]));
            return Self::Table;
        }
        print("created_at\tstate\topen_sessions\tuser_id\tuid\tname");
        Self::Tabs
    }

    fn row(&mut self, account: &Account) {
        match self {
            Self::Table => print(aligned_row(account)),
            Self::Tabs => print(full_row(account)),
            Self::Json(array) => array.push(&as_json(account)),
        }
    }

    fn finish(self) {
        if let Self::Json(array) = self {
            array.finish();
        }
    }
}

/// Prints accounts, oldest first, and how to go on if the limit leaves some out.
pub(super) async fn print_accounts(
    service: &AdminService,
    extent: Extent,
    as_json: bool,
) -> anyhow::Result<()> {
    let mut form = Form::begin(as_json);
    let mut left = extent.limit.map(i64::from);
    let mut after = extent.after.map(AccountCursor);
    loop {
        let page = AccountPageRequest::default().limit.get();
        let request = AccountPageRequest::parse(left.map(|left| left.min(page)), after)?;
        let page = service.list(&request).await?;
        for account in &page.items {
            form.row(account);
        }
        after = page.next;
        left = left.map(|left| left.saturating_sub(i64::try_from(page.items.len()).unwrap_or(i64::MAX)));
        if after.is_none() || left == Some(0) {
            break;
        }
    }
    form.finish();
    if let Some(AccountCursor(last)) = after {
        hint(format_args!("more accounts follow: --after {last}"));
    }
    Ok(())
}

pub(super) const fn state(account: &Account) -> &'static str {
    match account.state {
        AccountState::Active => "active",
        AccountState::Disabled => "disabled",
        AccountState::Erased => "erased",
    }
}

/// A name in one column: no line break or tab of it reaches the table.
pub(super) fn name(account: &Account) -> Cow<'_, str> {
    match &account.name {
        DisplayName::Nickname(name) => escaped(name.as_str()),
        DisplayName::Erased => Cow::Borrowed("-"),
    }
}

pub(super) fn uid(account: &Account) -> &str {
    account.uid.as_ref().map_or("-", Uid::as_str)
}

/// The fields of an account; null where an erased account has none.
pub(super) fn as_json(account: &Account) -> Value {
    let name = match &account.name {
        DisplayName::Nickname(name) => Some(name.as_str()),
        DisplayName::Erased => None,
    };
    json!({
        "user_id": account.user_id.to_string(),
        "uid": account.uid.as_ref().map(Uid::as_str),
        "name": name,
        "state": state(account),
        "open_sessions": account.open_sessions,
        "created_at": account.created_at.format(SECONDS).to_string(),
    })
}

/// Times to the second, in UTC.
pub(super) const SECONDS: &str = "%Y-%m-%dT%H:%M:%SZ";

fn full_row(account: &Account) -> String {
    let created_at = account.created_at.format(SECONDS);
    let (state, sessions, id) = (state(account), account.open_sessions, account.user_id);
    format!("{created_at}\t{state}\t{sessions}\t{id}\t{}\t{}", uid(account), name(account))
}

fn aligned_row(account: &Account) -> String {
    let created = account.created_at.format("%Y-%m-%d").to_string();
    aligned([&created, state(account), &account.open_sessions.to_string(), uid(account), &name(account)])
}

/// Columns that fit into 80. A name that is too wide is cut: the other forms have all of it.
fn aligned([created, state, sessions, uid, name]: [&str; 5]) -> String {
    let columns = [
        table::left(created, 10),
        table::left(state, 8),
        table::right(sessions, 8),
        table::left(uid, 20),
        table::cut(name, NAME_COLUMNS).into_owned(),
    ];
    columns.join("  ")
}

#[cfg(test)]
pub(super) mod tests {
    use chrono::DateTime;
    use domain::account::Nickname;
    use uuid::Uuid;

    use super::*;

    pub(in super::super) fn account(name: &str) -> Account {
        Account {
            user_id: UserId::from_uuid(Uuid::from_u128(7)),
            uid: Some(Uid::parse("a_uid_of_20_letters1").unwrap()),
            name: DisplayName::Nickname(Nickname::from_stored(name).unwrap()),
            state: AccountState::Disabled,
            open_sessions: 16,
            created_at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_row_at_a_terminal_is_at_most_80_columns_wide() {
        for (typed, shown) in [
            ("鸿雁", "鸿雁"),
            ("一二三四五六七八九十一二三四", "一二三四五六七八九十一二…"),
            ("abcdefghijklmnopqrstuvwxyz", "abcdefghijklmnopqrstuvwxyz"),
            ("a\u{202e}b\u{2028}c", "a\\u{202e}b\\u{2028}c"),
        ] {
            let row = aligned_row(&account(typed));
            assert_eq!(row, format!("1970-01-01  disabled        16  a_uid_of_20_letters1  {shown}"));
            assert!(table::width(&row) <= 80, "{row}");
        }
    }

    #[test]
    fn an_erased_account_has_dashes_in_a_table_and_null_in_json() {
        let erased = Account {
            uid: None,
            name: DisplayName::Erased,
            state: AccountState::Erased,
            open_sessions: 0,
            ..account("雁")
        };
        assert_eq!(aligned_row(&erased), "1970-01-01  erased           0  -                     -");
        assert!(full_row(&erased).ends_with("\t-\t-"));
        let json = as_json(&erased);
        assert_eq!(
            (&json["uid"], &json["name"], &json["state"]),
            (&Value::Null, &Value::Null, &json!("erased"))
        );
    }

    #[test]
    fn a_row_in_a_pipe_has_six_fields_whatever_the_name_holds() {
        let row = full_row(&account("a\u{2028}b\u{2066}c"));
        assert_eq!(row.split('\t').count(), 6, "{row}");
        assert_eq!(as_json(&account("a\u{2028}b"))["name"], "a\u{2028}b");
    }
}
