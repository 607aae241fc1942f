//! The OpenAPI document: generated from the handlers, then completed with what all operations share.

pub(crate) mod description;
mod envelopes;
mod errors;
mod examples;
mod failures;
mod headers;
mod manual;
#[cfg(test)]
mod names;
mod reachable;
mod schema_rules;
pub(crate) mod schemas;
#[cfg(test)]
mod sharing;
#[cfg(test)]
mod tests;

use actix_web::App;
use utoipa::openapi::external_docs::ExternalDocsBuilder;
use utoipa::openapi::info::{ContactBuilder, InfoBuilder, LicenseBuilder};
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{Components, Deprecated, Info, OpenApi, Server};
use utoipa::{PartialSchema, ToSchema};
use utoipa_actix_web::AppExt;

use self::failures::Failures;
use crate::response::envelope::Failure;
use crate::routes;

const LICENSE: &str = "MIT OR Apache-2.0";

const DESCRIPTION: &str = "鸿雁: one-to-one chat over plain REST: accounts, friends, private messages.

Success is HTTP 200 and `{code, message, data}`; failure has the HTTP status of its `code` and `{code, message, error}`. \
`error` is for programs and the same in every language; `message` is for users, in Chinese unless \
`Accept-Language` prefers English.

Each call takes `Accept-Language`, and `X-Request-Id` (1–64 of `[A-Za-z0-9._-]`), by which the log and the response name it. \
A field may be `null` where the schema says so; an optional field of a request may also be omitted.

To try it here: register, copy `token` from the response, press *Authorize* and paste it under `token`. In addition to the \
listed responses, any call may return 404 (`unknown_route`) or 405 (`method_not_allowed`, with `Allow`).

Fields, error names and endpoints may be added at any time, so a client ignores fields and handles error names that it does not \
know; none is renamed, retyped or removed.";

const TAGS: [(&str, &str); 5] = [
    ("accounts", "Registration, login, tokens, sessions, the caller's account, finding users."),
    ("friends", "Friendship requests, friendships, blocks."),
    ("conversations", "History, read positions, pinned and muted conversations."),
    ("messages", "Sending, recalling, deleting, searching."),
    ("operation", "The server: its limits, and health checks."),
];

/// The second spellings of endpoints of the contract.
const DEPRECATED: [&str; 3] =
    ["/api/auth/refresh_token", "/api/auth/messages/recall", "/api/auth/messages/delete"];

/// The OpenAPI 3.1 document, for tests of this server: responses are closed, so that a field that is
/// not described is a finding, and each operation lists the headers that all of them take.
#[must_use]
pub fn strict_document() -> OpenApi {
    let mut document = document();
    reachable::close_responses(&mut document);
    headers::add_to_each(document.paths.paths.values_mut().flat_map(operations));
    document
}

/// The OpenAPI 3.1 document of the whole API. Responses are open: a client made from it accepts fields that are added later.
#[must_use]
pub fn document() -> OpenApi {
    let (_, mut document) = App::new().into_utoipa_app().configure(routes::documented).split_for_parts();
    document.info = info();
    document.servers = Some(vec![Server::new("/")]);
    // Each operation that needs a token says so itself.
    document.security = Some(Vec::new());
    let manual = ExternalDocsBuilder::new().url("/docs").description(Some("To try each call in a browser."));
    document.external_docs = Some(manual.build());
    let tags =
        TAGS.map(|(name, description)| TagBuilder::new().name(name).description(Some(description)).build());
    document.tags = Some(tags.into());
    let mut components = shared_components(document.components.take().unwrap_or_else(Components::new));
    let with_required = errors::schemas_with_required_fields(&components);
    let mut failures = Failures::default();
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations_by_method(item) {
            envelopes::refer(operation);
            manual::describe(operation, method, path);
            errors::describe(operation, &components, &with_required, &mut failures);
            examples::describe(operation, &components);
            headers::describe(operation);
        }
    }
    failures.add_to(&mut components);
    reachable::prune(&mut components, &document.paths);
    document.components = Some(components);
    for path in DEPRECATED {
        let item = document.paths.paths.get_mut(path);
        item.into_iter()
            .flat_map(operations)
            .for_each(|operation| operation.deprecated = Some(Deprecated::True));
    }
    document
}

/// The components with all that operations refer to, but for the failures, which the operations themselves bring.
fn shared_components(mut components: Components) -> Components {
    components
        .add_security_scheme("token", bearer("The `token` of a login, a refresh or a password change."));
    components
        .add_security_scheme("refresh_token", bearer("The `refresh_token` issued with it; valid once."));
    let mut general = vec![(Failure::name().into_owned(), Failure::schema())];
    Failure::schemas(&mut general);
    components.schemas.extend(general);
    schemas::add_to(&mut components);
    envelopes::name(&mut components);
    schema_rules::merge_all_of(&mut components);
    schema_rules::accept_any(&mut components);
    headers::add_to(&mut components);
    components
}

/// Generators name their package after the title, so it is plain ASCII.
fn info() -> Info {
    InfoBuilder::new()
        .title("Hongyan")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(DESCRIPTION))
        .contact(Some(ContactBuilder::new().name(Some("Hongyan")).build()))
        .license(Some(LicenseBuilder::new().name(LICENSE).identifier(Some(LICENSE)).build()))
        .build()
}

fn bearer(description: &str) -> SecurityScheme {
    let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT");
    SecurityScheme::Http(scheme.description(Some(description)).build())
}

fn operations_by_method(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let operations = [
        ("GET", &mut item.get),
        ("POST", &mut item.post),
        ("PUT", &mut item.put),
        ("PATCH", &mut item.patch),
        ("DELETE", &mut item.delete),
    ];
    operations.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    operations_by_method(item).map(|(_, operation)| operation)
}
