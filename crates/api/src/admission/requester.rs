//! Who asks: the key of bulkheads and of the tarpit.

use domain::id::UserId;
use domain::login_throttle::ClientAddress;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Requester {
    /// An account, known by its token.
    Account(UserId),
    /// A network address, for requests without a token.
    Address(ClientAddress),
}
