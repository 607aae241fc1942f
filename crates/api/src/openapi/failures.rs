//! Error responses as named components: one for each set of error names, which the operations with this set refer to.

use std::collections::{BTreeMap, BTreeSet};

use domain::error::Rule;
use serde_json::{Value, json};
use utoipa::openapi::example::{Example, ExampleBuilder};
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{Components, ObjectBuilder, Schema, Type};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{Number, PartialSchema};

use super::headers;
use super::schema_rules::{constant_code, parameters, required_field, resolve};
use crate::http::i18n;
use crate::http::language::Language;
use crate::response::envelope::Failure;
use crate::response::error_catalog::{CATALOG, CatalogEntry};
use crate::response::invalid_field::{FieldRule, InvalidField};
use crate::response::rule::RuleItem;

/// The names of sets that many operations share. A set of one error has the error's own name.
const SHARED: [(&[&str], &str); 2] = [
    (&["invalid_field", "malformed_json", "missing_field"], "InvalidBody"),
    (&["invalid_token", "missing_token", "session_ended", "token_expired"], "NotLoggedIn"),
];

/// A set of error names with one status.
pub(super) struct FailureSet {
    pub(super) code: u16,
    pub(super) entries: Vec<&'static CatalogEntry>,
}

impl FailureSet {
    /// The name of its response and of its schema. A set that belongs to few operations is named after the first of them.
    fn name(&self, operation: &Operation) -> String {
        let mut names: Vec<&str> = self.entries.iter().map(|entry| entry.name).collect();
        names.sort_unstable();
        if let Some((_, name)) = SHARED.iter().find(|(set, _)| *set == names) {
            return (*name).to_owned();
        }
        if names.len() > 1 {
            names.retain(|name| *name != "too_many_requests");
        }
        if let [single] = names.as_slice() {
            return pascal_case(single);
        }
        let operation = pascal_case(operation.operation_id.as_deref().unwrap_or_default());
        format!("{operation}{}", kind(self.code))
    }
}

fn kind(code: u16) -> &'static str {
    match code {
        400 => "BadRequest",
        401 => "Unauthorized",
        409 => "Conflict",
        429 => "TooManyRequests",
        _ => "Failure",
    }
}

fn pascal_case(name: &str) -> String {
    let capitalized = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
    };
    name.split('_').map(capitalized).collect()
}

/// The responses that operations refer to, by the sets of error names.
#[derive(Default)]
pub(super) struct Failures {
    names: BTreeMap<Vec<&'static str>, String>,
    responses: BTreeMap<String, RefOr<Response>>,
    schemas: BTreeMap<String, RefOr<Schema>>,
}

impl Failures {
    /// A reference to the response of this set, which is described when the first operation refers to it.
    pub(super) fn reference(
        &mut self,
        operation: &Operation,
        set: &FailureSet,
        components: &Components,
    ) -> Ref {
        let mut key: Vec<&'static str> = set.entries.iter().map(|entry| entry.name).collect();
        key.sort_unstable();
        let name = self.names.entry(key).or_insert_with(|| set.name(operation)).clone();
        if !self.responses.contains_key(&name) {
            let invalid = InvalidExample::of(operation, components);
            self.responses.insert(name.clone(), RefOr::T(response(set, &name, &invalid)));
            self.schemas.insert(name.clone(), schema(set));
        }
        Ref::from_response_name(name)
    }

    /// Adds the responses, their schemas, and the example of each error that names no field.
    pub(super) fn add_to(self, components: &mut Components) {
        components.responses.extend(self.responses);
        components.schemas.extend(self.schemas);
        let named: BTreeSet<_> = self.names.into_keys().flatten().collect();
        for entry in CATALOG.iter().filter(|entry| named.contains(entry.name) && !names_a_field(entry)) {
            let value =
                json!({"code": entry.code, "message": entry.message(Language::Chinese), "error": entry.name});
            components.examples.insert(entry.name.to_owned(), RefOr::T(without_summary(value)));
        }
    }
}

