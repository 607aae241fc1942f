//! Listing and ending sessions.

use std::num::NonZeroU32;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{
    Caller, EndReason, EndedSessions, SessionError, SessionLimits, SessionPage, SessionPageRequest,
    SessionRepository, TokenCodec, TokenLifetimes,
};
use crate::account::{PasswordHasher, PasswordUpgrades, UserRepository};
use crate::audit::{AuditEvent, AuditLog, AuditRecord};
use crate::clock::Clock;
use crate::id::{SessionId, UserId};
use crate::known_device::KnownDevices;
use crate::login_throttle::LoginThrottle;

/// The ports of [`SessionService`].
pub struct SessionPorts {
    /// Stores accounts.
    pub users: Arc<dyn UserRepository>,
    /// Stores sessions.
    pub sessions: Arc<dyn SessionRepository>,
    /// Stores the failure records of the login throttle.
    pub throttle: Arc<dyn LoginThrottle>,
    /// Stores from where accounts have logged in.
    pub known_devices: Arc<dyn KnownDevices>,
    /// Hashes passwords.
    pub hasher: Arc<dyn PasswordHasher>,
    /// Replaces hashes of an outdated cost.
    pub upgrades: Arc<dyn PasswordUpgrades>,
    /// Records logins and ended sessions.
    pub audit: Arc<dyn AuditLog>,
    /// Signs and verifies tokens.
    pub tokens: Arc<dyn TokenCodec>,
    /// Caches ended sessions.
    pub ended: Arc<dyn EndedSessions>,
    /// The clock by which tokens expire.
    pub clock: Arc<dyn Clock>,
}

/// The use-cases of sessions. This file lists and ends sessions; `login` verifies passwords; `tokens` issues and
/// verifies tokens.
pub struct SessionService {
    pub(super) ports: SessionPorts,
    pub(super) lifetimes: TokenLifetimes,
    pub(super) most_open: Option<NonZeroU32>,
}

impl SessionService {
    /// Creates the service, without a limit of open sessions.
    #[must_use]
    pub const fn new(ports: SessionPorts, lifetimes: TokenLifetimes) -> Self {
        Self { ports, lifetimes, most_open: None }
    }

    /// Limits the open sessions of an account: a further login ends the one that was unused the longest.
    #[must_use]
    pub fn keeping_open(self, most_open: Option<NonZeroU32>) -> Self {
        Self { most_open, ..self }
    }

    /// Writes a record to the audit log.
    pub(crate) fn audit(&self, record: AuditRecord) {
        self.ports.audit.record(record);
    }

    pub(super) fn audit_end(&self, user: UserId, session: SessionId, reason: EndReason) {
        self.audit(AuditRecord::of(AuditEvent::SessionEnded(reason)).account(user).in_session(session));
    }

    /// The present time, by the clock of tokens.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.ports.clock.now()
    }

    /// Ends the caller's session.
    ///
    /// # Errors
    /// Any `PortError` from the adapter.
    pub async fn logout(&self, caller: Caller) -> Result<(), SessionError> {
        if self.ports.sessions.end(caller.session_id, caller.user_id, EndReason::Logout).await? {
            self.audit_end(caller.user_id, caller.session_id, EndReason::Logout);
        }
        self.ports.ended.mark_ended(caller.session_id);
        Ok(())
    }

    /// The open sessions of the caller's account, newest first.
    ///
    /// # Errors
    /// Any `PortError` from the adapter.
    pub async fn list(&self, caller: UserId, page: &SessionPageRequest) -> Result<SessionPage, SessionError> {
        let idle = self.lifetimes.refresh.max(self.lifetimes.access);
        let limits = SessionLimits { life: self.lifetimes.session_max, idle };
        Ok(self.ports.sessions.list(caller, limits, page).await?)
    }

    /// Ends one session of the caller's account.
    ///
    /// # Errors
    /// [`SessionError::UnknownSession`], also if the session is already over.
    pub async fn end(&self, caller: Caller, session: SessionId) -> Result<(), SessionError> {
        if !self.ports.sessions.end(session, caller.user_id, EndReason::EndedByOwner).await? {
            return Err(SessionError::UnknownSession);
        }
        self.audit_end(caller.user_id, session, EndReason::EndedByOwner);
        self.ports.ended.mark_ended(session);
        Ok(())
    }

    /// Ends all other sessions of the caller's account.
    ///
    /// # Errors
    /// Any `PortError` from the adapter.
    pub async fn end_others(&self, caller: Caller) -> Result<(), SessionError> {
        for session in self.ports.sessions.end_others(caller).await? {
            self.audit_end(caller.user_id, session, EndReason::EndedByOwner);
            self.ports.ended.mark_ended(session);
        }
        Ok(())
    }
}
