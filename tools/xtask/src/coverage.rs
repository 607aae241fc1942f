//! Response coverage: the API tests must have seen every response that the `OpenAPI` document lists, and no other.
//!
//! Each test process writes the responses that it sees into a file of its own; this check reads all of them.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::findings::Findings;
use crate::source::{Repository, output};

/// Stands for a 304, which has no error name.
const NOT_MODIFIED: &str = "304";
/// Any route may answer with these statuses: server errors and responses of the HTTP layer.
const ANYWHERE: [&str; 5] = ["500", "503", "404", "405", "408"];
/// Any route may refuse a requester who has too much in flight, and a foreign origin.
const ANYWHERE_BY_NAME: [&str; 2] = ["too_many_requests", "origin_not_allowed"];
/// The last field of a note about an error without the envelope.
const BARE: &str = "bare";

/// A response: method, path template, and error name; a success has none.
type ResponseKind = (String, String, String);

/// The folder in which the API tests note the responses.
fn folder(repository: &Repository) -> PathBuf {
    repository.target().join("tmp/api-responses")
}

/// Forgets the responses of earlier runs.
pub(crate) fn clear(repository: &Repository) -> Result<()> {
    match std::fs::remove_dir_all(folder(repository)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).context("the noted responses")
        }
        _ => Ok(()),
    }
}

/// Compares the noted responses with the document.
pub(crate) fn check(repository: &Repository, findings: &mut Findings) -> Result<String> {
    let server = repository.target().join("debug/hongyan");
    let document = serde_json::from_str(&output(&server.to_string_lossy(), &["openapi"])?)?;
    let documented = documented(&document);
    let notes = read(repository)?;
    for note in bare(&notes) {
        findings.add(format!("coverage: an error has no envelope: {note}"));
    }
    let (seen, undocumented) = compare(&documented, &notes);
    for (method, path, name) in documented.difference(&seen) {
        findings.add(format!("coverage: no test has seen {method} {path} answer {}", shown(name)));
    }
    for (method, path, name) in undocumented {
        findings.add(format!("coverage: {method} {path} answered {}, which is not documented", shown(&name)));
    }
    Ok(format!("coverage: the tests have seen all {} documented responses", documented.len()))
}

fn shown(name: &str) -> &str {
    if name.is_empty() { "a success" } else { name }
}

/// The notes of all test processes.
fn read(repository: &Repository) -> Result<String> {
    let folder = folder(repository);
    let files = std::fs::read_dir(&folder).into_iter().flatten().flatten();
    let mut notes = String::new();
    for file in files {
        notes += &std::fs::read_to_string(file.path())?;
    }
    ensure!(!notes.is_empty(), "no responses were noted: run `cargo xtask test server::api` first");
    Ok(notes)
}

/// Every response in an `OpenAPI` document.
fn documented(document: &Value) -> BTreeSet<ResponseKind> {
    let mut kinds = BTreeSet::new();
    for (path, item) in document.get("paths").and_then(Value::as_object).into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            let errors = operation
                .get("x-errors")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(Value::as_str);
            let not_modified = operation
                .get("responses")
                .and_then(|responses| responses.get(NOT_MODIFIED))
                .map(|_| NOT_MODIFIED);
            for name in errors.chain([""]).chain(not_modified) {
                kinds.insert((method.to_uppercase(), path.clone(), name.to_owned()));
            }
        }
    }
    kinds
}

/// The notes about errors without the envelope: method, path and status.
fn bare(notes: &str) -> BTreeSet<String> {
    let fields = notes.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let bare = fields.filter(|fields| fields.last() == Some(&BARE));
    bare.map(|fields| fields.into_iter().take(3).collect::<Vec<_>>().join(" ")).collect()
}

/// The documented responses that were noted, and the noted ones that are not documented.
fn compare(
    documented: &BTreeSet<ResponseKind>,
    notes: &str,
) -> (BTreeSet<ResponseKind>, BTreeSet<ResponseKind>) {
    let (mut seen, mut undocumented) = (BTreeSet::new(), BTreeSet::new());
    for line in notes.lines() {
        let mut fields = line.split('\t');
        let mut next = || fields.next().unwrap_or_default();
        let (method, path, status, error) = (next(), next(), next(), next());
        // A literal path takes precedence over a template, as in the router.
        let exact = documented.iter().find(|kind| kind.0 == method && kind.1 == path);
        let fitting = || documented.iter().find(|kind| kind.0 == method && fits(&kind.1, path));
        let Some((_, template, _)) = exact.or_else(fitting) else { continue };
        let name = if status == NOT_MODIFIED { NOT_MODIFIED } else { error };
        let kind = (method.to_owned(), template.clone(), name.to_owned());
        if documented.contains(&kind) {
            seen.insert(kind);
        } else if !ANYWHERE.contains(&status) && !ANYWHERE_BY_NAME.contains(&error) {
            undocumented.insert(kind);
        }
    }
    (seen, undocumented)
}

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

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(path: &str, name: &str) -> ResponseKind {
        ("GET".to_owned(), path.to_owned(), name.to_owned())
    }

    fn sample() -> BTreeSet<ResponseKind> {
        let document = serde_json::json!({"paths": {
            "/a/{id}": {"get": {"x-errors": ["unknown_a"], "responses": {"200": {}, "304": {}}}},
            "/a/b": {"get": {"x-errors": [], "responses": {"200": {}}}},
        }});
        documented(&document)
    }

    #[test]
    fn every_documented_response_is_expected() {
        let expected =
            [kind("/a/b", ""), kind("/a/{id}", ""), kind("/a/{id}", "304"), kind("/a/{id}", "unknown_a")];
        assert_eq!(sample(), BTreeSet::from(expected));
    }

    #[test]
    fn a_literal_path_precedes_a_template() {
        let (seen, undocumented) =
            compare(&sample(), "GET\t/a/b\t200\t\nGET\t/a/1\t304\t\nGET\t/a/1/c\t200\t\n");
        assert_eq!(seen, BTreeSet::from([kind("/a/b", ""), kind("/a/{id}", "304")]));
        assert_eq!(undocumented, BTreeSet::new());
    }

    #[test]
    fn an_error_without_the_envelope_is_found() {
        let notes = "GET\t/a\t406\t\tbare\nGET\t/a\t404\tunknown_route\tenveloped\nGET\t/a\t406\t\tbare\n";
        assert_eq!(bare(notes), BTreeSet::from(["GET /a 406".to_owned()]));
    }

    #[test]
    fn an_undocumented_error_is_found_unless_any_route_may_answer_it() {
        let (_, undocumented) = compare(&sample(), "GET\t/a/1\t409\tconflict\nGET\t/a/1\t503\tunavailable\n");
        assert_eq!(undocumented, BTreeSet::from([kind("/a/{id}", "conflict")]));
    }
}
