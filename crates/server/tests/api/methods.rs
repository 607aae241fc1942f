//! Methods, content negotiation, origins and paths: what the HTTP layer answers before a handler.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};
use server::config::Options;

use crate::support::{Call, Person, Reply, World};

/// Every documented path with its methods, and the pages beside them. Variable segments name something of the caller's.
fn paths(world: &World, alice: &Person) -> Vec<(String, Vec<String>)> {
    let document = world.call("GET", "/api/openapi.json").send().json;
    let conversation = alice.conversation();
    let filled = |path: &str| {
        let path = path.replace("{conversation_id}", &conversation);
        path.split('/')
            .map(|part| if part.starts_with('{') { &alice.id } else { part })
            .collect::<Vec<_>>()
            .join("/")
    };
    let methods =
        |item: &Value| item.as_object().unwrap().keys().map(|method| method.to_uppercase()).collect();
    let documented = document["paths"].as_object().unwrap().iter();
    let mut paths: Vec<(String, Vec<String>)> =
        documented.map(|(path, item)| (filled(path), methods(item))).collect();
    let pages = ["/docs", "/docs/", "/docs/api.md", "/api/openapi.json"];
    paths.extend(pages.map(|page| (page.to_owned(), vec!["GET".to_owned()])));
    paths
}

#[test]
fn head_is_answered_wherever_get_is() {
    let world = World::new();
    let (alice, _) = world.friends();
    let compared = paths(&world, &alice)
        .into_iter()
        .filter(|(path, methods)| methods.contains(&"GET".to_owned()) && !path.ends_with("/export"));
    for (path, _) in compared {
        let query = match path.as_str() {
            "/api/auth/users" => "?uid=bob_0001",
            "/api/auth/messages/search" => "?q=x",
            _ => "",
        };
        for headers in [
            &[][..],
            &[("Accept-Encoding", "gzip")],
            &[("If-None-Match", "*")],
            &[("Authorization", "Bearer x")],
        ] {
            let ask = |method: &str| -> Reply {
                let call = Call::new(alice.address, method, &format!("{path}{query}"));
                let call = if headers.iter().any(|(name, _)| *name == "Authorization") {
                    call
                } else {
                    call.bearer(&alice.token)
                };
                headers.iter().fold(call, |call, (name, value)| call.header(name, value)).send()
            };
            let (head, get) = (ask("HEAD"), ask("GET"));
            assert_eq!(head.status, get.status, "{path} {headers:?}");
            assert_eq!(head.stable_headers(), get.stable_headers(), "{path} {headers:?}");
            assert!(head.text.is_empty(), "{path}: {}", head.text);
        }
    }
    assert_eq!(world.call("HEAD", "/nowhere").send().status, 404);
    assert_eq!(world.call("HEAD", "/api/register").send().header("Allow"), Some("POST"));
}

#[test]
fn a_head_of_an_export_begins_none() {
    let world = World::new();
    let alice = world.person("alice_01");
    let heads: Vec<Reply> = (0..5).map(|_| alice.call("HEAD", "/api/auth/me/export").send()).collect();
    let export = alice.get("/api/auth/me/export").ok();
    for head in heads {
        assert_eq!((head.status, head.stable_headers()), (200, export.stable_headers()));
    }
    assert_eq!(world.call("HEAD", "/api/auth/me/export").send().status, 401);
}

#[test]
fn a_connection_goes_on_after_a_head() {
    let world = World::new();
    let mut stream = TcpStream::connect(world.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let ask =
        |method: &str, more: &str| format!("{method} /api/openapi.json HTTP/1.1\r\nHost: x\r\n{more}\r\n");
    stream.write_all(ask("HEAD", "").as_bytes()).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    stream.write_all(ask("GET", "Connection: close\r\n").as_bytes()).unwrap();
    let mut next = String::new();
    stream.read_to_string(&mut next).unwrap();
    assert!(next.starts_with("HTTP/1.1 200"), "a body followed the head: {next:.100}");
    let body = next.split_once("\r\n\r\n").unwrap().1;
    assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{head}");
}

#[test]
fn every_other_method_is_405_and_says_which_are_allowed() {
    let world = World::new();
    let (alice, _) = world.friends();
    for (path, mut served) in paths(&world, &alice) {
        if served.contains(&"GET".to_owned()) {
            served.push("HEAD".to_owned());
        }
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"] {
            if served.iter().any(|served| served == method) {
                continue;
            }
            let reply = alice.call(method, &path).send();
            assert_eq!(reply.status, 405, "{method} {path}: {}", reply.text);
            let allow: Vec<&str> = reply.header("Allow").unwrap().split(", ").collect();
            let mut expected: Vec<&str> = served.iter().map(String::as_str).collect();
            let mut given = allow.clone();
            expected.sort_unstable();
            given.sort_unstable();
            assert_eq!(given, expected, "{method} {path}");
        }
    }
    for path in ["/docs/no-such-file", "/docs/a/b", "/nowhere"] {
        world.call("GET", path).send().refused(404, "unknown_route");
    }
}

