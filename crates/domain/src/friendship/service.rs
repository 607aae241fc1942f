//! Use-cases of friendships: list, remark, unfriend.

use std::sync::Arc;

use super::{FriendPage, FriendPageRequest, FriendshipError, FriendshipRepository, Remark};
use crate::conversation::Directed;
use crate::id::UserId;

/// The use-cases on friendships.
pub struct FriendshipService {
    friendships: Arc<dyn FriendshipRepository>,
}

impl FriendshipService {
    /// Uses the given port.
    #[must_use]
    pub fn new(friendships: Arc<dyn FriendshipRepository>) -> Self {
        Self { friendships }
    }

    /// The caller's friends, newest first.
    ///
    /// # Errors
    /// Any port error.
    pub async fn list(
        &self,
        caller: UserId,
        page: &FriendPageRequest,
    ) -> Result<FriendPage, FriendshipError> {
        Ok(self.friendships.list(caller, page).await?)
    }

    /// Ends a friendship for both sides, and clears and hides the conversation for the caller.
    ///
    /// # Errors
    /// [`FriendshipError::NotFriends`], also if `friend` is the caller or does not exist.
    pub async fn remove(&self, caller: UserId, friend: UserId) -> Result<(), FriendshipError> {
        let caller = Directed::new(caller, friend).ok_or(FriendshipError::NotFriends)?;
        require_friends(self.friendships.remove(caller).await?)
    }

    /// Sets the caller's remark for a friend; an empty remark removes it.
    ///
    /// # Errors
    /// [`FriendshipError::NotFriends`], also if `friend` is the caller or does not exist.
    pub async fn set_remark(
        &self,
        caller: UserId,
        friend: UserId,
        remark: &Remark,
    ) -> Result<(), FriendshipError> {
        let owner = Directed::new(caller, friend).ok_or(FriendshipError::NotFriends)?;
        require_friends(self.friendships.set_remark(owner, remark).await?)
    }
}

const fn require_friends(found: bool) -> Result<(), FriendshipError> {
    if found { Ok(()) } else { Err(FriendshipError::NotFriends) }
}
