//! The port of the audit log.

use super::AuditRecord;

/// Writes the audit log.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
pub trait AuditLog: Send + Sync {
    /// Writes a record. MUST NOT block for long nor fail: a use-case does not depend on its record.
    fn record(&self, record: AuditRecord);
}
