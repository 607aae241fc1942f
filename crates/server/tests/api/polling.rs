//! Conditional requests: `ETag`, `If-None-Match` and 304.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::json;
use server::config::Options;

use crate::support::{Person, Reply, World};

fn tag(reply: &Reply) -> String {
    reply.header("ETag").expect("an ETag").to_owned()
}

fn ask_again(person: &Person, path: &str, tags: &str) -> Reply {
    person.call("GET", path).header("If-None-Match", tags).send()
}

#[track_caller]
fn unchanged(reply: &Reply, tag_before: &str) {
    assert_eq!((reply.status, reply.text.as_str()), (304, ""));
    assert_eq!(tag(reply), tag_before);
    assert_eq!(reply.header("Cache-Control"), Some("no-store"));
}

/// Every documented route that may answer 304, for a user with one conversation.
fn polled_routes(world: &World, conversation: &str) -> Vec<String> {
    let document = world.call("GET", "/api/openapi.json").send().json;
    let paths = document["paths"].as_object().unwrap().iter();
    let polled = paths.filter(|(_, item)| item["get"]["responses"].get("304").is_some());
    polled.map(|(path, _)| path.replace("{conversation_id}", conversation)).collect()
}

#[test]
fn unchanged_lists_and_histories_are_answered_with_304() {
    let world = World::new();
    let (alice, bob) = world.friends();
    let (carol, dave) = (world.person("carol_01"), world.person("dave_001"));
    alice.say(&bob, "你好");
    carol.ask(&alice).ok();
    alice.call("PUT", &format!("/api/auth/blocks/{}", dave.id)).send().ok();
    let routes = polled_routes(&world, &alice.conversation());
    assert!(routes.len() >= 6 && routes.contains(&"/api/auth/me".to_owned()), "{routes:?}");
    for path in routes {
        let first = alice.get(&path).ok();
        let known = tag(&first);
        assert!(known.starts_with("W/\"") && known.ends_with('"') && known.len() == 20, "{known}");
        unchanged(&ask_again(&alice, &path, &known), &known);
        let strong = known.trim_start_matches("W/");
        for tags in [strong, "*", &format!("\"other\", {known}"), &format!("{strong},\"other\"")] {
            unchanged(&ask_again(&alice, &path, tags), &known);
        }
        for tags in ["\"other\"", "", "W/\"0000000000000000\""] {
            let again = ask_again(&alice, &path, tags).ok();
            assert_eq!((&again.text, tag(&again)), (&first.text, known.clone()), "{path} {tags}");
        }
        assert_ne!(tag(&bob.get(&path).ok()), known, "{path} is another response for bob");
        let refused = world.call("GET", &path).header("If-None-Match", "*").send();
        assert_eq!(refused.refused(401, "missing_token").header("ETag"), None);
    }
    let wrong = ask_again(&alice, "/api/auth/conversations?limit=0", "*").blames("invalid_field", "limit");
    assert_eq!(wrong.header("ETag"), None, "a refusal has no ETag");
}

#[test]
fn any_change_of_a_response_changes_its_etag() {
    let world = World::new();
    let (alice, bob) = world.friends();
    let list = "/api/auth/conversations";
    let window = format!("{list}/{}", bob.conversation());
    let mut known = (tag(&bob.get(list).ok()), tag(&bob.get(&window).ok()));
    let mut changed = |what: &str| {
        let (listed, opened) =
            (ask_again(&bob, list, &known.0).ok(), ask_again(&bob, &window, &known.1).ok());
        let now = (tag(&listed), tag(&opened));
        assert!(now.0 != known.0 && now.1 != known.1, "{what}");
        known = now;
    };
    let message = alice.say(&bob, "1");
    changed("a message");
    alice.recall(&message).ok();
    changed("a recall");
    bob.with("PUT", &format!("{window}/read"), &json!({"seq": 1})).ok();
    changed("reading");
    alice.with("PATCH", "/api/auth/me", &json!({"name": "小爱"})).ok();
    changed("a new name");
    bob.with("PUT", &format!("/api/auth/friendships/{}/remark", alice.id), &json!({"remark": "r"})).ok();
    changed("a remark");
    alice.delete(&format!("/api/auth/friendships/{}", bob.id)).ok();
    changed("the end of the friendship");
}

