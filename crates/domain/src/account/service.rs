use std::sync::Arc;

use super::{AccountError, AccountRepository, ErasureRepository, ErasureStep, StateChange};
use crate::error::PortError;
use crate::id::{SessionId, UserId};
use crate::session::{Caller, EndedSessions, SessionError, SessionService};
use crate::user::PasswordAttempt;

/// What the use-cases on an account as a whole need from the outside.
pub struct AccountPorts {
    /// Keeps the states of accounts.
    pub accounts: Arc<dyn AccountRepository>,
    /// Checks the password of the one who wants to be erased.
    pub sessions: Arc<SessionService>,
    /// Knows ended sessions.
    pub ended: Arc<dyn EndedSessions>,
}

/// The use-cases on an account as a whole: erasing it, disabling it, enabling it.
pub struct AccountService {
    ports: AccountPorts,
}

impl AccountService {
    /// Wires the use-cases.
    #[must_use]
    pub const fn new(ports: AccountPorts) -> Self {
        Self { ports }
    }

    /// Erases the caller's account, for ever. What belongs to it is removed by [`ErasureService`] afterwards.
    ///
    /// # Errors
    /// As [`SessionService::confirm_password`]; [`SessionError::SessionEnded`].
    pub async fn erase(&self, caller: Caller, attempt: &PasswordAttempt) -> Result<(), SessionError> {
        self.ports.sessions.confirm_password(caller, attempt).await?;
        let ended = self.ports.accounts.erase(caller).await?.ok_or(SessionError::SessionEnded)?;
        self.refuse_access_tokens_of(ended);
        Ok(())
    }

    /// Disables an account: its sessions end and nobody can log in to it. Others go on seeing it.
    ///
    /// # Errors
    /// [`AccountError::UnknownUser`].
    pub async fn disable(&self, user: UserId) -> Result<(), AccountError> {
        self.apply(self.ports.accounts.disable(user).await?)
    }

    /// Enables an account that was disabled: its owner can log in again.
    ///
    /// # Errors
    /// [`AccountError::UnknownUser`].
    pub async fn enable(&self, user: UserId) -> Result<(), AccountError> {
        self.apply(self.ports.accounts.enable(user).await?)
    }

    fn apply(&self, change: StateChange) -> Result<(), AccountError> {
        match change {
            StateChange::Done(ended) => {
                self.refuse_access_tokens_of(ended);
                Ok(())
            }
            StateChange::UnknownUser => Err(AccountError::UnknownUser),
        }
    }

    fn refuse_access_tokens_of(&self, sessions: Vec<SessionId>) {
        for session in sessions {
            self.ports.ended.mark_ended(session);
        }
    }
}

/// Which erasure was moved on, and what came of it.
#[derive(Debug)]
pub struct ErasureProgress {
    /// Whose.
    pub user: UserId,
    /// What the step has come to. A fault concerns this erasure alone; the others go on.
    pub step: Result<ErasureStep, PortError>,
}

/// The work on erasures that are not finished.
pub struct ErasureService {
    erasures: Arc<dyn ErasureRepository>,
}

impl ErasureService {
    /// Wires the work.
    #[must_use]
    pub fn new(erasures: Arc<dyn ErasureRepository>) -> Self {
        Self { erasures }
    }

    /// Moves the next erasure behind `after` on by one step, or else the very first one, so that all have their turns. None
    /// when there is none.
    ///
    /// # Errors
    /// Below the port, when not even an erasure was found.
    pub async fn advance(&self, after: Option<UserId>) -> Result<Option<ErasureProgress>, PortError> {
        let behind = self.erasures.pending(after).await?;
        let user = match behind {
            None if after.is_some() => self.erasures.pending(None).await?,
            found => found,
        };
        let Some(user) = user else { return Ok(None) };
        Ok(Some(ErasureProgress { user, step: self.erasures.step(user).await }))
    }
}
