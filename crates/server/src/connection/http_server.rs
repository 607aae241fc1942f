//! The HTTP server: actix's, on guarded streams.
//!
//! `actix_web::HttpServer` accepts nothing but sockets, so this puts together what it is made of: actix's accepting server and its
//! HTTP service.

use std::fmt;
use std::future::ready;
use std::io;
use std::net::TcpListener;
use std::time::Duration;

use actix_http::{HttpService, Protocol, Request, Response};
use actix_service::{IntoServiceFactory, ServiceFactoryExt, map_config};
use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{AppConfig, Server, Service, ServiceFactory, fn_service};
use actix_web::rt::net::TcpStream;

use super::stream::GuardedStream;
use super::unread::{UnreadBytes, UnreadLimits};

/// The settings of the server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HttpSettings {
    pub(crate) workers: usize,
    pub(crate) connections_per_worker: usize,
    /// How long a connection can idle between two requests.
    pub(crate) keep_alive: Duration,
    /// Longest time from the first byte of a request head to its last.
    pub(crate) head_timeout: Duration,
    /// Limits for clients that do not read.
    pub(crate) unread: UnreadLimits,
    /// How long accepted requests can take to finish at the end.
    pub(crate) shutdown: Duration,
}

impl HttpSettings {
    /// How long a connection can take to close.
    const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
}

/// The server for the application that `app` makes for each worker.
pub(crate) fn listen<F, I, S, B>(listener: TcpListener, settings: HttpSettings, app: F) -> io::Result<Server>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<Error> + 'static,
    S::InitError: fmt::Debug,
    S::Response: Into<Response<B>> + 'static,
    <S::Service as Service<Request>>::Future: 'static,
    S::Service: 'static,
    B: MessageBody + 'static,
{
    let server = Server::build()
        .workers(settings.workers)
        .max_concurrent_connections(settings.connections_per_worker)
        .shutdown_timeout(settings.shutdown.as_secs())
        .disable_signals();
    let (stopping, unread) = (server.graceful_shutdown_signal(), UnreadBytes::new(settings.unread));
    let server = server.listen("api", listener, move || {
        let (stopping, unread) = (stopping.clone(), unread.clone());
        let app = app().into_factory().map_err(|error| error.into().error_response());
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .keep_alive(settings.keep_alive)
            .client_request_timeout(settings.head_timeout)
            .client_disconnect_timeout(HttpSettings::CLOSE_TIMEOUT)
            .on_connect_ext(|stream: &GuardedStream, data| {
                data.insert(stream.account());
                data.insert(stream.end());
            })
            .finish(map_config(app, |()| AppConfig::default()));
        fn_service(move |io: TcpStream| {
            let peer = io.peer_addr().ok();
            let stream = GuardedStream::new(io, settings.head_timeout, &unread);
            ready(Ok((stream, Protocol::Http1, peer)))
        })
        .and_then(http)
    })?;
    Ok(server.run())
}
