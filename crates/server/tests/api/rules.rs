//! The rule that a refused field breaks, for clients that say it in their own words.

use serde_json::{Value, json};

use crate::support::World;

#[test]
fn a_refused_field_tells_its_rule_with_the_limits() {
    let world = World::new();
    let (alice, bob) = world.friends();
    let send = |content: Value| {
        alice.post("/api/auth/messages", &json!({"receiver_id": bob.id, "content": content}))
    };
    let register = |field: &str, value: &str| {
        let mut body = json!({"name": "name", "uid": "some_uid", "password": "correct horse 电池"});
        body[field] = json!(value);
        world.call("POST", "/api/register").json(&body).send()
    };
    let conversation = alice.conversation();
    let answers = [
        (send(json!("字".repeat(5001))), "content", json!({"rule": "length", "min": 1, "max": 5000})),
        (send(json!("")), "content", json!({"rule": "length", "min": 1, "max": 5000})),
        (send(json!(" \n")), "content", json!({"rule": "not_blank"})),
        (send(json!("\u{0}")), "content", json!({"rule": "charset"})),
        (send(json!(1)), "content", json!({"rule": "type"})),
        (send(Value::Null), "content", json!({"rule": "type"})),
        (alice.open("x", ""), "conversation_id", json!({"rule": "id"})),
        (alice.open(&conversation, "?limit=0"), "limit", json!({"rule": "range", "min": 1, "max": 200})),
        (alice.open(&conversation, "?limit=x"), "limit", json!({"rule": "range", "min": 1, "max": 200})),
        (
            alice.open(&conversation, "?before=2&after=1"),
            "before",
            json!({"rule": "exclusive", "other": "after"}),
        ),
        (alice.get("/api/auth/blocks?cursor=x"), "cursor", json!({"rule": "cursor"})),
        (
            alice.get("/api/auth/friendship_requests?direction=up"),
            "direction",
            json!({"rule": "one_of", "values": ["received", "sent"]}),
        ),
        (register("uid", "1"), "uid", json!({"rule": "format", "pattern": "^[A-Za-z][A-Za-z0-9_-]{5,19}$"})),
        (register("phone_number", "1"), "phone_number", json!({"rule": "format", "pattern": "^1[0-9]{10}$"})),
        (register("password", "short"), "password", json!({"rule": "length", "min": 8, "max": 128})),
        (register("password", "password"), "password", json!({"rule": "not_common"})),
        (register("password", "some_uid"), "password", json!({"rule": "not_identity"})),
        (register("name", "系统消息"), "name", json!({"rule": "not_reserved"})),
    ];
    for (answer, field, rule) in answers {
        let answer = answer.blames("invalid_field", field);
        assert_eq!(answer.json["rule"], rule, "{}", answer.text);
    }
    let missing = alice.post("/api/auth/messages", &json!({"receiver_id": bob.id}));
    assert_eq!(missing.blames("missing_field", "content").json["rule"], json!({"rule": "required"}));
}

#[test]
fn an_error_that_blames_no_field_has_no_rule() {
    let world = World::new();
    let (alice, bob) = (world.person("alice_01"), world.person("bob_0001"));
    let refused = alice.send(&bob, "hi").refused(409, "not_friends");
    assert_eq!((refused.json.get("field"), refused.json.get("rule")), (None, None));
}
