//! Sessions on PostgreSQL.

mod list;
mod password;
mod queries;
mod revocation;
mod rotate;

use std::sync::Arc;

use async_trait::async_trait;
use domain::auth::{
    Caller, EndReason, NewSession, OpenedSession, PasswordChange, PasswordChangeOutcome, RefreshAttempt,
    RotateOutcome, SessionLimits, SessionPage, SessionPageRequest, SessionRepository,
};
use domain::error::PortError;
use domain::id::{SessionId, UserId};

use crate::db::Db;

pub(super) use queries::{end_locked, insert, lock_open, reason_as_db_str};
pub(crate) use revocation::recently_ended;

/// Sessions on PostgreSQL.
#[derive(Clone)]
pub struct PgSessionRepository {
    db: Arc<Db>,
}

impl PgSessionRepository {
    /// Creates the repository on `db`.
    #[must_use]
    pub const fn new(db: Arc<Db>) -> Self {
        Self { db }
    }
}

#[async_trait]
impl SessionRepository for PgSessionRepository {
    async fn open(&self, session: &NewSession) -> Result<Option<OpenedSession>, PortError> {
        let session = session.clone();
        self.db.change(move |connection| queries::open(connection, &session)).await
    }

    async fn rotate(&self, attempt: &RefreshAttempt) -> Result<RotateOutcome, PortError> {
        let (attempt, claims) = (attempt.clone(), attempt.claims);
        let outcome = self.db.change(move |connection| rotate::rotate(connection, &attempt)).await?;
        if matches!(outcome, RotateOutcome::Stolen) {
            // The token itself must not be logged.
            let (session, user) = (claims.session_id, claims.user_id);
            tracing::warn!(%session, %user, "session ended: refresh token reused after its grace period");
        }
        Ok(outcome)
    }

    async fn end(&self, session: SessionId, owner: UserId, reason: EndReason) -> Result<bool, PortError> {
        self.db.change(move |connection| queries::end(connection, session, owner, reason)).await
    }

    async fn end_others(&self, caller: Caller) -> Result<Vec<SessionId>, PortError> {
        self.db.change(move |connection| queries::end_all_others(connection, caller)).await
    }

    async fn list(
        &self,
        owner: UserId,
        limits: SessionLimits,
        page: &SessionPageRequest,
    ) -> Result<SessionPage, PortError> {
        let page = page.clone();
        self.db.run(move |connection| list::list(connection, owner, limits, &page)).await
    }

    async fn is_open(&self, caller: Caller) -> Result<bool, PortError> {
        self.db.run(move |connection| revocation::is_open(connection, caller)).await
    }

    async fn change_password(&self, change: &PasswordChange) -> Result<PasswordChangeOutcome, PortError> {
        let change = change.clone();
        self.db.change(move |connection| password::change(connection, &change)).await
    }
}
