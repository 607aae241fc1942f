use crate::error::{PortError, domain_error};

/// Why a use-case on accounts refuses.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// Nobody has this uid, or the account is no more.
    #[error("there is no such user")]
    UnknownUser,
    /// The caller's own account is no more; its tokens are worth nothing.
    #[error("the caller's account is no more")]
    AccountGone,
    /// Somebody else has this uid, in whatever case.
    #[error("the uid is taken")]
    UidTaken,
    /// It is the caller's uid already, letter by letter.
    #[error("the new uid is the present one")]
    UidUnchanged,
    /// The setting that limits changes forbids it still.
    #[error("the uid was changed too recently")]
    UidChangedTooRecently,
    /// Below the port.
    #[error(transparent)]
    Port(#[from] PortError),
}

domain_error!(UserError {
    UnknownUser => Invalid, "unknown_user";
    AccountGone => Unauthenticated, "session_ended";
    UidTaken => Invalid, "uid_taken";
    UidUnchanged => Invalid, "uid_unchanged";
    UidChangedTooRecently => Invalid, "uid_changed_too_recently";
});
