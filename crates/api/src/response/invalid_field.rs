//! Request fields with an invalid value: the domain states the broken rule, this crate adds the field's name.

use domain::error::{InvalidValue, Rule};

/// A field of a request whose value breaks a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InvalidField {
    /// The name of the JSON member, query parameter or header.
    pub(crate) field: &'static str,
    /// The broken rule.
    pub(crate) rule: FieldRule,
}

/// What the value of a field must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FieldRule {
    /// What the domain demands of the value.
    Domain(Rule),
    /// A cursor that this server issued for the same list.
    Cursor,
    /// Absent if the other field is present.
    Exclusive(&'static str),
}

impl InvalidField {
    /// The name of this error in the catalogue.
    pub(crate) const NAME: &'static str = "invalid_field";

    pub(crate) const fn new(field: &'static str, rule: FieldRule) -> Self {
        Self { field, rule }
    }
}

/// Names the field whose value was parsed.
pub(crate) trait AtField<T> {
    /// Converts an invalid value into an invalid `field`.
    fn field(self, field: &'static str) -> Result<T, InvalidField>;
}

impl<T> AtField<T> for Result<T, InvalidValue> {
    fn field(self, field: &'static str) -> Result<T, InvalidField> {
        self.map_err(|invalid| InvalidField::new(field, FieldRule::Domain(invalid.rule)))
    }
}
