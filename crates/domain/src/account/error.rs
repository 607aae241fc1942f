//! Refusals of registration, profiles and the account lifecycle, each with its class and stable name.

use std::time::Duration;

use crate::error::{PortError, domain_error};

/// Refusals of disabling, enabling and erasing an account by an operator.
#[derive(Debug, thiserror::Error)]
pub enum LifecycleError {
    /// The account does not exist or is erased.
    #[error("there is no such user")]
    UnknownUser,
    /// A port failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

domain_error!(LifecycleError {
    UnknownUser => Invalid, "unknown_user";
});

/// Refusals of registration.
#[derive(Debug, thiserror::Error)]
pub enum RegistrationError {
    /// Another account has this uid; case is ignored.
    #[error("the uid is taken")]
    UidTaken,
    /// Another account has this phone number.
    #[error("the phone number is taken")]
    PhoneNumberTaken,
    /// This server accepts no registrations.
    #[error("registration is closed")]
    Closed,
    /// The invite does not exist, is used up or has expired.
    #[error("there is no such invite")]
    InviteUnknown,
    /// The quota of the client's address, or of all together, is used up for this long.
    #[error("the quota of registrations is used up")]
    QuotaUsedUp(Duration),
    /// A port failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

domain_error!(RegistrationError {
    UidTaken => Invalid, "uid_taken";
    PhoneNumberTaken => Invalid, "phone_number_taken";
    Closed => Conflict, "registration_closed";
    InviteUnknown => Invalid, "invite_unknown";
    QuotaUsedUp(retry_after) => Throttled, "registration_quota_used_up";
});

/// Refusals of reading and changing profiles.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// No account has this uid, or it is erased.
    #[error("there is no such user")]
    UnknownUser,
    /// The caller's own account is erased or disabled, so its tokens are no longer valid.
    #[error("the caller's account is gone")]
    AccountGone,
    /// Another account has this uid; case is ignored.
    #[error("the uid is taken")]
    UidTaken,
    /// The new uid equals the current one, including case.
    #[error("the new uid equals the current one")]
    UidUnchanged,
    /// The configured interval since the last change has not passed.
    #[error("the uid was changed too recently")]
    UidChangedTooRecently,
    /// The caller's quota of uid changes is used up for this long.
    #[error("the caller's quota of uid changes is used up")]
    UidChangesUsedUp(Duration),
    /// The caller's quota of look-ups is used up for this long.
    #[error("the caller's quota of look-ups is used up")]
    LookupsUsedUp(Duration),
    /// A port failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

domain_error!(ProfileError {
    UnknownUser => Invalid, "unknown_user";
    AccountGone => Unauthenticated, "session_ended";
    UidTaken => Invalid, "uid_taken";
    UidUnchanged => Invalid, "uid_unchanged";
    UidChangedTooRecently => Invalid, "uid_changed_too_recently";
    UidChangesUsedUp(retry_after) => Throttled, "uid_change_quota_used_up";
    LookupsUsedUp(retry_after) => Throttled, "lookup_quota_used_up";
});
