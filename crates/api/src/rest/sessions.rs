//! The caller's sessions on all devices, and password changes, which end every other session.

use actix_web::{delete, get, put, web};
use domain::account::{Password, PasswordAttempt};
use domain::auth::{OpenSession, SessionError};
use domain::error::Rule;
use domain::id::SessionId;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::extract::{AuthUser, Json, PathId, Query};
use crate::http::conditional::WithEtag;
use crate::openapi::schemas;
use crate::response::cursor::{Cursor, PageParams};
use crate::response::envelope::{Data, Done, PageOf};
use crate::response::error::ApiError;
use crate::response::invalid_field::{AtField, FieldRule, InvalidField};
use crate::response::timestamp::timestamp;
use crate::rest::auth::TokensResponse;
use crate::state::UseCases;

/// An open session of the caller.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Session)]
struct SessionItem {
    #[schema(value_type = schemas::SessionId)]
    session_id: String,
    /// From the `User-Agent` header of the login; may be empty.
    #[schema(value_type = schemas::DeviceName)]
    device_name: String,
    #[schema(value_type = schemas::Timestamp)]
    created_at: String,
    /// When its tokens were last issued or refreshed.
    #[schema(value_type = schemas::Timestamp)]
    last_used_at: String,
    /// Whether this is the session of the request.
    #[schema(example = true)]
    current: bool,
}

impl SessionItem {
    fn new(session: &OpenSession, current: SessionId) -> Self {
        Self {
            session_id: session.id.to_string(),
            device_name: session.device.as_str().to_owned(),
            created_at: timestamp(session.created_at),
            last_used_at: timestamp(session.last_used_at),
            current: session.id == current,
        }
    }
}

/// List open sessions.
#[utoipa::path(tag = "accounts", params(PageParams), responses((status = 200, body = PageOf<SessionItem>), (status = 304)),
    security(("token" = [])))]
#[get("/api/auth/sessions")]
pub(crate) async fn list_sessions(
    caller: AuthUser,
    Query(page): Query<PageParams>,
    use_cases: web::Data<UseCases>,
) -> Result<WithEtag<PageOf<SessionItem>>, ApiError> {
    let page = use_cases.sessions.list(caller.id(), &page.parse()?).await?;
    let items = page.items.iter().map(|session| SessionItem::new(session, caller.0.session_id)).collect();
    Ok(WithEtag(PageOf::new(items, page.next.map(|next| next.encode()))))
}

/// End a session.
#[utoipa::path(tag = "accounts", params(("session_id" = schemas::SessionId, Path)), responses((status = 200, body = Done)),
    security(("token" = [])), extensions(("x-errors" = json!(["unknown_session"]))))]
#[delete("/api/auth/sessions/{session_id}")]
pub(crate) async fn end_session(
    caller: AuthUser,
    PathId(session): PathId,
    use_cases: web::Data<UseCases>,
) -> Result<Done, ApiError> {
    use_cases.sessions.end(caller.0, SessionId::parse(&session).field("session_id")?).await?;
    Ok(Done::new())
}

/// End other sessions.
#[utoipa::path(tag = "accounts", responses((status = 200, body = Done)), security(("token" = [])))]
#[delete("/api/auth/sessions")]
pub(crate) async fn end_other_sessions(
    caller: AuthUser,
    use_cases: web::Data<UseCases>,
) -> Result<Done, ApiError> {
    use_cases.sessions.end_others(caller.0).await?;
    Ok(Done::new())
}

/// A password change.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = PasswordChange)]
pub(super) struct ChangePasswordRequest {
    #[schema(value_type = String, format = Password, example = "山高月小 水落石出")]
    old_password: SecretString,
    /// 8–128 characters.
    #[schema(value_type = schemas::ChosenPassword)]
    new_password: SecretString,
}

/// Names the field where the new password is refused because of whose it is.
fn blame_new_password(error: SessionError) -> ApiError {
    match error {
        SessionError::PasswordIsIdentity => {
            InvalidField::new("new_password", FieldRule::Domain(Rule::NotIdentity)).into()
        }
        error => error.into(),
    }
}

/// Change the password.
#[utoipa::path(tag = "accounts", responses((status = 200, body = Data<TokensResponse>)), security(("token" = [])),
    extensions(("x-errors" = json!(["invalid_credentials", "too_many_attempts"]))))]
#[put("/api/auth/me/password")]
pub(crate) async fn change_password(
    caller: AuthUser,
    Json(body): Json<ChangePasswordRequest>,
    use_cases: web::Data<UseCases>,
) -> Result<Data<TokensResponse>, ApiError> {
    let new = Password::parse(body.new_password).field("new_password")?;
    let old = PasswordAttempt::new(&body.old_password);
    let changed = use_cases.sessions.change_password(caller.0, &old, &new).await;
    Ok(Data::new(changed.map_err(blame_new_password)?.into()))
}
