//! What all refusals have in common.

use std::error::Error;
use std::time::Duration;

/// The class of a refusal; the REST adapter gives each class one status code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The request is malformed, or names something that does not exist for this caller.
    Invalid,
    /// The caller is not who it must be.
    Unauthenticated,
    /// Well-formed, but in conflict with the present state.
    Conflict,
    /// Too many tries; the same request may be repeated after `retry_after`.
    Throttled {
        /// How long to wait.
        retry_after: Duration,
    },
    /// Something that we need is away or full; the same request may be repeated after `retry_after`.
    Unavailable {
        /// How long to wait.
        retry_after: Duration,
    },
    /// Our fault.
    Internal,
}

/// An error that a use-case returns.
pub trait DomainError: Error + Send + Sync + 'static {
    /// The class of the refusal.
    fn kind(&self) -> ErrorKind;

    /// The stable machine-readable name (`snake_case`), the same in every language.
    fn name(&self) -> &'static str;

    /// The value that was refused, when one value is to blame.
    fn invalid_value(&self) -> Option<InvalidValue> {
        None
    }
}

/// A value that its type does not admit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{field} is not valid: {rule:?}")]
pub struct InvalidValue {
    /// The name of the request's field.
    pub field: &'static str,
    /// What the field must be.
    pub rule: Rule,
}

impl InvalidValue {
    /// The name of this error in the catalogue.
    pub const NAME: &'static str = "invalid_field";

    /// Says that `field` broke `rule`.
    #[must_use]
    pub const fn new(field: &'static str, rule: Rule) -> Self {
        Self { field, rule }
    }
}

/// What a value must be. The REST adapter says it in the reader's language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Between `min` and `max` Unicode scalar values.
    Length {
        /// The fewest.
        min: usize,
        /// The most.
        max: usize,
    },
    /// Only characters that the field admits (no NUL; for names no control characters).
    Characters,
    /// Something else than white space.
    NotBlank,
    /// 6 to 20 of `[A-Za-z0-9_-]`, first a letter.
    Uid,
    /// `1` and ten more digits.
    PhoneNumber,
    /// Not one of the passwords that everybody tries first.
    NotCommon,
    /// An id as this server gave it.
    Id,
    /// A whole number between `min` and `max`.
    Range {
        /// The smallest.
        min: i64,
        /// The greatest.
        max: i64,
    },
    /// A cursor as this server gave it.
    Cursor,
    /// One of the named words.
    OneOf(&'static [&'static str]),
    /// Given without its counterpart.
    Exclusive(&'static str),
}

/// A fault below a port. What went wrong stays in `source`, for the log only.
#[derive(Debug, thiserror::Error)]
#[error("{fault}")]
pub struct PortError {
    fault: Fault,
    #[source]
    source: Box<dyn Error + Send + Sync>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Fault {
    #[error("what we depend on is unavailable")]
    Unavailable(Duration),
    #[error("what we depend on failed")]
    Internal,
}

impl PortError {
    /// What we depend on is away or full and may be back after `retry_after`.
    pub fn unavailable(retry_after: Duration, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { fault: Fault::Unavailable(retry_after), source: source.into() }
    }

    /// The same fault for somebody else whom it concerns.
    #[must_use]
    pub fn again(&self) -> Self {
        Self { fault: self.fault, source: self.source.to_string().into() }
    }

    /// A fault that waiting does not mend.
    pub fn internal(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { fault: Fault::Internal, source: source.into() }
    }
}

impl DomainError for PortError {
    fn kind(&self) -> ErrorKind {
        match self.fault {
            Fault::Unavailable(retry_after) => ErrorKind::Unavailable { retry_after },
            Fault::Internal => ErrorKind::Internal,
        }
    }

    fn name(&self) -> &'static str {
        match self.fault {
            Fault::Unavailable(_) => "unavailable",
            Fault::Internal => "internal_error",
        }
    }
}

impl DomainError for InvalidValue {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }

    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn invalid_value(&self) -> Option<InvalidValue> {
        Some(*self)
    }
}

/// Implements [`DomainError`] for a feature's error enum from one line per variant.
///
/// Every such enum has the variant `Port(PortError)`; the others are listed as `Variant => Kind, "name"`. One
/// that passes with time is listed as `Variant(retry_after) => Throttled, "name"` and holds how long to wait.
macro_rules! domain_error {
    ($error:ty { $($variant:ident $(($wait:ident))? => $kind:ident, $name:literal;)* }) => {
        impl $crate::error::DomainError for $error {
            fn kind(&self) -> $crate::error::ErrorKind {
                match self {
                    $(Self::$variant $(($wait))? => $crate::error::ErrorKind::$kind $({ $wait: *$wait })?,)*
                    Self::Port(error) => error.kind(),
                }
            }

            fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant { .. } => $name,)*
                    Self::Port(error) => error.name(),
                }
            }
        }
    };
}
pub(crate) use domain_error;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_that_may_pass_says_how_long_to_wait() {
        let fault = PortError::unavailable(Duration::from_millis(1500), "the pool is empty");
        assert_eq!(fault.kind(), ErrorKind::Unavailable { retry_after: Duration::from_millis(1500) });
        assert_eq!(fault.name(), "unavailable");
        assert_eq!(fault.invalid_value(), None);
    }

    #[test]
    fn a_fault_that_waiting_does_not_mend_is_ours() {
        let fault = PortError::internal("column uid of user 7 is empty");
        assert_eq!(fault.kind(), ErrorKind::Internal);
        assert_eq!(fault.name(), "internal_error");
        assert_eq!(fault.invalid_value(), None);
    }

    #[test]
    fn a_fault_tells_its_cause_to_the_log_only() {
        for (fault, shown) in [
            (PortError::unavailable(Duration::ZERO, "secret"), "what we depend on is unavailable"),
            (PortError::internal("secret"), "what we depend on failed"),
        ] {
            assert_eq!(fault.to_string(), shown);
            assert_eq!(fault.source().map(ToString::to_string), Some("secret".to_owned()));
        }
    }

    #[test]
    fn a_fault_that_concerns_many_is_the_same_for_each() {
        let fault = PortError::unavailable(Duration::from_secs(3), "secret");
        let again = fault.again();
        assert_eq!((again.kind(), again.name()), (fault.kind(), fault.name()));
        assert_eq!(again.source().map(ToString::to_string), Some("secret".to_owned()));
        assert_eq!(PortError::internal("x").again().kind(), ErrorKind::Internal);
    }

    #[test]
    fn a_refused_value_names_its_field_and_its_rule() {
        let value = InvalidValue::new("new_uid", Rule::Uid);
        assert_eq!(value.kind(), ErrorKind::Invalid);
        assert_eq!(value.name(), "invalid_field");
        assert_eq!(value.invalid_value(), Some(value));
        assert_eq!(value.to_string(), "new_uid is not valid: Uid");
    }
}
