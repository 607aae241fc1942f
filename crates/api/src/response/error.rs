//! The error type of all handlers, and the only mapping of error classes to HTTP statuses.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use domain::error::{DomainError, ErrorKind, Rule};

use crate::http::i18n;
use crate::http::language::Language;
use crate::http::security_headers;
use crate::response::envelope::Failure;
use crate::response::error_catalog::{self, BLOCKED_REQUEST, CatalogEntry};
use crate::response::invalid_field::{FieldRule, InvalidField};
use crate::response::rule::RuleItem;

/// An error response in the making.
#[derive(Debug)]
pub(crate) struct ApiError {
    name: &'static str,
    detail: Detail,
    retry_after: Option<Duration>,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

/// What the response says besides the name.
#[derive(Debug, Clone)]
enum Detail {
    None,
    /// An invalid field and the rule that its value breaks.
    Invalid(InvalidField),
    /// A missing or mistyped field, by its path in the request.
    Field(String),
    /// The methods that the route supports.
    Allow(String),
    /// Another text than the name's own.
    Worded(&'static CatalogEntry),
}

impl ApiError {
    /// An error of this crate itself, by its name in the catalogue.
    pub(crate) const fn named(name: &'static str) -> Self {
        Self { name, detail: Detail::None, retry_after: None, cause: None }
    }

    /// The field is missing from the body.
    pub(crate) const fn missing_field(field: String) -> Self {
        Self { name: "missing_field", detail: Detail::Field(field), retry_after: None, cause: None }
    }

    /// The field has the wrong type.
    pub(crate) const fn mistyped_field(field: String) -> Self {
        Self { name: InvalidField::NAME, detail: Detail::Field(field), retry_after: None, cause: None }
    }

    /// The route supports only these methods.
    pub(crate) const fn method_not_allowed(allow: String) -> Self {
        Self { name: "method_not_allowed", detail: Detail::Allow(allow), retry_after: None, cause: None }
    }

    /// The instance cannot serve now. It has no cause for the log, because health checks run often.
    pub(crate) const fn not_ready() -> Self {
        let retry_after = Some(Duration::from_secs(1));
        Self { name: "unavailable", detail: Detail::None, retry_after, cause: None }
    }

    /// The requester exceeded a limit; the same request may succeed after `retry_after`.
    pub(crate) const fn throttled(name: &'static str, retry_after: Duration) -> Self {
        Self { name, detail: Detail::None, retry_after: Some(retry_after), cause: None }
    }

    /// The handler did not finish in time; whether its work was done is unknown.
    pub(crate) fn timed_out(after: Duration) -> Self {
        let cause: Box<dyn Error + Send + Sync> =
            format!("no response within {:.1} s", after.as_secs_f64()).into();
        let retry_after = Some(Duration::from_secs(1));
        Self { name: "unavailable", detail: Detail::None, retry_after, cause: Some(cause) }
    }

    /// A server fault; `cause` goes to the log only.
    pub(crate) fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let cause = Some(cause.into());
        Self { name: "internal_error", detail: Detail::None, retry_after: None, cause }
    }

    /// The same error in the words of a friendship request, where the name is shared with messages.
    pub(crate) fn about_request(mut self) -> Self {
        if self.name == BLOCKED_REQUEST.name {
            self.detail = Detail::Worded(&BLOCKED_REQUEST);
        }
        self
    }

    /// The stable name.
    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    /// The cause of a server fault with its sources; `None` for client errors.
    pub(crate) fn cause_for_log(&self) -> Option<String> {
        let cause = self.cause.as_ref()?;
        let mut text = cause.to_string();
        let mut source = cause.source();
        while let Some(error) = source {
            text.push_str(": ");
            text.push_str(&error.to_string());
            source = error.source();
        }
        Some(text)
    }

    /// The response in this language.
    pub(crate) fn response(&self, language: Language) -> HttpResponse {
        let entry = match &self.detail {
            Detail::Worded(entry) => entry,
            _ => error_catalog::find(self.name),
        };
        let template = entry.message(language);
        let (blamed, message) = match &self.detail {
            Detail::None | Detail::Allow(_) | Detail::Worded(_) => (None, template.to_owned()),
            Detail::Invalid(InvalidField { field, rule }) => {
                let text = i18n::rule(*rule, language);
                let blamed = ((*field).to_owned(), RuleItem::from(*rule));
                (Some(blamed), template.replace("{field}", field).replace("{rule}", &text))
            }
            Detail::Field(field) => {
                let text = i18n::wrong_type(language);
                let rule = if self.name == InvalidField::NAME { "type" } else { "required" };
                let blamed = (field.clone(), RuleItem::named(rule));
                (Some(blamed), template.replace("{field}", field).replace("{rule}", text))
            }
        };
        let status = self.status_code();
        let mut response = HttpResponse::build(status);
        if let Some(retry_after) = self.retry_after {
            response.insert_header((RETRY_AFTER, whole_seconds(retry_after).to_string()));
        }
        if status == StatusCode::UNAUTHORIZED {
            response.insert_header((WWW_AUTHENTICATE, challenge(self.name)));
        }
        if let Detail::Allow(methods) = &self.detail {
            response.insert_header((ALLOW, methods.as_str()));
        }
        let (field, rule) = blamed.unzip();
        response.json(Failure { code: status.as_u16(), message, error: self.name, field, rule })
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(error_catalog::find(self.name).code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        // After a panic actix renders the error itself, and no middleware adds the headers.
        let mut response = self.response(Language::default());
        security_headers::add_to(response.headers_mut());
        response
    }
}

/// The `WWW-Authenticate` challenge that HTTP requires of a 401. Our clients read the error's name instead.
fn challenge(name: &str) -> &'static str {
    match name {
        "invalid_token" | "token_expired" | "session_ended" => {
            r#"Bearer realm="hongyan", error="invalid_token""#
        }
        _ => r#"Bearer realm="hongyan""#,
    }
}

/// The wait in whole seconds, rounded up, at least one.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1)
}

