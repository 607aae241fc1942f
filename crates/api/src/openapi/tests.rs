//! Completeness of the OpenAPI document. Its truth is tested elsewhere: `cargo xtask coverage` compares its errors with those
//! that the API tests observed, `scripts/schemathesis` its schemas and examples with a running server.

use std::collections::BTreeSet;

use domain::account::Password;
use domain::auth::SessionCursor;
use domain::block::BlockCursor;
use domain::conversation::ConversationCursor;
use domain::friendship::{FriendCursor, Remark};
use domain::friendship_request::{RequestCursor, VerificationMessage};
use domain::message::{ClientMessageId, MessageContent};
use domain::page::PageKey;
use domain::search::{SearchCursor, SearchTerm};
use serde_json::{Value, json};

use super::{document, strict_document};
use crate::response::error_catalog;

fn document_json() -> Value {
    serde_json::to_value(document()).unwrap()
}

/// Every operation, by its method and path.
fn operations(document: &Value) -> Vec<(String, &Value)> {
    let items = document["paths"].as_object().unwrap().iter();
    let operations = items.flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().iter();
        methods.map(move |(method, operation)| (format!("{method} {path}"), operation))
    });
    operations.collect()
}

fn is_text(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.trim().is_empty())
}

fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let pointer = value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    pointer.map_or(value, |pointer| document.pointer(pointer).unwrap())
}

/// What the description of one operation lacks.
fn missing(document: &Value, operation: &Value) -> Vec<String> {
    let mut missing = Vec::new();
    let mut demand = |present: bool, what: &str| {
        if !present {
            missing.push(what.to_owned());
        }
    };
    let words = operation["summary"].as_str().map_or(0, |summary| summary.split(' ').count());
    demand((2..=4).contains(&words), "a summary of two to four words");
    demand(is_text(&operation["description"]), "a description");
    demand(operation["tags"][0].is_string(), "a tag");
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let parameter = resolve(document, parameter);
        demand(is_text(&parameter["description"]), &format!("a description of {}", parameter["name"]));
        let shown = parameter["required"] != true || !parameter["example"].is_null();
        demand(shown, &format!("an example of {}", parameter["name"]));
    }
    let body = &operation["requestBody"];
    let shown = body.is_null() || body["content"]["application/json"]["example"].is_object();
    demand(shown, "an example of its body");
    for (code, response) in operation["responses"].as_object().unwrap() {
        demand_response(document, code, resolve(document, response), &mut demand);
    }
    missing
}

/// Demands what the description of a response with this code must have.
fn demand_response(document: &Value, code: &str, response: &Value, demand: &mut impl FnMut(bool, &str)) {
    demand(is_text(&response["description"]), &format!("a description of {code}"));
    let has_header = |name: &str| response["headers"][name].is_object();
    demand(has_header("X-Request-Id"), &format!("the request id in {code}"));
    let waits = matches!(code, "429" | "503");
    demand(!waits || has_header("Retry-After"), &format!("how long to wait in {code}"));
    demand(code != "401" || has_header("WWW-Authenticate"), "the challenge of 401");
    let content = &response["content"]["application/json"];
    match code {
        "304" => demand(content.is_null(), "an empty body in 304"),
        "200" => demand(content["example"].is_object(), "an example of its response"),
        _ => demand(
            names_have_examples(document, content),
            &format!("the error names of {code}, each with an example"),
        ),
    }
}

/// Whether an error response lists its error names, each with an example.
fn names_have_examples(document: &Value, content: &Value) -> bool {
    let schema = resolve(document, &content["schema"]);
    let names = schema["properties"]["error"]["enum"].as_array();
    let names: BTreeSet<&str> = names.into_iter().flatten().filter_map(Value::as_str).collect();
    let shown: BTreeSet<&str> =
        content["examples"].as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    !names.is_empty() && names == shown
}

#[test]
fn every_operation_has_descriptions_examples_and_error_names() {
    let document = document_json();
    for (name, operation) in operations(&document) {
        let missing = missing(&document, operation);
        assert!(missing.is_empty(), "{name} lacks {missing:?}");
    }
}

#[test]
fn the_check_reports_each_missing_part() {
    let document = document_json();
    let (_, complete) =
        operations(&document).into_iter().find(|(name, _)| name == "post /api/auth/messages").unwrap();
    for (pointer, expected) in [
        ("/summary", "a summary of two to four words"),
        ("/description", "a description"),
        ("/requestBody/content/application~1json/example", "an example of its body"),
        ("/responses/200/content/application~1json/example", "an example of its response"),
        ("/responses/409/description", "a description of 409"),
        (
            "/responses/409/content/application~1json/examples/blocked",
            "the error names of 409, each with an example",
        ),
        ("/responses/400/content/application~1json/schema", "the error names of 400, each with an example"),
        ("/responses/429/headers/Retry-After", "how long to wait in 429"),
    ] {
        let mut operation = complete.clone();
        for response in operation["responses"].as_object_mut().unwrap().values_mut() {
            *response = resolve(&document, response).clone();
        }
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        operation
            .pointer_mut(parent)
            .unwrap()
            .as_object_mut()
            .unwrap()
            .remove(&key.replace("~1", "/"))
            .unwrap();
        assert_eq!(missing(&document, &operation), [expected], "{pointer}");
    }
}

