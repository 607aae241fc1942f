//! Proxies before PostgreSQL's socket and before a server, with which tests and the harness of crashes observe or disturb connections. For tests
//! only.

mod commit_proxy;
mod socket_proxy;
mod tcp_proxy;

pub use commit_proxy::{CommitProxy, Cut};
pub use socket_proxy::{SocketProxy, host, socket_folder};
pub use tcp_proxy::{LinkFault, TcpProxy};
