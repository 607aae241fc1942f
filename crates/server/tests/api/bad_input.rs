//! Invalid request bodies: refused with the field's name, nothing stored, never a 500.

use serde_json::{Value, json};

use crate::support::{Person, World};

/// Every documented route with a body: method, path with well-formed ids, and whether it needs a token.
fn routes_with_bodies(world: &World) -> Vec<(String, String, bool)> {
    let document = world.call("GET", "/api/openapi.json").send().json;
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if operation.get("requestBody").is_some() {
                let some_id = "01890a5d-ac96-774b-bcce-b302099a8057";
                let path = path.split('/').map(|part| if part.starts_with('{') { some_id } else { part });
                let path = path.collect::<Vec<_>>().join("/");
                routes.push((
                    method.to_uppercase(),
                    path,
                    operation["security"].to_string().contains("token"),
                ));
            }
        }
    }
    assert!(routes.len() >= 10, "{routes:?}");
    routes
}

/// Content types that are not JSON in UTF-8.
const OTHER_TYPES: [&str; 4] = [
    "text/plain",
    "application/x-www-form-urlencoded",
    "application/json; charset=gbk",
    "application/json; charset=\"UTF-16\"",
];

#[test]
fn every_route_refuses_a_body_that_is_not_its_json_object() {
    let world = World::new();
    let alice = world.person("alice_01");
    for (method, path, guarded) in routes_with_bodies(&world) {
        let call = || {
            let call = world.call(&method, &path);
            if guarded { call.bearer(&alice.token) } else { call }
        };
        for body in [
            &b"{"[..],
            b"nope",
            b"\xef\xbb\xbf{}",
            b"{\"x\": \"\xff\"}",
            b"[",
            b"{'a':1}",
            b"5",
            b"\"t\"",
            b"null",
        ] {
            call().bytes(body).send().refused(400, "malformed_json");
        }
        let json = "application/json; charset=utf-8";
        for value in OTHER_TYPES {
            call().header("Content-Type", value).bytes(b"{}").send().refused(415, "unsupported_media_type");
        }
        call()
            .header("Content-Encoding", "gzip")
            .header("Content-Type", json)
            .bytes(b"{}")
            .send()
            .refused(415, "unsupported_media_type");
        let large = format!("{{\"x\":\"{}\"}}", "x".repeat(64 * 1024));
        call().header("Content-Type", json).bytes(large.as_bytes()).send().refused(413, "payload_too_large");
        let deep = format!("{{\"x\":{}{}}}", "[".repeat(20_000), "]".repeat(20_000));
        // An unknown field is skipped, however deep; a route with optional fields alone has nothing else to refuse.
        let expected = if is_optional(&method, &path) { 200 } else { 400 };
        assert_eq!(call().bytes(deep.as_bytes()).send().status, expected, "{method} {path}");
    }
    assert_eq!((world.count("messages"), world.count("users")), (0, 1));
}

/// Whether all fields of the route's body are optional.
fn is_optional(method: &str, path: &str) -> bool {
    (method, path) == ("PATCH", "/api/auth/me")
}

/// A valid body for each route that stores texts.
fn right_bodies(receiver: &Person) -> Vec<(&'static str, &'static str, Value)> {
    vec![
        (
            "POST",
            "/api/register",
            json!({"name": "n", "password": Person::PASSWORD, "uid": "fresh_01", "phone_number": "13800138000"}),
        ),
        ("POST", "/api/login/uid", json!({"uid": "alice_01", "password": "x"})),
        ("POST", "/api/login/phone_number", json!({"phone_number": "13800138000", "password": "x"})),
        ("PATCH", "/api/auth/me/uid", json!({"new_uid": "alice_02"})),
        ("PATCH", "/api/auth/me", json!({"name": "n"})),
        (
            "POST",
            "/api/auth/friendship_requests",
            json!({"receiver_id": receiver.id, "verification_message": "v", "sender_name": "s"}),
        ),
        (
            "POST",
            "/api/auth/messages",
            json!({"receiver_id": receiver.id, "content": "c", "client_message_id": "k"}),
        ),
    ]
}

