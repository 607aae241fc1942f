//! What the operations of the document share is described once, and their examples tell one story.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{document, strict_document};
use crate::response::error_catalog::CATALOG;

fn published() -> Value {
    serde_json::to_value(document()).unwrap()
}

fn operations(document: &Value) -> Vec<&Value> {
    let items = document["paths"].as_object().unwrap().values();
    items.flat_map(|item| item.as_object().unwrap().values()).collect()
}

/// The references in a part of the document that lead nowhere.
fn dangling(document: &Value, part: &Value) -> BTreeSet<String> {
    let mut found: BTreeSet<String> =
        part.as_object().into_iter().flatten().flat_map(|(_, value)| dangling(document, value)).collect();
    found.extend(part.as_array().into_iter().flatten().flat_map(|value| dangling(document, value)));
    let reference = part["$ref"].as_str().filter(|reference| {
        reference.strip_prefix('#').and_then(|pointer| document.pointer(pointer)).is_none()
    });
    found.extend(reference.map(str::to_owned));
    found
}

#[test]
fn every_reference_leads_to_a_component() {
    let document = published();
    assert_eq!(dangling(&document, &document), BTreeSet::new());
    let broken = json!({"a": [{"$ref": "#/b"}, {"$ref": "#/a"}]});
    assert_eq!(dangling(&broken, &broken), BTreeSet::from(["#/b".to_owned()]));
}

#[test]
fn every_error_response_is_a_named_one_with_a_constant_code() {
    let document = published();
    for operation in operations(&document) {
        for (code, response) in operation["responses"].as_object().unwrap() {
            if code == "200" {
                continue;
            }
            let name = response["$ref"].as_str().unwrap().strip_prefix("#/components/responses/").unwrap();
            if code == "304" {
                assert_eq!(name, "NotModified");
                continue;
            }
            let schema = &document["components"]["schemas"][name];
            assert_eq!(schema["properties"]["code"]["const"].to_string(), *code, "{name}");
            let shown = &document["components"]["responses"][name]["content"]["application/json"]["schema"];
            assert_eq!(*shown, json!({"$ref": format!("#/components/schemas/{name}")}));
        }
    }
    let names = CATALOG.iter().map(|entry| entry.name);
    let listed = document["components"]["schemas"]["ErrorName"]["enum"].as_array().unwrap();
    assert!(names.eq(listed.iter().map(|name| name.as_str().unwrap())), "{listed:?}");
    let size = serde_json::to_string(&document).unwrap().len();
    assert!(size < 185_000, "the document has {size} bytes");
}

#[test]
fn headers_of_every_request_are_parameters_in_the_strict_document_only() {
    let global = |document: &Value| {
        let names = operations(document).into_iter().flat_map(|operation| {
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            parameters.map(|parameter| parameter["name"].clone())
        });
        names.filter(|name| name == "Accept-Language" || name == "X-Request-Id").count()
    };
    assert_eq!(global(&published()), 0);
    let strict = serde_json::to_value(strict_document()).unwrap();
    assert_eq!(global(&strict), 2 * operations(&strict).len());
    let text = published()["info"]["description"].to_string();
    assert!(text.contains("Accept-Language") && text.contains("X-Request-Id"), "{text}");
}

#[test]
fn a_message_is_named_in_the_body_only() {
    let document = published();
    for path in ["/api/auth/message/recall", "/api/auth/message/delete"] {
        let operation = &document["paths"][path]["delete"];
        assert_eq!(operation["parameters"], Value::Null, "{path}");
        assert_eq!(operation["requestBody"]["required"], true, "{path}");
    }
}

/// Every value of a member with one of these names in the examples of requests and successes.
fn examples_of(document: &Value, names: &[&str]) -> BTreeSet<String> {
    fn collect(value: &Value, names: &[&str], found: &mut BTreeSet<String>) {
        for (name, value) in value.as_object().into_iter().flatten() {
            if names.contains(&name.as_str()) {
                found.insert(value.to_string());
            }
            collect(value, names, found);
        }
        value.as_array().into_iter().flatten().for_each(|value| collect(value, names, found));
    }
    let mut found = BTreeSet::new();
    for operation in operations(document) {
        let json = |part: &Value| part["content"]["application/json"]["example"].clone();
        for example in [json(&operation["requestBody"]), json(&operation["responses"]["200"])] {
            collect(&example, names, &mut found);
        }
    }
    found
}

#[test]
fn the_examples_do_not_contradict_each_other() {
    let document = published();
    let one = |names: &[&str]| {
        let found = examples_of(&document, names);
        assert_eq!(found.len(), 1, "{names:?}: {found:?}");
        found
    };
    one(&["password", "old_password", "new_password"]);
    let friend = one(&["friend_id", "receiver_id"]);
    let me = &document["paths"]["/api/auth/me"]["get"]["responses"]["200"]["content"]["application/json"];
    assert!(
        !friend.contains(&me["example"]["data"]["user_id"].to_string()),
        "the caller is no friend of itself"
    );
    one(&["friend_name", "receiver_name"]);
    let example = |path: &str, method: &str| {
        let content = &document["paths"][path][method]["requestBody"]["content"]["application/json"];
        content["example"].clone()
    };
    let registration = example("/api/register", "post");
    let members: BTreeSet<&str> = registration.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, BTreeSet::from(["name", "password"]), "it works any number of times");
    assert_eq!(example("/api/login/uid", "post")["uid"], me["example"]["data"]["uid"]);
    let page = &document["paths"]["/api/auth/conversations"]["get"]["responses"]["200"]["content"];
    let row = &page["application/json"]["example"]["data"][0];
    assert_eq!((&row["read_seq"], &row["unread_count"]), (&row["last_seq"], &json!(0)));
}
