//! The use cases on accounts.

mod lifecycle;
mod profile;

pub use lifecycle::{AccountPorts, AccountService, ErasureProgress, ErasureService};
pub use profile::UserService;
