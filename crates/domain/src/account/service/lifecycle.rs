//! Use-cases of the account lifecycle: disable, enable, erase; and the worker that advances erasures.

use std::sync::Arc;

use crate::account::{
    ErasureRepository, ErasureStep, LifecycleError, LifecycleRepository, PasswordAttempt, StateChange,
};
use crate::audit::{AuditEvent, AuditRecord};
use crate::auth::{Caller, EndedSessions, SessionError, SessionService};
use crate::error::PortError;
use crate::id::{SessionId, UserId};

/// The ports of [`LifecycleService`].
pub struct LifecyclePorts {
    /// Stores account states.
    pub accounts: Arc<dyn LifecycleRepository>,
    /// Checks the caller's password before an erasure.
    pub sessions: Arc<SessionService>,
    /// Caches ended sessions.
    pub ended: Arc<dyn EndedSessions>,
}

/// Erases, disables and enables accounts.
pub struct LifecycleService {
    ports: LifecyclePorts,
}

impl LifecycleService {
    /// Creates the service.
    #[must_use]
    pub const fn new(ports: LifecyclePorts) -> Self {
        Self { ports }
    }

    /// Erases the caller's account. [`ErasureService`] deletes its data afterwards.
    ///
    /// # Errors
    /// As [`SessionService::confirm_password`]; [`SessionError::SessionEnded`].
    pub async fn erase(&self, caller: Caller, attempt: &PasswordAttempt) -> Result<(), SessionError> {
        self.ports.sessions.confirm_password(caller, attempt).await?;
        let ended = self.ports.accounts.erase(caller).await?.ok_or(SessionError::SessionEnded)?;
        self.ports.sessions.audit(AuditRecord::of(AuditEvent::AccountErased).account(caller.user_id));
        self.refuse_access_tokens_of(ended);
        Ok(())
    }

    /// Erases an account, active or disabled, on an operator's word. [`ErasureService`] deletes its data afterwards.
    ///
    /// # Errors
    /// [`LifecycleError::UnknownUser`].
    pub async fn erase_by_operator(&self, user: UserId) -> Result<(), LifecycleError> {
        self.apply(self.ports.accounts.erase_by_operator(user).await?)
    }

    /// Disables an account: ends its sessions and refuses logins. Others still see it.
    ///
    /// # Errors
    /// [`LifecycleError::UnknownUser`].
    pub async fn disable(&self, user: UserId) -> Result<(), LifecycleError> {
        self.apply(self.ports.accounts.disable(user).await?)
    }

    /// Enables a disabled account, so that its owner can log in again.
    ///
    /// # Errors
    /// [`LifecycleError::UnknownUser`].
    pub async fn enable(&self, user: UserId) -> Result<(), LifecycleError> {
        self.apply(self.ports.accounts.enable(user).await?)
    }

    fn apply(&self, change: StateChange) -> Result<(), LifecycleError> {
        match change {
            StateChange::Done(ended) => {
                self.refuse_access_tokens_of(ended);
                Ok(())
            }
            StateChange::UnknownUser => Err(LifecycleError::UnknownUser),
        }
    }

    fn refuse_access_tokens_of(&self, sessions: Vec<SessionId>) {
        for session in sessions {
            self.ports.ended.mark_ended(session);
        }
    }
}

/// The step that [`ErasureService::advance`] performed.
#[derive(Debug)]
pub struct ErasureProgress {
    /// The erased account.
    pub user: UserId,
    /// The result. A failure concerns this erasure only; the others go on.
    pub step: Result<ErasureStep, PortError>,
}

/// Advances unfinished erasures in the background.
pub struct ErasureService {
    erasures: Arc<dyn ErasureRepository>,
}

impl ErasureService {
    /// Creates the service.
    #[must_use]
    pub fn new(erasures: Arc<dyn ErasureRepository>) -> Self {
        Self { erasures }
    }

    /// Performs one step of the next erasure after `after`, wrapping around to the first (round robin). Returns `None`
    /// without unfinished erasures.
    ///
    /// # Errors
    /// A `PortError` when looking for an erasure failed; a failed step is in [`ErasureProgress::step`].
    pub async fn advance(&self, after: Option<UserId>) -> Result<Option<ErasureProgress>, PortError> {
        let user = match self.erasures.pending(after).await? {
            None if after.is_some() => self.erasures.pending(None).await?,
            found => found,
        };
        let Some(user) = user else { return Ok(None) };
        Ok(Some(ErasureProgress { user, step: self.erasures.step(user).await }))
    }
}
