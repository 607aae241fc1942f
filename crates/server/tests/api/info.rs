//! What the server tells about itself, the front page and the default language.

use serde_json::json;
use server::config::{MessageLanguage, Options, RegistrationChoice, Switch};

use crate::support::{World, assert_answer};

#[test]
fn the_server_tells_its_limits_without_a_token() {
    let world = World::with(Options { recall_window_seconds: Some(7), ..Options::default() });
    let mut reply = world.call("GET", "/api/info").send().ok();
    let version = reply.json["data"]["version"].take();
    assert!(version.as_str().unwrap().starts_with(env!("CARGO_PKG_VERSION")), "{version}");
    reply.json["data"]["version"] = json!("<version>");
    assert_answer!("info", reply);
    let with_token = world.call("GET", "/api/info").bearer("no.good.token").send();
    assert_eq!(with_token.status, 200);
}

#[test]
fn a_frontend_learns_who_can_register() {
    for (choice, shown) in [
        (RegistrationChoice::Open, "open"),
        (RegistrationChoice::Invite, "invite"),
        (RegistrationChoice::Closed, "closed"),
    ] {
        let world = World::with(Options { registration: Some(choice), ..Options::default() });
        assert_eq!(world.call("GET", "/api/info").send().ok().data()["registration"], shown);
    }
}

#[test]
fn the_limits_are_those_that_are_enforced() {
    let world = World::new();
    let (alice, bob) = world.friends();
    let info = world.call("GET", "/api/info").send().ok();
    let limit = |name: &str| usize::try_from(info.data()[name].as_u64().unwrap()).unwrap();
    let text = |name: &str, more: usize| "雁".repeat(limit(name) + more);
    alice.send(&bob, &text("message_characters", 0)).ok();
    alice.send(&bob, &text("message_characters", 1)).blames("invalid_field", "content");
    alice.with("PATCH", "/api/auth/me", &json!({"name": text("name_characters", 0)})).ok();
    alice
        .with("PATCH", "/api/auth/me", &json!({"name": text("name_characters", 1)}))
        .blames("invalid_field", "name");
    let carol = world.person("carol_01");
    let ask = |more: usize| {
        let body = json!({"receiver_id": bob.id, "verification_message": text("request_characters", more)});
        carol.post("/api/auth/friendship_requests", &body)
    };
    ask(1).blames("invalid_field", "verification_message");
    ask(0).ok();
    let conversation = alice.conversation();
    alice.open(&conversation, &format!("?limit={}", limit("page_messages"))).ok();
    alice
        .open(&conversation, &format!("?limit={}", limit("page_messages") + 1))
        .blames("invalid_field", "limit");
}

#[test]
fn without_the_web_client_the_front_page_leads_to_the_documentation() {
    let world = World::with(Options { web: Some(Switch::Off), ..Options::default() });
    let front = world.call("GET", "/").send();
    assert_eq!((front.status, front.header("Location")), (307, Some("/docs")));
    let closed =
        World::with(Options { docs: Some(Switch::Off), web: Some(Switch::Off), ..Options::default() });
    for path in ["/", "/docs", "/docs/", "/docs/index.html"] {
        for method in ["GET", "HEAD", "POST"] {
            assert_eq!(closed.call(method, path).send().status, 404, "{method} {path}");
        }
        closed.call("GET", path).send().refused(404, "unknown_route");
    }
    assert_eq!(closed.call("GET", "/api/openapi.json").send().status, 200);
}

#[test]
fn a_client_that_asks_for_no_language_gets_the_default_one() {
    let options = || Options { default_language: Some(MessageLanguage::En), ..Options::default() };
    let (english, chinese) = (World::with(options()), World::new());
    for (accepted, in_english, in_chinese) in [
        (None, true, false),
        (Some("fr"), true, false),
        (Some("*"), true, false),
        (Some("en"), true, true),
        (Some("zh-CN"), false, false),
        (Some("fr, zh;q=0.1"), false, false),
    ] {
        for (world, expected) in [(&english, in_english), (&chinese, in_chinese)] {
            for path in ["/healthz", "/nowhere", "/api/auth/me"] {
                let call = world.call("GET", path);
                let call = accepted.into_iter().fold(call, |call, list| call.header("Accept-Language", list));
                let message = call.send().json["message"].as_str().unwrap().to_owned();
                assert_eq!(message.is_ascii(), expected, "{path} {accepted:?}: {message}");
            }
        }
    }
}
