//! The documentation page and the caching of its parts.

use crate::support::World;

/// The paths of the assets that the page names.
fn assets(page: &str) -> Vec<String> {
    let named = page.split("=\"./").skip(1).filter_map(|rest| rest.split('"').next());
    named.filter(|path| path.contains('/')).map(|path| format!("/docs/{path}")).collect()
}

#[test]
fn the_page_is_revalidated_and_its_assets_are_cached() {
    let world = World::new();
    let page = world.call("GET", "/docs/").send();
    assert_eq!((page.status, page.header("Cache-Control")), (200, Some("no-cache")));
    for part in ["<title>", "name=\"viewport\"", "rel=\"icon\"", "./api.md"] {
        assert!(page.text.contains(part), "{part}: {}", page.text);
    }
    let assets = assets(&page.text);
    assert!(assets.len() >= 5, "{assets:?}");
    for path in assets {
        let asset = world.call("GET", &path).send();
        let caching = asset.header("Cache-Control");
        assert_eq!((asset.status, caching), (200, Some("public, max-age=31536000, immutable")), "{path}");
        // A page of another version, as during a rolling restart, gets its assets too.
        let name = path.rsplit('/').next().unwrap();
        let other = world.call("GET", &format!("/docs/0123456789abcdef/{name}")).send();
        assert_eq!((other.status, other.header("Cache-Control")), (200, Some("no-cache")), "{path}");
        assert_eq!(other.text, asset.text);
    }
    world.call("GET", "/docs/0123456789abcdef/index.html").send().refused(404, "unknown_route");
}

#[test]
fn the_manual_is_served_beside_the_page() {
    let world = World::new();
    let manual = world.call("GET", "/docs/api.md").send();
    assert_eq!((manual.status, manual.header("Content-Type")), (200, Some("text/plain; charset=utf-8")));
    assert_eq!(manual.text, include_str!("../../../../docs/API.md"));
}
