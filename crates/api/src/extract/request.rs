//! Path segments, query strings and request headers.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use domain::auth::IdempotencyKey;
use domain::error::{InvalidValue, Rule};
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;

use crate::http::language::Language;
use crate::response::error::ApiError;
use crate::response::invalid_field::AtField;

/// The one variable segment of the path, as text; each handler parses it into its own id type.
#[derive(Debug)]
pub(crate) struct PathId(pub(crate) String);

impl FromRequest for PathId {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        // A segment that cannot be decoded becomes an empty id; the handler refuses it with the field's name.
        let part = request.match_info().iter().next().map(|(_, part)| part.to_owned());
        ready(Ok(Self(part.unwrap_or_default())))
    }
}

/// The query string. All fields are text, so that the handler can refuse each one by name.
#[derive(Debug)]
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest for Query<T> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        if let Some(field) = not_utf8(request.query_string()) {
            return ready(Err(ApiError::mistyped_field(field)));
        }
        let query = web::Query::<T>::from_query(request.query_string());
        ready(query.map(|query| Self(query.into_inner())).map_err(|error| field_error(&error.to_string())))
    }
}

/// The first field whose name or value is not UTF-8. The decoder would replace what it cannot read, and the handler would look
/// for something that was not asked for.
fn not_utf8(query: &str) -> Option<String> {
    let is_text = |part: &str| percent_decode_str(part).decode_utf8().is_ok();
    query.split('&').find_map(|field| {
        let (name, value) = field.split_once('=').unwrap_or((field, ""));
        let name_text = percent_decode_str(name).decode_utf8_lossy().into_owned();
        (!is_text(name) || !is_text(value)).then_some(name_text)
    })
}

/// Names the field that caused the error, taken from serde's message.
fn field_error(text: &str) -> ApiError {
    let field = |prefix: &str| {
        let rest = text.split_once(prefix)?.1;
        Some(rest.split('`').next().unwrap_or_default().to_owned())
    };
    match (field("missing field `"), field("duplicate field `")) {
        (Some(field), _) => ApiError::missing_field(field),
        (None, Some(field)) => ApiError::mistyped_field(field),
        // Fields are text, so nothing else can be wrong with a single field.
        (None, None) => ApiError::mistyped_field("query".to_owned()),
    }
}

/// The idempotency key of a retried request, from the `Idempotency-Key` header.
#[derive(Debug)]
pub(crate) struct RetryKey(pub(crate) Option<IdempotencyKey>);

impl RetryKey {
    const HEADER: &'static str = "Idempotency-Key";
}

impl FromRequest for RetryKey {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let no_text = |_| InvalidValue::new(Rule::Characters);
        let header = request.headers().get(Self::HEADER);
        let key = header.map(|value| IdempotencyKey::parse(value.to_str().map_err(no_text)?)).transpose();
        let key = key.field(Self::HEADER);
        ready(key.map(Self).map_err(ApiError::from))
    }
}

impl FromRequest for Language {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::of(request)))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only read from a query string")]
    struct Fields {
        uid: String,
        limit: Option<String>,
    }

    fn refusal(query: &str) -> &'static str {
        field_error(&web::Query::<Fields>::from_query(query).unwrap_err().to_string()).name()
    }

    #[test]
    fn a_query_that_is_not_utf8_is_refused_by_field() {
        for (query, field) in [
            ("q=%E4%BD", Some("q")),
            ("limit=1&q=a%FF", Some("q")),
            ("%C3=1", Some("\u{fffd}")),
            ("q=%E4%BD%A0&limit=1", None),
            ("q=100%25&x", None),
            ("", None),
        ] {
            assert_eq!(not_utf8(query).as_deref(), field, "{query}");
        }
    }

    #[test]
    fn a_query_error_names_the_field() {
        assert_eq!(refusal("limit=1"), "missing_field");
        assert_eq!(refusal("uid=a&uid=b"), "invalid_field");
    }
}
