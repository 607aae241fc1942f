//! The listener of those who look after the server: metrics, and readiness with its reasons. It is off by default and meant
//! for an address that the world cannot reach.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::http::header::{CACHE_CONTROL, ContentType};
use actix_web::middleware::DefaultHeaders;
use actix_web::{App, HttpResponse, HttpServer, web};
use anyhow::Context;
use serde_json::json;

use crate::metrics::Metrics;
use crate::readiness::Readiness;

/// A listener that is bound, but not running yet.
pub(crate) struct Admin {
    pub(crate) server: Server,
    pub(crate) handle: ServerHandle,
    pub(crate) address: SocketAddr,
}

/// How long anybody may take, and how many may be connected: these are a few programs on the same network.
const PATIENCE: Duration = Duration::from_secs(5);
const CONNECTIONS: usize = 64;

impl Admin {
    pub(crate) fn build(
        bind: SocketAddr,
        metrics: Arc<Metrics>,
        readiness: Arc<Readiness>,
        listener: Option<TcpListener>,
    ) -> anyhow::Result<Self> {
        let (metrics, readiness) = (web::Data::from(metrics), web::Data::from(readiness));
        let server = HttpServer::new(move || {
            App::new()
                .app_data(metrics.clone())
                .app_data(readiness.clone())
                .wrap(DefaultHeaders::new().add((CACHE_CONTROL, "no-store")))
                .route("/metrics", web::get().to(measured))
                .route("/healthz", web::get().to(HttpResponse::Ok))
                .route("/readyz", web::get().to(ready))
        })
        .disable_signals()
        .workers(1)
        .max_connections(CONNECTIONS)
        .client_request_timeout(PATIENCE)
        .keep_alive(PATIENCE);
        let server = match listener {
            Some(listener) => server.listen(listener),
            None => server.bind(bind),
        };
        let server = server.with_context(|| format!("HONGYAN_ADMIN_BIND: cannot listen on {bind}"))?;
        let address = server.addrs().first().copied().context("the admin listener listens nowhere")?;
        let server = server.run();
        Ok(Self { handle: server.handle(), server, address })
    }
}

async fn measured(metrics: web::Data<Metrics>) -> HttpResponse {
    match metrics.text() {
        Ok(text) => HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(text),
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "the metrics cannot be written");
            HttpResponse::InternalServerError().finish()
        }
    }
}

async fn ready(readiness: web::Data<Readiness>) -> HttpResponse {
    let database_answers = readiness.database_answers().await;
    let stopping = readiness.is_stopping();
    let ready = database_answers && !stopping;
    let mut answer = if ready { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    answer.insert_header(ContentType::json()).json(json!({
        "ready": ready,
        "starting": false,
        "database_answers": database_answers,
        "stopping": stopping,
        "not_durable": readiness.not_durable(),
    }))
}
