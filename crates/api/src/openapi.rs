//! The API's own description, collected from the handlers.

use std::collections::BTreeMap;

use actix_web::App;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    Components, Content, HeaderBuilder, Info, OpenApi, Ref, RefOr, Required, Response, ResponseBuilder,
};
use utoipa::{PartialSchema, ToSchema};
use utoipa_actix_web::AppExt;

use crate::catalogue;
use crate::envelope::Failure;
use crate::language::Language;
use crate::routes;

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

/// The description of the whole API (OpenAPI 3.1).
#[must_use]
pub fn document() -> OpenApi {
    let (_, mut document) = App::new().into_utoipa_app().configure(routes::documented).split_for_parts();
    document.info = Info::new("Hongyan 鸿雁", env!("CARGO_PKG_VERSION"));
    document.info.description = Some("One-to-one chat over plain REST.".to_owned());
    let components = document.components.get_or_insert_with(Components::new);
    let demanding = demanding_schemas(components);
    let bearer = || {
        SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build())
    };
    components.add_security_scheme("token", bearer());
    components.add_security_scheme("refresh_token", bearer());
    components.schemas.insert(Failure::name().into_owned(), Failure::schema());
    for item in document.paths.paths.values_mut() {
        for operation in operations(item) {
            describe_errors(operation, &demanding);
            describe_polling(operation);
        }
    }
    document
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete]
        .into_iter()
        .filter_map(Option::as_mut)
}

/// References to the schemas that have a field which must be there.
fn demanding_schemas(components: &Components) -> Vec<String> {
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
    let in_query = |parameter: &RefOr<Parameter>| match parameter {
        RefOr::T(parameter) => {
            parameter.required == Required::True && matches!(parameter.parameter_in, ParameterIn::Query)
        }
        RefOr::Ref(_) => false,
    };
    add(operation.parameters.iter().flatten().any(in_query), &["missing_field"]);
    names.sort();
    names.dedup();
    names
}

/// Adds one answer per code, which lists the names that it may carry.
fn describe_errors(operation: &mut Operation, demanding: &[String]) {
    let names = error_names(operation, demanding);
    let mut by_code = BTreeMap::<u16, Vec<&'static catalogue::Entry>>::new();
    let slow = if operation.request_body.is_some() { SLOW_BODY } else { &[] };
    for name in names.iter().map(String::as_str).chain(slow.iter().chain(FAULTS).copied()) {
        let entry = catalogue::find(name);
        by_code.entry(entry.code).or_default().push(entry);
    }
    for (code, entries) in by_code {
        operation.responses.responses.insert(code.to_string(), RefOr::T(answer(&entries)));
    }
    let extensions = operation.extensions.get_or_insert_default();
    extensions.insert("x-errors".to_owned(), serde_json::Value::from(names));
}

/// Says of an operation that has a 304 how to get it.
fn describe_polling(operation: &mut Operation) {
    const TAG: &str = "ETag";
    let responses = &mut operation.responses.responses;
    if !responses.contains_key("304") {
        return;
    }
    let description =
        "Nothing has changed since the answer whose `ETag` was sent in `If-None-Match`. No body.";
    responses.insert("304".to_owned(), RefOr::T(ResponseBuilder::new().description(description).build()));
    for code in ["200", "304"] {
        if let Some(RefOr::T(response)) = responses.get_mut(code) {
            let description = "What the answer is known by; weak.";
            let header = HeaderBuilder::new().schema(Some(text())).description(Some(description)).build();
            response.headers.insert(TAG.to_owned(), RefOr::T(header));
        }
    }
    let parameter = ParameterBuilder::new()
        .name("If-None-Match")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some("The `ETag` of an answer that is still at hand."))
        .schema(Some(text()))
        .build();
    operation.parameters.get_or_insert_default().push(RefOr::T(parameter));
}

fn text() -> Object {
    ObjectBuilder::new().schema_type(Type::String).build()
}

fn answer(entries: &[&catalogue::Entry]) -> Response {
    let lines =
        entries.iter().map(|entry| format!("- `{}`: {}", entry.name, entry.message(Language::English)));
    let description = lines.collect::<Vec<_>>().join("\n");
    let schema = RefOr::Ref(Ref::from_schema_name(Failure::name()));
    ResponseBuilder::new()
        .description(description)
        .content("application/json", Content::new(Some(schema)))
        .build()
}
