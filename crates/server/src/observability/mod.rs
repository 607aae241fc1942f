//! Observability: the log, the metrics, readiness, and the admin listener that serves the last two to operators.

pub(crate) mod admin;
pub(crate) mod audit;
pub(crate) mod log_limit;
pub mod logging;
pub(crate) mod metrics;
pub(crate) mod printable;
mod process;
pub(crate) mod readiness;
mod single_flight;
pub(crate) mod sockets;
