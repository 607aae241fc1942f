//! Security and authentication headers of all responses.

use serde_json::json;
use server::config::Options;

use crate::support::{Call, Reply, World};

const DATA_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

/// Checks that a response has each security header once.
#[track_caller]
fn protected(what: &str, reply: &Reply) {
    assert_eq!(reply.all("Cache-Control"), ["no-store"], "{what}");
    closed(what, reply);
}

/// As [`protected`], for parts of the documentation, which may be cached.
fn closed(what: &str, reply: &Reply) {
    for (name, value) in [
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "DENY"),
        ("Referrer-Policy", "no-referrer"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
    ] {
        assert_eq!(reply.all(name), [value], "{name} of {what}: {}", reply.status);
    }
    let policy = reply.all("Content-Security-Policy");
    assert_eq!(policy.len(), 1, "{what}");
    assert!(policy[0].contains("default-src 'none'"), "{what}: {policy:?}");
    assert!(policy[0].contains("frame-ancestors 'none'"), "{what}: {policy:?}");
}

#[test]
fn every_route_sets_the_security_headers_on_all_its_responses() {
    let world = World::new();
    let (alice, bob) = world.friends();
    let document = world.call("GET", "/api/openapi.json").send().json;
    let conversation = alice.conversation();
    let mut seen = std::collections::BTreeSet::new();
    let mut check = |what: &str, call: Call| {
        let reply = call.send();
        protected(what, &reply);
        assert_eq!(reply.all("Content-Security-Policy"), [DATA_POLICY], "{what}");
        seen.insert(reply.status);
    };
    for (path, item) in document["paths"].as_object().unwrap() {
        // Calls that end the session or the account are left out, because all later calls would be refused alike.
        let own = path.replace("{conversation_id}", &conversation).replace("{friend_id}", &bob.id);
        let own = own.replace("{user_id}", &bob.id).replace("{request_id}", &bob.id);
        let own = own.replace("{session_id}", &bob.id);
        for method in item.as_object().unwrap().keys().map(|method| method.to_uppercase()) {
            let what = format!("{method} {path}");
            let ends = path.ends_with("/logout") || (method == "DELETE" && path.ends_with("/me"));
            let call = || world.call(&method, &own);
            check(&what, call());
            check(&what, call().header("Accept-Language", "en").bearer("no.good.token"));
            check(&what, call().bytes(b"{"));
            if !ends {
                check(&what, call().bearer(&alice.token));
                check(
                    &what,
                    call().bearer(&alice.token).bytes(b"{").header("Content-Type", "application/json"),
                );
                check(
                    &what,
                    call().bearer(&alice.token).json(&json!({"seq": 1, "content": "c", "remark": "r"})),
                );
                check(&what, call().bearer(&alice.token).bytes(b"x").header("Content-Type", "text/plain"));
                check(&what, call().bearer(&alice.token).header("If-None-Match", "*"));
            }
        }
    }
    for status in [200, 304, 400, 401, 409, 415] {
        assert!(seen.contains(&status), "no response was a {status}: {seen:?}");
    }
}

#[test]
fn a_401_names_the_authentication_scheme() {
    let world = World::new();
    let scheme = |call: Call, name: &str| {
        let reply = call.send().refused(401, name);
        reply.header("WWW-Authenticate").unwrap().to_owned()
    };
    let me = || world.call("GET", "/api/auth/me");
    assert_eq!(scheme(me(), "missing_token"), "Bearer realm=\"hongyan\"");
    let stale = "Bearer realm=\"hongyan\", error=\"invalid_token\"";
    assert_eq!(scheme(me().bearer("no.good.token"), "invalid_token"), stale);
    let login =
        world.call("POST", "/api/login/uid").json(&json!({"uid": "nobody_01", "password": "wrong one"}));
    assert_eq!(scheme(login, "invalid_credentials"), "Bearer realm=\"hongyan\"");
    assert_eq!(me().bearer("").send().status, 401);
    assert_eq!(world.call("GET", "/healthz").send().header("WWW-Authenticate"), None);
}

#[test]
fn responses_without_a_handler_have_security_headers_too() {
    let origin = "https://chat.example";
    let world = World::with(Options { cors_origins: Some(vec![origin.into()]), ..Options::default() });
    let alice = world.person("alice_01");
    let preflight = |origin: &str| {
        let call = world.call("OPTIONS", "/api/auth/messages").header("Origin", origin);
        call.header("Access-Control-Request-Method", "POST").send()
    };
    let large = format!("{{\"x\":\"{}\"}}", "x".repeat(64 * 1024));
    for (what, status, reply) in [
        ("an unknown route", 404, world.call("GET", "/nowhere").send()),
        ("an unknown method", 405, world.call("DELETE", "/api/register").send()),
        ("a large body", 413, alice.call("POST", "/api/auth/messages").bytes(large.as_bytes()).send()),
        ("a preflight", 200, preflight(origin)),
        ("a preflight from elsewhere", 400, preflight("https://evil.example")),
        ("the description", 200, world.call("GET", "/api/openapi.json").send()),
    ] {
        assert_eq!(reply.status, status, "{what}: {}", reply.text);
        protected(what, &reply);
        assert_eq!(reply.all("Content-Security-Policy"), [DATA_POLICY], "{what}");
    }
    world.sql("ALTER TABLE blocks RENAME TO elsewhere");
    let fault = alice.get("/api/auth/blocks").refused(500, "internal_error");
    protected("a fault of ours", &fault);
}

#[test]
fn the_docs_page_may_run_only_its_own_scripts() {
    let world = World::new();
    for path in [
        "/docs",
        "/docs/",
        "/docs/index.html",
        "/docs/api.md",
        "/docs/x/swagger-ui-bundle.js",
        "/docs/x/page.js",
    ] {
        let reply = world.call("GET", path).send();
        assert!(matches!(reply.status, 200 | 307), "{path}: {}", reply.status);
        closed(path, &reply);
        let policy = reply.all("Content-Security-Policy")[0].to_owned();
        let directives: Vec<&str> = policy.split("; ").collect();
        assert!(directives.contains(&"script-src 'self'"), "{path}: {policy}");
        assert!(directives.contains(&"connect-src 'self'"), "{path}: {policy}");
        assert!(!policy.contains('*') && !policy.contains("unsafe-eval"), "{path}: {policy}");
    }
    // The policy forbids inline scripts and foreign sources, so the page must not contain any.
    let page = world.call("GET", "/docs/").send().text;
    for piece in page.split("<script").skip(1) {
        let (attributes, rest) = piece.split_once('>').unwrap();
        let inside = rest.split("</script>").next().unwrap();
        assert!(attributes.contains("src=\"./") && inside.trim().is_empty(), "{piece}");
    }
    assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("<style"), "{page}");
}
