//! Authentication: registration, login, token refresh, logout.

use actix_web::post;
use actix_web::web;
use domain::account::{Nickname, Password, PasswordAttempt, PhoneNumber, Registration, Uid};
use domain::auth::{IssuedTokens, LoggedIn, Login};
use domain::invite::InviteCode;
use domain::login_throttle::EnteredIdentifier;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::extract::{AuthUser, Device, Json, RefreshToken, RetryKey};
use crate::openapi::schemas;
use crate::redacted::Redacted;
use crate::response::envelope::{Data, Done};
use crate::response::error::ApiError;
use crate::response::invalid_field::{AtField, InvalidField};
use crate::state::UseCases;

/// An access token and its refresh token.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Tokens)]
pub(crate) struct TokensResponse {
    /// Sent with each call as `Authorization: Bearer …`.
    #[schema(value_type = schemas::AccessToken)]
    token: Redacted<String>,
    /// Valid once, to get the next pair.
    #[schema(value_type = schemas::RefreshToken)]
    refresh_token: Redacted<String>,
    /// Seconds until `token` expires.
    #[schema(example = 600)]
    expires_in: u64,
}

impl From<IssuedTokens> for TokensResponse {
    fn from(tokens: IssuedTokens) -> Self {
        Self {
            token: Redacted(tokens.access.expose_secret().to_owned()),
            refresh_token: Redacted(tokens.refresh.expose_secret().to_owned()),
            expires_in: tokens.expires_in.as_secs(),
        }
    }
}

/// The account that logged in.
#[derive(Debug, Serialize, ToSchema)]
struct UserInfo {
    /// 微信号.
    #[schema(value_type = schemas::Uid)]
    uid: String,
    /// 昵称.
    #[schema(value_type = schemas::Nickname)]
    name: String,
    /// The account's id.
    #[schema(value_type = schemas::UserId)]
    user_id: String,
}

/// The result of a login or a registration.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Login)]
pub(super) struct LoginResponse {
    token_class: TokensResponse,
    user_info: UserInfo,
}

impl From<LoggedIn> for LoginResponse {
    fn from(login: LoggedIn) -> Self {
        let user = login.user;
        Self {
            token_class: login.tokens.into(),
            user_info: UserInfo {
                uid: user.uid.as_str().to_owned(),
                name: user.name.as_str().to_owned(),
                user_id: user.id.to_string(),
            },
        }
    }
}

/// A registration.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = Registration, example = json!({"name": "爱丽丝 🌸", "password": "山高月小 水落石出"}))]
pub(super) struct RegisterRequest {
    /// 昵称.
    #[schema(value_type = schemas::Nickname)]
    name: String,
    #[schema(value_type = schemas::ChosenPassword)]
    password: SecretString,
    /// 微信号, 6–20 of `[A-Za-z0-9_-]`, starting with a letter; if omitted, the server generates one.
    #[schema(value_type = Option<schemas::Uid>)]
    uid: Option<String>,
    /// `1` and ten more digits.
    #[schema(value_type = Option<schemas::PhoneNumber>)]
    phone_number: Option<Redacted<String>>,
    /// Needed where `registration` of `GET /api/info` is `invite`; hyphens, spaces and case do not matter.
    #[schema(value_type = Option<String>, example = "k7m2p-9xqdr-vt4hb-w3nzc")]
    invite_code: Option<Redacted<String>>,
}

impl TryFrom<RegisterRequest> for Registration {
    type Error = InvalidField;

    fn try_from(body: RegisterRequest) -> Result<Self, Self::Error> {
        let phone_number = body.phone_number.map(|number| PhoneNumber::parse(&number.0)).transpose();
        let registration = Self {
            name: Nickname::parse(&body.name).field("name")?,
            password: Password::parse(body.password).field("password")?,
            uid: body.uid.as_deref().map(Uid::parse).transpose().field("uid")?,
            phone_number: phone_number.field("phone_number")?,
            invite: body.invite_code.and_then(|code| InviteCode::parse(&code.0)),
        };
        let uid = registration.uid.as_ref();
        registration.password.require_other_than(uid, Some(&registration.name)).field("password")?;
        Ok(registration)
    }
}

/// The header by which a login is recognised.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only describes the header")]
struct DeviceHeader {
    /// The device's own identifier, optional: a random secret that the client generates once and keeps, 16–128 visible ASCII
    /// characters. Wrong passwords of others do not delay a login from a device from which the account has logged in lately.
    #[param(rename = "Device-Id", min_length = 16, max_length = 128, pattern = "^[!-~]+$", nullable = false)]
    device_id: Option<String>,
}

