use std::sync::Arc;

use mockall::predicate::eq;
use pollster::block_on;

use super::{ExportError, ExportReader, ExportService, MockExportReader, MockExportRepository};
use crate::error::{ErrorKind, PortError};
use crate::testing::{assert_catalogue, assert_fault, fault, refusal, user};

fn service(prepare: impl FnOnce(&mut MockExportRepository)) -> ExportService {
    let mut exports = MockExportRepository::new();
    prepare(&mut exports);
    ExportService::new(Arc::new(exports))
}

#[test]
fn each_error_has_its_class_and_name() {
    assert_catalogue([
        (ExportError::AccountGone, ErrorKind::Unauthenticated, "session_ended"),
        (PortError::internal("broken").into(), ErrorKind::Internal, "internal_error"),
    ]);
}

#[test]
fn the_caller_exports_their_own_account() {
    let service = service(|exports| {
        exports.expect_open().with(eq(user(1))).once().returning(|_| {
            let mut reader = MockExportReader::new();
            reader.expect_next().once().returning(|| Ok(None));
            Ok(Some(Box::new(reader) as Box<dyn ExportReader>))
        });
    });
    let mut reader = block_on(service.open(user(1))).map_err(|error| error.to_string()).unwrap();
    assert_eq!(block_on(reader.next()).unwrap(), None);
}

#[test]
fn an_inactive_account_cannot_be_exported() {
    let over = service(|exports| {
        exports.expect_open().returning(|_| Ok(None));
    });
    assert_eq!(refusal(block_on(over.open(user(1)))), Some("session_ended"));
}

#[test]
fn a_port_error_is_passed_on() {
    let broken = service(|exports| {
        exports.expect_open().returning(|_| Err(fault()));
    });
    assert_fault(block_on(broken.open(user(1))));
}
