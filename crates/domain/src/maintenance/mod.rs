//! Housekeeping: what is over is noted, and what nobody needs any more is forgotten.

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
