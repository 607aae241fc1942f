//! The rule that a refused field breaks, for clients that say it in their own words.

use serde_json::{Value, json};

use crate::support::{Reply, World};

#[track_caller]
fn breaks(answer: Reply, field: &str, rule: &Value) {
    let answer = answer.blames("invalid_field", field);
    assert_eq!(&answer.json["rule"], rule, "{}", answer.text);
}

#[test]
fn a_refused_field_tells_its_rule_with_the_limits() {
    let world = World::new();
    let (alice, bob) = world.friends();
    let send = |content: Value| {
        alice.post("/api/auth/messages", &json!({"receiver_id": bob.id, "content": content}))
    };
    for (content, rule) in [
        (json!("字".repeat(5001)), json!({"rule": "length", "min": 1, "max": 5000})),
        (json!(""), json!({"rule": "length", "min": 1, "max": 5000})),
        (json!(" \n"), json!({"rule": "not_blank"})),
        (json!("\u{0}"), json!({"rule": "charset"})),
        (json!(1), json!({"rule": "type"})),
        (Value::Null, json!({"rule": "type"})),
    ] {
        breaks(send(content), "content", &rule);
    }
    let conversation = alice.conversation();
    let range = json!({"rule": "range", "min": 1, "max": 200});
    breaks(alice.open("x", ""), "conversation_id", &json!({"rule": "id"}));
    breaks(alice.open(&conversation, "?limit=0"), "limit", &range);
    breaks(alice.open(&conversation, "?limit=x"), "limit", &range);
    let exclusive = json!({"rule": "exclusive", "other": "after"});
    breaks(alice.open(&conversation, "?before=2&after=1"), "before", &exclusive);
    breaks(alice.get("/api/auth/blocks?cursor=x"), "cursor", &json!({"rule": "cursor"}));
    let words = json!({"rule": "one_of", "values": ["received", "sent"]});
    breaks(alice.get("/api/auth/friendship_requests?direction=up"), "direction", &words);
    let missing = alice.post("/api/auth/messages", &json!({"receiver_id": bob.id}));
    assert_eq!(missing.blames("missing_field", "content").json["rule"], json!({"rule": "required"}));
}

#[test]
fn a_refused_registration_tells_the_rule_of_its_field() {
    let world = World::new();
    for (field, value, rule) in [
        ("uid", "1", json!({"rule": "format", "pattern": "^[A-Za-z][A-Za-z0-9_-]{5,19}$"})),
        ("phone_number", "1", json!({"rule": "format", "pattern": "^1[0-9]{10}$"})),
        ("password", "short", json!({"rule": "length", "min": 8, "max": 128})),
        ("password", "password", json!({"rule": "not_common"})),
        ("password", "some_uid", json!({"rule": "not_identity"})),
        ("name", "系统消息", json!({"rule": "not_reserved"})),
    ] {
        let mut body = json!({"name": "name", "uid": "some_uid", "password": "correct horse 电池"});
        body[field] = json!(value);
        breaks(world.call("POST", "/api/register").json(&body).send(), field, &rule);
    }
}

#[test]
fn an_error_that_blames_no_field_has_no_rule() {
    let world = World::new();
    let (alice, bob) = (world.person("alice_01"), world.person("bob_0001"));
    let refused = alice.send(&bob, "hi").refused(409, "not_friends");
    assert_eq!((refused.json.get("field"), refused.json.get("rule")), (None, None));
}
