//! Errors of each operation: those that it lists, and those that follow from its inputs.

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn};
use utoipa::openapi::schema::Components;
use utoipa::openapi::{RefOr, Required};

use super::failures::{FailureSet, Failures};
use super::schema_rules::parameters;
use crate::response::error_catalog::{self, CatalogEntry};

/// Errors of every operation that takes an access token.
const TOKEN: &[&str] = &["missing_token", "invalid_token", "token_expired", "session_ended"];
/// Errors of every operation that takes a refresh token.
const REFRESH: &[&str] =
    &["missing_refresh_token", "invalid_token", "token_expired", "session_ended", "refresh_token_reused"];
/// Errors of every operation with a request body.
const BODY: &[&str] = &["malformed_json", "invalid_field", "payload_too_large", "unsupported_media_type"];
/// Errors of every operation with parameters.
const PARAMETERS: &[&str] = &["invalid_field"];
/// Errors of a body that arrives too slowly.
const SLOW_BODY: &[&str] = &["request_timeout"];
/// Errors of every operation that is admitted by its requester.
const ADMISSION: &[&str] = &["too_many_requests"];
/// Server faults that any operation may return.
const FAULTS: &[&str] = &["internal_error", "unavailable"];

/// References to the schemas that have a required field.
pub(super) fn schemas_with_required_fields(components: &Components) -> Vec<String> {
    let schemas = components.schemas.iter();
    let with_required = schemas.filter(|(_, schema)| {
        let schema = serde_json::to_value(schema).unwrap_or_default();
        schema.get("required").and_then(|fields| fields.as_array()).is_some_and(|fields| !fields.is_empty())
    });
    with_required.map(|(name, _)| format!("#/components/schemas/{name}\"")).collect()
}

/// The error names that the operation lists in `x-errors`, and those that follow from its inputs.
fn error_names(operation: &Operation, with_required: &[String]) -> Vec<String> {
    let own = operation.extensions.as_ref().and_then(|extensions| extensions.get("x-errors"));
    let mut names: Vec<String> = own
        .and_then(|names| names.as_array())
        .into_iter()
        .flatten()
        .filter_map(|name| name.as_str().map(str::to_owned))
        .collect();
    let takes = |scheme: &str| {
        let security = operation.security.iter().flatten();
        security
            .filter_map(|needed| serde_json::to_value(needed).ok())
            .any(|needed| needed.get(scheme).is_some())
    };
    let mut add = |condition: bool, more: &[&str]| {
        if condition {
            names.extend(more.iter().map(|name| (*name).to_owned()));
        }
    };
    add(takes("token"), TOKEN);
    add(takes("refresh_token"), REFRESH);
    let body =
        operation.request_body.as_ref().and_then(|body| serde_json::to_string(body).ok()).unwrap_or_default();
    add(!body.is_empty(), BODY);
    add(with_required.iter().any(|reference| body.contains(reference)), &["missing_field"]);
    add(operation.parameters.as_ref().is_some_and(|parameters| !parameters.is_empty()), PARAMETERS);
    let is_required_query = |parameter: &Parameter| {
        parameter.required == Required::True && matches!(parameter.parameter_in, ParameterIn::Query)
    };
    add(parameters(operation).any(is_required_query), &["missing_field"]);
    names.sort();
    names.dedup();
    names
}

/// Adds one response per status, with the error names that it may carry.
pub(super) fn describe(
    operation: &mut Operation,
    components: &Components,
    with_required: &[String],
    failures: &mut Failures,
) {
    let names = error_names(operation, with_required);
    let mut by_code = BTreeMap::<u16, Vec<&'static CatalogEntry>>::new();
    let slow = if operation.request_body.is_some() { SLOW_BODY } else { &[] };
    let is_probe = operation.tags.iter().flatten().any(|tag| tag == "operation");
    let admission = if is_probe { &[] } else { ADMISSION };
    let anywhere = slow.iter().chain(admission).chain(FAULTS).copied();
    for name in names.iter().map(String::as_str).chain(anywhere) {
        let entries = by_code.entry(error_catalog::find(name).code).or_default();
        if entries.iter().all(|entry| entry.name != name) {
            entries.push(error_catalog::find(name));
        }
    }
    for (code, entries) in by_code {
        let response = failures.reference(operation, &FailureSet { code, entries }, components);
        operation.responses.responses.insert(code.to_string(), RefOr::Ref(response));
    }
    let extensions = operation.extensions.get_or_insert_default();
    extensions.insert("x-errors".to_owned(), Value::from(names));
}
