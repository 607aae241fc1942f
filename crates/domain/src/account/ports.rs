use async_trait::async_trait;

use crate::auth::Caller;
use crate::error::PortError;
use crate::id::{SessionId, UserId};

/// The result of disabling or enabling an account.
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
pub trait AccountRepository: Send + Sync {
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
