//! User profiles: identity values (uid, nickname, phone number, password), lookup by uid, and changes to the own
//! profile.

mod error;
mod model;
mod password;
mod ports;
mod service;
#[cfg(test)]
mod tests;

pub use error::UserError;
pub use model::{
    AccountSummary, DisplayName, Nickname, PhoneNumber, Profile, Relation, Uid, UidChange, UidChangeRefusal,
    User, decide_uid_change,
};
pub use password::{Password, PasswordAttempt, PasswordHash};
pub use ports::{
    Credentials, LoginIdentifier, NewUser, PasswordHasher, RandomSource, RegisterOutcome, UidChangeOutcome,
    UserRepository,
};
#[cfg(any(test, feature = "test-support"))]
pub use ports::{MockPasswordHasher, MockRandomSource, MockUserRepository};
pub use service::UserService;
