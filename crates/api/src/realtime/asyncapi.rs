//! The document of the socket in the form of `AsyncAPI`, which the OpenAPI document cannot describe.

use actix_web::HttpResponse;
use actix_web::http::header::ContentType;

/// The document. The API tests compare every frame that they see with it.
const DOCUMENT: &str = include_str!("asyncapi.json");

/// Serves the document.
pub(crate) async fn asyncapi_json() -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::json()).body(DOCUMENT)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::realtime::Farewell;

    #[test]
    fn the_document_names_every_close_code_and_no_other() {
        let document: Value = serde_json::from_str(DOCUMENT).unwrap();
        let text = document["info"]["description"].as_str().unwrap();
        let named = text.split_whitespace().filter_map(|word| word.strip_suffix(':')?.parse().ok());
        let codes: BTreeSet<u16> = Farewell::ALL.map(Farewell::code).into_iter().collect();
        assert_eq!(named.collect::<BTreeSet<u16>>(), codes);
    }

    #[test]
    fn the_messages_of_the_channel_are_those_of_its_operations() {
        let document: Value = serde_json::from_str(DOCUMENT).unwrap();
        let channel = document["channels"]["socket"]["messages"].as_object().unwrap();
        let operations = ["receive", "send"].map(|name| document["operations"][name]["messages"].clone());
        let used = operations.iter().flat_map(|messages| messages.as_array().unwrap());
        let used: BTreeSet<&str> =
            used.map(|message| message["$ref"].as_str().unwrap().rsplit('/').next().unwrap()).collect();
        assert_eq!(channel.keys().map(String::as_str).collect::<BTreeSet<_>>(), used);
    }
}
