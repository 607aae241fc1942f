//! Signals between instances: a lossy broadcast of typing reports and of early notice of changes.
//!
//! A change that is signalled wakes those who wait for it on other instances before the change poll does. Nothing relies on it: a
//! signal that is lost costs the poll's time, and no statement that writes sends one or waits for one.
//!
//! | file | content |
//! |---|---|
//! | `outbox` | what waits to be sent, bounded |
//! | `batch` | the wire format |
//! | `exchange` | what is sent and what a received batch does, by whatever transport |
//! | `postgres` | the transport by `LISTEN` and `NOTIFY` |

mod batch;
mod exchange;
pub(crate) mod outbox;
mod postgres;

pub use postgres::PostgresSignals;
