use crate::error::{PortError, domain_error};

/// Why a use-case on friendships refuses.
#[derive(Debug, thiserror::Error)]
pub enum FriendshipError {
    /// The other one is not a friend of the caller, or not there at all.
    #[error("the two are not friends")]
    NotFriends,
    /// Below the port.
    #[error(transparent)]
    Port(#[from] PortError),
}

domain_error!(FriendshipError {
    NotFriends => Conflict, "not_friends";
});
