use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use domain::id::UserId;
use domain::session::Caller;
use secrecy::SecretString;

use crate::UseCases;
use crate::error::ApiError;

/// The token of an `Authorization: Bearer` header.
fn bearer(request: &HttpRequest) -> Option<&str> {
    let header = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = header.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// Who calls, as the access token proves. It comes first among a handler's arguments, so that the token is judged
/// before the body is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AuthUser(pub(crate) Caller);

impl AuthUser {
    /// The account that calls.
    pub(crate) const fn id(self) -> UserId {
        self.0.user_id
    }
}

impl FromRequest for AuthUser {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(authenticate(request))
    }
}

fn authenticate(request: &HttpRequest) -> Result<AuthUser, ApiError> {
    let token = bearer(request).ok_or_else(|| ApiError::named("missing_token"))?;
    let use_cases = request
        .app_data::<Data<UseCases>>()
        .ok_or_else(|| ApiError::internal("the use-cases are not wired"))?;
    Ok(AuthUser(use_cases.sessions.authenticate(token)?))
}

/// The refresh token of a call that renews a session.
#[derive(Debug)]
pub(crate) struct RefreshToken(pub(crate) SecretString);

impl FromRequest for RefreshToken {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let token = bearer(request).map(|token| Self(SecretString::from(token)));
        ready(token.ok_or_else(|| ApiError::named("missing_refresh_token")))
    }
}
