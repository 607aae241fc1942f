//! The admin listener: metrics, and readiness with its reasons. It is off by default and belongs on an address that only
//! operators can reach.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::http::KeepAlive;
use actix_web::http::header::{CACHE_CONTROL, ContentType};
use actix_web::middleware::DefaultHeaders;
use actix_web::{App, HttpResponse, HttpServer, web};
use anyhow::Context;
use serde_json::json;

use crate::observability::metrics::Metrics;
use crate::observability::readiness::Readiness;

/// An admin listener that is bound but not running yet.
pub(crate) struct AdminServer {
    pub(crate) server: Server,
    pub(crate) handle: ServerHandle,
    pub(crate) address: SocketAddr,
}

/// Limits for its clients, which are a few programs on the same network. Each connection serves one request: actix limits the
/// time of the first request head of a connection only, and a few connections that idle would keep all others out.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(5);
const MAX_CONNECTIONS: usize = 64;

impl AdminServer {
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
                .route("/metrics", web::get().to(render_metrics))
                .route("/healthz", web::get().to(HttpResponse::Ok))
                .route("/readyz", web::get().to(readiness_report))
        })
        .disable_signals()
        .workers(1)
        .max_connections(MAX_CONNECTIONS)
        .client_request_timeout(CLIENT_TIMEOUT)
        .keep_alive(KeepAlive::Disabled);
        let server = match listener {
            Some(listener) => server.listen(listener),
            None => server.bind(bind),
        };
        let server = server.with_context(|| format!("HONGYAN_ADMIN_BIND: cannot listen on {bind}"))?;
        let address = server.addrs().first().copied().context("the admin listener has no address")?;
        let server = server.run();
        Ok(Self { handle: server.handle(), server, address })
    }
}

async fn render_metrics(metrics: web::Data<Metrics>) -> HttpResponse {
    match metrics.text() {
        Ok(text) => HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(text),
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "cannot render metrics");
            HttpResponse::InternalServerError().finish()
        }
    }
}

async fn readiness_report(readiness: web::Data<Readiness>) -> HttpResponse {
    let database_answers = readiness.database_answers().await;
    let stopping = readiness.is_shutting_down();
    let commits_return = readiness.commits_return();
    let ready = database_answers && commits_return && !stopping;
    let mut response = if ready { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    response.insert_header(ContentType::json()).json(json!({
        "ready": ready,
        "starting": false,
        "database_answers": database_answers,
        "commits_return": commits_return,
        "stopping": stopping,
        "not_durable": readiness.not_durable(),
    }))
}
