//! Accounts: the caller's own, and looking up other users.

use actix_web::{delete, get, patch, web};
use domain::account::{AccountSummary, Nickname, PasswordAttempt, Profile, ProfileChange, Relation, Uid};
use domain::id::UserId;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::extract::{AuthUser, Json, PathId, Query};
use crate::http::conditional::WithEtag;
use crate::openapi::schemas;
use crate::redacted::Redacted;
use crate::response::envelope::{Data, Done};
use crate::response::error::ApiError;
use crate::response::invalid_field::AtField;
use crate::response::timestamp::timestamp;
use crate::state::UseCases;

/// The caller's own account.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Account)]
pub(super) struct AccountResponse {
    #[schema(value_type = schemas::UserId)]
    user_id: String,
    #[schema(value_type = schemas::Uid)]
    uid: String,
    #[schema(value_type = schemas::Nickname)]
    name: String,
    /// Visible to its owner only.
    #[schema(value_type = Option<schemas::PhoneNumber>, required)]
    phone_number: Option<Redacted<String>>,
    #[schema(value_type = schemas::Timestamp)]
    created_at: String,
    /// The sum of `unread_count` over all conversations, muted ones included.
    #[schema(minimum = 0, example = 0)]
    unread_total: i64,
    /// The number of received friendship requests that can be answered.
    #[schema(minimum = 0, example = 1)]
    pending_requests: i64,
    /// Whether friends see how far the caller has read, where they share that too.
    #[schema(example = true)]
    share_read: bool,
    /// Whether friends see that the caller is writing, where they share that too.
    #[schema(example = true)]
    share_typing: bool,
}

impl From<AccountSummary> for AccountResponse {
    fn from(overview: AccountSummary) -> Self {
        let AccountSummary { user, unread_total, pending_requests, sharing } = overview;
        Self {
            user_id: user.id.to_string(),
            uid: user.uid.as_str().to_owned(),
            name: user.name.as_str().to_owned(),
            phone_number: user.phone_number.map(|number| Redacted(number.as_str().to_owned())),
            created_at: timestamp(user.created_at),
            unread_total,
            pending_requests,
            share_read: sharing.read,
            share_typing: sharing.typing,
        }
    }
}

/// Get own account.
#[utoipa::path(tag = "accounts", responses((status = 200, body = Data<AccountResponse>), (status = 304)),
    security(("token" = [])))]
#[get("/api/auth/me")]
pub(crate) async fn get_me(
    caller: AuthUser,
    use_cases: web::Data<UseCases>,
) -> Result<WithEtag<Data<AccountResponse>>, ApiError> {
    Ok(WithEtag(Data::new(use_cases.users.me(caller.id()).await?.into())))
}

/// Changes to the own account; omitted fields keep their values.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ProfileChange)]
struct ProfilePatch {
    /// 昵称, 1–64 characters after trimming, no control characters.
    #[schema(value_type = Option<schemas::Nickname>)]
    name: Option<String>,
    /// Whether friends see how far the caller has read, where they share that too.
    #[schema(example = true)]
    share_read: Option<bool>,
    /// Whether friends see that the caller is writing, where they share that too.
    #[schema(example = true)]
    share_typing: Option<bool>,
}

/// Change the profile.
#[utoipa::path(tag = "accounts", responses((status = 200, body = Data<AccountResponse>)), security(("token" = [])))]
#[patch("/api/auth/me")]
pub(crate) async fn update_me(
    caller: AuthUser,
    Json(body): Json<ProfilePatch>,
    use_cases: web::Data<UseCases>,
) -> Result<Data<AccountResponse>, ApiError> {
    let name = body.name.as_deref().map(Nickname::parse).transpose().field("name")?;
    let change = ProfileChange { name, share_read: body.share_read, share_typing: body.share_typing };
    Ok(Data::new(use_cases.users.change(caller.id(), &change).await?.into()))
}

/// The confirmation of an erasure: the password.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = PasswordConfirmation)]
pub(super) struct EraseAccountRequest {
    #[schema(value_type = String, format = Password, example = "山高月小 水落石出")]
    password: SecretString,
}

/// Erase the account.
#[utoipa::path(tag = "accounts", responses((status = 200, body = Done)), security(("token" = [])),
    extensions(("x-errors" = json!(["invalid_credentials", "too_many_attempts"]))))]
#[delete("/api/auth/me")]
pub(crate) async fn erase_account(
    caller: AuthUser,
    Json(body): Json<EraseAccountRequest>,
    use_cases: web::Data<UseCases>,
) -> Result<Done, ApiError> {
    use_cases.accounts.erase(caller.0, &PasswordAttempt::new(&body.password)).await?;
    Ok(Done::new())
}

/// A new uid.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = UidChange, example = json!({"new_uid": "alice_2026"}))]
struct ChangeUidRequest {
    /// 6–20 of `[A-Za-z0-9_-]`, starting with a letter.
    #[schema(value_type = schemas::Uid)]
    new_uid: String,
}

/// Change the uid.
#[utoipa::path(tag = "accounts", responses((status = 200, body = Done)), security(("token" = [])),
    extensions(("x-errors" = json!(["uid_taken", "uid_unchanged", "uid_changed_too_recently",
        "uid_change_quota_used_up"]))))]
#[patch("/api/auth/me/uid")]
pub(crate) async fn change_uid(
    caller: AuthUser,
    Json(body): Json<ChangeUidRequest>,
    use_cases: web::Data<UseCases>,
) -> Result<Done, ApiError> {
    let wanted = Uid::parse(&body.new_uid).field("new_uid")?;
    use_cases.users.change_uid(caller.id(), &wanted).await?;
    Ok(Done::new())
}

/// The user to look up.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct UidParams {
    /// The exact 微信号, case-insensitive.
    #[param(value_type = schemas::PeerUid)]
    uid: String,
}

/// A user as the caller sees them.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UserProfile)]
struct FoundUser {
    #[schema(value_type = schemas::PeerId)]
    user_id: String,
    #[schema(value_type = schemas::PeerUid)]
    uid: String,
    #[schema(value_type = schemas::DisplayName)]
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

/// Find a user.
#[utoipa::path(tag = "accounts", params(UidParams), responses((status = 200, body = Data<FoundUser>)),
    security(("token" = [])), extensions(("x-errors" = json!(["unknown_user", "lookup_quota_used_up"]))))]
#[get("/api/auth/users")]
pub(crate) async fn find_user(
    caller: AuthUser,
    Query(query): Query<UidParams>,
    use_cases: web::Data<UseCases>,
) -> Result<Data<FoundUser>, ApiError> {
    let uid = Uid::parse(&query.uid).field("uid")?;
    Ok(Data::new(use_cases.users.find_by_uid(caller.id(), &uid).await?.into()))
}

/// Show a user.
#[utoipa::path(tag = "accounts", params(("user_id" = schemas::PeerId, Path)), responses((status = 200, body = Data<FoundUser>)),
    security(("token" = [])), extensions(("x-errors" = json!(["unknown_user"]))))]
#[get("/api/auth/users/{user_id}")]
pub(crate) async fn get_user(
    caller: AuthUser,
    PathId(user): PathId,
    use_cases: web::Data<UseCases>,
) -> Result<Data<FoundUser>, ApiError> {
    let user = UserId::parse(&user).field("user_id")?;
    Ok(Data::new(use_cases.users.find_by_id(caller.id(), user).await?.into()))
}
