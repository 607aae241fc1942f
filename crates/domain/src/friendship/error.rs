//! Refusals of friendships.

use crate::error::{PortError, domain_error};

/// The errors of the use-cases on friendships.
#[derive(Debug, thiserror::Error)]
pub enum FriendshipError {
    /// The other user is not a friend of the caller, or does not exist.
    #[error("the two users are not friends")]
    NotFriends,
    /// A port failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

domain_error!(FriendshipError {
    NotFriends => Conflict, "not_friends";
});
