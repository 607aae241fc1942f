//! The REST adapter: maps the HTTP contract onto the use-cases of `domain` with actix-web.
//!
//! Handlers translate; they make no decisions. This crate knows nothing below the domain's ports. The server gives it the
//! use-cases ([`UseCases`]), a [`ReadinessProbe`] and a [`RequestObserver`].
//!
//! - `routes`: every route on one screen; `app`: the application with its middleware.
//! - `rest`: request and response bodies and handlers, one file per feature.
//! - `admission`: how much of each account and address is in flight.
//! - `extract`: extractors for tokens, bodies, queries and paths.
//! - `response`: the JSON envelope, errors and cursors.
//! - `settings`: what the server sets.
//! - `http`: middleware and everything else that concerns HTTP, not one feature.
//! - `realtime`: the socket.
//! - `openapi`: the OpenAPI document.
//! - `redacted`: private values that are not printed.

mod admission;
mod app;
mod extract;
mod http;
mod openapi;
mod realtime;
mod redacted;
mod response;
mod rest;
mod routes;
mod settings;
mod state;

pub use admission::{AdmissionSettings, Bulkheads, RefusalRates};
pub use app::app;
pub use http::access_log::{CompletedRequest, RequestObserver};
pub use http::connection::{ConnectionAccount, ConnectionEnd};
pub use http::health::ReadinessProbe;
pub use http::proxies::{InvalidNetwork, TrustedProxies};
pub use http::startup::startup_app;
pub use openapi::{document, strict_document};
pub use realtime::{DeliveryObserver, Farewell, SocketHub, SocketLimits, SyncSource};
pub use response::error_catalog::error_names;
pub use settings::{ApiSettings, ServerFacts};
pub use state::UseCases;
