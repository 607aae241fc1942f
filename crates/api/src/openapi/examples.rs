//! Examples of requests and responses, assembled from the examples of their fields, so that each is written once.

use serde_json::{Map, Value};
use utoipa::openapi::path::{Operation, ParameterBuilder};
use utoipa::openapi::schema::{ArrayItems, Components, SchemaType, Type};
use utoipa::openapi::{Content, RefOr, Required, Schema};

use super::schema_rules::resolve;

/// The example of a schema; `None` if any part of it has none, which a test reports.
pub(super) fn example(components: &Components, schema: &RefOr<Schema>) -> Option<Value> {
    match resolve(components, schema)? {
        Schema::Object(object) if object.example.is_some() => object.example.clone(),
        Schema::Object(object) if object.properties.is_empty() => object.examples.first().cloned(),
        Schema::Object(object) => {
            let fields = object.properties.iter();
            let fields = fields.map(|(name, field)| Some((name.clone(), example(components, field)?)));
            Some(Value::Object(fields.collect::<Option<Map<_, _>>>()?))
        }
        Schema::Array(array) if array.example.is_some() => array.example.clone(),
        Schema::Array(array) => match &array.items {
            ArrayItems::RefOrSchema(item) => Some(Value::Array(vec![example(components, item)?])),
            ArrayItems::False => None,
        },
        Schema::OneOf(choices) => {
            let choice = choices.items.iter().find(|choice| !is_null(choice))?;
            example(components, choice)
        }
        Schema::AnyOf(choices) => example(components, choices.items.first()?),
        _ => None,
    }
}

fn is_null(schema: &RefOr<Schema>) -> bool {
    let RefOr::T(Schema::Object(object)) = schema else { return false };
    matches!(object.schema_type, SchemaType::Type(Type::Null))
}

fn complete(components: &Components, content: &mut RefOr<Content>) {
    let RefOr::T(content) = content else { return };
    if content.example.is_none() && content.examples.is_empty() {
        content.example = content.schema.as_ref().and_then(|schema| example(components, schema));
    }
}

/// Adds examples to an operation's parameters, request and responses. Optional parameters get none, because Swagger UI would
/// send them.
pub(super) fn describe(operation: &mut Operation, components: &Components) {
    for parameter in operation.parameters.iter_mut().flatten() {
        let RefOr::T(parameter) = parameter else { continue };
        let Some(schema) = parameter.schema.clone() else { continue };
        if let (None, Some(Schema::Object(object))) = (&parameter.description, resolve(components, &schema)) {
            parameter.description.clone_from(&object.description);
        }
        if parameter.required == Required::True {
            let shown = example(components, &schema);
            *parameter = ParameterBuilder::from(parameter.clone()).example(shown).build();
        }
    }
    if let Some(RefOr::T(body)) = &mut operation.request_body {
        for content in body.content.values_mut() {
            complete(components, content);
        }
    }
    for response in operation.responses.responses.values_mut() {
        let RefOr::T(response) = response else { continue };
        for content in response.content.values_mut() {
            complete(components, content);
        }
        if response.description.is_empty() {
            "Done.".clone_into(&mut response.description);
        }
    }
}
