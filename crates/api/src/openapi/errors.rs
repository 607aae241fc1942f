//! Error responses of each operation: one response per status, with the error names that it may carry.

use std::collections::BTreeMap;

use domain::error::Rule;
use serde_json::{Value, json};
use utoipa::Number;
use utoipa::ToSchema;
use utoipa::openapi::example::{Example, ExampleBuilder};
use utoipa::openapi::path::{Operation, Parameter, ParameterIn};
use utoipa::openapi::schema::{AllOfBuilder, Components, ObjectBuilder, Schema, Type};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Required, Response, ResponseBuilder};

use super::schema_rules::resolve;

use crate::http::i18n;
use crate::http::language::Language;
use crate::response::envelope::Failure;
use crate::response::error_catalog::{self, CATALOG, CatalogEntry};
use crate::response::invalid_field::FieldRule;

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

fn parameters(operation: &Operation) -> impl Iterator<Item = &Parameter> {
    operation.parameters.iter().flatten().filter_map(|parameter| match parameter {
        RefOr::T(parameter) => Some(parameter),
        RefOr::Ref(_) => None,
    })
}

/// Adds one response per status, with the error names that it may carry.
pub(super) fn describe(operation: &mut Operation, components: &Components, with_required: &[String]) {
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
    let invalid = InvalidExample::of(operation, components);
    for (code, entries) in by_code {
        operation.responses.responses.insert(code.to_string(), RefOr::T(response(code, &entries, &invalid)));
    }
    let extensions = operation.extensions.get_or_insert_default();
    extensions.insert("x-errors".to_owned(), Value::from(names));
}

/// An invalid field of the operation, for the examples of errors that name a field.
struct InvalidExample {
    field: String,
    rule: String,
}

impl InvalidExample {
    fn of(operation: &Operation, components: &Components) -> Self {
        let Some(parameter) = parameters(operation).next() else {
            return Self {
                field: "password".to_owned(),
                rule: i18n::wrong_type(Language::Chinese).to_owned(),
            };
        };
        let rule = match parameter.name.as_str() {
            "direction" => Rule::OneOf(&["received", "sent"]),
            "uid" => Rule::Uid,
            "Idempotency-Key" => Rule::Characters,
            _ => {
                let schema = parameter.schema.as_ref().and_then(|schema| resolve(components, schema));
                schema.and_then(limit_rule).unwrap_or(Rule::Id)
            }
        };
        Self { field: parameter.name.clone(), rule: i18n::rule(FieldRule::Domain(rule), Language::Chinese) }
    }
}

/// The rule that the limits of a schema stand for.
fn limit_rule(schema: &Schema) -> Option<Rule> {
    let Schema::Object(object) = schema else { return None };
    let whole = |number: &Option<Number>| serde_json::to_value(number.as_ref()?).ok()?.as_i64();
    let range = whole(&object.minimum).zip(whole(&object.maximum));
    let length = object.min_length.zip(object.max_length);
    range
        .map(|(min, max)| Rule::Range { min, max })
        .or_else(|| length.map(|(min, max)| Rule::Length { min, max }))
}

fn response(code: u16, entries: &[&CatalogEntry], invalid: &InvalidExample) -> Response {
    let lines =
        entries.iter().map(|entry| format!("- `{}`: {}", entry.name, entry.message(Language::English)));
    let description = lines.collect::<Vec<_>>().join("\n");
    let code_schema = ObjectBuilder::new().schema_type(Type::Integer).enum_values(Some([code]));
    let name_schema = ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(entries.iter().map(|entry| entry.name)));
    let narrowed = ObjectBuilder::new()
        .property("code", code_schema)
        .property("error", name_schema)
        .required("code")
        .required("error");
    let schema = AllOfBuilder::new().item(Ref::from_schema_name(Failure::name())).item(narrowed);
    let mut content = ContentBuilder::new().schema(Some(schema));
    for entry in entries {
        content = content.examples_from_iter([(entry.name, example(entry, invalid))]);
    }
    ResponseBuilder::new().description(description).content("application/json", content.build()).build()
}

/// Adds the example of each error that names no field, for operations to refer to.
pub(super) fn add_to(components: &mut Components) {
    for entry in CATALOG.iter().filter(|entry| !names_a_field(entry)) {
        let value =
            json!({"code": entry.code, "message": entry.message(Language::Chinese), "error": entry.name});
        components.examples.insert(entry.name.to_owned(), RefOr::T(without_summary(entry, value)));
    }
}

fn names_a_field(entry: &CatalogEntry) -> bool {
    entry.message(Language::Chinese).contains("{field}")
}

/// An example without a summary, so that Swagger UI lists it by its name.
fn without_summary(entry: &CatalogEntry, value: Value) -> Example {
    ExampleBuilder::new().description(entry.message(Language::English)).value(Some(value)).build()
}

fn example(entry: &CatalogEntry, invalid: &InvalidExample) -> RefOr<Example> {
    if !names_a_field(entry) {
        return RefOr::Ref(Ref::new(format!("#/components/examples/{}", entry.name)));
    }
    let InvalidExample { field, rule } = invalid;
    let message = entry.message(Language::Chinese).replace("{field}", field).replace("{rule}", rule);
    let value = json!({"code": entry.code, "message": message, "error": entry.name, "field": field});
    RefOr::T(without_summary(entry, value))
}