#[test]
fn each_listed_error_is_described_under_its_own_status() {
    let document = document_json();
    for (name, operation) in operations(&document) {
        for error in operation["x-errors"].as_array().unwrap() {
            let entry = error_catalog::find(error.as_str().unwrap());
            let response = resolve(&document, &operation["responses"][entry.code.to_string()]);
            let response = &response["content"]["application/json"];
            let example = &resolve(&document, &response["examples"][entry.name])["value"];
            assert_eq!((&example["error"], &example["code"]), (error, &json!(entry.code)), "{name}");
            assert!(!example["message"].as_str().unwrap().contains('{'), "{name}: {example}");
        }
    }
}

#[test]
fn responses_are_closed_in_the_strict_document_only() {
    let published = serde_json::to_string(&document_json()).unwrap();
    assert!(!published.contains("additionalProperties"), "a client must accept fields that are added later");
    let document = serde_json::to_value(strict_document()).unwrap();
    let closed = |name: &str| document["components"]["schemas"][name]["additionalProperties"] == false;
    for name in [
        "NotLoggedIn",
        "Done",
        "LoginResponse",
        "Tokens",
        "Message",
        "FoundMessage",
        "ExportedSession",
        "FriendRequestSent",
    ] {
        assert!(closed(name), "{name}");
    }
    for name in ["Registration", "MessageDraft", "FriendRequestCreate"] {
        assert!(!closed(name), "{name}");
    }
    let found = &document["components"]["schemas"]["FoundMessage"];
    assert!(
        found["properties"]["conversation_id"].is_object() && found["properties"]["seq"].is_object(),
        "{found}"
    );
}

/// What generators of clients and linters demand of a document.
#[test]
fn the_document_names_itself_its_license_and_its_server() {
    let document = document_json();
    let info = &document["info"];
    assert!(info["title"].as_str().unwrap().is_ascii() && is_text(&info["contact"]["name"]), "{info}");
    assert_eq!(info["license"]["identifier"], info["license"]["name"], "{info}");
    assert_eq!((&document["servers"], &document["security"]), (&json!([{"url": "/"}]), &json!([])));
    let deprecated: Vec<String> = operations(&document)
        .into_iter()
        .filter_map(|(name, operation)| (operation["deprecated"] == true).then_some(name))
        .collect();
    let second_spellings = [
        "post /api/auth/refresh_token",
        "delete /api/auth/messages/delete",
        "delete /api/auth/messages/recall",
    ];
    assert_eq!(BTreeSet::from_iter(deprecated), BTreeSet::from(second_spellings.map(str::to_owned)));
}

type Accepts = fn(&str) -> bool;

#[test]
fn length_limits_match_the_domain() {
    let checks: [(&str, Accepts); 6] = [
        ("MessageText", |text| MessageContent::parse(text.to_owned()).is_ok()),
        ("ClientMessageId", |text| ClientMessageId::parse(text.to_owned()).is_ok()),
        ("VerificationMessage", |text| VerificationMessage::parse(text).is_ok()),
        ("Remark", |text| Remark::parse(text).is_ok()),
        ("SearchTerm", |text| SearchTerm::parse(text).is_ok()),
        ("ChosenPassword", |text| Password::parse(text.into()).is_ok()),
    ];
    let document = document_json();
    for (name, accepts) in checks {
        let schema = &document["components"]["schemas"][name];
        let limit = |key: &str| schema[key].as_u64().map(|limit| usize::try_from(limit).unwrap());
        let (min, max) = (limit("minLength").unwrap_or(0), limit("maxLength").unwrap());
        let accepts = |length: usize| accepts(&('一'..).take(length).collect::<String>());
        assert!(accepts(min) && accepts(max) && !accepts(max + 1), "{name}");
        assert!(min == 0 || !accepts(min - 1), "{name}");
    }
}

#[test]
fn page_limits_match_the_domain() {
    let document = document_json();
    for (path, max) in [
        ("/api/auth/sessions", SessionCursor::MAX_ROWS),
        ("/api/auth/blocks", BlockCursor::MAX_ROWS),
        ("/api/auth/conversations", ConversationCursor::MAX_ROWS),
        ("/api/auth/friendships", FriendCursor::MAX_ROWS),
        ("/api/auth/friendship_requests", RequestCursor::MAX_ROWS),
        ("/api/auth/messages/search", SearchCursor::MAX_ROWS),
    ] {
        let parameters = document["paths"][path]["get"]["parameters"].as_array().unwrap();
        let limit = parameters.iter().find(|parameter| parameter["name"] == "limit").unwrap();
        let schema = resolve(&document, &limit["schema"]);
        assert_eq!(
            (&schema["minimum"], &schema["maximum"], &schema["default"]),
            (&json!(1), &json!(max), &json!(max)),
            "{path}"
        );
    }
}