/// The HTTP status of each error class.
pub(crate) const fn status_of(kind: ErrorKind) -> u16 {
    match kind {
        ErrorKind::Invalid => 400,
        ErrorKind::Unauthenticated => 401,
        ErrorKind::Conflict => 409,
        ErrorKind::Throttled { .. } => 429,
        ErrorKind::Unavailable { .. } => 503,
        ErrorKind::Internal => 500,
    }
}

impl<E: DomainError> From<E> for ApiError {
    fn from(error: E) -> Self {
        let (kind, name) = (error.kind(), error.name());
        let retry_after = match kind {
            ErrorKind::Throttled { retry_after } | ErrorKind::Unavailable { retry_after } => {
                Some(retry_after)
            }
            _ => None,
        };
        // A name that the catalogue lacks becomes `internal_error`, so the log must say which one it was.
        let is_fault = error_catalog::find(name).code != status_of(kind) || status_of(kind) >= 500;
        let cause = is_fault.then(|| Box::new(error) as Box<dyn Error + Send + Sync>);
        Self { name, detail: Detail::None, retry_after, cause }
    }
}

impl From<InvalidField> for ApiError {
    fn from(invalid: InvalidField) -> Self {
        Self { name: InvalidField::NAME, detail: Detail::Invalid(invalid), retry_after: None, cause: None }
    }
}

/// The error for a query field that is not a whole number.
pub(crate) const fn not_a_number(field: &'static str, min: i64, max: i64) -> InvalidField {
    InvalidField::new(field, FieldRule::Domain(Rule::Range { min, max }))
}

#[cfg(test)]
mod tests {
    use domain::account::{LifecycleError, ProfileError, RegistrationError};
    use domain::auth::SessionError;
    use domain::block::BlockError;
    use domain::conversation::ConversationError;
    use domain::export::ExportError;
    use domain::friendship::FriendshipError;
    use domain::friendship_request::FriendshipRequestError;
    use domain::invite::InviteError;
    use domain::message::MessageError;
    use domain::search::SearchError;

    use super::*;
    use crate::response::error_catalog::CATALOG;

    /// Names that have no class: this crate raises them itself.
    const OWN_NAMES: &[&str] = &[
        "malformed_json",
        "missing_field",
        "missing_refresh_token",
        "missing_token",
        "unknown_route",
        "method_not_allowed",
        "origin_not_allowed",
        "request_timeout",
        "payload_too_large",
        "unsupported_media_type",
        "too_many_requests",
        "too_many_searches",
        "export_in_progress",
        "export_quota_used_up",
        "internal_error",
        "unavailable",
    ];

    #[test]
    fn each_name_has_the_status_of_its_class() {
        let classified = [
            InviteError::NAMES,
            LifecycleError::NAMES,
            RegistrationError::NAMES,
            ProfileError::NAMES,
            SessionError::NAMES,
            BlockError::NAMES,
            ConversationError::NAMES,
            ExportError::NAMES,
            FriendshipError::NAMES,
            FriendshipRequestError::NAMES,
            MessageError::NAMES,
            SearchError::NAMES,
        ]
        .concat();
        for (name, kind) in &classified {
            let entry = error_catalog::find(name);
            assert_eq!((entry.name, entry.code), (*name, status_of(*kind)));
        }
        for entry in CATALOG {
            let is_classified = classified.iter().any(|(name, _)| *name == entry.name);
            assert_ne!(is_classified, OWN_NAMES.contains(&entry.name), "{}", entry.name);
        }
    }

    #[test]
    fn retry_after_is_never_too_early() {
        for (wait, seconds) in [
            (Duration::ZERO, 1),
            (Duration::from_nanos(1), 1),
            (Duration::from_secs(1), 1),
            (Duration::from_millis(11_001), 12),
            (Duration::MAX, u64::MAX),
        ] {
            assert_eq!(whole_seconds(wait), seconds, "{wait:?}");
        }
    }
}
