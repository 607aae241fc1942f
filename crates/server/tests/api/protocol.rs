//! What all responses have in common: envelope, language, headers, unknown routes, the OpenAPI document.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use server::config::Options;

use crate::support::{World, assert_answer};

#[test]
fn liveness_and_readiness_are_reported() {
    let world = World::new();
    assert_answer!("healthz", world.call("GET", "/healthz").send().ok());
    assert_answer!("readyz", world.call("GET", "/readyz").send().ok());
}

#[test]
fn responses_are_chinese_unless_english_is_preferred() {
    let world = World::new();
    let alice = world.person("alice_01");
    let message = |language: &str| {
        let reply =
            alice.call("GET", "/api/auth/users?uid=nobody_01").header("Accept-Language", language).send();
        reply.refused(400, "unknown_user").json["message"].as_str().unwrap().to_owned()
    };
    assert_eq!(message("zh-CN"), "该用户不存在");
    assert_eq!(message("fr, en;q=.5"), "There is no such user");
    let me =
        |language: &str| alice.call("GET", "/api/auth/me").header("Accept-Language", language).send().ok();
    assert_eq!((&me("zh").json["message"], &me("en").json["message"]), (&json!("成功"), &json!("Success")));
}

#[test]
fn every_response_has_a_content_type_and_is_not_cacheable() {
    let world = World::new();
    let alice = world.person("alice_01");
    for reply in [alice.get("/api/auth/me"), alice.get("/nowhere"), world.call("GET", "/api/auth/me").send()]
    {
        assert_eq!(reply.header("Content-Type"), Some("application/json"), "{}", reply.text);
        assert_eq!(reply.header("Cache-Control"), Some("no-store"));
        assert_eq!(reply.header("X-Content-Type-Options"), Some("nosniff"));
    }
}

#[test]
fn unknown_routes_and_methods_get_the_json_envelope() {
    let world = World::new();
    for path in
        ["/api", "/api/auth/nothing", "/api/auth/me/", "//api/auth/me", "/api/auth/%2e%2e/me", "/API/auth/me"]
    {
        let reply = world.call("GET", path).send().refused(404, "unknown_route");
        assert_eq!(reply.header("Content-Type"), Some("application/json"));
    }
    let allowed = |method: &str, path: &str| {
        let reply = world.call(method, path).send().refused(405, "method_not_allowed");
        reply.header("Allow").unwrap().to_owned()
    };
    assert_eq!(allowed("DELETE", "/api/register"), "POST");
    assert_eq!(allowed("PUT", "/api/auth/conversations/x"), "GET, HEAD, PATCH, DELETE");
    assert_eq!(allowed("OPTIONS", "/api/auth/users"), "GET, HEAD");
    assert_eq!(allowed("TRACE", "/healthz"), "GET, HEAD");
}

#[test]
fn browsers_may_call_from_the_listed_origins_only() {
    let world = World::with(Options {
        cors_origins: Some(vec!["https://chat.example".into()]),
        ..Options::default()
    });
    let preflight = |origin: &str| {
        let call = world.call("OPTIONS", "/api/auth/messages").header("Origin", origin);
        call.header("Access-Control-Request-Method", "POST")
            .header("Access-Control-Request-Headers", "authorization,content-type")
            .send()
    };
    let allowed = preflight("https://chat.example");
    assert_eq!(allowed.status, 200, "{}", allowed.text);
    assert_eq!(allowed.header("Access-Control-Allow-Origin"), Some("https://chat.example"));
    let refused = preflight("https://evil.example");
    assert_eq!(refused.header("Access-Control-Allow-Origin"), None);
    let plain = world.call("GET", "/healthz").header("Origin", "https://chat.example").send().ok();
    assert_eq!(plain.header("Access-Control-Allow-Origin"), Some("https://chat.example"));
    let closed = World::new();
    let reply = closed.call("GET", "/healthz").header("Origin", "https://chat.example").send();
    assert_eq!(reply.header("Access-Control-Allow-Origin"), None);
}

#[test]
fn a_permitted_page_may_send_tracing_headers_and_read_times() {
    let origin = "https://chat.example";
    let world = World::with(Options { cors_origins: Some(vec![origin.into()]), ..Options::default() });
    let traced = "authorization,baggage,sentry-trace,traceparent,tracestate,x-requested-with";
    let preflight = world.call("OPTIONS", "/api/auth/me").header("Origin", origin);
    let preflight = preflight
        .header("Access-Control-Request-Method", "GET")
        .header("Access-Control-Request-Headers", traced)
        .send();
    assert_eq!(preflight.status, 200, "{}", preflight.text);
    let list = |reply: &crate::support::Reply, name: &str| {
        let listed = reply.header(name).unwrap().to_ascii_lowercase();
        listed.split(',').map(|name| name.trim().to_owned()).collect::<Vec<_>>()
    };
    let allowed = list(&preflight, "Access-Control-Allow-Headers");
    assert!(traced.split(',').all(|name| allowed.iter().any(|known| known == name)), "{allowed:?}");
    let plain = world.call("GET", "/healthz").header("Origin", origin).send().ok();
    let exposed = list(&plain, "Access-Control-Expose-Headers");
    for name in ["date", "server-timing", "etag", "retry-after", "x-request-id"] {
        assert!(exposed.iter().any(|known| known == name), "{name}: {exposed:?}");
    }
}

