//! Why a socket ends, and the close code that says so.

use actix_ws::{CloseCode, CloseReason};

/// Why a socket ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Farewell {
    /// The client has closed its side, or is gone.
    Left,
    /// The instance stops, or the database has another history now.
    Restart,
    /// The instance cannot serve the socket.
    Overloaded,
    /// A frame is larger than 4 KiB.
    TooLarge,
    /// A frame that is not JSON, is binary, has the wrong shape or a malformed cursor.
    Malformed,
    /// The token is missing, forged, expired, of the wrong kind, or of another session or user.
    Unauthenticated,
    /// The token's life has ended without a fresh one.
    TokenExpired,
    /// The session has ended.
    SessionEnded,
    /// No token came in time.
    TooLate,
    /// The account has opened too many sockets since.
    Replaced,
    /// The client reads too slowly.
    TooSlow,
    /// The client sends too many frames.
    TooManyFrames,
}

impl Farewell {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Left,
        Self::Restart,
        Self::Overloaded,
        Self::TooLarge,
        Self::Malformed,
        Self::Unauthenticated,
        Self::TokenExpired,
        Self::SessionEnded,
        Self::TooLate,
        Self::Replaced,
        Self::TooSlow,
        Self::TooManyFrames,
    ];

    /// The close code.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Left => 1000,
            Self::TooLarge => 1009,
            Self::Restart => 1012,
            Self::Overloaded => 1013,
            Self::Malformed => 4400,
            Self::Unauthenticated => 4401,
            Self::TokenExpired => 4402,
            Self::SessionEnded => 4403,
            Self::TooLate => 4408,
            Self::Replaced => 4409,
            Self::TooSlow => 4410,
            Self::TooManyFrames => 4429,
        }
    }

    /// The reason of a `goodbye`, for an end after which the client is to wait for a while.
    pub(super) const fn why(self) -> Option<&'static str> {
        match self {
            Self::Restart => Some("restart"),
            Self::Overloaded => Some("overloaded"),
            _ => None,
        }
    }

    pub(super) fn close_reason(self) -> CloseReason {
        CloseReason { code: CloseCode::from(self.code()), description: None }
    }
}
