//! The endpoints as the handlers' attributes and the route table state them.

use anyhow::Result;
use regex::Regex;
use syn::{Item, LitStr};

use crate::source::Repository;

/// The route table, every route on one screen.
const ROUTES: &str = "crates/api/src/routes.rs";

/// A route and the function that answers it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Endpoint {
    /// `METHOD /path`.
    pub(crate) route: String,
    /// `module::function`.
    pub(crate) handler: String,
}

impl Endpoint {
    /// One line of a listing.
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.route, self.handler)
    }
}

/// The endpoints by the attributes of the functions in `crates/api`.
pub(crate) fn in_the_source(repository: &Repository) -> Vec<Endpoint> {
    let mut endpoints = Vec::new();
    let files =
        repository.rust.iter().filter(|file| file.path.starts_with("crates/api/src/") && !file.is_test());
    for file in files {
        let path = file.path.trim_end_matches("/mod.rs").trim_end_matches(".rs");
        let module = path.rsplit('/').next().unwrap_or_default();
        for item in &file.syntax.items {
            let Item::Fn(function) = item else { continue };
            let handler = format!("{module}::{}", function.sig.ident);
            let routes = function.attrs.iter().filter_map(route);
            endpoints.extend(routes.map(|route| Endpoint { route, handler: handler.clone() }));
        }
    }
    // The page in the browser is no part of the API.
    endpoints.retain(|endpoint| !endpoint.route.contains(" /docs"));
    endpoints
}

/// The route of an attribute such as `#[get("/path")]`.
fn route(attribute: &syn::Attribute) -> Option<String> {
    let method = attribute.path().segments.last()?.ident.to_string();
    if !["get", "post", "put", "patch", "delete"].contains(&method.as_str()) {
        return None;
    }
    let path = attribute.parse_args_with(|input: syn::parse::ParseStream<'_>| {
        let path: LitStr = input.parse()?;
        input.parse::<proc_macro2::TokenStream>()?;
        Ok(path)
    });
    Some(format!("{} {}", method.to_uppercase(), path.ok()?.value()))
}

/// The registered handlers, `module::function`, in order.
pub(crate) fn registered(repository: &Repository) -> Result<Vec<String>> {
    let pattern = Regex::new(r"\.service\((?:[a-z_]+::)*([a-z_]+::[a-z_]+)\)")?;
    let text = repository.read(ROUTES)?;
    Ok(pattern.captures_iter(&text).filter_map(|found| Some(found.get(1)?.as_str().to_owned())).collect())
}

/// The endpoints by the comment beside each registration: `.service(module::function); // METHOD /path`.
pub(crate) fn commented(repository: &Repository) -> Result<Vec<Endpoint>> {
    let pattern = Regex::new(r"(?m)\.service\((?:[a-z_]+::)*([a-z_]+::[a-z_]+)\);? *// ([A-Z]+) +(/\S*)")?;
    let text = repository.read(ROUTES)?;
    let endpoints = pattern.captures_iter(&text).map(|found| {
        let (_, [handler, method, path]) = found.extract();
        Endpoint { route: format!("{method} {path}"), handler: handler.to_owned() }
    });
    Ok(endpoints.collect())
}
