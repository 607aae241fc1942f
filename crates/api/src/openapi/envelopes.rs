//! Envelope schemas: named after their content, `LoginResponse` and `FriendList`, and referring to it.
//!
//! utoipa names them `Data_Login` and `PageOf_Friend`, which is no identifier in most languages, and inlines the content.

use std::collections::BTreeSet;

use utoipa::ToSchema;
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{ArrayBuilder, Components};
use utoipa::openapi::{Ref, RefOr, Schema};

use super::schema_rules::{PREFIX, constant_code};
use crate::response::envelope::Failure;

/// The kinds of envelope with content: utoipa's prefix of their names, and their suffix in the document.
const KINDS: [(&str, &str); 3] = [("Data_", "Response"), (PAGE, "List"), ("PartOf_", "Part")];
const PAGE: &str = "PageOf_";

/// The content of an envelope and the envelope's name in the document.
fn content_and_name(envelope: &str) -> Option<(&str, String)> {
    KINDS.into_iter().find_map(|(prefix, suffix)| {
        let content = envelope.strip_prefix(prefix)?;
        Some((content, format!("{content}{suffix}")))
    })
}

/// Renames the envelopes, makes their `data` refer to its content's schema and their `code` constant.
pub(super) fn name(components: &mut Components) {
    let names: BTreeSet<String> = components.schemas.keys().cloned().collect();
    let mut named = Vec::new();
    for old in &names {
        let Some(RefOr::T(Schema::Object(object))) = components.schemas.get(old) else { continue };
        if *old == Failure::name()
            || !["code", "message"].iter().all(|name| object.properties.contains_key(*name))
        {
            continue;
        }
        let mut object = object.clone();
        components.schemas.remove(old);
        object.properties.insert("code".to_owned(), RefOr::T(Schema::Object(constant_code(200))));
        let content = content_and_name(old);
        if let Some((content, _)) = content.as_ref().filter(|(content, _)| names.contains(*content)) {
            let item = RefOr::Ref(Ref::from_schema_name(*content));
            let is_page = old.starts_with(PAGE);
            let list = || RefOr::T(Schema::Array(ArrayBuilder::new().items(item.clone()).build()));
            object.properties.insert("data".to_owned(), if is_page { list() } else { item.clone() });
        }
        let name = content.map_or_else(|| old.clone(), |(_, name)| name);
        named.push((name, RefOr::T(Schema::Object(object))));
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
