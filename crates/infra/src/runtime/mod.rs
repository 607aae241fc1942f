//! What work runs on: background workers, bounded thread pools, and the load shedding in front of them.

pub(crate) mod admission;
pub(crate) mod fair_pool;
mod fair_queue;
pub(crate) mod job;
pub mod task_group;
pub mod thread_pool;
pub(crate) mod watchdog;
pub(crate) mod watched_thread;
pub mod worker;
