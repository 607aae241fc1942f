//! Conditional requests: responses with an `ETag`, and 304 when `If-None-Match` matches.
//!
//! Clients poll the lists, and most polls find nothing new. The tag is a fast, non-cryptographic hash of the body, so it is
//! the same on all instances; two different bodies collide with probability 2⁻⁶⁴. It is computed before compression, which
//! is why it is weak.

use std::hash::BuildHasher;

use actix_web::body::BoxBody;
use actix_web::http::header::{ContentType, ETag, EntityTag, Header, IfNoneMatch};
use actix_web::{HttpRequest, HttpResponse, Responder};
use foldhash::quality::FixedState;

use crate::http::language::Language;
use crate::response::envelope::Envelope;
use crate::response::error::ApiError;

/// A JSON response with an `ETag`, or 304 without a body when `If-None-Match` lists that tag.
pub(crate) struct WithEtag<T>(pub(crate) T);

impl<T: Envelope> Responder for WithEtag<T> {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        // A list of a few dozen entries; a buffer that grows from nothing is copied eight times.
        let mut body = Vec::with_capacity(16_384);
        match serde_json::to_writer(&mut body, &self.0.localized(Language::of(request))) {
            Ok(()) => JsonWithEtag(body).respond_to(request),
            Err(error) => HttpResponse::from_error(ApiError::internal(error)),
        }
    }
}

/// The same for a body that is JSON already.
pub(crate) struct JsonWithEtag(pub(crate) Vec<u8>);

impl Responder for JsonWithEtag {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let tag = tag(&self.0);
        if matches(request, &tag) {
            return HttpResponse::NotModified().insert_header(ETag(tag)).finish();
        }
        HttpResponse::Ok().insert_header(ETag(tag)).insert_header(ContentType::json()).body(self.0)
    }
}

/// The tag of a body.
pub(super) fn tag(body: &[u8]) -> EntityTag {
    const SEED: u64 = 0x6865_5b0c_f00d_9e8d;
    EntityTag::new_weak(format!("{:016x}", FixedState::with_seed(SEED).hash_one(body)))
}

/// Whether `If-None-Match` lists this tag or is `*`. The comparison is weak, as RFC 9110 requires for this header. An invalid
/// header matches nothing.
pub(super) fn matches(request: &HttpRequest, tag: &EntityTag) -> bool {
    match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(listed)) => listed.iter().any(|listed| listed.weak_eq(tag)),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::IF_NONE_MATCH;
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn equal_bodies_have_equal_tags_and_different_bodies_do_not() {
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
    fn if_none_match_is_compared_weakly_with_each_listed_tag() {
        let matched = |lists: &[&str]| {
            let request = lists
                .iter()
                .fold(TestRequest::default(), |request, list| request.append_header((IF_NONE_MATCH, *list)));
            matches(&request.to_http_request(), &EntityTag::new_weak("0123456789abcdef".to_owned()))
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
            assert!(matched(lists), "{lists:?}");
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
            &["雁, \"0123456789abcdef\""],
        ] {
            assert!(!matched(lists), "{lists:?}");
        }
    }
}
