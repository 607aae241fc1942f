//! The web client's page and files, and the server without them.

use server::config::{Options, Switch};

use crate::support::World;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; \
                      connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";

#[test]
fn the_page_is_served_under_its_policy_and_revalidated() {
    let world = World::new();
    let page = world.call("GET", "/").send();
    assert_eq!((page.status, page.header("Content-Type")), (200, Some("text/html; charset=utf-8")));
    assert_eq!(page.all("Content-Security-Policy"), [POLICY]);
    assert_eq!(page.header("Cross-Origin-Opener-Policy"), Some("same-origin"));
    assert_eq!(page.header("X-Content-Type-Options"), Some("nosniff"));
    assert_eq!(page.header("Cache-Control"), Some("no-cache"));
    let tag = page.header("ETag").unwrap().to_owned();
    let again = world.call("GET", "/").header("If-None-Match", &tag).send();
    assert_eq!((again.status, again.text.as_str()), (304, ""));
    assert_eq!(again.all("Content-Security-Policy"), [POLICY]);
}

#[test]
fn a_file_is_immutable_under_its_version_and_found_under_any() {
    let world = World::new();
    let page = world.call("GET", "/").send().text;
    for (name, media_type) in [
        ("app.js", "text/javascript; charset=utf-8"),
        ("app.css", "text/css; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
        ("manifest.webmanifest", "application/manifest+json"),
    ] {
        let (_, rest) = page.split_once(&format!("/web/{name}?v=")).expect(name);
        let version = &rest[..16];
        let caching = |query: &str| {
            let file = world.call("GET", &format!("/web/{name}{query}")).send();
            assert_eq!((file.status, file.header("Content-Type")), (200, Some(media_type)), "{name}{query}");
            file.header("Cache-Control").unwrap().to_owned()
        };
        assert_eq!(caching(&format!("?v={version}")), "public, max-age=31536000, immutable");
        assert_eq!(caching("?v=0000000000000000"), "no-cache");
        assert_eq!(caching(""), "no-cache");
    }
    assert_eq!(world.call("GET", "/favicon.ico").send().header("Content-Type"), Some("image/svg+xml"));
}

#[test]
fn other_paths_stay_unknown_and_other_methods_refused() {
    let world = World::new();
    for path in ["/x", "/web", "/web/", "/web/x.js", "/web/index.html", "/api/x"] {
        world.call("GET", path).send().refused(404, "unknown_route");
    }
    for path in ["/", "/web/app.js", "/favicon.ico"] {
        let refused = world.call("POST", path).send();
        refused.refused(405, "method_not_allowed");
    }
}

#[test]
fn without_the_web_client_its_paths_are_unknown() {
    let world = World::with(Options { web: Some(Switch::Off), ..Options::default() });
    for path in ["/web/app.js", "/web/app.css", "/favicon.ico"] {
        for method in ["GET", "POST"] {
            world.call(method, path).send().refused(404, "unknown_route");
        }
    }
    let front = world.call("GET", "/").send();
    assert_eq!((front.status, front.header("Location")), (307, Some("/docs")));
}
