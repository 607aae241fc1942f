//! Whether the API tests have seen every (route, status, error) that the API documents.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;
use std::path::Path;

/// Whether a path is one of this template.
fn fits(template: &str, path: &str) -> bool {
    let (mut template, mut path) = (template.split('/'), path.split('/'));
    loop {
        match (template.next(), path.next()) {
            (None, None) => return true,
            (Some(wanted), Some(part)) if wanted == part || wanted.starts_with('{') => {}
            _ => return false,
        }
    }
}

/// What stands for an answer that says that nothing has changed, which carries no error name.
const UNCHANGED: &str = "304";

/// Every documented (method, template, error); success has no error.
fn documented() -> BTreeSet<(String, String, String)> {
    let document = serde_json::to_value(api::document()).unwrap();
    let mut pairs = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let names = operation["x-errors"].as_array().unwrap().iter().map(|name| name.as_str().unwrap());
            let unchanged = operation["responses"].get(UNCHANGED).map(|_| UNCHANGED);
            for name in names.chain([""]).chain(unchanged) {
                pairs.insert((method.to_uppercase(), path.clone(), name.to_owned()));
            }
        }
    }
    pairs
}

#[test]
fn the_api_tests_have_seen_every_documented_answer() {
    let notes = Path::new(env!("CARGO_TARGET_TMPDIR")).join("seen.tsv");
    let notes =
        std::fs::read_to_string(notes).expect("run the API tests first: cargo test -p server --test api");
    let documented = documented();
    let (mut seen, mut strange) = (BTreeSet::new(), BTreeSet::new());
    for line in notes.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let &[method, path, status, error] = fields.as_slice() else { panic!("{line:?}") };
        // A literal path comes before one with a variable part, as in the router.
        let exact = documented.iter().find(|pair| pair.0 == method && pair.1 == path);
        let Some(pair) =
            exact.or_else(|| documented.iter().find(|pair| pair.0 == method && fits(&pair.1, path)))
        else {
            continue;
        };
        let name = if status == UNCHANGED { UNCHANGED } else { error };
        let known = (pair.0.clone(), pair.1.clone(), name.to_owned());
        // Faults of ours and the protocol's own answers may come from any route.
        let anywhere = matches!(status, "500" | "503" | "404" | "405" | "408");
        if documented.contains(&known) {
            seen.insert(known);
        } else if !anywhere {
            strange.insert(known);
        }
    }
    let missed: Vec<_> = documented.difference(&seen).collect();
    assert!(missed.is_empty(), "no test has seen these documented answers: {missed:#?}");
    assert!(strange.is_empty(), "these answers are not documented: {strange:#?}");
}
