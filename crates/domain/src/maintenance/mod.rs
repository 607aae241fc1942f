//! Periodic maintenance: expires requests and purges rows whose retention period has passed.

mod model;
mod ports;
mod service;
#[cfg(test)]
mod tests;

pub use model::{MaintenanceTask, Retention};
#[cfg(any(test, feature = "test-support"))]
pub use ports::MockMaintenanceRepository;
pub use ports::{MaintenanceRepository, SweepResult};
pub use service::MaintenanceService;