#[test]
fn each_page_and_language_has_its_own_etag() {
    let world = World::new();
    let (alice, bob) = world.friends();
    for text in ["1", "2", "3"] {
        alice.say(&bob, text);
    }
    let window = format!("/api/auth/conversations/{}", bob.conversation());
    let known = tag(&bob.get(&window).ok());
    for query in ["?limit=2", "?after=1", "?before=3"] {
        ask_again(&bob, &format!("{window}{query}"), &known).ok();
    }
    let english = bob.call("GET", &window).header("Accept-Language", "en").header("If-None-Match", &known);
    assert_eq!(english.send().ok().json["message"], "Success");
}

#[test]
fn an_etag_is_the_same_on_every_instance_and_encoding() {
    let world = World::new();
    let other = world.second_instance();
    let (alice, bob) = world.friends();
    alice.say(&bob, &"很长的消息".repeat(500));
    let window = format!("/api/auth/conversations/{}", bob.conversation());
    let plain = tag(&bob.get(&window).ok());
    let packed = bob.call("GET", &window).header("Accept-Encoding", "gzip").send();
    assert_eq!((packed.status, packed.header("Content-Encoding")), (200, Some("gzip")));
    assert_eq!(tag(&packed), plain);
    unchanged(&ask_again(&bob.at(other.address), &window, &plain), &plain);
    let call = bob.call("GET", &window).header("Accept-Encoding", "gzip").header("If-None-Match", &plain);
    let reply = call.send();
    unchanged(&reply, &plain);
    assert_eq!(reply.header("Content-Encoding"), None);
}

#[test]
fn a_304_has_no_body_and_keeps_the_connection() {
    let world = World::new();
    let (alice, _bob) = world.friends();
    let known = tag(&alice.get("/api/auth/friendships").ok());
    let mut stream = TcpStream::connect(world.address()).unwrap();
    let head = format!(
        "GET /api/auth/friendships HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nAccept-Encoding: gzip\r\nIf-None-Match: {known}\r\n",
        alice.token
    );
    stream.write_all(format!("{head}\r\n{head}Connection: close\r\n\r\n").as_bytes()).unwrap();
    let mut answers = String::new();
    stream.read_to_string(&mut answers).unwrap();
    let heads: Vec<&str> = answers.split_terminator("\r\n\r\n").collect();
    assert_eq!(heads.len(), 2, "{answers}");
    for head in heads {
        let head = head.to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 304"), "{head}");
        assert!(!head.contains("content-length") && !head.contains("transfer-encoding"), "{head}");
    }
}

#[test]
fn browsers_may_send_and_read_etags() {
    let origin = "https://chat.example";
    let world = World::with(Options { cors_origins: Some(vec![origin.into()]), ..Options::default() });
    let preflight = world.call("OPTIONS", "/api/auth/conversations").header("Origin", origin);
    let preflight = preflight
        .header("Access-Control-Request-Method", "GET")
        .header("Access-Control-Request-Headers", "authorization,if-none-match")
        .send();
    assert_eq!(preflight.status, 200, "{}", preflight.text);
    let allowed = preflight.header("Access-Control-Allow-Headers").unwrap().to_ascii_lowercase();
    assert!(allowed.contains("if-none-match"), "{allowed}");
    let alice = world.person("alice_01");
    let list = |tags: &str| {
        let call = alice.call("GET", "/api/auth/conversations").header("Origin", origin);
        call.header("If-None-Match", tags).send()
    };
    let known = tag(&list("\"none\"").ok());
    let again = list(&known);
    unchanged(&again, &known);
    assert_eq!(again.header("Access-Control-Allow-Origin"), Some(origin));
    let exposed = again.header("Access-Control-Expose-Headers").unwrap().to_ascii_lowercase();
    assert!(exposed.contains("etag"), "{exposed}");
}