#[test]
fn an_answer_that_may_not_be_unpacked_is_sent_unpacked() {
    let world = World::new();
    for (accepted, coding) in [
        ("identity;q=0", None),
        ("*;q=0", None),
        ("br, identity;q=0", None),
        ("gzip;q=0, identity;q=0", None),
        ("gzip, identity;q=0", Some("gzip")),
        ("gzip, *;q=0", Some("gzip")),
        ("no such coding;;q", None),
    ] {
        let ask = |path: &str| world.call("GET", path).header("Accept-Encoding", accepted).send();
        let reply = ask("/api/openapi.json");
        assert_eq!((reply.status, reply.header("Content-Encoding")), (200, coding), "{accepted}");
        // The notes of errors need a readable body.
        if coding.is_none() {
            ask("/api/auth/me").refused(401, "missing_token");
        }
    }
}

#[test]
fn unsafe_requests_and_preflights_from_foreign_origins_are_refused() {
    let own = "https://chat.example";
    let options = Options {
        cors_origins: Some(vec![own.into()]),
        trusted_proxies: Some(vec!["127.0.0.1".into()]),
        ..Options::default()
    };
    let world = World::with(options);
    let direct = World::new();
    let login = |world: &World, headers: &[(&str, &str)]| {
        let call = world
            .call("POST", "/api/login/uid")
            .json(&json!({"uid": "nobody_01", "password": "wrong horse"}));
        headers.iter().fold(call, |call, (name, value)| call.header(name, value)).send()
    };
    let address = world.address().to_string();
    for origin in
        ["https://evil.example", "null", "http://127.0.0.1:1", "https://chat.example.evil.example", "é"]
    {
        login(&world, &[("Origin", origin)]).refused(400, "origin_not_allowed");
        let english = login(&world, &[("Origin", origin), ("Accept-Language", "en")]);
        assert!(english.json["message"].as_str().unwrap().is_ascii(), "{}", english.text);
        world.call("GET", "/healthz").header("Origin", origin).send().ok();
        world.call("DELETE", "/nowhere").header("Origin", origin).send().refused(400, "origin_not_allowed");
    }
    for headers in [
        &[("Origin", own)][..],
        &[("Origin", &format!("http://{address}"))],
        &[("Origin", "https://proxied.example"), ("Host", "proxied.example")],
        &[("Origin", "https://proxied.example"), ("X-Forwarded-Host", "proxied.example")],
        &[],
    ] {
        login(&world, headers).refused(401, "invalid_credentials");
    }
    let forged = [("Origin", "https://evil.example"), ("X-Forwarded-Host", "evil.example")];
    login(&direct, &forged).refused(400, "origin_not_allowed");
}

#[test]
fn preflights_are_refused_in_the_envelope() {
    let own = "https://chat.example";
    let options = Options {
        cors_origins: Some(vec![own.into()]),
        trusted_proxies: Some(vec!["127.0.0.1".into()]),
        ..Options::default()
    };
    let world = World::with(options);
    let preflight = |origin: &str, method: &str, headers: &str| {
        let call = world.call("OPTIONS", "/api/auth/messages").header("Origin", origin);
        call.header("Access-Control-Request-Method", method)
            .header("Access-Control-Request-Headers", headers)
            .send()
    };
    assert_eq!(preflight(own, "POST", "authorization,content-type").status, 200);
    for reply in [
        preflight("https://evil.example", "POST", "authorization"),
        preflight(own, "TRACE", "authorization"),
        preflight(own, "POST", "x-unknown"),
        preflight("null", "POST", "authorization"),
    ] {
        let reply = reply.refused(400, "origin_not_allowed");
        assert_eq!(reply.header("Access-Control-Allow-Origin"), None);
    }
}

#[test]
fn a_path_that_is_not_utf_8_is_refused() {
    let world = World::new();
    let alice = world.person("alice_01");
    for part in ["%FF", "%E4%BD", "a%C3", "%ED%A0%80"] {
        alice.get(&format!("/api/auth/conversations/{part}")).blames("invalid_field", "conversation_id");
        alice.delete(&format!("/api/auth/sessions/{part}")).blames("invalid_field", "session_id");
        alice.call("PUT", &format!("/api/auth/blocks/{part}")).send().blames("invalid_field", "user_id");
        alice.get(&format!("/api/auth/{part}")).refused(404, "unknown_route");
        world.call("GET", &format!("/docs/{part}")).send().refused(404, "unknown_route");
    }
}
