//! An embedded PostgreSQL cluster: the server uses it when no database is configured, and the tests use it always.
//!
//! The cluster listens on a Unix socket in a folder that only its owner can enter, so it needs no password. It does not die
//! with the server process: a killed server leaves it running, and the next server on the same folder adopts it. A lock on
//! the folder keeps a second server out.
//!
//! This crate knows nothing of Hongyan's schema.

mod binding;
mod cluster;
mod error;
mod file;
mod installation;
mod launch;
mod lock;
mod log_rotation;
mod note;
mod options;
mod owner;
mod paths;
mod process;
mod program;
mod served;
mod standby;
mod supervisor;

pub use cluster::{Cluster, ClusterState};
pub use error::Error;
pub use installation::Installation;
pub use log_rotation::{LogLimits, LogState};
pub use options::ClusterOptions;
pub use program::clear_environment;
pub use supervisor::Supervisor;
