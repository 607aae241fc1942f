//! Completes the schemas that utoipa generates.
//!
//! The strict document closes responses (`additionalProperties: false`), to find fields that it does not describe. Requests stay
//! open, because unknown fields are ignored.

use std::collections::BTreeSet;

use serde_json::Value;
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{AdditionalProperties, AllOf, Components, Object};
use utoipa::openapi::{OpenApi, RefOr, Required, Schema};

/// The place of schemas in the document.
pub(super) const PREFIX: &str = "#/components/schemas/";

/// Follows references to the schema itself.
pub(super) fn resolve<'a>(components: &'a Components, schema: &'a RefOr<Schema>) -> Option<&'a Schema> {
    match schema {
        RefOr::T(schema) => Some(schema),
        RefOr::Ref(reference) => {
            let next = components.schemas.get(reference.ref_location.strip_prefix(PREFIX)?)?;
            resolve(components, next)
        }
    }
}

/// Merges each `allOf` into one object: a closed part would refuse the properties of the others.
pub(super) fn merge_all_of(components: &mut Components) {
    let merged = components.schemas.iter().filter_map(|(name, schema)| match schema {
        RefOr::T(Schema::AllOf(parts)) => {
            Some((name.clone(), RefOr::T(Schema::Object(merged_object(components, parts)?))))
        }
        _ => None,
    });
    let merged: Vec<_> = merged.collect();
    components.schemas.extend(merged);
}

fn merged_object(components: &Components, parts: &AllOf) -> Option<Object> {
    let mut whole = Object::new();
    for part in &parts.items {
        let Schema::Object(part) = resolve(components, part)? else { return None };
        whole.properties.extend(part.properties.clone());
        whole.required.extend(part.required.iter().cloned());
    }
    whole.description.clone_from(&parts.description);
    Some(whole)
}

/// Marks an optional body as not required. utoipa describes it as `null` or an object, but `null` is refused.
pub(super) fn make_body_optional(operation: &mut Operation) {
    let Some(RefOr::T(body)) = &mut operation.request_body else { return };
    let mut is_optional = false;
    for content in body.content.values_mut() {
        let RefOr::T(content) = content else { continue };
        let Some(RefOr::T(Schema::OneOf(choices))) = &content.schema else { continue };
        content.schema = choices.items.iter().find(|choice| matches!(choice, RefOr::Ref(_))).cloned();
        is_optional = true;
    }
    if is_optional {
        body.required = Some(Required::False);
    }
}

/// Closes every object that a response can contain.
pub(super) fn close_answers(document: &mut OpenApi) {
    let mut reached = BTreeSet::new();
    let paths = serde_json::to_value(&document.paths).unwrap_or_default();
    let items = paths.as_object().into_iter().flat_map(|paths| paths.values());
    let operations = items.filter_map(Value::as_object).flat_map(|item| item.values());
    let mut open: Vec<Value> =
        operations.filter_map(|operation| operation.get("responses")).cloned().collect();
    let Some(components) = &mut document.components else { return };
    while let Some(value) = open.pop() {
        for name in references(&value) {
            if reached.insert(name.clone()) {
                open.extend(
                    components.schemas.get(&name).and_then(|schema| serde_json::to_value(schema).ok()),
                );
            }
        }
    }
    for name in reached {
        if let Some(RefOr::T(Schema::Object(object))) = components.schemas.get_mut(&name)
            && !object.properties.is_empty()
        {
            object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
        }
    }
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
