//! Identity values, profiles, passwords and account states.

mod password;
mod profile;
mod state;

pub use password::{Password, PasswordAttempt, PasswordHash};
pub use profile::{
    AccountSummary, DisplayName, Nickname, PhoneNumber, Profile, Relation, Uid, UidChange, UidChangeRefusal,
    User, decide_uid_change,
};
pub use state::{AccountState, ErasureStage};