/// Register an account.
#[utoipa::path(tag = "accounts", params(DeviceHeader), responses((status = 200, body = Data<LoginResponse>)),
    extensions(("x-errors" = json!(["uid_taken", "phone_number_taken", "invite_unknown", "registration_closed",
        "registration_quota_used_up"]))))]
#[post("/api/register")]
pub(crate) async fn register_account(
    device: Device,
    Json(body): Json<RegisterRequest>,
    use_cases: web::Data<UseCases>,
) -> Result<Data<LoginResponse>, ApiError> {
    let login = use_cases.registration.register(body.try_into()?, &device.0).await?;
    Ok(Data::new(login.into()))
}

/// A login by 微信号.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = LoginByUid)]
pub(super) struct UidLoginRequest {
    #[schema(example = "wxid_k7m2p5xqdrvt4hb")]
    uid: String,
    #[schema(value_type = String, format = Password, example = "山高月小 水落石出")]
    password: SecretString,
}

/// Log in by uid.
#[utoipa::path(tag = "accounts", params(DeviceHeader), responses((status = 200, body = Data<LoginResponse>)),
    extensions(("x-errors" = json!(["invalid_credentials", "too_many_attempts"]))))]
#[post("/api/login/uid")]
pub(crate) async fn log_in_by_uid(
    device: Device,
    Json(body): Json<UidLoginRequest>,
    use_cases: web::Data<UseCases>,
) -> Result<Data<LoginResponse>, ApiError> {
    let login = Login {
        identifier: EnteredIdentifier::Uid(body.uid),
        attempt: PasswordAttempt::new(&body.password),
        client: device.0,
    };
    Ok(Data::new(use_cases.sessions.login(login).await?.into()))
}

/// A login by phone number.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = LoginByPhoneNumber)]
pub(super) struct PhoneLoginRequest {
    #[schema(value_type = String, example = "13800138000")]
    phone_number: Redacted<String>,
    #[schema(value_type = String, format = Password, example = "山高月小 水落石出")]
    password: SecretString,
}

/// Log in by phone.
#[utoipa::path(tag = "accounts", params(DeviceHeader), responses((status = 200, body = Data<LoginResponse>)),
    extensions(("x-errors" = json!(["invalid_credentials", "too_many_attempts"]))))]
#[post("/api/login/phone_number")]
pub(crate) async fn log_in_by_phone_number(
    device: Device,
    Json(body): Json<PhoneLoginRequest>,
    use_cases: web::Data<UseCases>,
) -> Result<Data<LoginResponse>, ApiError> {
    let login = Login {
        identifier: EnteredIdentifier::PhoneNumber(body.phone_number.0),
        attempt: PasswordAttempt::new(&body.password),
        client: device.0,
    };
    Ok(Data::new(use_cases.sessions.login(login).await?.into()))
}

/// The idempotency header of a refresh.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only describes the header")]
struct RetryHeader {
    /// The client's key for this refresh, 1–128 visible ASCII characters. A retry with the same key within one minute returns
    /// the same tokens, as long as their refresh token is unused.
    #[param(
        rename = "Idempotency-Key",
        min_length = 1,
        max_length = 128,
        pattern = "^[!-~]+$",
        nullable = false
    )]
    idempotency_key: Option<String>,
}

/// Refresh the tokens.
#[utoipa::path(tag = "accounts", params(RetryHeader), responses((status = 200, body = Data<TokensResponse>)),
    security(("refresh_token" = [])))]
#[post("/auth/refresh_token")]
pub(crate) async fn refresh_tokens(
    token: RefreshToken,
    key: RetryKey,
    use_cases: web::Data<UseCases>,
) -> Result<Data<TokensResponse>, ApiError> {
    Ok(Data::new(use_cases.sessions.refresh(token.0, key.0).await?.into()))
}

/// Refresh the tokens (alias).
#[utoipa::path(tag = "accounts", params(RetryHeader), responses((status = 200, body = Data<TokensResponse>)),
    security(("refresh_token" = [])))]
#[post("/api/auth/refresh_token")]
pub(crate) async fn refresh_tokens_under_api(
    token: RefreshToken,
    key: RetryKey,
    use_cases: web::Data<UseCases>,
) -> Result<Data<TokensResponse>, ApiError> {
    Ok(Data::new(use_cases.sessions.refresh(token.0, key.0).await?.into()))
}

/// Log out.
#[utoipa::path(tag = "accounts", responses((status = 200, body = Done)), security(("token" = [])))]
#[post("/api/auth/logout")]
pub(crate) async fn log_out(caller: AuthUser, use_cases: web::Data<UseCases>) -> Result<Done, ApiError> {
    use_cases.sessions.logout(caller.0).await?;
    Ok(Done::new())
}
