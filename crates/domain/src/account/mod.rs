//! Accounts: identity, profile, password, and the lifecycle from registration to erasure.
//!
//! Erasure takes effect in one short transaction. A background job then deletes the account's data in bounded steps,
//! see [`ErasureRepository`].

mod error;
mod model;
mod ports;
mod service;
#[cfg(test)]
mod tests;

pub use error::{LifecycleError, ProfileError, RegistrationError};
pub use model::{
    AccountState, AccountSummary, DisplayName, ErasureStage, HashingTurn, Nickname, Password,
    PasswordAttempt, PasswordHash, PhoneNumber, Profile, ProfileChange, Relation, Sharing, Uid, UidChange,
    UidChangeRefusal, User, decide_uid_change,
};
pub use ports::{
    Credentials, ErasureRepository, ErasureStep, LifecycleRepository, LoginIdentifier, NewUser,
    PasswordHasher, PasswordUpgrade, PasswordUpgrades, RandomSource, RegisterOutcome, StateChange,
    UidChangeOutcome, UidChangeRules, UserRepository,
};
#[cfg(any(test, feature = "test-support"))]
pub use ports::{
    MockErasureRepository, MockLifecycleRepository, MockPasswordHasher, MockPasswordUpgrades,
    MockRandomSource, MockUserRepository,
};
pub use service::{
    ErasureProgress, ErasureService, LifecyclePorts, LifecycleService, ProfileService, Registration,
    RegistrationMode, RegistrationPolicy, RegistrationPorts, RegistrationService,
};
