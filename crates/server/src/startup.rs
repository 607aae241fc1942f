//! Listening before there is a database, so that everybody is told to come again instead of finding a closed door.

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

use crate::config::Settings;
use crate::entrance::Entrance;

/// Sockets that listen already. One that is missing is made by whoever needs it.
#[derive(Debug, Default)]
pub struct Listeners {
    /// Of the API.
    pub(crate) api: Option<(TcpListener, Entrance)>,
    /// Of those who look after the server.
    pub(crate) admin: Option<TcpListener>,
}

/// Stands in for the API and the admin listener until there is a database. It runs on a thread of its own; whoever connects in
/// the moment between it and the real ones waits in the sockets, which stay open.
pub(crate) struct StandIn {
    listeners: Listeners,
    handles: Vec<ServerHandle>,
}

impl StandIn {
    /// Listens and answers.
    pub(crate) fn start(settings: &Settings) -> anyhow::Result<Self> {
        let bind = |address: SocketAddr| {
            TcpListener::bind(address)
                .with_context(|| format!("HONGYAN_ADMIN_BIND: cannot listen on {address}"))
        };
        let (api, entrance) = Entrance::open("HONGYAN_BIND", settings.bind)?;
        let admin = settings.admin_bind.map(bind).transpose()?;
        let clones = (api.try_clone()?, admin.as_ref().map(TcpListener::try_clone).transpose()?);
        let address = api.local_addr()?;
        let at_admin = admin.as_ref().map(TcpListener::local_addr).transpose()?.map(tracing::field::display);
        let cors_origins = settings.cors_origins.clone();
        let (sender, receiver) = channel();
        thread::Builder::new().name("waiting".to_owned()).spawn(move || {
            let api_settings = ApiSettings { cors_origins, ..ApiSettings::default() };
            if let Err(error) = System::new().block_on(serve(clones, api_settings, sender)) {
                tracing::warn!(%error, "nobody can be told that the database is waited for");
            }
        })?;
        let handles = receiver.iter().collect();
        tracing::warn!(%address, admin = at_admin, "everybody is told to come again meanwhile");
        Ok(Self { listeners: Listeners { api: Some((api, entrance)), admin }, handles })
    }

    /// Answers whoever has been accepted, and leaves the sockets to others.
    pub(crate) fn stop(self) -> Listeners {
        System::new().block_on(async {
            for handle in self.handles {
                handle.stop(true).await;
            }
        });
        self.listeners
    }
}

async fn serve(
    (api, admin): (TcpListener, Option<TcpListener>),
    settings: ApiSettings,
    handles: Sender<ServerHandle>,
) -> io::Result<()> {
    let server = HttpServer::new(move || api::startup_app(settings.clone())).workers(1).disable_signals();
    let server = server.shutdown_timeout(1).listen(api)?.run();
    // Nobody stops what nobody waits for any more.
    let _ = handles.send(server.handle());
    if let Some(admin) = admin {
        let watched = HttpServer::new(|| {
            App::new()
                .route("/healthz", web::get().to(HttpResponse::Ok))
                .route("/readyz", web::get().to(not_ready))
        });
        let watched = watched.workers(1).disable_signals().shutdown_timeout(1).listen(admin)?.run();
        let _ = handles.send(watched.handle());
        actix_web::rt::spawn(watched);
    }
    drop(handles);
    server.await
}

/// As the admin listener answers later on.
async fn not_ready() -> HttpResponse {
    HttpResponse::ServiceUnavailable()
        .insert_header(ContentType::json())
        .insert_header((CACHE_CONTROL, "no-store"))
        .force_close()
        .json(json!({
            "ready": false,
            "starting": true,
            "database_answers": false,
            "stopping": false,
            "not_durable": [],
        }))
}
