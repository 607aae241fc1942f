//! The audit log: one event of the target `audit` per record.

use domain::audit::{AuditEvent, AuditLog, AuditRecord};
use domain::id::UserId;
use domain::login_throttle::ClientAddress;
use tracing::field::display;

/// Records that an operator ran a command, on this account if on one.
pub(crate) fn record_command(name: &'static str, user: Option<UserId>) {
    TracingAuditLog.record(AuditRecord { user, ..AuditRecord::of(AuditEvent::OperatorCommand(name)) });
}

/// Writes audit records to the log.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct TracingAuditLog;

impl AuditLog for TracingAuditLog {
    fn record(&self, record: AuditRecord) {
        let AuditRecord { event, user, session, address } = record;
        let address = address.map(ClientAddress::get);
        let (name, detail) = (event.name(), event.detail());
        match event {
            AuditEvent::Refused(error) => {
                // Refusals are limited to one line per error, account or address, and second.
                let of = user.map_or_else(|| format!("{address:?}"), |user| user.to_string());
                let kind = format!("{error} {of}");
                let (user, address) = (user.map(display), address.map(display));
                tracing::warn!(target: "audit", kind, event = name, detail, user, address, "{}", sentence(event));
            }
            AuditEvent::LoginFailed | AuditEvent::PasswordRefused | AuditEvent::RefreshTokenStolen => {
                let (user, session, address) =
                    (user.map(display), session.map(display), address.map(display));
                tracing::warn!(target: "audit", event = name, user, session, address, "{}", sentence(event));
            }
            _ => {
                let (user, session, address) =
                    (user.map(display), session.map(display), address.map(display));
                tracing::info!(target: "audit", event = name, detail, user, session, address, "{}", sentence(event));
            }
        }
    }
}

/// What happened, for a person who reads the log.
const fn sentence(event: AuditEvent) -> &'static str {
    match event {
        AuditEvent::Login => "an account logged in",
        AuditEvent::LoginFailed => "a login failed",
        AuditEvent::NewDevice => "an account logged in from an address or a device that it did not know",
        AuditEvent::Registered => "an account was registered",
        AuditEvent::PasswordRefused => "a session confirmed with a wrong password",
        AuditEvent::PasswordChanged => "a password was changed",
        AuditEvent::SessionEnded(_) => "a session ended",
        AuditEvent::RefreshTokenStolen => "a used refresh token was presented again; the session ended",
        AuditEvent::AccountErased => "an account was erased by its owner",
        AuditEvent::ExportStarted => "an export began",
        AuditEvent::Refused(_) => "request refused",
        AuditEvent::OperatorCommand(_) => "an operator ran a command",
    }
}
