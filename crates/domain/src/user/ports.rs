use std::time::Duration;

use async_trait::async_trait;

use super::{
    AccountSummary, Nickname, Password, PasswordAttempt, PasswordHash, PhoneNumber, Profile, Uid,
    UidChangeRefusal, User,
};
use crate::error::PortError;
use crate::id::UserId;
use crate::session::{DeviceName, Session};

/// What an account is made of.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// 微信号.
    pub uid: Uid,
    /// 昵称.
    pub name: Nickname,
    /// Unique when given.
    pub phone_number: Option<PhoneNumber>,
    /// Made by the [`PasswordHasher`].
    pub password_hash: PasswordHash,
}

/// What came of a registration.
#[derive(Debug, Clone)]
pub enum RegisterOutcome {
    /// The account is there and its first session is open.
    Registered(User, Session),
    /// Somebody has this uid, in whatever case.
    UidTaken,
    /// Somebody has this phone number.
    PhoneNumberTaken,
}

/// What came of a change of uid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UidChangeOutcome {
    /// The new uid is in force.
    Changed,
    /// Somebody else has it, in whatever case.
    Taken,
    /// The domain refused.
    Refused(UidChangeRefusal),
    /// The account is not there or not active.
    UnknownUser,
}

/// What somebody names oneself by to log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginIdentifier {
    /// By 微信号.
    Uid(Uid),
    /// By phone number.
    PhoneNumber(PhoneNumber),
    /// By being logged in already, when the password is asked for again.
    Account(UserId),
}

/// What a login is checked against.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The account.
    pub user: User,
    /// Its present password's hash.
    pub password_hash: PasswordHash,
}

/// Keeps the accounts.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
#[async_trait]
pub trait UserRepository: Send + Sync {
    /// Makes an account and its first session, both or neither.
    ///
    /// MUST let exactly one of several concurrent claims of a uid (whatever its case) or a phone number win, and MUST
    /// judge the uid before the phone number.
    ///
    /// # Errors
    /// Below the port.
    async fn register(&self, user: &NewUser, device: &DeviceName) -> Result<RegisterOutcome, PortError>;

    /// What a login by `identifier` is checked against. MUST be none for an account that is not active.
    ///
    /// # Errors
    /// Below the port.
    async fn credentials(&self, identifier: &LoginIdentifier) -> Result<Option<Credentials>, PortError>;

    /// The active account with this id, and what waits for its owner. The unread messages MUST be the sum of those that
    /// the list of conversations shows, and no request that is overdue MUST be counted.
    ///
    /// # Errors
    /// Below the port.
    async fn overview(&self, id: UserId) -> Result<Option<AccountSummary>, PortError>;

    /// Gives an active account a new name, and shows it as it is then.
    ///
    /// # Errors
    /// Below the port.
    async fn rename(&self, id: UserId, name: &Nickname) -> Result<Option<AccountSummary>, PortError>;

    /// The account with this uid, whatever its case, as `viewer` sees it. MUST NOT find erased accounts.
    ///
    /// # Errors
    /// Below the port.
    async fn find_by_uid(&self, viewer: UserId, uid: &Uid) -> Result<Option<Profile>, PortError>;

    /// Gives an account a new uid if [`super::decide_uid_change`] allows it by the database's clock.
    ///
    /// MUST let exactly one of several concurrent claims of the same uid win.
    ///
    /// # Errors
    /// Below the port.
    async fn change_uid(
        &self,
        id: UserId,
        wanted: &Uid,
        interval: Duration,
    ) -> Result<UidChangeOutcome, PortError>;
}

/// Hashes passwords, slowly and on threads of its own.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
#[async_trait]
pub trait PasswordHasher: Send + Sync {
    /// Whether a check that is asked for now has its turn in time. MUST cost next to nothing, so that it can be asked before
    /// anything else is done for somebody who will be sent away.
    ///
    /// # Errors
    /// Unavailable when too many wait already.
    async fn check_capacity(&self) -> Result<(), PortError>;

    /// Hashes a new password. MUST let every character count.
    ///
    /// # Errors
    /// Unavailable when too many wait already.
    async fn hash(&self, password: &Password) -> Result<PasswordHash, PortError>;

    /// Whether the attempt matches. With no hash (no such account) it MUST cost the same and be false.
    ///
    /// # Errors
    /// Unavailable when too many wait already.
    async fn verify(&self, attempt: &PasswordAttempt, hash: Option<PasswordHash>) -> Result<bool, PortError>;
}

/// Unpredictable bytes.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
pub trait RandomSource: Send + Sync {
    /// Sixteen bytes that nobody can foresee.
    ///
    /// # Errors
    /// When the system gives none.
    fn bytes(&self) -> Result<[u8; 16], PortError>;
}
