//! Serves 503 while the database is unavailable at start-up.
//!
//! Clients get a response with `Retry-After` instead of a refused connection, and `/healthz` shows that the process lives.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{Sender, channel};
use std::thread;

use actix_web::dev::ServerHandle;
use actix_web::http::header::{CACHE_CONTROL, ContentType};
use actix_web::rt::System;
use actix_web::{App, HttpResponse, HttpServer, web};
use anyhow::Context;
use api::ApiSettings;
use serde_json::json;

use crate::config::{MessageLanguage, Settings};
use crate::listener::Listener;

/// Sockets that listen already. A missing one is bound by the server that needs it.
#[derive(Debug, Default)]
pub struct BoundSockets {
    /// The API's socket.
    pub(crate) api: Option<(TcpListener, Listener)>,
    /// The admin listener's socket.
    pub(crate) admin: Option<TcpListener>,
}

/// Serves in place of the API and the admin listener, on a thread of its own. The sockets stay open when it stops: connections
/// that are made before the real servers take over wait in the backlog.
pub(crate) struct StartupServer {
    sockets: BoundSockets,
    handles: Vec<ServerHandle>,
}

/// What the server's thread takes over.
struct Task {
    api: TcpListener,
    admin: Option<TcpListener>,
    settings: ApiSettings,
    /// Receives a handle of each server that runs.
    handles: Sender<ServerHandle>,
}

impl StartupServer {
    /// Binds the sockets and serves.
    pub(crate) fn start(settings: &Settings) -> anyhow::Result<Self> {
        let bind = |address: SocketAddr| {
            TcpListener::bind(address)
                .with_context(|| format!("HONGYAN_ADMIN_BIND: cannot listen on {address}"))
        };
        let (api, listener) = Listener::bind("HONGYAN_BIND", settings.bind)?;
        let admin = settings.admin_bind.map(bind).transpose()?;
        let address = api.local_addr()?;
        let at_admin = admin.as_ref().map(TcpListener::local_addr).transpose()?.map(tracing::field::display);
        let (handles, receiver) = channel();
        let task = Task {
            api: api.try_clone()?,
            admin: admin.as_ref().map(TcpListener::try_clone).transpose()?,
            settings: ApiSettings {
                cors_origins: settings.cors_origins.clone(),
                english_by_default: settings.default_language == MessageLanguage::En,
                ..ApiSettings::default()
            },
            handles,
        };
        thread::Builder::new().name("startup".to_owned()).spawn(move || {
            if let Err(error) = System::new().block_on(serve(task)) {
                tracing::warn!(%error, "cannot serve 503 during start-up");
            }
        })?;
        let handles = receiver.iter().collect();
        tracing::warn!(%address, admin = at_admin, "serving 503 until the database is reachable");
        Ok(Self { sockets: BoundSockets { api: Some((api, listener)), admin }, handles })
    }

    /// Answers the accepted requests, stops, and returns the sockets for the real servers.
    pub(crate) fn stop(self) -> BoundSockets {
        System::new().block_on(async {
            for handle in self.handles {
                handle.stop(true).await;
            }
        });
        self.sockets
    }
}

async fn serve(task: Task) -> io::Result<()> {
    let Task { api, admin, settings, handles } = task;
    let server = HttpServer::new(move || api::startup_app(settings.clone())).workers(1).disable_signals();
    let server = server.shutdown_timeout(1).listen(api)?.run();
    // Sending fails only if the starter is gone; then the handle is not needed.
    let _ = handles.send(server.handle());
    if let Some(admin) = admin {
        let admin_server = HttpServer::new(|| {
            App::new()
                .route("/healthz", web::get().to(HttpResponse::Ok))
                .route("/readyz", web::get().to(not_ready))
        });
        let admin_server = admin_server.workers(1).disable_signals().shutdown_timeout(1);
        let admin_server = admin_server.listen(admin)?.run();
        let _ = handles.send(admin_server.handle());
        actix_web::rt::spawn(admin_server);
    }
    drop(handles);
    server.await
}

/// The admin listener's response of the same shape as after the start.
async fn not_ready() -> HttpResponse {
    HttpResponse::ServiceUnavailable()
        .insert_header(ContentType::json())
        .insert_header((CACHE_CONTROL, "no-store"))
        .force_close()
        .json(json!({
            "ready": false,
            "starting": true,
            "database_answers": false,
            "commits_return": true,
            "stopping": false,
            "not_durable": [],
        }))
}
