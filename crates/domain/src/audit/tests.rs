use std::net::IpAddr;

use uuid::Uuid;

use super::{AuditEvent, AuditRecord};
use crate::auth::EndReason;
use crate::id::SessionId;
use crate::login_throttle::ClientAddress;
use crate::testing::user;

#[test]
fn each_event_has_its_documented_name_and_detail() {
    for (event, name, detail) in [
        (AuditEvent::Login, "login", None),
        (AuditEvent::LoginFailed, "login_failed", None),
        (AuditEvent::NewDevice, "new_device", None),
        (AuditEvent::Registered, "registered", None),
        (AuditEvent::PasswordRefused, "password_refused", None),
        (AuditEvent::PasswordChanged, "password_changed", None),
        (AuditEvent::SessionEnded(EndReason::Logout), "session_ended", Some("logout")),
        (AuditEvent::RefreshTokenStolen, "refresh_token_stolen", None),
        (AuditEvent::AccountErased, "account_erased", None),
        (AuditEvent::ExportStarted, "export_started", None),
        (AuditEvent::Refused("request_quota_used_up"), "refused", Some("request_quota_used_up")),
        (AuditEvent::OperatorCommand("user_disable"), "operator_command", Some("user_disable")),
    ] {
        assert_eq!((event.name(), event.detail()), (name, detail));
    }
}

#[test]
fn a_record_names_the_account_the_session_and_the_address() {
    let session = SessionId::from_uuid(Uuid::from_u128(5));
    let address = ClientAddress::new(IpAddr::from([192, 0, 2, 7]));
    let record =
        AuditRecord::of(AuditEvent::Login).account(user(1)).in_session(session).from_address(address);
    assert!(address.is_some());
    assert_eq!(
        record,
        AuditRecord { event: AuditEvent::Login, user: Some(user(1)), session: Some(session), address }
    );
}
