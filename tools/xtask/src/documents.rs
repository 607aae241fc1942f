//! Names in documents: every test, constraint, path and link that a document names exists.

use anyhow::Result;
use regex::Regex;

use crate::findings::{Findings, same};
use crate::source::Repository;
use crate::symbols::Symbols;

const MANUAL: &str = "docs/API.md";

/// Checks the documents.
pub(crate) fn check(repository: &Repository, symbols: &Symbols, findings: &mut Findings) -> Result<()> {
    let errors = errors(repository)?;
    // Five words and more are the name of a test or a constraint, unless they are an error's.
    let name = Regex::new(r"`([a-z0-9]+(?:_[a-z0-9]+){4,})`")?;
    let path = Regex::new(
        r"`(?:\./)?((?:crates|tools|scripts|docs|migrations|deploy|clients)/[A-Za-z0-9_./-]*[A-Za-z0-9_/-])(?: [^`]*)?`",
    )?;
    let link = Regex::new(r"\]\(([^)#: ]+)(?:#[^)]*)?\)")?;
    for document in repository.documents() {
        let text = repository.read(document)?;
        let found = |pattern: &Regex| -> Vec<String> {
            pattern.captures_iter(&text).filter_map(|found| Some(found.get(1)?.as_str().to_owned())).collect()
        };
        let known =
            |name: &String| symbols.has_name(name) || errors.iter().any(|error| error.starts_with(name));
        for name in found(&name).iter().filter(|name| !known(name)) {
            findings.add(format!("{document}: there is no {name}"));
        }
        for path in found(&path).iter().filter(|path| !repository.has(path)) {
            findings.add(format!("{document}: there is no {path}"));
        }
        let folder = document.rsplit_once('/').map_or("", |(folder, _)| folder);
        for target in found(&link).iter().filter(|link| !repository.root.join(folder).join(link).exists()) {
            findings.add(format!("{document}: the link to {target} is broken"));
        }
    }
    let row = Regex::new(r"(?m)^\| `([a-z_]+)` \| (\d{3}) \| ([^|]*) \|$")?;
    let manual = repository.read(MANUAL)?;
    let documented: Vec<String> =
        row.captures_iter(&manual).map(|found| found.extract::<3>().1.join(" ")).collect();
    same(MANUAL, &documented, "the error catalog", &errors, findings);
    Ok(())
}

/// The entries of the error catalog, `name code text` each, with the English text.
fn errors(repository: &Repository) -> Result<Vec<String>> {
    let entry = Regex::new(r#"\bentry\(\s*(\d+),\s*"([a-z_]+)",\s*"[^"]*",\s*"([^"]*)""#)?;
    let catalog = "crates/api/src/response/error_catalog.rs";
    let source = repository.read(catalog)?;
    let list = source.split("\n];").next().unwrap_or_default();
    let entries = entry.captures_iter(list).map(|found| found.extract::<3>().1);
    Ok(entries.map(|[code, name, text]| format!("{name} {code} {text}")).collect())
}
