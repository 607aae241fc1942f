//! The use cases on accounts.

mod lifecycle;
mod profile;
mod registration;

pub use lifecycle::{AccountPorts, AccountService, ErasureProgress, ErasureService};
pub use profile::UserService;
pub use registration::{Registration, RegistrationPorts, RegistrationService};