#[test]
fn a_missing_field_or_one_of_the_wrong_type_is_named() {
    let world = World::new();
    let (alice, bob) = (world.person("alice_01"), world.person("bob_0001"));
    for (method, path, right) in right_bodies(&bob) {
        for field in right.as_object().unwrap().keys() {
            for wrong in [json!(5), json!(true), json!([]), json!({})] {
                let mut body = right.clone();
                body[field] = wrong;
                alice.with(method, path, &body).blames("invalid_field", field);
            }
            let mut without = right.clone();
            without.as_object_mut().unwrap().remove(field);
            let optional =
                ["uid", "phone_number", "verification_message", "sender_name", "client_message_id"];
            let is_needed = !(optional.contains(&field.as_str()) && right.as_object().unwrap().len() > 2);
            if is_needed && !is_optional(method, path) {
                alice.with(method, path, &without).blames("missing_field", field);
            }
        }
    }
}

#[test]
fn nul_and_lone_surrogates_are_refused_by_name_and_stored_nowhere() {
    let world = World::new();
    let (alice, bob) = world.friends();
    let nothing_new = (world.count("messages"), world.count("friendship_requests"), world.count("users"));
    for (method, path, right) in right_bodies(&bob) {
        for (field, value) in right.as_object().unwrap() {
            let plain = value.as_str().unwrap();
            for (bad, is_malformed) in [("\\u0000", false), ("\\ud83d", true), ("\\udc00x", true)] {
                let text = right.to_string().replacen(
                    &format!("\"{field}\":{}", json!(plain)),
                    &format!("\"{field}\":\"{bad}{}\"", "x".repeat(8)),
                    1,
                );
                let reply = alice
                    .call(method, path)
                    .header("Content-Type", "application/json")
                    .bytes(text.as_bytes())
                    .send();
                if is_malformed {
                    assert_eq!(reply.status, 400, "{method} {path} {field} {bad}: {}", reply.text);
                } else if path.starts_with("/api/login") {
                    reply.refused(401, "invalid_credentials");
                } else if field == "sender_name" {
                    assert_ne!(reply.status, 500, "{}", reply.text);
                } else if field == "password" {
                    // A password may be any Unicode: it is hashed, never stored.
                    reply.ok();
                    world.sql("DELETE FROM users WHERE uid = 'fresh_01'");
                } else {
                    reply.blames("invalid_field", field);
                }
            }
        }
    }
    assert_eq!(
        (world.count("messages"), world.count("friendship_requests"), world.count("users")),
        nothing_new
    );
}

#[test]
fn registering_names_the_invalid_field() {
    let world = World::new();
    let register = |field: &str, value: Value| {
        let mut body = json!({"name": "n", "password": Person::PASSWORD, "uid": "fresh_01"});
        body[field] = value;
        world.call("POST", "/api/register").json(&body).send()
    };
    for name in ["", " \u{3000}\t", "a\nb", "\u{7}", &"字".repeat(65)] {
        register("name", json!(name)).blames("invalid_field", "name");
    }
    for password in
        ["", "short", "短短短短短短短", "password", "PASSWORD", "12345678", "aaaaaaaaaa", &"x1".repeat(65)]
    {
        register("password", json!(password)).blames("invalid_field", "password");
    }
    for uid in [
        "",
        "abcde",
        "a2345678901234567890x",
        "1abcdef",
        "_abcdef",
        "abc def",
        "abcdéf",
        "微信号码很好",
        "abcdef\n",
    ] {
        register("uid", json!(uid)).blames("invalid_field", "uid");
    }
    for phone in [
        "",
        "1380013800",
        "138001380000",
        "23800138000",
        "+8613800138",
        "1380013800x",
        "１３８００１３８０００",
    ] {
        register("phone_number", json!(phone)).blames("invalid_field", "phone_number");
    }
    assert_eq!(world.count("users"), 0);
    register("name", json!("字".repeat(64))).ok();
}

#[test]
fn extra_fields_are_ignored_and_null_is_absent() {
    let world = World::new();
    let body = json!({"name": "n", "password": Person::PASSWORD, "uid": null, "phone_number": null, "state": "admin", "id": 7});
    let reply = world.call("POST", "/api/register").json(&body).send().ok();
    assert!(reply.data()["user_info"]["uid"].as_str().unwrap().starts_with("wxid_"));
}

#[test]
fn a_body_without_a_content_type_counts_as_json() {
    let world = World::new();
    world.person("alice_01");
    let body = json!({"uid": "alice_01", "password": Person::PASSWORD}).to_string();
    world.call("POST", "/api/login/uid").bytes(body.as_bytes()).send().ok();
}
