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
                tracing::warn!(target: "audit", kind, event = name, detail, user, address, "request refused");
            }
            AuditEvent::LoginFailed | AuditEvent::PasswordRefused | AuditEvent::RefreshTokenStolen => {
                let (user, session, address) =
                    (user.map(display), session.map(display), address.map(display));
                tracing::warn!(target: "audit", event = name, user, session, address, "suspicious");
            }
            _ => {
                let (user, session, address) =
                    (user.map(display), session.map(display), address.map(display));
                tracing::info!(target: "audit", event = name, detail, user, session, address, "done");
            }
        }
    }
}
