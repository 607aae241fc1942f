//! Client connections: time limits for what a client sends and takes, and the HTTP server on top of them.
//!
//! actix limits the time of the first request head of a connection only, and never the time in which a client reads an answer.
//! So the server puts a stream of its own between actix and the socket (`stream`), which follows where requests begin and end
//! (`framing`) and how many bytes wait for clients that do not read (`unread`).

mod framing;
mod http_server;
mod stream;
mod unread;

pub(crate) use http_server::{HttpSettings, listen};
pub(crate) use unread::UnreadLimits;
