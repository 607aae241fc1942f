//! Identity values, profiles, passwords and account states.

mod identity;
mod password;
mod profile;
mod state;
mod visible;

pub use identity::{DisplayName, Nickname, PhoneNumber, Uid};
pub use password::{HashingTurn, Password, PasswordAttempt, PasswordHash};
pub use profile::{
    AccountSummary, Profile, ProfileChange, Relation, Sharing, UidChange, UidChangeRefusal, User,
    decide_uid_change,
};
pub use state::{AccountState, ErasureStage};
