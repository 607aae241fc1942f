//! Envelope schemas: named after their content, `LoginResponse` and `FriendList`, and referring to it.
//!
//! utoipa names them `Data_Login` and `PageOf_Friend`, which is no identifier in most languages, and inlines the content.

use std::collections::BTreeSet;

use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{ArrayBuilder, Components};
use utoipa::openapi::{Ref, RefOr, Schema};

use super::schema_rules::PREFIX;

/// The kinds of envelope with content: utoipa's prefix of their names, and their suffix in the document.
const KINDS: [(&str, &str); 2] = [("Data_", "Response"), (PAGE, "List")];
const PAGE: &str = "PageOf_";

/// The content of an envelope and the envelope's name in the document.
fn content_and_name(envelope: &str) -> Option<(&str, String)> {
    KINDS.into_iter().find_map(|(prefix, suffix)| {
        let content = envelope.strip_prefix(prefix)?;
        Some((content, format!("{content}{suffix}")))
    })
}

/// Renames the envelopes, and makes their `data` refer to its content's schema.
pub(super) fn name(components: &mut Components) {
    let names: BTreeSet<String> = components.schemas.keys().cloned().collect();
    let mut named = Vec::new();
    for old in &names {
        let Some((content, name)) = content_and_name(old) else { continue };
        let Some(mut schema) = components.schemas.remove(old) else { continue };
        if let RefOr::T(Schema::Object(object)) = &mut schema
            && names.contains(content)
        {
            let content = RefOr::Ref(Ref::from_schema_name(content));
            let data = if old.starts_with(PAGE) {
                RefOr::T(Schema::Array(ArrayBuilder::new().items(content).build()))
            } else {
                content
            };
            object.properties.insert("data".to_owned(), data);
        }
        named.push((name, schema));
    }
    components.schemas.extend(named);
}

/// Makes the responses of an operation refer to the envelopes by their names in the document.
pub(super) fn refer(operation: &mut Operation) {
    for response in operation.responses.responses.values_mut() {
        let RefOr::T(response) = response else { continue };
        for content in response.content.values_mut() {
            let RefOr::T(content) = content else { continue };
            let Some(RefOr::Ref(reference)) = &mut content.schema else { continue };
            let name = reference.ref_location.strip_prefix(PREFIX).and_then(content_and_name);
            if let Some((_, name)) = name {
                reference.ref_location = format!("{PREFIX}{name}");
            }
        }
    }
}
