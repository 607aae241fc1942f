//! What work runs on: background workers, bounded thread pools, and the load shedding in front of them.

pub(crate) mod admission;
pub(crate) mod fair_pool;
mod fair_queue;
mod job;
pub mod thread_pool;
pub mod worker;
