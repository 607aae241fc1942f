//! `user show`: one account as an operator may see it, without its phone number and without content.

use chrono::{DateTime, Utc};
use domain::admin::AccountDetails;
use serde_json::{Value, json};

use super::list::{self, SECONDS};
use crate::command::report::{print, print_json};
use crate::command::table;

pub(super) fn print_details(details: &AccountDetails, json: bool) {
    if json {
        print_json(&as_json(details));
    } else {
        print(lines(details).join("\n"));
    }
}

fn time(time: DateTime<Utc>) -> String {
    time.format(SECONDS).to_string()
}

/// How far an erasure is; `None` for an account that is not erased.
fn erasure(details: &AccountDetails) -> Option<&'static str> {
    details.erased_at.map(|_| if details.is_being_erased { "running" } else { "finished" })
}

fn as_json(details: &AccountDetails) -> Value {
    let mut json = list::as_json(&details.account);
    if let Some(fields) = json.as_object_mut() {
        fields.insert("last_used_at".to_owned(), json!(details.last_used_at.map(time)));
        fields.insert("friends".to_owned(), json!(details.friends));
        fields.insert("has_phone_number".to_owned(), json!(details.has_phone_number));
        fields.insert("erased_at".to_owned(), json!(details.erased_at.map(time)));
        fields.insert("erasure".to_owned(), json!(erasure(details)));
    }
    json
}

fn lines(details: &AccountDetails) -> Vec<String> {
    let account = &details.account;
    let mut rows = vec![
        ("uid", list::uid(account).to_owned()),
        ("name", list::name(account).into_owned()),
        ("id", account.user_id.to_string()),
        ("state", list::state(account).to_owned()),
        ("created", time(account.created_at)),
        ("last used", details.last_used_at.map_or_else(|| "-".to_owned(), time)),
        ("sessions", format!("{} open", account.open_sessions)),
        ("friends", details.friends.to_string()),
        ("phone", if details.has_phone_number { "one to log in with" } else { "none" }.to_owned()),
    ];
    if let (Some(at), Some(erasure)) = (details.erased_at, erasure(details)) {
        rows.push(("erased", format!("{}; deletion of its data: {erasure}", time(at))));
    }
    rows.iter().map(|(label, value)| format!("{}{value}", table::left(label, 11))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::user::list::tests::account;

    fn details() -> AccountDetails {
        AccountDetails {
            account: account("鸿雁\u{202e}"),
            has_phone_number: true,
            friends: 12,
            last_used_at: Some(DateTime::UNIX_EPOCH),
            erased_at: None,
            is_being_erased: false,
        }
    }

    #[test]
    fn each_fact_has_a_line_of_its_own() {
        let expected = "\
uid        a_uid_of_20_letters1
name       鸿雁\\u{202e}
id         00000000-0000-0000-0000-000000000007
state      disabled
created    1970-01-01T00:00:00Z
last used  1970-01-01T00:00:00Z
sessions   16 open
friends    12
phone      one to log in with";
        assert_eq!(lines(&details()).join("\n"), expected);
    }

    #[test]
    fn an_erasure_is_shown_as_running_until_it_is_finished() {
        assert_eq!(as_json(&details())["erasure"], Value::Null);
        for (is_being_erased, expected) in [(true, "running"), (false, "finished")] {
            let erased_at = Some(DateTime::UNIX_EPOCH);
            let erased = AccountDetails { erased_at, is_being_erased, last_used_at: None, ..details() };
            let last = lines(&erased).pop().unwrap();
            assert_eq!(last, format!("erased     1970-01-01T00:00:00Z; deletion of its data: {expected}"));
            assert!(lines(&erased).contains(&"last used  -".to_owned()));
            let json = as_json(&erased);
            assert_eq!((&json["erasure"], &json["last_used_at"]), (&json!(expected), &Value::Null));
            assert_eq!((&json["friends"], &json["has_phone_number"]), (&json!(12), &json!(true)));
        }
    }
}
