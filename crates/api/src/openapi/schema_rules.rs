//! Completes the schemas that utoipa generates.

use serde_json::json;
use utoipa::openapi::path::{Operation, Parameter};
use utoipa::openapi::schema::{AllOf, AnyOfBuilder, Components, Object, ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};

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

/// Turns schemas that are one of several others into any of them. These differ by their required fields, so the meaning is the same,
/// and the code that is generated for Go needs no library to count the matches.
pub(super) fn accept_any(components: &mut Components) {
    for schema in components.schemas.values_mut() {
        let RefOr::T(Schema::OneOf(choices)) = schema else { continue };
        let mut any = AnyOfBuilder::new().description(choices.description.take());
        for choice in std::mem::take(&mut choices.items) {
            any = any.item(choice);
        }
        *schema = RefOr::T(Schema::AnyOf(any.build()));
    }
}

/// A status that is always the same, so that the types of responses differ by it.
pub(super) fn constant_code(code: u16) -> Object {
    let mut object = ObjectBuilder::new().schema_type(Type::Integer).examples([json!(code)]).build();
    // utoipa has no field for it.
    object.extensions.get_or_insert_default().insert("const".to_owned(), json!(code));
    object
}

/// The parameters of an operation that are described in place.
pub(super) fn parameters(operation: &Operation) -> impl Iterator<Item = &Parameter> {
    operation.parameters.iter().flatten().filter_map(|parameter| match parameter {
        RefOr::T(parameter) => Some(parameter),
        RefOr::Ref(_) => None,
    })
}

/// The first required field of an operation's body.
pub(super) fn required_field(operation: &Operation, components: &Components) -> Option<String> {
    let Some(RefOr::T(body)) = &operation.request_body else { return None };
    let RefOr::T(content) = body.content.values().next()? else { return None };
    match resolve(components, content.schema.as_ref()?)? {
        Schema::Object(object) => object.required.first().cloned(),
        _ => None,
    }
}
