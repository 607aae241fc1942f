//! JSON bodies, with size and time limits and errors that name the field.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use actix_web::{FromRequest, HttpRequest};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;

use crate::response::error::ApiError;

/// The maximum body size in bytes.
pub(crate) const MAX_BODY: usize = 64 * 1024;

/// The longest time a body may take to arrive; actix has no such limit.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

type Extraction<T> = Pin<Box<dyn Future<Output = Result<T, ApiError>>>>;

/// A JSON body.
#[derive(Debug)]
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned + 'static> FromRequest for Json<T> {
    type Error = ApiError;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move { parse(&read(&request, payload).await?).map(Json) })
    }
}

/// A JSON body, or `None` when it is empty: some proxies drop the body of a `DELETE`.
#[derive(Debug)]
pub(crate) struct OptionalJson<T>(pub(crate) Option<T>);

impl<T: DeserializeOwned + 'static> FromRequest for OptionalJson<T> {
    type Error = ApiError;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let body = read(&request, payload).await?;
            if body.is_empty() { Ok(Self(None)) } else { parse(&body).map(|value| Self(Some(value))) }
        })
    }
}

/// Reads the whole body, within the limits of type, size and time.
async fn read(request: &HttpRequest, mut payload: Payload) -> Result<Vec<u8>, ApiError> {
    let length = header(request, CONTENT_LENGTH.as_str()).and_then(|length| length.parse::<usize>().ok());
    // Without a length there is no body, whatever its announced type.
    let is_empty =
        length.map_or_else(|| !request.headers().contains_key(TRANSFER_ENCODING), |length| length == 0);
    if is_empty {
        return Ok(Vec::new());
    }
    if !is_plain_json(request) {
        return Err(ApiError::named("unsupported_media_type"));
    }
    if length.is_some_and(|length| length > MAX_BODY) {
        return Err(ApiError::named("payload_too_large"));
    }
    let collect = async {
        let mut body = Vec::with_capacity(length.unwrap_or_default());
        // Where the request wishes another protocol, actix takes all that follows for its body.
        while length.is_none_or(|length| body.len() < length)
            && let Some(chunk) = payload.next().await
        {
            let chunk = chunk.map_err(|_| ApiError::named("malformed_json"))?;
            if body.len() + chunk.len() > MAX_BODY {
                return Err(ApiError::named("payload_too_large"));
            }
            body.extend_from_slice(&chunk);
        }
        body.truncate(length.unwrap_or(usize::MAX));
        Ok(body)
    };
    let in_time = actix_web::rt::time::timeout(BODY_TIMEOUT, collect).await;
    in_time.unwrap_or_else(|_| Err(ApiError::named("request_timeout")))
}

fn header<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}

/// Whether a parameter of the content type leaves the encoding at UTF-8. Another one would be stored as other characters.
fn is_utf8(parameter: &str) -> bool {
    let Some((name, value)) = parameter.split_once('=') else { return true };
    let value = value.trim().trim_matches('"');
    !name.trim().eq_ignore_ascii_case("charset")
        || ["utf-8", "utf8"].iter().any(|charset| value.eq_ignore_ascii_case(charset))
}

/// Whether the body is uncompressed JSON. The contract allows a missing `Content-Type`.
fn is_plain_json(request: &HttpRequest) -> bool {
    let plain = header(request, CONTENT_ENCODING.as_str())
        .is_none_or(|coding| coding.eq_ignore_ascii_case("identity"));
    if !request.headers().contains_key(CONTENT_TYPE) {
        return plain;
    }
    let mut parts = header(request, CONTENT_TYPE.as_str()).unwrap_or("?").split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    plain && essence.eq_ignore_ascii_case("application/json") && parts.all(is_utf8)
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    // Serde alone would accept an array for a struct, and invalid UTF-8 in fields that it ignores.
    let text = std::str::from_utf8(body).ok().filter(|text| text.trim_start().starts_with('{'));
    let text = text.ok_or_else(|| ApiError::named("malformed_json"))?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| field_error(&error))?;
    deserializer.end().map_err(|_| ApiError::named("malformed_json"))?;
    Ok(value)
}

/// Names the field that caused the error.
fn field_error(error: &serde_path_to_error::Error<serde_json::Error>) -> ApiError {
    let (path, text) = (error.path().to_string(), error.inner().to_string());
    // Serde reports the field only in its message; the tests pin the wording.
    if let Some(field) = text.strip_prefix("missing field `").and_then(|rest| rest.split('`').next()) {
        return ApiError::missing_field(field.to_owned());
    }
    let at_a_field = !path.is_empty() && path != "." && path != "?";
    match error.inner().classify() {
        serde_json::error::Category::Data if at_a_field => ApiError::mistyped_field(path),
        _ => ApiError::named("malformed_json"),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Body {
        uid: String,
        seq: Option<i64>,
    }

    fn refusal(body: &[u8]) -> (&'static str, String) {
        let error = parse::<Body>(body).unwrap_err();
        let response = error.response(crate::http::language::Language::English);
        let bytes = actix_web::body::MessageBody::try_into_bytes(response.into_body()).unwrap();
        let response: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        (error.name(), response["field"].as_str().unwrap_or_default().to_owned())
    }

    #[test]
    fn a_body_that_is_not_json_is_malformed() {
        for body in [
            &b""[..],
            b"{",
            b"{\"uid\":\"a\"} x",
            b"\xef\xbb\xbf{\"uid\":\"a\"}",
            b"{\"uid\":NaN}",
            b"'",
            b"[\"a\",1]",
            b"5",
            b"null",
            b"{\"uid\":\"a\",\"x\":\"\xff\"}",
        ] {
            assert_eq!(refusal(body).0, "malformed_json", "{body:?}");
        }
        let deep = format!("{{\"uid\":{}", "[".repeat(10_000));
        assert_eq!(refusal(deep.as_bytes()).0, "invalid_field");
    }

    #[test]
    fn the_field_that_caused_the_error_is_named() {
        assert_eq!(refusal(b"{}"), ("missing_field", "uid".to_owned()));
        assert_eq!(refusal(b"{\"uid\":5}"), ("invalid_field", "uid".to_owned()));
        assert_eq!(refusal(b"{\"uid\":null}"), ("invalid_field", "uid".to_owned()));
        assert_eq!(refusal(b"{\"uid\":\"a\",\"seq\":\"1\"}"), ("invalid_field", "seq".to_owned()));
        assert_eq!(refusal(b"{\"uid\":\"a\",\"seq\":1.5}"), ("invalid_field", "seq".to_owned()));
    }

    #[test]
    fn unknown_fields_are_ignored_and_null_is_none() {
        let body: Body = parse(b"{\"uid\":\"a\",\"seq\":null,\"more\":[{}]}").unwrap();
        assert_eq!((body.uid.as_str(), body.seq), ("a", None));
    }
}
