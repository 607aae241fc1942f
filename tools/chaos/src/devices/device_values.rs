//! Values in JSON, and what of the lists must be equal on every device.

use serde_json::{Value, json};

/// A number of an object.
pub(super) fn number(object: &Value, name: &str) -> i64 {
    object.get(name).and_then(Value::as_i64).unwrap_or_default()
}

/// A text of an object.
pub(super) fn text<'a>(object: &'a Value, name: &str) -> &'a str {
    object.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The positions in a list.
pub(super) fn seqs<'a>(object: &'a Value, name: &str) -> impl Iterator<Item = i64> + 'a {
    object.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_i64)
}

/// Sets a member of an object.
pub(super) fn set(object: &mut Value, name: &str, value: impl Into<Value>) {
    if let Some(members) = object.as_object_mut() {
        members.insert(name.to_owned(), value.into());
    }
}

/// What of a list must be equal on every device. Times of use and counts of other lists are left out.
pub(super) fn essence(list: &str, data: &Value) -> Value {
    let each = |pointer: &str| {
        let items = data.as_array().into_iter().flatten();
        let mut found: Vec<&str> = items.map(|item| text(item, pointer)).collect();
        found.sort_unstable();
        json!(found)
    };
    match list {
        "blocks" => each("user_id"),
        "friendship_requests" => each("request_id"),
        "me" => {
            json!({"name": data.get("name"), "share_read": data.get("share_read"), "share_typing": data.get("share_typing")})
        }
        _ => data.clone(),
    }
}
