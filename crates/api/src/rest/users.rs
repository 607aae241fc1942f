//! Accounts: one's own, and finding others.

use actix_web::{delete, get, patch, web};
use domain::account::{AccountSummary, Nickname, PasswordAttempt, PhoneNumber, Profile, Relation, Uid};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::extract::{AuthUser, Json, Query};
use crate::http::language::Language;
use crate::openapi::schemas;
use crate::response::envelope::{Data, Done, timestamp};
use crate::response::error::ApiError;
use crate::state::UseCases;

/// The caller's own account.
#[derive(Debug, Serialize, ToSchema)]
struct Me {
    #[schema(value_type = schemas::UserId)]
    user_id: String,
    #[schema(value_type = schemas::Uid)]
    uid: String,
    #[schema(value_type = schemas::Nickname)]
    name: String,
    /// Shown to its owner only.
    #[schema(value_type = Option<schemas::PhoneNumber>, required)]
    phone_number: Option<String>,
    #[schema(value_type = schemas::Time)]
    created_at: String,
    /// The sum of `unread_count` over all conversations, muted ones included.
    #[schema(minimum = 0, example = 1)]
    unread_total: i64,
    /// How many received friendship requests can be answered.
    #[schema(minimum = 0, example = 1)]
    pending_requests: i64,
}

impl From<AccountSummary> for Me {
    fn from(overview: AccountSummary) -> Self {
        let AccountSummary { user, unread_total, pending_requests } = overview;
        Self {
            user_id: user.id.to_string(),
            uid: user.uid.as_str().to_owned(),
            name: user.name.as_str().to_owned(),
            phone_number: user.phone_number.as_ref().map(PhoneNumber::as_str).map(str::to_owned),
            created_at: timestamp(user.created_at),
            unread_total,
            pending_requests,
        }
    }
}

/// The caller's own account, and what waits for the caller.
#[utoipa::path(tag = "accounts", responses((status = 200, body = Data<Me>)), security(("token" = [])))]
#[get("/api/auth/me")]
pub(crate) async fn me(
    caller: AuthUser,
    use_cases: web::Data<UseCases>,
    language: Language,
) -> Result<Data<Me>, ApiError> {
    Ok(Data::new(language, use_cases.users.me(caller.id()).await?.into()))
}

/// What somebody wants to be called.
#[derive(Debug, Deserialize, ToSchema)]
struct NewName {
    /// 昵称, 1–64 characters after trimming, no control characters.
    #[schema(value_type = schemas::Nickname)]
    name: String,
}

/// Changes the caller's nickname; everybody sees the new one at once.
#[utoipa::path(tag = "accounts", responses((status = 200, body = Data<Me>)), security(("token" = [])))]
#[patch("/api/auth/me")]
pub(crate) async fn rename(
    caller: AuthUser,
    Json(body): Json<NewName>,
    use_cases: web::Data<UseCases>,
    language: Language,
) -> Result<Data<Me>, ApiError> {
    let name = Nickname::parse(&body.name)?;
    Ok(Data::new(language, use_cases.users.rename(caller.id(), &name).await?.into()))
}

/// The password, typed once more.
#[derive(Deserialize, ToSchema)]
struct Farewell {
    #[schema(value_type = String, format = Password, example = "山高月小水落石出")]
    password: SecretString,
}

/// Erases the caller's account, for ever.
#[utoipa::path(tag = "accounts", responses((status = 200, body = Done)), security(("token" = [])),
    extensions(("x-errors" = json!(["invalid_credentials", "too_many_attempts"]))))]
#[delete("/api/auth/me")]
pub(crate) async fn erase(
    caller: AuthUser,
    Json(body): Json<Farewell>,
    use_cases: web::Data<UseCases>,
    language: Language,
) -> Result<Done, ApiError> {
    use_cases.accounts.erase(caller.0, &PasswordAttempt::new(&body.password)).await?;
    Ok(Done::new(language))
}

/// The uid that somebody wants.
#[derive(Debug, Deserialize, ToSchema)]
struct NewUid {
    /// 6–20 of `[A-Za-z0-9_-]`, first a letter.
    #[schema(value_type = schemas::Uid)]
    new_uid: String,
}

/// Changes the caller's 微信号; tokens stay valid.
#[utoipa::path(tag = "accounts", responses((status = 200, body = Done)), security(("token" = [])),
    extensions(("x-errors" = json!(["uid_taken", "uid_unchanged", "uid_changed_too_recently"]))))]
#[patch("/api/auth/me/uid")]
pub(crate) async fn change_uid(
    caller: AuthUser,
    Json(body): Json<NewUid>,
    use_cases: web::Data<UseCases>,
    language: Language,
) -> Result<Done, ApiError> {
    let wanted = Uid::parse("new_uid", &body.new_uid)?;
    use_cases.users.change_uid(caller.id(), &wanted).await?;
    Ok(Done::new(language))
}

/// Whom to look up.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct UidQuery {
    /// The exact 微信号, whatever its case.
    #[param(value_type = schemas::Uid)]
    uid: String,
}

/// Somebody's account, as the caller sees it.
#[derive(Debug, Serialize, ToSchema)]
struct FoundUser {
    #[schema(value_type = schemas::UserId)]
    user_id: String,
    #[schema(value_type = schemas::Uid)]
    uid: String,
    #[schema(value_type = schemas::Nickname)]
    name: String,
    /// `self`, `friend`, `request_sent`, `request_received` or `none`.
    #[schema(value_type = schemas::Relation)]
    relation: &'static str,
}

impl From<Profile> for FoundUser {
    fn from(profile: Profile) -> Self {
        Self {
            user_id: profile.user_id.to_string(),
            uid: profile.uid.as_str().to_owned(),
            name: profile.name.as_str().to_owned(),
            relation: match profile.relation {
                Relation::Own => "self",
                Relation::Friend => "friend",
                Relation::RequestSent => "request_sent",
                Relation::RequestReceived => "request_received",
                Relation::None => "none",
            },
        }
    }
}

/// Finds somebody by 微信号.
#[utoipa::path(tag = "accounts", params(UidQuery), responses((status = 200, body = Data<FoundUser>)),
    security(("token" = [])), extensions(("x-errors" = json!(["unknown_user"]))))]
#[get("/api/auth/users")]
pub(crate) async fn find_user(
    caller: AuthUser,
    Query(query): Query<UidQuery>,
    use_cases: web::Data<UseCases>,
    language: Language,
) -> Result<Data<FoundUser>, ApiError> {
    let uid = Uid::parse("uid", &query.uid)?;
    Ok(Data::new(language, use_cases.users.find_by_uid(caller.id(), &uid).await?.into()))
}
