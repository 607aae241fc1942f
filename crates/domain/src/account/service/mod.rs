//! The use-cases on accounts.

mod lifecycle;
mod profile;
mod registration;

pub use lifecycle::{ErasureProgress, ErasureService, LifecyclePorts, LifecycleService};
pub use profile::ProfileService;
pub use registration::{
    Registration, RegistrationMode, RegistrationPolicy, RegistrationPorts, RegistrationService,
};
