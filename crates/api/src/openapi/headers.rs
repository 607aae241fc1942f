//! Request and response headers in the OpenAPI document.

use serde_json::json;
use utoipa::openapi::header::Header;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{Components, ObjectBuilder, Type};
use utoipa::openapi::{HeaderBuilder, Ref, RefOr, Required, ResponseBuilder};

/// The pattern of a request id, as `http::access_log` accepts it.
const REQUEST_ID: &str = "^[A-Za-z0-9._-]{1,64}$";

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn header(description: &str, schema: ObjectBuilder, always: bool) -> Header {
    let mut header = HeaderBuilder::new().description(Some(description)).schema(Some(schema)).build();
    // utoipa has no field for it.
    header.extensions.get_or_insert_default().insert("required".to_owned(), json!(always));
    header
}

fn parameter(name: &str, description: &str, schema: ObjectBuilder) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(schema))
        .build()
}

/// Adds each header as a component; operations refer to them.
pub(super) fn add_to(components: &mut Components) {
    let number = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).examples([json!(5)]);
    let tag = || text().pattern(Some("^W/\"[0-9a-f]{16}\"$")).examples([json!("W/\"5a1f0c3e9b7d2468\"")]);
    let id = || text().pattern(Some(REQUEST_ID)).examples([json!("4f1c2a9be07d4c58a3b6d1e2f3041526")]);
    let challenge =
        text().examples([json!("Bearer realm=\"hongyan\"")]).pattern(Some("^Bearer realm=\"hongyan\""));
    let headers = [
        (
            "RequestId",
            header("The request's id in the log: its own `X-Request-Id`, or a new one.", id(), true),
        ),
        ("RetryAfter", header("Seconds to wait before the next try.", number, true)),
        ("Challenge", header("The authentication scheme to use: a bearer token.", challenge, true)),
        ("Tag", header("The weak entity tag of the response.", tag(), true)),
    ];
    components.headers.extend(headers.map(|(name, header)| (name.to_owned(), RefOr::T(header))));
    let description =
        "The language of messages: English if this header prefers it over Chinese, else Chinese.";
    let language = parameter("Accept-Language", description, text());
    let description = "The request's id in the log and in the response: 1–64 of `[A-Za-z0-9._-]`. Any other value is replaced.";
    let request_id = parameter("X-Request-Id", description, text());
    let description = "The `ETag` of a cached response, a list of them, or `*`.";
    let known = parameter("If-None-Match", description, text());
    let parameters = [("AcceptLanguage", language), ("RequestId", request_id), ("IfNoneMatch", known)];
    components.parameters.extend(parameters.map(|(name, parameter)| (name.to_owned(), RefOr::T(parameter))));
}

fn reference(kind: &str, name: &str) -> Ref {
    Ref::new(format!("#/components/{kind}/{name}"))
}

/// Adds the headers of every request and every response. It runs after `errors::describe`, because these parameters add no
/// errors of their own.
pub(super) fn describe(operation: &mut Operation) {
    let conditional = operation.responses.responses.contains_key("304");
    if conditional {
        let description = "Unchanged since the response whose `ETag` was sent in `If-None-Match`. No body.";
        let unchanged = ResponseBuilder::new().description(description).build();
        operation.responses.responses.insert("304".to_owned(), RefOr::T(unchanged));
    }
    for (code, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        let mut add = |name: &str, header: &str| {
            response.headers.insert(name.to_owned(), RefOr::Ref(reference("headers", header)));
        };
        add("X-Request-Id", "RequestId");
        if matches!(code.as_str(), "429" | "503") {
            add("Retry-After", "RetryAfter");
        }
        if code == "401" {
            add("WWW-Authenticate", "Challenge");
        }
        if conditional && matches!(code.as_str(), "200" | "304") {
            add("ETag", "Tag");
        }
    }
    let parameters = operation.parameters.get_or_insert_default();
    let if_none_match = conditional.then_some("IfNoneMatch");
    let names = ["AcceptLanguage", "RequestId"].into_iter().chain(if_none_match);
    parameters.extend(names.map(|name| RefOr::Ref(reference("parameters", name))));
}
