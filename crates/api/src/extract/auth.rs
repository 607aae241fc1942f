//! Bearer tokens: the authenticated and admitted caller, and the refresh token.

use std::future::{Future, Ready, ready};
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use domain::auth::{Authentication, Caller, RefreshClaims};
use domain::id::UserId;
use futures_util::future::Either;

use crate::admission::{Bulkheads, RequestArrival, RequestPermit, Requester};
use crate::http::connection::ConnectionAccount;
use crate::response::error::ApiError;
use crate::state::UseCases;

/// The future of an extractor that seldom waits.
pub(super) type NearlyReady<T> =
    Either<Ready<Result<T, ApiError>>, Pin<Box<dyn Future<Output = Result<T, ApiError>>>>>;

/// The token of an `Authorization: Bearer` header.
pub(crate) fn bearer(request: &HttpRequest) -> Option<&str> {
    let header = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = header.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// The caller that the access token authenticates, admitted: the handler holds one of the account's places among the requests in
/// flight. It is a handler's first argument, so that the token is checked before the body is read.
pub(crate) struct AuthUser(
    pub(crate) Caller,
    #[expect(dead_code, reason = "it is held until the handler ends")] RequestPermit,
);

impl AuthUser {
    /// The id of the caller's account.
    pub(crate) const fn id(&self) -> UserId {
        self.0.user_id
    }
}

impl FromRequest for AuthUser {
    type Error = ApiError;
    /// Nearly always `Left`: verified and admitted without I/O and without allocation.
    type Future = NearlyReady<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let (authenticated, admission) = match authenticate(request).and_then(|authenticated| {
            let admission = app_data::<Bulkheads>(request)?;
            Ok((authenticated, admission))
        }) {
            Ok(found) => found,
            Err(error) => return Either::Left(ready(Err(error))),
        };
        let arrival = admission.request(Requester::Account(authenticated.caller().user_id));
        match (authenticated, arrival) {
            (Authenticated::Now(caller), RequestArrival::Admitted(permit)) => {
                Either::Left(ready(Ok(Self(caller, permit))))
            }
            (authenticated, arrival) => Either::Right(Box::pin(async move {
                let permit = arrival.permit().await?;
                Ok(Self(authenticated.confirmed().await?, permit))
            })),
        }
    }
}

/// The caller of a route with a limit or a queue of its own, which is not counted among the account's requests in flight.
pub(crate) struct UncountedCaller(pub(crate) Caller);

impl UncountedCaller {
    /// The id of the caller's account.
    pub(crate) const fn id(&self) -> UserId {
        self.0.user_id
    }
}

impl FromRequest for UncountedCaller {
    type Error = ApiError;
    type Future = NearlyReady<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        match authenticate(request) {
            Ok(Authenticated::Now(caller)) => Either::Left(ready(Ok(Self(caller)))),
            Ok(authenticated) => {
                Either::Right(Box::pin(async move { Ok(Self(authenticated.confirmed().await?)) }))
            }
            Err(error) => Either::Left(ready(Err(error))),
        }
    }
}

/// A caller whose token is valid.
enum Authenticated {
    /// The session is known to be open.
    Now(Caller),
    /// The database must be asked whether it is.
    AfterLookup(Data<UseCases>, Caller),
}

impl Authenticated {
    const fn caller(&self) -> Caller {
        match self {
            Self::Now(caller) | Self::AfterLookup(_, caller) => *caller,
        }
    }

    async fn confirmed(self) -> Result<Caller, ApiError> {
        match self {
            Self::Now(caller) => Ok(caller),
            Self::AfterLookup(use_cases, caller) => Ok(use_cases.sessions.confirm(caller).await?),
        }
    }
}

/// What the application shares with all requests.
pub(crate) fn app_data<T: 'static>(request: &HttpRequest) -> Result<&Data<T>, ApiError> {
    request.app_data().ok_or_else(|| ApiError::internal("the application is not wired"))
}

/// The caller of a request, as far as its token says; for records about a request that was refused.
pub(crate) fn caller_of(request: &HttpRequest) -> Option<Caller> {
    authenticate(request).ok().map(|authenticated| authenticated.caller())
}

fn authenticate(request: &HttpRequest) -> Result<Authenticated, ApiError> {
    let token = bearer(request).ok_or_else(|| ApiError::named("missing_token"))?;
    let use_cases = app_data::<UseCases>(request)?;
    Ok(match use_cases.sessions.authenticate(token)? {
        Authentication::Verified(caller) => {
            if let Some(connection) = request.conn_data::<ConnectionAccount>() {
                connection.set(caller.user_id);
            }
            Authenticated::Now(caller)
        }
        Authentication::NeedsLookup(caller) => Authenticated::AfterLookup(use_cases.clone(), caller),
    })
}

/// The claims of a refresh token, admitted among the account's requests. It is a handler's first argument, so that the token is
/// checked before anything else.
pub(crate) struct RefreshToken(
    pub(crate) RefreshClaims,
    #[expect(dead_code, reason = "it is held until the handler ends")] RequestPermit,
);

impl FromRequest for RefreshToken {
    type Error = ApiError;
    type Future = NearlyReady<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let found = read_refresh_token(request).and_then(|claims| {
            let admission = app_data::<Bulkheads>(request)?;
            let arrival = admission.request(Requester::Account(claims.user_id));
            Ok((claims, arrival))
        });
        match found {
            Ok((claims, RequestArrival::Admitted(permit))) => Either::Left(ready(Ok(Self(claims, permit)))),
            Ok((claims, arrival)) => {
                Either::Right(Box::pin(async move { Ok(Self(claims, arrival.permit().await?)) }))
            }
            Err(error) => Either::Left(ready(Err(error))),
        }
    }
}

fn read_refresh_token(request: &HttpRequest) -> Result<RefreshClaims, ApiError> {
    let token = bearer(request).ok_or_else(|| ApiError::named("missing_refresh_token"))?;
    Ok(app_data::<UseCases>(request)?.sessions.read_refresh_token(token)?)
}
