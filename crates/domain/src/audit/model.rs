//! Events of the audit log.

use crate::auth::EndReason;
use crate::id::{SessionId, UserId};
use crate::login_throttle::ClientAddress;

/// What happened. The names are documented in `docs/OPERATIONS.md` and are never changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditEvent {
    /// An account logged in.
    Login,
    /// A wrong password, or no such account.
    LoginFailed,
    /// An account logged in from an address or a device that it did not know.
    NewDevice,
    /// An account was registered.
    Registered,
    /// A password that a logged-in caller confirmed was wrong.
    PasswordRefused,
    /// An account's password was changed; its other sessions ended.
    PasswordChanged,
    /// A session ended for this reason.
    SessionEnded(EndReason),
    /// A used refresh token was presented again; the session ended.
    RefreshTokenStolen,
    /// An account was erased.
    AccountErased,
    /// An export of everything about an account began.
    ExportStarted,
    /// A request was refused because it exceeded a limit; the name of the error.
    Refused(&'static str),
    /// An operator ran this command.
    OperatorCommand(&'static str),
}

impl AuditEvent {
    /// The event's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::LoginFailed => "login_failed",
            Self::NewDevice => "new_device",
            Self::Registered => "registered",
            Self::PasswordRefused => "password_refused",
            Self::PasswordChanged => "password_changed",
            Self::SessionEnded(_) => "session_ended",
            Self::RefreshTokenStolen => "refresh_token_stolen",
            Self::AccountErased => "account_erased",
            Self::ExportStarted => "export_started",
            Self::Refused(_) => "refused",
            Self::OperatorCommand(_) => "operator_command",
        }
    }

    /// Why a session ended, which error a refusal is, or which command an operator ran.
    #[must_use]
    pub const fn detail(self) -> Option<&'static str> {
        match self {
            Self::SessionEnded(reason) => Some(reason.name()),
            Self::Refused(name) | Self::OperatorCommand(name) => Some(name),
            _ => None,
        }
    }
}

/// An event with the account, the session and the address that it concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditRecord {
    /// What happened.
    pub event: AuditEvent,
    /// The account, if there is one.
    pub user: Option<UserId>,
    /// The session, if there is one.
    pub session: Option<SessionId>,
    /// The client's address, if it distinguishes clients.
    pub address: Option<ClientAddress>,
}

impl AuditRecord {
    /// A record of an event, so far without account, session and address.
    #[must_use]
    pub const fn of(event: AuditEvent) -> Self {
        Self { event, user: None, session: None, address: None }
    }

    /// Names the account.
    #[must_use]
    pub const fn account(self, user: UserId) -> Self {
        Self { user: Some(user), ..self }
    }

    /// Names the session.
    #[must_use]
    pub const fn in_session(self, session: SessionId) -> Self {
        Self { session: Some(session), ..self }
    }

    /// Names the client's address, if it is known.
    #[must_use]
    pub const fn from_address(self, address: Option<ClientAddress>) -> Self {
        Self { address, ..self }
    }
}
