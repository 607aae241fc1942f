//! Password verification: login, reauthentication before sensitive actions, and password change.

use super::{
    Caller, IssuedTokens, LoggedIn, NewSession, PasswordChange, PasswordChangeOutcome, SessionError,
    SessionService,
};
use crate::account::{Credentials, LoginIdentifier, Password, PasswordAttempt};
use crate::error::PortError;
use crate::id::UserId;
use crate::known_device::{ClientDevice, KnownDevice};
use crate::login_throttle::{Admission, AttemptResult, EnteredIdentifier, ThrottleKey};

/// A login attempt.
#[derive(Debug, Clone)]
pub struct Login {
    /// The typed identifier; an account may exist for it or not.
    pub identifier: EnteredIdentifier,
    /// The typed password.
    pub attempt: PasswordAttempt,
    /// The client, by which the login may be recognised.
    pub client: ClientDevice,
}

impl SessionService {
    /// Logs in. Every mismatch costs one password verification and gets the same response, so that neither the response
    /// nor its time reveals which accounts exist.
    ///
    /// # Errors
    /// [`SessionError::InvalidCredentials`] for every mismatch; [`SessionError::TooManyAttempts`] after too many of
    /// these for the identifier or from the address, or from this known device of the account.
    pub async fn login(&self, login: Login) -> Result<LoggedIn, SessionError> {
        self.ports.hasher.check_capacity().await?;
        let identifier = login.identifier.parse();
        let keys = match self.recognize(identifier.as_ref(), &login.client).await? {
            Some(device) => vec![ThrottleKey::Known(device)],
            None => strangers_keys(&login),
        };
        let credentials = self.verify_throttled(&keys, identifier, &login.attempt).await?;
        let session = NewSession {
            user_id: credentials.user.id,
            verified_hash: credentials.password_hash,
            device: login.client.name.clone(),
        };
        let session = self.ports.sessions.open(&session).await?.ok_or(SessionError::InvalidCredentials)?;
        self.remember(session.user_id, &login.client).await;
        Ok(LoggedIn { user: credentials.user, tokens: self.issue(&session)? })
    }

    /// The known device that the client is, if it is one of the account with this identifier.
    async fn recognize(
        &self,
        identifier: Option<&LoginIdentifier>,
        client: &ClientDevice,
    ) -> Result<Option<KnownDevice>, PortError> {
        let origins = client.origins();
        match identifier {
            Some(identifier) if !origins.is_empty() => {
                self.ports.known_devices.recognize(identifier, &origins).await
            }
            _ => Ok(None),
        }
    }

    /// Remembers from where an account has just logged in. A failure does not undo the login: the device is only counted
    /// as a stranger's next time.
    pub(crate) async fn remember(&self, user: UserId, client: &ClientDevice) {
        let origins = client.origins();
        if !origins.is_empty() {
            let _ = self.ports.known_devices.remember(user, &origins).await;
        }
    }

    /// Reauthenticates the caller by the account's password.
    ///
    /// # Errors
    /// [`SessionError::InvalidCredentials`]; [`SessionError::TooManyAttempts`] after too many of these in the session.
    pub async fn confirm_password(
        &self,
        caller: Caller,
        attempt: &PasswordAttempt,
    ) -> Result<(), SessionError> {
        self.reauthenticate(caller, attempt).await.map(|_| ())
    }

    /// Changes the caller's password, issues new tokens and ends all other sessions of the account.
    ///
    /// # Errors
    /// As [`Self::confirm_password`]; [`SessionError::PasswordIsIdentity`], [`SessionError::SessionEnded`].
    pub async fn change_password(
        &self,
        caller: Caller,
        old: &PasswordAttempt,
        new: &Password,
    ) -> Result<IssuedTokens, SessionError> {
        let Credentials { user, password_hash: verified_hash } = self.reauthenticate(caller, old).await?;
        new.require_other_than(Some(&user.uid), Some(&user.name))
            .map_err(|_| SessionError::PasswordIsIdentity)?;
        let new_hash = self.ports.hasher.hash(new).await?;
        let change = PasswordChange { caller, verified_hash, new_hash };
        match self.ports.sessions.change_password(&change).await? {
            PasswordChangeOutcome::Changed { session, ended } => {
                for session in ended {
                    self.ports.ended.mark_ended(session);
                }
                Ok(self.issue(&session)?)
            }
            PasswordChangeOutcome::OtherPassword => Err(SessionError::InvalidCredentials),
            PasswordChangeOutcome::Over => Err(SessionError::SessionEnded),
        }
    }

    async fn reauthenticate(
        &self,
        caller: Caller,
        attempt: &PasswordAttempt,
    ) -> Result<Credentials, SessionError> {
        self.ports.hasher.check_capacity().await?;
        let account = LoginIdentifier::Account(caller.user_id);
        self.verify_throttled(&[ThrottleKey::Session(caller.session_id)], Some(account), attempt).await
    }

    /// Verifies a password under the login throttle. The attempt counts as a failure before it is verified, so that
    /// concurrent attempts cannot exceed the limit, and is released unless it fails. A request cancelled in between
    /// stays counted. Callers check the capacity first: a login storm must not reach the database.
    async fn verify_throttled(
        &self,
        keys: &[ThrottleKey],
        identifier: Option<LoginIdentifier>,
        attempt: &PasswordAttempt,
    ) -> Result<Credentials, SessionError> {
        let throttle = &self.ports.throttle;
        if let Admission::Refused { retry_after } = throttle.count(keys).await? {
            return Err(SessionError::TooManyAttempts(retry_after));
        }
        match self.verify(identifier, attempt).await {
            Ok(Some(credentials)) => {
                throttle.release(keys, AttemptResult::Correct).await?;
                Ok(credentials)
            }
            Ok(None) => Err(SessionError::InvalidCredentials),
            Err(error) => {
                // The original error matters more; an attempt that stays counted expires.
                let _ = throttle.release(keys, AttemptResult::Unverified).await;
                Err(error.into())
            }
        }
    }

    /// Verifies a password exactly once, whether the account exists or not.
    async fn verify(
        &self,
        identifier: Option<LoginIdentifier>,
        attempt: &PasswordAttempt,
    ) -> Result<Option<Credentials>, PortError> {
        let credentials = match &identifier {
            Some(identifier) => self.ports.users.credentials(identifier).await?,
            None => None,
        };
        let hash = credentials.as_ref().map(|credentials| credentials.password_hash.clone());
        let matches = self.ports.hasher.verify(attempt, hash).await?;
        Ok(credentials.filter(|_| matches))
    }
}

/// The throttle keys of a login that no known device of the account makes.
fn strangers_keys(login: &Login) -> Vec<ThrottleKey> {
    let by_address = login.client.address.map(ThrottleKey::Address);
    std::iter::once(ThrottleKey::of(&login.identifier)).chain(by_address).collect()
}
