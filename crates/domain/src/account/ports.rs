//! Ports of accounts: their storage, password hashing, randomness and resumable erasure.

use std::time::Duration;

use async_trait::async_trait;

use super::{
    AccountSummary, HashingTurn, Nickname, Password, PasswordAttempt, PasswordHash, PhoneNumber, Profile,
    ProfileChange, Uid, UidChangeRefusal, User,
};
use crate::auth::{Caller, DeviceName, Session};
use crate::error::PortError;
use crate::id::{SessionId, UserId};
use crate::invite::InviteCode;
use crate::quota::QuotaRate;

/// An account to register.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// 微信号.
    pub uid: Uid,
    /// 昵称.
    pub name: Nickname,
    /// Unique if given.
    pub phone_number: Option<PhoneNumber>,
    /// From the [`PasswordHasher`].
    pub password_hash: PasswordHash,
    /// The invite to redeem, if the registration needs one.
    pub invite: Option<InviteCode>,
}

/// The result of a registration.
#[derive(Debug, Clone)]
pub enum RegisterOutcome {
    /// The account exists and its first session is open.
    Registered(User, Session),
    /// Another account has this uid; case is ignored.
    UidTaken,
    /// Another account has this phone number.
    PhoneNumberTaken,
    /// The invite does not exist, is used up or has expired.
    InviteUnknown,
}

/// The configured rules for changing a uid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UidChangeRules {
    /// The least time between two changes; zero for no limit.
    pub interval: Duration,
    /// The rate of changes and of attempts that find the uid taken; `None` for no limit.
    pub quota: Option<QuotaRate>,
}

/// The result of a uid change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UidChangeOutcome {
    /// The new uid is in force.
    Changed,
    /// Another account has it; case is ignored.
    Taken,
    /// [`super::decide_uid_change`] refused.
    Refused(UidChangeRefusal),
    /// The account's quota is used up for this long.
    QuotaUsedUp(Duration),
    /// The account does not exist or is not active.
    UnknownUser,
}

/// How the account of a password check is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginIdentifier {
    /// By uid (微信号).
    Uid(Uid),
    /// By phone number.
    PhoneNumber(PhoneNumber),
    /// By the caller's own id, to reauthenticate.
    Account(UserId),
}

/// An account with the hash that a password attempt is verified against.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The account.
    pub user: User,
    /// The hash of its current password.
    pub password_hash: PasswordHash,
}

/// Stores accounts: their identity, profile and password hash.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
#[async_trait]
pub trait UserRepository: Send + Sync {
    /// Creates an account and its first session atomically.
    ///
    /// Of concurrent claims of one uid (ignoring case) or phone number exactly one MUST win. An unknown invite MUST take
    /// precedence over a taken uid, and that over a taken phone number. A uid that another account gave up within
    /// [`Uid::RETIREMENT`] MUST count as taken. An invite MUST be used once if the account is created and not at all otherwise;
    /// of concurrent registrations with the last use exactly one MUST win.
    ///
    /// # Errors
    /// Any `PortError` from the adapter.
    async fn register(&self, user: &NewUser, device: &DeviceName) -> Result<RegisterOutcome, PortError>;

    /// The credentials of an account. MUST be `None` for an account that is not active.
    ///
    /// # Errors
    /// Any `PortError` from the adapter.
    async fn credentials(&self, identifier: &LoginIdentifier) -> Result<Option<Credentials>, PortError>;

    /// The active account with this id and its counters. The unread total MUST equal the sum over the list of
    /// conversations. Expired requests and those of blocked users MUST
    /// NOT be counted.
    ///
    /// # Errors
    /// Any `PortError` from the adapter.
    async fn summary(&self, id: UserId) -> Result<Option<AccountSummary>, PortError>;

    /// Changes an active account's profile and returns its new state.
    ///
    /// # Errors
    /// Any `PortError` from the adapter.
    async fn change_profile(
        &self,
        id: UserId,
        change: &ProfileChange,
    ) -> Result<Option<AccountSummary>, PortError>;

    /// The account with this uid (ignoring case) as `viewer` sees it. MUST NOT find erased accounts.
    ///
    /// # Errors
    /// Any `PortError` from the adapter.
    async fn find_by_uid(&self, viewer: UserId, uid: &Uid) -> Result<Option<Profile>, PortError>;

    /// The account with this id as `viewer` sees it. MUST find the viewer's own account, its friends, and those of requests that
    /// are pending between the two and shown to the viewer; no others. MUST take as long for an account that is not
    /// found as for one that does not exist.
    ///
    /// # Errors
    /// Any `PortError` from the adapter.
    async fn find_by_id(&self, viewer: UserId, id: UserId) -> Result<Option<Profile>, PortError>;

    /// Changes an account's uid if [`super::decide_uid_change`] and then the quota allow it by the database's clock.
    ///
    /// Of concurrent claims of one uid exactly one MUST win. The old uid MUST stay reserved for the account for
    /// [`Uid::RETIREMENT`]. A claim of a taken uid MUST count against the quota, so that the
    /// answers cannot be used to look for accounts.
    ///
    /// # Errors
    /// Any `PortError` from the adapter.
    async fn change_uid(
        &self,
        id: UserId,
        wanted: &Uid,
        rules: UidChangeRules,
    ) -> Result<UidChangeOutcome, PortError>;
}

