//! The endpoint of the socket: who may open one. What is refused is refused before the upgrade, in the envelope.

use std::sync::Arc;

use actix_web::http::header::{AUTHORIZATION, ORIGIN};
use actix_web::rt::spawn;
use actix_web::{HttpRequest, HttpResponse, web};

use super::farewell::Farewell;
use super::identity::{Identity, identify};
use super::incoming::Incoming;
use super::outlet::Outlet;
use super::socket::Socket;
use crate::admission::Bulkheads;
use crate::extract::{bearer, client_address};
use crate::http::connection::{ConnectionAccount, ConnectionEnd};
use crate::http::language::Language;
use crate::http::origin;
use crate::response::error::ApiError;
use crate::response::invalid_field::{FieldRule, InvalidField};
use crate::settings::ApiSettings;
use crate::state::UseCases;

/// The subprotocol, which clients may leave out.
const PROTOCOL: &str = "hongyan.1";

/// Opens a socket.
pub(crate) async fn open_socket(
    request: HttpRequest,
    payload: web::Payload,
    use_cases: web::Data<UseCases>,
    admission: web::Data<Bulkheads>,
    settings: web::Data<ApiSettings>,
) -> Result<HttpResponse, ApiError> {
    check(&request)?;
    let identity = given(&request, &use_cases).await?;
    let hub = Arc::clone(&settings.sockets);
    let place = hub.admit(client_address(&request)).filter(|_| !admission.is_ending());
    let place = place.ok_or(ApiError::not_ready())?;
    let (response, session, messages) = actix_ws::handle_with_protocols(&request, payload, &[PROTOCOL])
        .map_err(|_| ApiError::missing_field("Upgrade".to_owned()))?;
    if let Some(connection) = request.conn_data::<ConnectionEnd>() {
        connection.leave_http();
    }
    let socket = Socket {
        use_cases,
        admission,
        language: Language::of(&request),
        outlet: Outlet::new(session, Arc::clone(&hub)),
        incoming: Incoming::new(messages),
        place,
        identity,
        hub,
    };
    spawn(socket.run());
    Ok(response)
}

/// A token in the address would be in logs, and a page of another site may not open a socket.
fn check(request: &HttpRequest) -> Result<(), ApiError> {
    let mut names = request.query_string().split('&').map(|pair| pair.split('=').next().unwrap_or_default());
    if names.any(|name| name.eq_ignore_ascii_case("token") || name.eq_ignore_ascii_case("access_token")) {
        return Err(InvalidField::new("token", FieldRule::Exclusive("Authorization")).into());
    }
    let is_foreign = |origin| !origin::is_permitted(origin, request);
    if request.headers().get(ORIGIN).is_some_and(is_foreign) {
        return Err(ApiError::named("origin_not_allowed"));
    }
    Ok(())
}

/// The identity of the handshake's header, if it has one.
async fn given(request: &HttpRequest, use_cases: &UseCases) -> Result<Option<Identity>, ApiError> {
    if !request.headers().contains_key(AUTHORIZATION) {
        return Ok(None);
    }
    let token = bearer(request).ok_or_else(|| ApiError::named("missing_token"))?;
    let identity = identify(use_cases, token).await.map_err(|farewell| match farewell {
        Farewell::SessionEnded => ApiError::named("session_ended"),
        Farewell::Overloaded => ApiError::not_ready(),
        _ => ApiError::named("invalid_token"),
    })?;
    if let Some(connection) = request.conn_data::<ConnectionAccount>() {
        connection.set(identity.caller.user_id);
    }
    Ok(Some(identity))
}
