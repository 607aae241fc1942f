//! Request and response headers in the OpenAPI document.

use serde_json::json;
use utoipa::openapi::header::Header;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{Components, ObjectBuilder, Type};
use utoipa::openapi::{HeaderBuilder, Ref, RefOr, Required, Response, ResponseBuilder};

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
    let description = "The `ETag` of a cached response, a list of them, or `*`.";
    let known = parameter("If-None-Match", description, text());
    components.parameters.insert("IfNoneMatch".to_owned(), RefOr::T(known));
    let description = "Unchanged since the response whose `ETag` was sent in `If-None-Match`. No body.";
    let mut unchanged = ResponseBuilder::new().description(description).build();
    add(&mut unchanged, 304);
    components.responses.insert("NotModified".to_owned(), RefOr::T(unchanged));
}

/// Adds the parameters that every operation takes, for tests: the published document describes them once, in its own description.
pub(super) fn add_to_each<'a>(operations: impl Iterator<Item = &'a mut Operation>) {
    let description =
        "The language of messages: English if this header prefers it over Chinese, else Chinese.";
    let language = parameter("Accept-Language", description, text());
    let description = "The request's id in the log and in the response: 1–64 of `[A-Za-z0-9._-]`. Any other value is replaced.";
    let request_id = parameter("X-Request-Id", description, text());
    for operation in operations {
        let parameters = operation.parameters.get_or_insert_default();
        parameters.extend([&language, &request_id].map(|parameter| RefOr::T(parameter.clone())));
    }
}

fn reference(kind: &str, name: &str) -> Ref {
    Ref::new(format!("#/components/{kind}/{name}"))
}

/// Adds the headers that a response with this status has.
pub(super) fn add(response: &mut Response, code: u16) {
    let mut add = |name: &str, header: &str| {
        response.headers.insert(name.to_owned(), RefOr::Ref(reference("headers", header)));
    };
    add("X-Request-Id", "RequestId");
    match code {
        429 | 503 => add("Retry-After", "RetryAfter"),
        401 => add("WWW-Authenticate", "Challenge"),
        304 => add("ETag", "Tag"),
        _ => {}
    }
}

/// Adds the headers of successes and, where it may be answered, the 304. It runs after `errors::describe`, because
/// `If-None-Match` adds no errors.
pub(super) fn describe(operation: &mut Operation) {
    let responses = &mut operation.responses.responses;
    let conditional = responses.contains_key("304");
    if conditional {
        responses.insert("304".to_owned(), RefOr::Ref(Ref::from_response_name("NotModified")));
        let parameters = operation.parameters.get_or_insert_default();
        parameters.push(RefOr::Ref(reference("parameters", "IfNoneMatch")));
    }
    if let Some(RefOr::T(success)) = responses.get_mut("200") {
        add(success, 200);
        if conditional {
            success.headers.insert("ETag".to_owned(), RefOr::Ref(reference("headers", "Tag")));
        }
    }
}
