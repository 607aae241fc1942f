//! Login, reauthentication before sensitive actions, and password change.

use super::password_check::PasswordCheck;
use super::{
    Caller, EndReason, IssuedTokens, LoggedIn, NewSession, OpenedSession, PasswordChange,
    PasswordChangeOutcome, Session, SessionError, SessionService,
};
use crate::account::{Credentials, HashingTurn, LoginIdentifier, Password, PasswordAttempt, PasswordUpgrade};
use crate::audit::{AuditEvent, AuditRecord};
use crate::error::PortError;
use crate::id::UserId;
use crate::known_device::{ClientDevice, KnownDevice};
use crate::login_throttle::{EnteredIdentifier, ThrottleKey};

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
        let turn = HashingTurn::Login(login.client.address);
        self.ports.hasher.check_capacity(turn).await?;
        let identifier = login.identifier.parse();
        let known = self.recognize(identifier.as_ref(), &login.client).await?;
        let keys =
            known.clone().map_or_else(|| strangers_keys(&login), |device| vec![ThrottleKey::Known(device)]);
        let failure = AuditRecord::of(AuditEvent::LoginFailed).from_address(login.client.address);
        let check = PasswordCheck { turn, keys, identifier, attempt: &login.attempt, failure };
        let (credentials, session) = self.open_session(&check, &login.client).await?;
        self.audit_login(&session, &login.client, known.is_some());
        self.remember(session.user_id, &login.client).await;
        let (user_id, verified_hash) = (session.user_id, credentials.password_hash);
        self.ports.upgrades.upgrade(PasswordUpgrade { user_id, attempt: login.attempt, verified_hash });
        Ok(LoggedIn { user: credentials.user, tokens: self.issue(&session)? })
    }

    /// Verifies the password and opens a session, both once more if the stored hash changes in between.
    async fn open_session(
        &self,
        check: &PasswordCheck<'_>,
        client: &ClientDevice,
    ) -> Result<(Credentials, Session), SessionError> {
        let credentials = self.verify_throttled(check).await?;
        if let Some(session) = self.open_with(&credentials, client).await? {
            return Ok((credentials, session));
        }
        let credentials = self.verify_again(check).await?;
        let session = self.open_with(&credentials, client).await?.ok_or(SessionError::InvalidCredentials)?;
        Ok((credentials, session))
    }

    async fn open_with(
        &self,
        credentials: &Credentials,
        client: &ClientDevice,
    ) -> Result<Option<Session>, PortError> {
        let (user_id, verified_hash) = (credentials.user.id, credentials.password_hash.clone());
        let (device, most_open) = (client.name.clone(), self.most_open);
        let new = NewSession { user_id, verified_hash, device, most_open };
        let Some(OpenedSession { session, displaced }) = self.ports.sessions.open(&new).await? else {
            return Ok(None);
        };
        for session in displaced {
            self.audit_end(user_id, session, EndReason::Displaced);
            self.ports.ended.mark_ended(session);
        }
        Ok(Some(session))
    }

    /// Records a login, and that its device is new if the client can be recognised at all.
    fn audit_login(&self, session: &Session, client: &ClientDevice, is_known: bool) {
        let record = |event| {
            AuditRecord::of(event)
                .account(session.user_id)
                .in_session(session.id)
                .from_address(client.address)
        };
        self.audit(record(AuditEvent::Login));
        if !is_known && !client.origins().is_empty() {
            self.audit(record(AuditEvent::NewDevice));
        }
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
        self.reauthenticate(&own_password(caller, attempt)).await.map(|_| ())
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
        let check = own_password(caller, old);
        let Credentials { user, password_hash: verified_hash } = self.reauthenticate(&check).await?;
        new.require_other_than(Some(&user.uid), Some(&user.name))
            .map_err(|_| SessionError::PasswordIsIdentity)?;
        let new_hash = self.ports.hasher.hash(check.turn, new).await?;
        let mut change = PasswordChange { caller, verified_hash, new_hash };
        let mut outcome = self.ports.sessions.change_password(&change).await?;
        if outcome == PasswordChangeOutcome::OtherPassword {
            change.verified_hash = self.verify_again(&check).await?.password_hash;
            outcome = self.ports.sessions.change_password(&change).await?;
        }
        match outcome {
            PasswordChangeOutcome::Changed { session, ended } => {
                let changed = AuditRecord::of(AuditEvent::PasswordChanged).account(caller.user_id);
                self.audit(changed.in_session(caller.session_id));
                for session in ended {
                    self.ports.ended.mark_ended(session);
                }
                Ok(self.issue(&session)?)
            }
            PasswordChangeOutcome::OtherPassword => Err(SessionError::InvalidCredentials),
            PasswordChangeOutcome::Over => Err(SessionError::SessionEnded),
        }
    }

    async fn reauthenticate(&self, check: &PasswordCheck<'_>) -> Result<Credentials, SessionError> {
        self.ports.hasher.check_capacity(check.turn).await?;
        self.verify_throttled(check).await
    }
}

/// The check of a password that a logged-in caller confirms.
fn own_password(caller: Caller, attempt: &PasswordAttempt) -> PasswordCheck<'_> {
    let failure = AuditRecord::of(AuditEvent::PasswordRefused).in_session(caller.session_id);
    PasswordCheck {
        turn: HashingTurn::Account(caller.user_id),
        keys: vec![ThrottleKey::Session(caller.session_id)],
        identifier: Some(LoginIdentifier::Account(caller.user_id)),
        attempt,
        failure,
    }
}

/// The throttle keys of a login that no known device of the account makes.
fn strangers_keys(login: &Login) -> Vec<ThrottleKey> {
    let by_address = login.client.address.map(ThrottleKey::Address);
    std::iter::once(ThrottleKey::of(&login.identifier)).chain(by_address).collect()
}
