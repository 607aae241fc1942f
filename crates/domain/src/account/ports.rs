use async_trait::async_trait;

use crate::error::PortError;
use crate::id::{SessionId, UserId};
use crate::session::Caller;

/// What came of disabling or enabling an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StateChange {
    /// The account is in the wanted state; these sessions were ended by the call.
    Done(Vec<SessionId>),
    /// There is no such account, or it is erased.
    UnknownUser,
}

/// Keeps the states of accounts.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
#[async_trait]
pub trait AccountRepository: Send + Sync {
    /// Erases the caller's account as far as that can be done in one short transaction, and tells which sessions were
    /// ended. None, and nothing done, unless [`super::AccountState::erase`] allows it and the caller's session is open.
    ///
    /// Once it is committed nobody MUST be able to log in to the account, refresh a session of it, find it, become its
    /// friend or write to it; its uid and its phone number MUST be free, and its name, password and devices gone. The rest
    /// MUST have been left to [`ErasureRepository`] by the same transaction. Its length MUST NOT depend on how many friends
    /// or messages there are.
    ///
    /// # Errors
    /// Below the port.
    async fn erase(&self, caller: Caller) -> Result<Option<Vec<SessionId>>, PortError>;

    /// Disables an account as [`super::AccountState::disable`] says and ends all its sessions.
    ///
    /// # Errors
    /// Below the port.
    async fn disable(&self, user: UserId) -> Result<StateChange, PortError>;

    /// Enables an account as [`super::AccountState::enable`] says. Its sessions stay ended.
    ///
    /// # Errors
    /// Below the port.
    async fn enable(&self, user: UserId) -> Result<StateChange, PortError>;
}

/// What a step of an erasure has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErasureStep {
    /// More is to be done.
    More,
    /// That was the last step.
    Finished,
    /// Somebody else is at it, or has finished it.
    Elsewhere,
}

/// Removes what belonged to erased accounts, in steps.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
#[async_trait]
pub trait ErasureRepository: Send + Sync {
    /// The erasure that is not finished and comes next behind `after` in the order of the accounts' ids.
    ///
    /// # Errors
    /// Below the port.
    async fn pending(&self, after: Option<UserId>) -> Result<Option<UserId>, PortError>;

    /// Does one more step of an erasure, in one transaction of bounded size.
    ///
    /// MUST keep how far it has come in that same transaction, so that nothing is lost or done by halves when a worker is
    /// killed. MUST let several workers be at it at once. MUST NOT wait for a pair while it holds another one in which
    /// somebody can still write.
    ///
    /// # Errors
    /// Below the port.
    async fn step(&self, user: UserId) -> Result<ErasureStep, PortError>;
}
