//! Answers that are asked for again and again. Whoever has the same one already is told so, instead of being sent it.
//!
//! The tag is a fast hash of the body: of the plain one, before it is compressed, which is why tags are weak. It need not
//! resist anybody. It is the same on all instances, and whether two bodies differ is a question of 2⁻⁶⁴.

use std::hash::BuildHasher;

use actix_web::body::BoxBody;
use actix_web::http::header::{ContentType, ETAG, HeaderMap, IF_NONE_MATCH};
use actix_web::{HttpRequest, HttpResponse, Responder};
use foldhash::quality::FixedState;
use serde::Serialize;

use crate::response::error::ApiError;

/// An answer with an `ETag`; a 304 without a body for whoever names that tag in `If-None-Match`.
pub(crate) struct WithEtag<T>(pub(crate) T);

impl<T: Serialize> Responder for WithEtag<T> {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let body = match serde_json::to_vec(&self.0) {
            Ok(body) => body,
            Err(error) => return HttpResponse::from_error(ApiError::internal(error)),
        };
        let tag = tag(&body);
        if is_known(request.headers(), &tag) {
            return HttpResponse::NotModified().insert_header((ETAG, tag)).finish();
        }
        HttpResponse::Ok().insert_header((ETAG, tag)).insert_header(ContentType::json()).body(body)
    }
}

fn tag(body: &[u8]) -> String {
    const SEED: u64 = 0x6865_5b0c_f00d_9e8d;
    format!("W/\"{:016x}\"", FixedState::with_seed(SEED).hash_one(body))
}

/// Whether the caller has the answer of this tag: it is one of those that the caller lists, or the caller says `*`.
/// Compared weakly, as `If-None-Match` always is.
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let listed = headers.get_all(IF_NONE_MATCH).filter_map(|value| value.to_str().ok());
    let mut listed = listed.flat_map(|list| list.split(',')).map(str::trim);
    listed.any(|listed| listed == "*" || opaque(listed) == opaque(tag))
}

/// What two tags are compared by when they are compared weakly.
fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    #[test]
    fn a_tag_is_the_bodys_and_the_same_everywhere() {
        assert_eq!(tag(b"{}"), tag(b"{}"));
        let bodies: [&[u8]; 6] = [b"", b"{}", b"{} ", b"{ }", b"\0", b"\0\0"];
        for (place, body) in bodies.iter().enumerate() {
            assert!(bodies[..place].iter().all(|other| tag(other) != tag(body)), "{body:?}");
        }
        let mut long = vec![b'x'; 100_000];
        let before = tag(&long);
        for place in [0, 1, 49_999, 99_999] {
            long[place] = b'y';
            assert_ne!(tag(&long), before, "{place}");
            long[place] = b'x';
        }
    }

    #[test]
    fn whoever_lists_the_tag_knows_the_answer() {
        let known = |lists: &[&str]| {
            let mut headers = HeaderMap::new();
            for list in lists {
                headers.append(IF_NONE_MATCH, HeaderValue::from_str(list).unwrap());
            }
            is_known(&headers, "W/\"0123456789abcdef\"")
        };
        for lists in [
            &["W/\"0123456789abcdef\""][..],
            &["\"0123456789abcdef\""],
            &["*"],
            &[" * "],
            &["\"a\", W/\"0123456789abcdef\""],
            &["\"a\",\"0123456789abcdef\",\"b\""],
            &["\"a\"", "W/\"b\"", "\"0123456789abcdef\""],
        ] {
            assert!(known(lists), "{lists:?}");
        }
        for lists in [
            &[][..],
            &[""],
            &["0123456789abcdef"],
            &["W/0123456789abcdef"],
            &["\"0123456789ABCDEF\""],
            &["w/\"0123456789abcdef\""],
            &["W/\"0123456789abcde\""],
            &["\"*\"", "\"a\", \"b\""],
        ] {
            assert!(!known(lists), "{lists:?}");
        }
    }
}