#[test]
fn a_star_admits_every_origin() {
    let world = World::with(Options { cors_origins: Some(vec!["*".into()]), ..Options::default() });
    for origin in ["https://chat.example", "http://localhost:5173", "null"] {
        let call = |method: &str| world.call(method, "/api/login/uid").header("Origin", origin);
        let preflight = call("OPTIONS").header("Access-Control-Request-Method", "POST").send();
        assert_eq!(preflight.status, 200, "{}", preflight.text);
        let body = json!({"uid": "nobody_01", "password": "wrong horse"});
        let login = call("POST").json(&body).send().refused(401, "invalid_credentials");
        for reply in [preflight, login] {
            let admitted = reply.header("Access-Control-Allow-Origin").unwrap();
            assert!(admitted == "*" || admitted == origin, "{admitted}");
            assert_eq!(reply.header("Access-Control-Allow-Credentials"), None);
        }
    }
}

#[test]
fn the_docs_page_shows_the_api() {
    let world = World::new();
    let page = world.call("GET", "/docs/").send();
    assert_eq!(page.status, 200);
    assert!(page.text.contains("swagger"), "{}", page.text);
    let short = world.call("GET", "/docs").send();
    assert_eq!((short.status, short.header("Location")), (307, Some("/docs/")));
}

/// Method and path of every handler, read from the source.
fn handlers_in_the_source() -> Vec<(String, String)> {
    let mut folders = vec![PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../api/src"))];
    let mut routes = Vec::new();
    while let Some(folder) = folders.pop() {
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let source = std::fs::read_to_string(path).unwrap();
            for method in ["get", "post", "put", "patch", "delete"] {
                for piece in source.split(&format!("#[{method}(\"")).skip(1) {
                    routes.push((method.to_owned(), piece.split('"').next().unwrap().to_owned()));
                }
            }
        }
    }
    routes.retain(|(_, path)| !["/", "/docs"].contains(&path.as_str()));
    routes.sort();
    routes
}

#[test]
fn exactly_the_served_routes_are_documented() {
    let world = World::new();
    let document = world.call("GET", "/api/openapi.json").send();
    assert_eq!(document.status, 200);
    assert_eq!(document.json["openapi"], "3.1.0");
    let mut documented = Vec::new();
    for (path, item) in document.json["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            documented.push((method.clone(), path.clone()));
            let served = world.call(&method.to_uppercase(), &path.replace(['{', '}'], "")).send();
            assert!(!matches!(served.status, 404 | 405), "{method} {path} is not served");
            assert!(operation["responses"]["200"].is_object(), "{method} {path} documents no success");
            assert!(
                operation["description"].is_string() || operation["summary"].is_string(),
                "{method} {path}"
            );
        }
    }
    documented.sort();
    assert_eq!(documented, handlers_in_the_source());
}

#[test]
fn requests_that_the_parser_refuses_close_only_their_connection() {
    let world = World::new();
    let raw = |request: &str| {
        let mut stream = TcpStream::connect(world.address()).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer
    };
    assert!(raw("NONSENSE\r\n\r\n").starts_with("HTTP/1.1 400"));
    let two = "POST /api/login/uid HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx";
    assert!(raw(two).starts_with("HTTP/1.1 400"));
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(200_000));
    assert!(!raw(&long).starts_with("HTTP/1.1 2"));
    world.call("GET", "/healthz").send().ok();
}

#[test]
fn a_body_that_never_arrives_times_out() {
    let world = World::new();
    let mut stream = TcpStream::connect(world.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let head = "POST /api/login/uid HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n{\"uid\":";
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = [0; 4096];
    let length = stream.read(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer[..length]);
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("request_timeout"), "{answer}");
}

#[test]
fn responses_are_compressed_on_request() {
    let world = World::new();
    let document = world.call("GET", "/api/openapi.json").header("Accept-Encoding", "gzip").send();
    assert_eq!(document.header("Content-Encoding"), Some("gzip"));
    assert_eq!(document.json, Value::Null, "the body is compressed");
}