/// A deliberately slow password hash that runs on its own threads. Kinds of work MUST take turns, and so MUST the clients of a
/// kind, so that none of them can shut the others out.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
#[async_trait]
pub trait PasswordHasher: Send + Sync {
    /// Load shedding: fails fast if a check queued now would not run in time. MUST cost next to nothing, so that an
    /// overloaded instance refuses logins before it does any other work for them.
    ///
    /// # Errors
    /// `Unavailable` when the queue is too long.
    async fn check_capacity(&self, turn: HashingTurn) -> Result<(), PortError>;

    /// Hashes a new password. Every character MUST matter.
    ///
    /// # Errors
    /// `Unavailable` when the queue is too long.
    async fn hash(&self, turn: HashingTurn, password: &Password) -> Result<PasswordHash, PortError>;

    /// Whether the attempt matches the hash. Without a hash (no such account) it MUST take as long and return false, so
    /// that response times do not reveal which accounts exist.
    ///
    /// # Errors
    /// `Unavailable` when the queue is too long.
    async fn verify(
        &self,
        turn: HashingTurn,
        attempt: &PasswordAttempt,
        hash: Option<PasswordHash>,
    ) -> Result<bool, PortError>;
}

/// A password that was right, and the hash it was compared with.
#[derive(Debug, Clone)]
pub struct PasswordUpgrade {
    /// The account.
    pub user_id: UserId,
    /// The password.
    pub attempt: PasswordAttempt,
    /// The hash.
    pub verified_hash: PasswordHash,
}

/// Replaces password hashes of a lower cost than the present one.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
pub trait PasswordUpgrades: Send + Sync {
    /// Hashes the password again in the background if its hash has a lower cost, and replaces the hash if it is still the
    /// verified one. MUST return at once, and MUST NOT lower a cost.
    fn upgrade(&self, upgrade: PasswordUpgrade);
}

/// A cryptographically secure source of random bytes.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
pub trait RandomSource: Send + Sync {
    /// Sixteen random bytes.
    ///
    /// # Errors
    /// When the operating system's generator fails.
    fn bytes(&self) -> Result<[u8; 16], PortError>;
}

/// The result of disabling, enabling or erasing an account by an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StateChange {
    /// The account is in the wanted state. The call ended these sessions.
    Done(Vec<SessionId>),
    /// The account does not exist or is erased.
    UnknownUser,
}

/// Stores account states.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
#[async_trait]
pub trait LifecycleRepository: Send + Sync {
    /// Marks the caller's account as erased and returns the sessions that this ended. Returns `None` and changes
    /// nothing unless [`super::AccountState::erase`] allows it and the caller's session is open.
    ///
    /// After the commit it MUST be impossible to log in to the account, refresh one of its sessions, find it, befriend
    /// it or write to it. Its uid and phone number MUST be free, and its name, password and device names deleted. The
    /// same transaction MUST queue the rest for [`ErasureRepository`]. The length of the transaction MUST NOT depend on
    /// the number of friends or messages.
    ///
    /// # Errors
    /// Any `PortError` from the adapter.
    async fn erase(&self, caller: Caller) -> Result<Option<Vec<SessionId>>, PortError>;

    /// As [`Self::erase`], by an operator: without a session, if [`super::AccountState::erase_by_operator`] allows it.
    ///
    /// # Errors
    /// Any `PortError` from the adapter.
    async fn erase_by_operator(&self, user: UserId) -> Result<StateChange, PortError>;

    /// Disables an account if [`super::AccountState::disable`] allows it, and ends all its sessions.
    ///
    /// # Errors
    /// Any `PortError` from the adapter.
    async fn disable(&self, user: UserId) -> Result<StateChange, PortError>;

    /// Enables an account if [`super::AccountState::enable`] allows it. Its sessions stay ended.
    ///
    /// # Errors
    /// Any `PortError` from the adapter.
    async fn enable(&self, user: UserId) -> Result<StateChange, PortError>;
}

/// The result of one step of an erasure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErasureStep {
    /// More steps are needed.
    More,
    /// That was the last step.
    Finished,
    /// Another worker holds the erasure or has finished it.
    Elsewhere,
}

/// A persistent job queue that deletes the data of erased accounts in bounded steps.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
#[async_trait]
pub trait ErasureRepository: Send + Sync {
    /// The first unfinished erasure after `after`, in the order of account ids.
    ///
    /// # Errors
    /// Any `PortError` from the adapter.
    async fn pending(&self, after: Option<UserId>) -> Result<Option<UserId>, PortError>;

    /// Performs the next step of an erasure in one transaction of bounded size.
    ///
    /// MUST save its progress in the same transaction, so that killing a worker neither loses nor half-applies a step.
    /// MUST allow several workers at once. MUST NOT wait for the lock of a pair while it holds another pair that still
    /// has an active member, because that would block a sender.
    ///
    /// # Errors
    /// Any `PortError` from the adapter.
    async fn step(&self, user: UserId) -> Result<ErasureStep, PortError>;
}
