//! What each operation may be refused with: one answer per code, with the names that it may carry.

use std::collections::BTreeMap;

use domain::error::Rule;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa::openapi::example::{Example, ExampleBuilder};
use utoipa::openapi::path::{Operation, Parameter, ParameterIn};
use utoipa::openapi::schema::{AllOfBuilder, Components, ObjectBuilder, Type};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Required, Response, ResponseBuilder};

use crate::http::i18n;
use crate::http::language::Language;
use crate::response::envelope::Failure;
use crate::response::error_catalog::{self, CATALOGUE, Entry};

/// What every call with a token may be refused with.
const TOKEN: &[&str] = &["missing_token", "invalid_token", "token_expired", "session_ended"];
/// What a refresh may be refused with.
const REFRESH: &[&str] =
    &["missing_refresh_token", "invalid_token", "token_expired", "session_ended", "refresh_token_reused"];
/// What every call with a body may be refused with.
const BODY: &[&str] = &["malformed_json", "invalid_field", "payload_too_large", "unsupported_media_type"];
/// What every call with parameters may be refused with.
const PARAMETERS: &[&str] = &["invalid_field"];
/// What a body that arrives too slowly is answered with.
const SLOW_BODY: &[&str] = &["request_timeout"];
/// What any call may fail with on our side.
const FAULTS: &[&str] = &["internal_error", "unavailable"];

/// References to the schemas that have a field which must be there.
pub(super) fn demanding_schemas(components: &Components) -> Vec<String> {
    let schemas = components.schemas.iter();
    let demanding = schemas.filter(|(_, schema)| {
        let schema = serde_json::to_value(schema).unwrap_or_default();
        schema.get("required").and_then(|fields| fields.as_array()).is_some_and(|fields| !fields.is_empty())
    });
    demanding.map(|(name, _)| format!("#/components/schemas/{name}\"")).collect()
}

/// The error names that an operation lists itself, and those that follow from what it takes.
fn error_names(operation: &Operation, demanding: &[String]) -> Vec<String> {
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
    add(demanding.iter().any(|reference| body.contains(reference)), &["missing_field"]);
    add(operation.parameters.as_ref().is_some_and(|parameters| !parameters.is_empty()), PARAMETERS);
    let must_ask = |parameter: &Parameter| {
        parameter.required == Required::True && matches!(parameter.parameter_in, ParameterIn::Query)
    };
    add(parameters(operation).any(must_ask), &["missing_field"]);
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

/// Adds one answer per code, which lists the names that it may carry.
pub(super) fn describe(operation: &mut Operation, demanding: &[String]) {
    let names = error_names(operation, demanding);
    let mut by_code = BTreeMap::<u16, Vec<&'static Entry>>::new();
    let slow = if operation.request_body.is_some() { SLOW_BODY } else { &[] };
    for name in names.iter().map(String::as_str).chain(slow.iter().chain(FAULTS).copied()) {
        let entries = by_code.entry(error_catalog::find(name).code).or_default();
        if entries.iter().all(|entry| entry.name != name) {
            entries.push(error_catalog::find(name));
        }
    }
    let blamed = blamed(operation);
    for (code, entries) in by_code {
        operation.responses.responses.insert(code.to_string(), RefOr::T(answer(code, &entries, &blamed)));
    }
    let extensions = operation.extensions.get_or_insert_default();
    extensions.insert("x-errors".to_owned(), Value::from(names));
}

/// A field that a call of this operation may be refused for, and why.
struct Blamed {
    field: String,
    why: String,
}

fn blamed(operation: &Operation) -> Blamed {
    let Some(parameter) = parameters(operation).next() else {
        return Blamed { field: "password".to_owned(), why: i18n::wrong_type(Language::Chinese).to_owned() };
    };
    let rule = match parameter.name.as_str() {
        "limit" => Rule::Range { min: 1, max: 1000 },
        "direction" => Rule::OneOf(&["received", "sent"]),
        "before" => Rule::Range { min: 0, max: i64::MAX },
        "q" => Rule::Length { min: 1, max: 200 },
        "uid" => Rule::Uid,
        "Idempotency-Key" => Rule::Characters,
        _ => Rule::Id,
    };
    Blamed { field: parameter.name.clone(), why: i18n::rule(rule, Language::Chinese) }
}

fn answer(code: u16, entries: &[&Entry], blamed: &Blamed) -> Response {
    let lines =
        entries.iter().map(|entry| format!("- `{}`: {}", entry.name, entry.message(Language::English)));
    let description = lines.collect::<Vec<_>>().join("\n");
    let code_here = ObjectBuilder::new().schema_type(Type::Integer).enum_values(Some([code]));
    let names_here = ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(entries.iter().map(|entry| entry.name)));
    let here = ObjectBuilder::new()
        .property("code", code_here)
        .property("error", names_here)
        .required("code")
        .required("error");
    let schema = AllOfBuilder::new().item(Ref::from_schema_name(Failure::name())).item(here);
    let mut content = ContentBuilder::new().schema(Some(schema));
    for entry in entries {
        content = content.examples_from_iter([(entry.name, example(entry, blamed))]);
    }
    ResponseBuilder::new().description(description).content("application/json", content.build()).build()
}

/// The example of each refusal that blames no field, for operations to refer to.
pub(super) fn add_to(components: &mut Components) {
    for entry in CATALOGUE.iter().filter(|entry| !blames(entry)) {
        let value =
            json!({"code": entry.code, "message": entry.message(Language::Chinese), "error": entry.name});
        components.examples.insert(entry.name.to_owned(), RefOr::T(shown(entry, value)));
    }
}

fn blames(entry: &Entry) -> bool {
    entry.message(Language::Chinese).contains("{field}")
}

/// Without a summary, so that the page in the browser offers it by its name.
fn shown(entry: &Entry, value: Value) -> Example {
    ExampleBuilder::new().description(entry.message(Language::English)).value(Some(value)).build()
}

fn example(entry: &Entry, blamed: &Blamed) -> RefOr<Example> {
    if !blames(entry) {
        return RefOr::Ref(Ref::new(format!("#/components/examples/{}", entry.name)));
    }
    let Blamed { field, why } = blamed;
    let message = entry.message(Language::Chinese).replace("{field}", field).replace("{rule}", why);
    let value = json!({"code": entry.code, "message": message, "error": entry.name, "field": field});
    RefOr::T(shown(entry, value))
}
