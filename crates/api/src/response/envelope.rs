//! The JSON envelope of every response: `code`, `message` and `data` or `error`.

use domain::account::DisplayName;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::i18n;
use crate::http::language::Language;
use crate::openapi::schemas;
use crate::response::rule::RuleItem;

/// Success without data.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Done {
    /// 200.
    #[schema(example = 200)]
    pub(crate) code: u16,
    /// For users, in their language.
    #[schema(example = "成功")]
    pub(crate) message: &'static str,
}

/// Success with data.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the contract calls the field `data`")]
pub(crate) struct Data<T> {
    /// 200.
    #[schema(example = 200)]
    code: u16,
    /// For users, in their language.
    #[schema(example = "成功")]
    message: &'static str,
    /// The result.
    data: T,
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PageOf<T> {
    /// 200.
    #[schema(example = 200)]
    code: u16,
    /// For users, in their language.
    #[schema(example = "成功")]
    message: &'static str,
    /// The rows.
    data: Vec<T>,
    /// Send it back as `cursor` for the next rows; null at the end.
    #[schema(value_type = Option<schemas::PageCursor>, required)]
    next_cursor: Option<String>,
}

/// Success with data that are one page of more.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PartOf<T> {
    /// 200.
    #[schema(example = 200)]
    code: u16,
    /// For users, in their language.
    #[schema(example = "成功")]
    message: &'static str,
    /// The result.
    data: T,
    /// Send it back as `cursor` for the next page; null at the end.
    #[schema(value_type = Option<schemas::PageCursor>, required)]
    next_cursor: Option<String>,
}

/// An error response.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Failure {
    /// The HTTP status.
    #[schema(example = 400)]
    pub(crate) code: u16,
    /// For users, in their language.
    #[schema(example = "字段 receiver_id 无效：不是有效的标识")]
    pub(crate) message: String,
    /// For programs: stable, the same in every language.
    #[schema(value_type = schemas::ErrorName)]
    pub(crate) error: &'static str,
    /// The field that caused the error, if one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, example = "receiver_id")]
    pub(crate) field: Option<String>,
    /// The rule that the field breaks, if one field caused the error.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = RuleItem, required = false)]
    pub(crate) rule: Option<RuleItem>,
}

impl Done {
    pub(crate) fn new() -> Self {
        Self { code: 200, message: i18n::success(Language::default()) }
    }
}

impl<T> Data<T> {
    pub(crate) fn new(data: T) -> Self {
        Self { code: 200, message: i18n::success(Language::default()), data }
    }
}

impl<T> PageOf<T> {
    pub(crate) fn new(data: Vec<T>, next_cursor: Option<String>) -> Self {
        Self { code: 200, message: i18n::success(Language::default()), data, next_cursor }
    }
}

impl<T> PartOf<T> {
    pub(crate) fn new(data: T, next_cursor: Option<String>) -> Self {
        Self { code: 200, message: i18n::success(Language::default()), data, next_cursor }
    }
}

/// The envelope of a success. Its message depends on the request, which is known when it becomes a response.
pub(crate) trait Envelope: Serialize {
    /// The same envelope with its message in this language.
    fn localized(self, language: Language) -> Self;
}

/// Makes structs with a `message` envelopes and responses.
macro_rules! envelopes {
    ($($kind:ty $(where $parameter:ident)?),*) => {$(
        impl$(<$parameter: serde::Serialize>)? $crate::response::envelope::Envelope for $kind {
            fn localized(self, language: $crate::http::language::Language) -> Self {
                Self { message: $crate::http::i18n::success(language), ..self }
            }
        }

        impl$(<$parameter: serde::Serialize>)? actix_web::Responder for $kind {
            type Body = actix_web::body::BoxBody;

            fn respond_to(self, request: &actix_web::HttpRequest) -> actix_web::HttpResponse {
                use $crate::response::envelope::Envelope;
                let language = $crate::http::language::Language::of(request);
                actix_web::HttpResponse::Ok().json(self.localized(language))
            }
        }
    )*};
}
pub(crate) use envelopes;
envelopes!(Done, Data<T> where T, PageOf<T> where T, PartOf<T> where T);

/// The display name of an account, in the client's language.
pub(crate) fn display_name(name: &DisplayName, language: Language) -> String {
    match name {
        DisplayName::Nickname(name) => name.as_str().to_owned(),
        DisplayName::Erased => i18n::erased_account(language).to_owned(),
    }
}
