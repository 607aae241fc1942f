//! Password verification under the login throttle.

use super::{SessionError, SessionService};
use crate::account::{Credentials, HashingTurn, LoginIdentifier, PasswordAttempt};
use crate::audit::AuditRecord;
use crate::error::PortError;
use crate::id::UserId;
use crate::login_throttle::{AttemptAdmission, AttemptResult, ThrottleKey};

/// A password to verify.
pub(super) struct PasswordCheck<'a> {
    pub(super) turn: HashingTurn,
    /// What a failure is counted under.
    pub(super) keys: Vec<ThrottleKey>,
    /// `None` if no account can have what was typed.
    pub(super) identifier: Option<LoginIdentifier>,
    pub(super) attempt: &'a PasswordAttempt,
    /// The audit record of a failure.
    pub(super) failure: AuditRecord,
}

/// The result of comparing a password with an account's.
enum Comparison {
    Right(Credentials),
    /// Wrong for this account, or there is none.
    Wrong(Option<UserId>),
}

impl SessionService {
    /// Verifies a password under the login throttle. The attempt counts as a failure before it is verified, so that
    /// concurrent attempts cannot exceed the limit, and is released unless it fails. A request cancelled in between
    /// stays counted. Callers check the capacity first: a login storm must not reach the database.
    pub(super) async fn verify_throttled(
        &self,
        check: &PasswordCheck<'_>,
    ) -> Result<Credentials, SessionError> {
        let (throttle, keys) = (&self.ports.throttle, &check.keys);
        if let AttemptAdmission::Refused { retry_after } = throttle.count(keys).await? {
            return Err(SessionError::TooManyAttempts(retry_after));
        }
        match self.compare(check).await {
            Ok(Comparison::Right(credentials)) => {
                throttle.release(keys, AttemptResult::Correct).await?;
                Ok(credentials)
            }
            Ok(Comparison::Wrong(user)) => Err(self.refuse(check, user)),
            Err(error) => {
                // The original error matters more; an attempt that stays counted expires.
                let _ = throttle.release(keys, AttemptResult::Unverified).await;
                Err(error.into())
            }
        }
    }

    /// Verifies a password again that was right a moment ago, because the stored hash has changed since. A login that replaces
    /// a hash of an outdated cost keeps the password.
    pub(super) async fn verify_again(&self, check: &PasswordCheck<'_>) -> Result<Credentials, SessionError> {
        match self.compare(check).await? {
            Comparison::Right(credentials) => Ok(credentials),
            Comparison::Wrong(user) => Err(self.refuse(check, user)),
        }
    }

    fn refuse(&self, check: &PasswordCheck<'_>, user: Option<UserId>) -> SessionError {
        self.audit(AuditRecord { user, ..check.failure });
        SessionError::InvalidCredentials
    }

    /// Verifies a password exactly once, whether the account exists or not.
    async fn compare(&self, check: &PasswordCheck<'_>) -> Result<Comparison, PortError> {
        let found = match &check.identifier {
            Some(identifier) => self.ports.users.credentials(identifier).await?,
            None => None,
        };
        let hash = found.as_ref().map(|credentials| credentials.password_hash.clone());
        let matches = self.ports.hasher.verify(check.turn, check.attempt, hash).await?;
        Ok(match found {
            Some(credentials) if matches => Comparison::Right(credentials),
            found => Comparison::Wrong(found.map(|credentials| credentials.user.id)),
        })
    }
}
