//! Machine-readable rules: what a refused field must be, for clients that say it in their own words.

use domain::error::Rule;
use serde::Serialize;
use utoipa::ToSchema;

use crate::response::invalid_field::FieldRule;

/// The greatest whole number that JavaScript represents exactly. A greater limit is left out.
const MAX_SAFE_INTEGER: i64 = (1 << 53) - 1;

/// The rule that a field breaks. The members beside `rule` depend on it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = BrokenRule)]
pub(crate) struct RuleItem {
    /// `length`: has `min` to `max` characters. `range`: is a whole number from `min` to `max`. `one_of`: is one of `values`.
    /// `format`: matches `pattern`. `charset`: contains only allowed characters. `not_blank`: shows something. `not_common`: is no
    /// common password. `not_identity`: is neither the uid nor the name. `not_reserved`: is not reserved. `id`: is an id in the
    /// spelling of this server. `cursor`: is a `next_cursor` of the same list. `exclusive`: is absent beside `other`. `type`: has
    /// the documented type. `required`: is present.
    #[schema(value_type = crate::openapi::schemas::RuleName)]
    rule: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = i64, required = false, example = 1)]
    min: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = i64, required = false, example = 5000)]
    max: Option<i64>,
    /// A regular expression.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pattern: Option<&'static str>,
    /// The words to choose from.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<String>, required = false)]
    values: Option<&'static [&'static str]>,
    /// The name of the other field.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    other: Option<&'static str>,
}

impl RuleItem {
    /// The names of all rules.
    pub(crate) const NAMES: [&'static str; 14] = [
        "length",
        "range",
        "one_of",
        "format",
        "charset",
        "not_blank",
        "not_common",
        "not_identity",
        "not_reserved",
        "id",
        "cursor",
        "exclusive",
        "type",
        "required",
    ];

    /// A rule without further members.
    pub(crate) fn named(rule: &'static str) -> Self {
        Self { rule, ..Self::default() }
    }

    fn between(rule: &'static str, min: i64, max: i64) -> Self {
        Self { min: Some(min), max: Some(max).filter(|max| *max <= MAX_SAFE_INTEGER), ..Self::named(rule) }
    }

    fn matching(pattern: &'static str) -> Self {
        Self { pattern: Some(pattern), ..Self::named("format") }
    }
}

impl From<Rule> for RuleItem {
    fn from(rule: Rule) -> Self {
        let whole = |length: usize| i64::try_from(length).unwrap_or(i64::MAX);
        match rule {
            Rule::Length { min, max } => Self::between("length", whole(min), whole(max)),
            Rule::Range { min, max } => Self::between("range", min, max),
            Rule::OneOf(words) => Self { values: Some(words), ..Self::named("one_of") },
            Rule::Uid => Self::matching("^[A-Za-z][A-Za-z0-9_-]{5,19}$"),
            Rule::PhoneNumber => Self::matching("^1[0-9]{10}$"),
            Rule::Characters => Self::named("charset"),
            Rule::NotBlank => Self::named("not_blank"),
            Rule::NotCommon => Self::named("not_common"),
            Rule::NotIdentity => Self::named("not_identity"),
            Rule::NotReserved => Self::named("not_reserved"),
            Rule::Id => Self::named("id"),
        }
    }
}

impl From<FieldRule> for RuleItem {
    fn from(rule: FieldRule) -> Self {
        match rule {
            FieldRule::Domain(rule) => rule.into(),
            FieldRule::Cursor => Self::named("cursor"),
            FieldRule::Exclusive(other) => Self { other: Some(other), ..Self::named("exclusive") },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn each_rule_is_described_with_its_limits() {
        let domain = FieldRule::Domain;
        let rules: [(FieldRule, Value); 13] = [
            (domain(Rule::Length { min: 1, max: 5000 }), json!({"rule": "length", "min": 1, "max": 5000})),
            (domain(Rule::Range { min: 1, max: 200 }), json!({"rule": "range", "min": 1, "max": 200})),
            (domain(Rule::Range { min: 0, max: i64::MAX }), json!({"rule": "range", "min": 0})),
            (domain(Rule::OneOf(&["a", "b"])), json!({"rule": "one_of", "values": ["a", "b"]})),
            (domain(Rule::Uid), json!({"rule": "format", "pattern": "^[A-Za-z][A-Za-z0-9_-]{5,19}$"})),
            (domain(Rule::PhoneNumber), json!({"rule": "format", "pattern": "^1[0-9]{10}$"})),
            (domain(Rule::Characters), json!({"rule": "charset"})),
            (domain(Rule::NotBlank), json!({"rule": "not_blank"})),
            (domain(Rule::NotCommon), json!({"rule": "not_common"})),
            (domain(Rule::NotIdentity), json!({"rule": "not_identity"})),
            (domain(Rule::NotReserved), json!({"rule": "not_reserved"})),
            (domain(Rule::Id), json!({"rule": "id"})),
            (FieldRule::Exclusive("after"), json!({"rule": "exclusive", "other": "after"})),
        ];
        for (rule, expected) in rules {
            let item = RuleItem::from(rule);
            assert!(RuleItem::NAMES.contains(&item.rule), "{rule:?}");
            assert_eq!(serde_json::to_value(item).unwrap(), expected, "{rule:?}");
        }
    }
}
