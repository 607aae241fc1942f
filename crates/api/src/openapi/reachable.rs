//! Which schemas a part of the document needs: reachability over references.
//!
//! The strict document closes those of responses (`additionalProperties: false`), to find fields that it does not describe. Those of
//! requests stay open, because unknown fields are ignored.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa::openapi::schema::{AdditionalProperties, Components};
use utoipa::openapi::{OpenApi, Paths, RefOr, Schema};

use super::schema_rules::PREFIX;
use crate::response::envelope::Failure;

/// The names of the schemas that these parts refer to, directly or through other schemas.
fn reached(components: &Components, mut open: Vec<Value>) -> BTreeSet<String> {
    open.extend(serde_json::to_value(&components.responses));
    let mut reached = BTreeSet::new();
    while let Some(value) = open.pop() {
        for name in references(&value) {
            if reached.insert(name.clone()) {
                open.extend(
                    components.schemas.get(&name).and_then(|schema| serde_json::to_value(schema).ok()),
                );
            }
        }
    }
    reached
}

/// The names of the schemas that a part of the document refers to.
fn references(value: &Value) -> Vec<String> {
    match value {
        Value::Object(fields) => {
            let own = fields.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix(PREFIX));
            own.map(str::to_owned).into_iter().chain(fields.values().flat_map(references)).collect()
        }
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

/// Removes the schemas that were merged into others or inlined. The general form of an error stays, for clients.
pub(super) fn prune(components: &mut Components, paths: &Paths) {
    let general = json!({"$ref": format!("{PREFIX}{}", Failure::name())});
    let reached = reached(components, serde_json::to_value(paths).into_iter().chain([general]).collect());
    components.schemas.retain(|name, _| reached.contains(name));
}

/// Closes every object that a response can contain.
pub(super) fn close_responses(document: &mut OpenApi) {
    let paths = serde_json::to_value(&document.paths).unwrap_or_default();
    let items = paths.as_object().into_iter().flat_map(|paths| paths.values());
    let operations = items.filter_map(Value::as_object).flat_map(|item| item.values());
    let responses = operations.filter_map(|operation| operation.get("responses")).cloned().collect();
    let Some(components) = &mut document.components else { return };
    for name in reached(components, responses) {
        if let Some(RefOr::T(Schema::Object(object))) = components.schemas.get_mut(&name)
            && !object.properties.is_empty()
        {
            object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
        }
    }
}
