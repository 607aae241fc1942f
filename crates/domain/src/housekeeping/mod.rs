//! Housekeeping: what is over is noted, and what nobody needs any more is forgotten.

mod model;
mod ports;
mod service;
#[cfg(test)]
mod tests;

pub use model::{Chore, Retention};
#[cfg(any(test, feature = "test-support"))]
pub use ports::MockHousekeepingRepository;
pub use ports::{HousekeepingRepository, Swept};
pub use service::HousekeepingService;
