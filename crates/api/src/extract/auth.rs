//! Bearer tokens: the authenticated caller and the refresh token.

use std::future::{Future, Ready, ready};
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use domain::auth::{Authentication, Caller, RefreshClaims};
use domain::id::UserId;
use futures_util::future::Either;

use crate::http::connection::ConnectionAccount;
use crate::response::error::ApiError;
use crate::state::UseCases;

/// The token of an `Authorization: Bearer` header.
fn bearer(request: &HttpRequest) -> Option<&str> {
    let header = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = header.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// The caller that the access token authenticates. It is a handler's first argument, so that the token is checked before
/// the body is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AuthUser(pub(crate) Caller);

impl AuthUser {
    /// The id of the caller's account.
    pub(crate) const fn id(self) -> UserId {
        self.0.user_id
    }
}

impl FromRequest for AuthUser {
    type Error = ApiError;
    /// Nearly always `Left`: verified without I/O and without allocation.
    type Future =
        Either<Ready<Result<Self, ApiError>>, Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let needs_lookup = match authenticate(request) {
            Ok((_, Authentication::Verified(caller))) => {
                if let Some(connection) = request.conn_data::<ConnectionAccount>() {
                    connection.set(caller.user_id);
                }
                return Either::Left(ready(Ok(Self(caller))));
            }
            Ok((use_cases, Authentication::NeedsLookup(caller))) => (use_cases.clone(), caller),
            Err(error) => return Either::Left(ready(Err(error))),
        };
        Either::Right(Box::pin(async move {
            let (use_cases, caller) = needs_lookup;
            Ok(Self(use_cases.sessions.confirm(caller).await?))
        }))
    }
}

fn use_cases(request: &HttpRequest) -> Result<&Data<UseCases>, ApiError> {
    request.app_data().ok_or_else(|| ApiError::internal("the use-cases are not wired"))
}

fn authenticate(request: &HttpRequest) -> Result<(&Data<UseCases>, Authentication), ApiError> {
    let token = bearer(request).ok_or_else(|| ApiError::named("missing_token"))?;
    let use_cases = use_cases(request)?;
    Ok((use_cases, use_cases.sessions.authenticate(token)?))
}

/// The claims of a refresh token. It is a handler's first argument, so that the token is checked before anything else.
#[derive(Debug)]
pub(crate) struct RefreshToken(pub(crate) RefreshClaims);

impl FromRequest for RefreshToken {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(read_refresh_token(request).map(Self))
    }
}

fn read_refresh_token(request: &HttpRequest) -> Result<RefreshClaims, ApiError> {
    let token = bearer(request).ok_or_else(|| ApiError::named("missing_refresh_token"))?;
    Ok(use_cases(request)?.sessions.read_refresh_token(token)?)
}
