//! Finds, makes and runs a private PostgreSQL cluster: the server's own when it is given no database, and the tests'.
//!
//! The cluster listens on a unix socket in a folder that nobody else can enter, so that it needs no password. It is not
//! a child that dies with its server: a server that is killed leaves it running, and the next one on the same folder
//! adopts it. A lock on the folder keeps a second server away.
//!
//! This crate knows nothing of Hongyan's schema.

mod cluster;
mod error;
mod installation;
mod launch;
mod lock;
mod owner;
mod place;
mod process;
mod supervisor;

pub use cluster::{Cluster, ClusterOptions};
pub use error::Error;
pub use installation::Installation;
pub use supervisor::Supervisor;
