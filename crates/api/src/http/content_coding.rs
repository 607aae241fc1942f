//! Content negotiation of compression: packing is an offer, so a request that forbids what is left is answered unpacked.
//!
//! RFC 9110 permits 406 for it, and actix answers so, in plain text and before the route.

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue};
use actix_web::middleware::Next;

use crate::http::language::parse_entry;

/// Middleware that takes the prohibition of unpacked answers from `Accept-Encoding`.
pub(crate) async fn permit_unpacked<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    if let Some(permitted) = without_prohibition(request.headers()) {
        let headers = &mut request.head_mut().headers;
        match HeaderValue::from_str(&permitted) {
            Ok(permitted) if !permitted.is_empty() => {
                headers.insert(ACCEPT_ENCODING, permitted);
            }
            _ => {
                headers.remove(ACCEPT_ENCODING);
            }
        }
    }
    next.call(request).await
}

/// The header without `identity;q=0` and `*;q=0`; `None` if it has neither.
fn without_prohibition(headers: &HeaderMap) -> Option<String> {
    let lists: Vec<&str> = headers.get_all(ACCEPT_ENCODING).filter_map(|list| list.to_str().ok()).collect();
    if !lists.iter().any(|list| list.contains(';')) {
        return None;
    }
    let is_prohibition = |entry: &&str| {
        let (coding, quality) = parse_entry(entry);
        quality == 0 && (coding == "*" || coding.eq_ignore_ascii_case("identity"))
    };
    let entries = || lists.iter().flat_map(|list| list.split(','));
    entries().any(|entry| is_prohibition(&entry)).then(|| {
        entries().filter(|entry| !is_prohibition(entry)).map(str::trim).collect::<Vec<_>>().join(", ")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_prohibition_of_unpacked_answers_is_taken_away() {
        for (lists, permitted) in [
            (&["identity;q=0"][..], Some("")),
            (&["gzip, identity; q=0.0"], Some("gzip")),
            (&["*;q=0"], Some("")),
            (&["br;q=1, *;q=0", "gzip;q=0"], Some("br;q=1, gzip;q=0")),
            (&["gzip;q=0.5, identity;q=0.1"], None),
            (&["gzip, br"], None),
            (&["gzip;q=0"], None),
            (&[""], None),
            (&[], None),
        ] {
            let mut headers = HeaderMap::new();
            for list in lists {
                headers.append(ACCEPT_ENCODING, HeaderValue::from_static(list));
            }
            assert_eq!(without_prohibition(&headers).as_deref(), permitted, "{lists:?}");
        }
    }
}
