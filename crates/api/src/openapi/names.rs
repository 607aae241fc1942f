//! Names of the document that generators of clients turn into identifiers.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::document;

/// Verbs with which operation ids begin.
const VERBS: [&str; 27] = [
    "answer", "block", "change", "check", "clear", "delete", "end", "erase", "export", "find", "get", "list",
    "log", "mark", "open", "recall", "refresh", "register", "remove", "report", "search", "send", "set",
    "sync", "unblock", "update", "withdraw",
];

/// What generated code calls the things that it makes from a schema, besides the schema's own name.
const DERIVED: [(&str, &str); 4] =
    [("New", ""), ("New", "WithDefaults"), ("Nullable", ""), ("", "FromValue")];

/// Pairs of schemas whose names collide in generated code.
fn collisions(names: &[&str]) -> Vec<(String, String)> {
    let folded = |name: &str| name.replace('_', "").to_lowercase();
    let mut taken = BTreeMap::<String, &str>::new();
    let mut found = Vec::new();
    for name in names {
        if let Some(other) = taken.insert(folded(name), name) {
            found.push((other.to_owned(), (*name).to_owned()));
        }
    }
    for name in names {
        for (prefix, suffix) in DERIVED {
            let derived = folded(&format!("{prefix}{name}{suffix}"));
            found.extend(taken.get(&derived).map(|other| ((*name).to_owned(), (*other).to_owned())));
        }
    }
    found
}

fn is_type_name(name: &str) -> bool {
    let words = name.split(|letter: char| letter.is_ascii_uppercase()).skip(1);
    name.starts_with(|letter: char| letter.is_ascii_uppercase())
        && words
            .into_iter()
            .all(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_lowercase()))
}

#[test]
fn generated_names_of_schemas_do_not_collide() {
    let document = serde_json::to_value(document()).unwrap();
    let names: Vec<&str> =
        document["components"]["schemas"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(collisions(&names), []);
    let odd: Vec<_> = names.iter().filter(|name| !is_type_name(name)).collect();
    assert!(odd.is_empty(), "not in PascalCase: {odd:?}");
    let constructor = [("Message".to_owned(), "NewMessage".to_owned())];
    assert_eq!(collisions(&["Message", "NewMessage"]), constructor);
    assert_eq!(collisions(&["Asked", "asked"]), [("Asked".to_owned(), "asked".to_owned())]);
}

/// The code that is generated for Go and C has one name space for the values of all of them.
#[test]
fn named_enumerations_have_no_value_in_common() {
    let document = serde_json::to_value(document()).unwrap();
    let mut taken = BTreeMap::new();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        for value in schema["enum"].as_array().into_iter().flatten() {
            let other = taken.insert(value.as_str().unwrap(), name);
            assert_eq!(other, None, "{value} is in {name} and another enumeration");
        }
    }
    assert!(taken.contains_key("pending") && taken.contains_key("received"), "{taken:?}");
}

#[test]
fn operation_ids_are_unique_and_consist_of_a_verb_and_a_noun() {
    let document = serde_json::to_value(document()).unwrap();
    let items = document["paths"].as_object().unwrap().values();
    let ids: Vec<&str> = items
        .flat_map(|item| item.as_object().unwrap().values())
        .map(|operation| operation["operationId"].as_str().unwrap())
        .collect();
    let odd: Vec<_> = ids
        .iter()
        .filter(|id| {
            let (verb, noun) = id.split_once('_').unwrap_or((id, ""));
            noun.is_empty() || !VERBS.contains(&verb)
        })
        .collect();
    assert!(odd.is_empty(), "{odd:?}");
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "an operation id is used twice");
}

#[test]
fn received_and_sent_requests_are_schemas_of_their_own() {
    let document = serde_json::to_value(document()).unwrap();
    let schemas = &document["components"]["schemas"];
    for (name, mine, theirs) in [
        ("FriendRequestReceived", "sender_id", "receiver_id"),
        ("FriendRequestSent", "receiver_id", "sender_id"),
    ] {
        let schema = &schemas[name];
        assert!(schema["required"].as_array().unwrap().contains(&json!(mine)), "{schema}");
        assert_eq!(schema["properties"][theirs], Value::Null, "{schema}");
    }
    assert_eq!(
        schemas["FriendRequestList"]["properties"]["data"]["items"]["$ref"],
        "#/components/schemas/FriendRequest"
    );
}
