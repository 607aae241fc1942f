//! Traceability: the trace table, the API manual and the route table agree with the source, in both directions.

use anyhow::Result;
use regex::Regex;

use crate::endpoints::{self, Endpoint};
use crate::findings::{Findings, same};
use crate::source::Repository;
use crate::symbols::Symbols;
use crate::{documents, faults};

const MANUAL: &str = "docs/API.md";
/// A send is read in one file per layer: handler, use-case, port, adapter.
const SEND: &str = "POST /api/auth/messages";

/// Checks everything that documents say of the source.
pub(crate) fn check(repository: &Repository, findings: &mut Findings) -> Result<String> {
    let symbols = Symbols::of(repository)?;
    let endpoints = endpoints::in_the_source(repository);
    let rows = rows(repository)?;
    check_routes(repository, &endpoints, &rows, findings)?;
    for row in &rows {
        row.check(repository, &symbols, findings);
    }
    let send = rows.iter().find(|row| row.endpoint.route == SEND);
    let files = send.map(|row| row.files(repository, &symbols)).unwrap_or_default();
    if files.len() != 4 {
        findings.add(format!("trace: a send must be read in four files, not in {}", files.join(", ")));
    }
    documents::check(repository, &symbols, findings)?;
    faults::check(repository, findings)?;
    let count = endpoints.len();
    Ok(format!(
        "trace: {count} endpoints are where the documents say\ntrace: a send is read in {}",
        files.join(", ")
    ))
}

fn check_routes(
    repository: &Repository,
    endpoints: &[Endpoint],
    rows: &[TraceRow],
    findings: &mut Findings,
) -> Result<()> {
    let lines = |endpoints: &[Endpoint]| endpoints.iter().map(Endpoint::line).collect::<Vec<_>>();
    let source = lines(endpoints);
    let table: Vec<_> = rows.iter().map(|row| row.endpoint.line()).collect();
    same("the trace table", &table, "the handlers' attributes", &source, findings);
    let comments = lines(&endpoints::commented(repository)?);
    same("the comments in routes.rs", &comments, "the handlers' attributes", &source, findings);
    let mut registered = endpoints::registered(repository)?;
    registered.dedup();
    let mut handlers: Vec<_> = endpoints.iter().map(|endpoint| endpoint.handler.clone()).collect();
    handlers.sort();
    handlers.dedup();
    same("the services in routes.rs", &registered, "the handlers", &handlers, findings);
    let heading = Regex::new(r"(?m)^### .*$")?;
    let route = Regex::new(r"`([A-Z]+ /[^`]*)`")?;
    let manual = repository.read(MANUAL)?;
    let headings: Vec<_> =
        heading.find_iter(&manual).flat_map(|line| route.captures_iter(line.as_str())).collect();
    let headings: Vec<_> =
        headings.iter().filter_map(|found| Some(found.get(1)?.as_str().to_owned())).collect();
    let routes: Vec<_> = endpoints.iter().map(|endpoint| endpoint.route.clone()).collect();
    same(MANUAL, &headings, "the handlers", &routes, findings);
    Ok(())
}

/// A row of the trace table: endpoint, handler, use-case, port, adapter, migration.
struct TraceRow {
    endpoint: Endpoint,
    /// The symbols in the cells of use-case, port, adapter and migration.
    cells: [Vec<String>; 4],
    text: String,
}

fn rows(repository: &Repository) -> Result<Vec<TraceRow>> {
    let symbol = Regex::new(r"`([^`]+)`")?;
    let symbols = |cell: &str| -> Vec<String> {
        symbol.captures_iter(cell).filter_map(|found| Some(found.get(1)?.as_str().to_owned())).collect()
    };
    let mut rows = Vec::new();
    for path in repository.documents() {
        for line in repository.read(path)?.lines().filter(|line| line.starts_with("| `")) {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let &[route, handler, use_case, port, adapter, migration] = cells.as_slice() else { continue };
            let (route, handler) = (symbols(route).concat(), symbols(handler).concat());
            if !route.contains(" /") {
                continue;
            }
            let cells = [use_case, port, adapter, migration].map(symbols);
            rows.push(TraceRow { endpoint: Endpoint { route, handler }, cells, text: line.to_owned() });
        }
    }
    Ok(rows)
}

impl TraceRow {
    /// The file of the symbol in a cell, by the cell's place.
    fn file<'a>(place: usize, symbol: &'a str, symbols: &'a Symbols) -> Option<&'a str> {
        let (owner, function) = symbol.rsplit_once("::").unwrap_or((symbol, ""));
        match place {
            0 | 1 => symbols.method(symbol, "crates/domain/src/"),
            2 => symbols.function("crates/infra/src/", owner, function),
            _ => Some(symbol),
        }
    }

    fn check(&self, repository: &Repository, symbols: &Symbols, findings: &mut Findings) {
        for (place, cell) in self.cells.iter().enumerate() {
            for symbol in cell {
                let there = Self::file(place, symbol, symbols).is_some();
                if !there || place == 3 && !repository.has(&format!("migrations/{symbol}/up.sql")) {
                    findings.add(format!("trace: there is no {symbol}, named in: {}", self.text));
                }
            }
        }
    }

    /// The files from the handler to the adapter, each once.
    fn files(&self, repository: &Repository, symbols: &Symbols) -> Vec<String> {
        let (module, function) = self.endpoint.handler.split_once("::").unwrap_or_default();
        let folder = "crates/api/src/";
        let named = symbols.function(folder, &format!("{module}.rs"), function);
        let handler = named.or_else(|| symbols.function(folder, &format!("{module}/mod.rs"), function));
        let rest = self.cells.iter().take(3).enumerate();
        let rest = rest.flat_map(|(place, cell)| {
            cell.iter().filter_map(move |symbol| Self::file(place, symbol, symbols))
        });
        let mut files: Vec<String> = handler.into_iter().chain(rest).map(ToOwned::to_owned).collect();
        files.retain(|file| repository.has(file));
        files.dedup();
        files
    }
}