fn response(set: &FailureSet, name: &str, invalid: &InvalidExample) -> Response {
    let lines =
        set.entries.iter().map(|entry| format!("- `{}`: {}", entry.name, entry.message(Language::English)));
    let description = lines.collect::<Vec<_>>().join("\n");
    let mut content = ContentBuilder::new().schema(Some(Ref::from_schema_name(name)));
    for entry in &set.entries {
        content = content.examples_from_iter([(entry.name, example(entry, invalid))]);
    }
    let response = ResponseBuilder::new().description(description);
    let mut response = response.content("application/json", content.build()).build();
    headers::add(&mut response, set.code);
    response
}

/// The envelope of an error, with the names that it can have here.
fn schema(set: &FailureSet) -> RefOr<Schema> {
    let RefOr::T(Schema::Object(mut object)) = Failure::schema() else { return Failure::schema() };
    let names = ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(set.entries.iter().map(|entry| entry.name)));
    object.description = None;
    object.properties.insert("code".to_owned(), RefOr::T(Schema::Object(constant_code(set.code))));
    object.properties.insert("error".to_owned(), RefOr::T(Schema::Object(names.build())));
    if !set.entries.iter().any(|entry| names_a_field(entry)) {
        let required = object.required.clone();
        object.properties.retain(|name, _| required.contains(name));
    }
    RefOr::T(Schema::Object(object))
}

/// An invalid field of an operation, for the examples of errors that name a field.
struct InvalidExample {
    field: String,
    /// The rule in words.
    text: String,
    rule: RuleItem,
}

impl InvalidExample {
    fn of(operation: &Operation, components: &Components) -> Self {
        let field = required_field(operation, components);
        let Some(parameter) = parameters(operation).next().filter(|_| field.is_none()) else {
            let text = i18n::wrong_type(Language::Chinese).to_owned();
            let field = field.unwrap_or_else(|| "pinned".to_owned());
            return Self { field, text, rule: RuleItem::named("type") };
        };
        let rule = match parameter.name.as_str() {
            "direction" => Rule::OneOf(&["received", "sent"]),
            "uid" => Rule::Uid,
            "Idempotency-Key" => Rule::Characters,
            _ => {
                let schema = parameter.schema.as_ref().and_then(|schema| resolve(components, schema));
                schema.and_then(limit_rule).unwrap_or(Rule::Id)
            }
        };
        let text = i18n::rule(FieldRule::Domain(rule), Language::Chinese);
        Self { field: parameter.name.clone(), text, rule: rule.into() }
    }
}

/// The rule that the limits of a schema stand for.
fn limit_rule(schema: &Schema) -> Option<Rule> {
    let Schema::Object(object) = schema else { return None };
    let whole = |number: &Option<Number>| serde_json::to_value(number.as_ref()?).ok()?.as_i64();
    let range = whole(&object.minimum).zip(whole(&object.maximum));
    let length = object.min_length.zip(object.max_length);
    range
        .map(|(min, max)| Rule::Range { min, max })
        .or_else(|| length.map(|(min, max)| Rule::Length { min, max }))
}

fn names_a_field(entry: &CatalogEntry) -> bool {
    entry.message(Language::Chinese).contains("{field}")
}

/// An example without a summary, so that Swagger UI lists it by its name.
fn without_summary(value: Value) -> Example {
    ExampleBuilder::new().value(Some(value)).build()
}

fn example(entry: &CatalogEntry, invalid: &InvalidExample) -> RefOr<Example> {
    if !names_a_field(entry) {
        return RefOr::Ref(Ref::new(format!("#/components/examples/{}", entry.name)));
    }
    let InvalidExample { field, text, rule } = invalid;
    let rule = if entry.name == InvalidField::NAME { rule.clone() } else { RuleItem::named("required") };
    let failure = Failure {
        code: entry.code,
        message: entry.message(Language::Chinese).replace("{field}", field).replace("{rule}", text),
        error: entry.name,
        field: Some(field.clone()),
        rule: Some(rule),
    };
    RefOr::T(without_summary(serde_json::to_value(failure).unwrap_or_default()))
}
