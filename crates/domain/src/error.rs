//! Error types shared by all features: error classes, invalid values and port failures.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The class of an error. The REST adapter maps each class to one status code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The request is malformed, or refers to something that does not exist for this caller.
    Invalid,
    /// The caller is not authenticated.
    Unauthenticated,
    /// The request is well-formed but conflicts with the current state.
    Conflict,
    /// The caller exceeded a limit. The same request may succeed after `retry_after`.
    Throttled {
        /// The time to wait.
        retry_after: Duration,
    },
    /// A dependency is unreachable or overloaded. The same request may succeed after `retry_after`.
    Unavailable {
        /// The time to wait.
        retry_after: Duration,
    },
    /// A bug or a broken invariant on the server's side.
    Internal,
}

/// An error that a use-case returns.
pub trait DomainError: Error + Send + Sync + 'static {
    /// The class of the error.
    fn kind(&self) -> ErrorKind;

    /// The stable machine-readable name (`snake_case`), the same in every language.
    fn name(&self) -> &'static str;
}

/// A value broke the rule of its type. The adapter that parsed the value knows which field or column held it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{rule}")]
pub struct InvalidValue {
    /// The broken rule.
    pub rule: Rule,
}

impl InvalidValue {
    /// The value broke `rule`.
    #[must_use]
    pub const fn new(rule: Rule) -> Self {
        Self { rule }
    }
}

/// What a value must be. The English text is `Display`; the REST adapter has the other languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Between `min` and `max` Unicode scalar values.
    Length {
        /// The lower bound, inclusive.
        min: usize,
        /// The upper bound, inclusive.
        max: usize,
    },
    /// Only allowed characters: no NUL, and in names no control characters, line separators or controls of direction.
    Characters,
    /// At least one character that can be seen.
    NotBlank,
    /// 6 to 20 of `[A-Za-z0-9_-]`, starting with a letter.
    Uid,
    /// `1` and ten more digits.
    PhoneNumber,
    /// Not on the list of common passwords.
    NotCommon,
    /// A password other than the uid and the name.
    NotIdentity,
    /// Not a name that the product itself uses.
    NotReserved,
    /// An id in the spelling that this server issues.
    Id,
    /// A whole number between `min` and `max`.
    Range {
        /// The lower bound, inclusive.
        min: i64,
        /// The upper bound, inclusive.
        max: i64,
    },
    /// One of the listed words.
    OneOf(&'static [&'static str]),
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { min, max } => write!(f, "it must have {min} to {max} characters"),
            Self::Characters => f.write_str("it contains characters that are not allowed"),
            Self::NotBlank => f.write_str("it must not be blank"),
            Self::Uid => {
                f.write_str("it must be 6 to 20 letters, digits, '_' or '-' and start with a letter")
            }
            Self::PhoneNumber => f.write_str("it must be 11 digits and start with 1"),
            Self::NotCommon => f.write_str("it is too common and easy to guess"),
            Self::NotIdentity => f.write_str("it must not be the uid or the name"),
            Self::NotReserved => f.write_str("it is reserved"),
            Self::Id => f.write_str("it is not a valid id"),
            Self::Range { min, max } => write!(f, "it must be a whole number from {min} to {max}"),
            Self::OneOf(words) => write!(f, "it must be one of: {}", words.join(", ")),
        }
    }
}

/// A port failed. The cause stays in `source`, for the log only.
///
/// A clone shares the cause, so that one failure of a batch can be reported to each of its callers.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{kind}")]
pub struct PortError {
    kind: PortErrorKind,
    #[source]
    source: Arc<dyn Error + Send + Sync>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum PortErrorKind {
    #[error("a dependency is unavailable")]
    Unavailable(Duration),
    #[error("a dependency failed")]
    Internal,
}

impl PortError {
    /// The dependency is unreachable or overloaded; it may recover after `retry_after`.
    pub fn unavailable(retry_after: Duration, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind: PortErrorKind::Unavailable(retry_after), source: source.into().into() }
    }

    /// The failure is permanent: retrying does not help.
    pub fn internal(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind: PortErrorKind::Internal, source: source.into().into() }
    }
}

impl DomainError for PortError {
    fn kind(&self) -> ErrorKind {
        match self.kind {
            PortErrorKind::Unavailable(retry_after) => ErrorKind::Unavailable { retry_after },
            PortErrorKind::Internal => ErrorKind::Internal,
        }
    }

    fn name(&self) -> &'static str {
        match self.kind {
            PortErrorKind::Unavailable(_) => "unavailable",
            PortErrorKind::Internal => "internal_error",
        }
    }
}

/// Implements [`DomainError`] for a feature's error enum from one line per variant.
///
/// The enum must have the variant `Port(PortError)`. Each other variant is listed as `Variant => Kind, "name"`, or as
/// `Variant(retry_after) => Throttled, "name"` if it holds the time to wait.
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

        #[cfg(any(test, feature = "test-support"))]
        impl $error {
            /// Every name with its class, for the tests of adapters.
            pub const NAMES: &'static [(&'static str, $crate::error::ErrorKind)] =
                &[$(($name, $crate::error::ErrorKind::$kind $({ $wait: std::time::Duration::ZERO })?)),*];
        }
    };
}
pub(crate) use domain_error;

#[cfg(test)]
mod tests {
    use super::*;

    /// An error with a cause of its own.
    #[derive(Debug, thiserror::Error)]
    #[error("the query failed")]
    struct QueryFailed(#[source] std::io::Error);

    fn chain(error: &dyn Error) -> Vec<String> {
        let mut texts = vec![error.to_string()];
        let mut cause = error.source();
        while let Some(error) = cause {
            texts.push(error.to_string());
            cause = error.source();
        }
        texts
    }

    #[test]
    fn an_unavailable_dependency_states_the_time_to_wait() {
        let error = PortError::unavailable(Duration::from_millis(1500), "the pool is empty");
        assert_eq!(error.kind(), ErrorKind::Unavailable { retry_after: Duration::from_millis(1500) });
        assert_eq!(error.name(), "unavailable");
    }

    #[test]
    fn a_permanent_failure_is_an_internal_error() {
        let error = PortError::internal("column uid of user 7 is empty");
        assert_eq!(error.kind(), ErrorKind::Internal);
        assert_eq!(error.name(), "internal_error");
    }

    #[test]
    fn the_cause_is_in_the_source_and_not_in_the_text() {
        for (error, shown) in [
            (PortError::unavailable(Duration::ZERO, "secret"), "a dependency is unavailable"),
            (PortError::internal("secret"), "a dependency failed"),
        ] {
            assert_eq!(chain(&error), [shown, "secret"]);
        }
    }

    #[test]
    fn a_clone_keeps_the_class_and_the_whole_chain_of_causes() {
        let cause = QueryFailed(std::io::Error::other("connection reset"));
        let error = PortError::unavailable(Duration::from_secs(3), cause);
        let clone = error.clone();
        assert_eq!((clone.kind(), clone.name()), (error.kind(), error.name()));
        assert_eq!(chain(&clone), ["a dependency is unavailable", "the query failed", "connection reset"]);
        assert_eq!(chain(&clone), chain(&error));
    }

    #[test]
    fn an_invalid_value_states_its_rule() {
        let invalid = InvalidValue::new(Rule::Length { min: 1, max: 64 });
        assert_eq!(invalid.to_string(), "it must have 1 to 64 characters");
    }
}
