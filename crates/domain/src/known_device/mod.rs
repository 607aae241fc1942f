//! Known devices: the addresses and devices from which an account has logged in lately.
//!
//! Failed logins from a known device are counted apart from all others, so that strangers' guesses never delay the owner there
//! (the idea of OWASP's "device cookies", without a cookie).

mod model;
mod ports;
#[cfg(test)]
mod tests;

pub use model::{ClientDevice, DeviceId, KNOWN_FOR, KnownDevice, LoginOrigin};
pub use ports::KnownDevices;
#[cfg(any(test, feature = "test-support"))]
pub use ports::MockKnownDevices;
