use std::sync::Arc;

use super::{FriendPage, FriendPageRequest, FriendshipError, FriendshipRepository, Remark};
use crate::conversation::Pair;
use crate::id::UserId;

/// The use-cases on friendships.
pub struct FriendshipService {
    friendships: Arc<dyn FriendshipRepository>,
}

impl FriendshipService {
    /// Wires the use-cases.
    #[must_use]
    pub fn new(friendships: Arc<dyn FriendshipRepository>) -> Self {
        Self { friendships }
    }

    /// The caller's friends, newest first.
    ///
    /// # Errors
    /// Below the port.
    pub async fn list(
        &self,
        caller: UserId,
        page: &FriendPageRequest,
    ) -> Result<FriendPage, FriendshipError> {
        Ok(self.friendships.list(caller, page).await?)
    }

    /// Ends a friendship for both; the caller's side of the conversation is cleared and hidden.
    ///
    /// # Errors
    /// [`FriendshipError::NotFriends`], also for oneself and for somebody who is not there.
    pub async fn remove(&self, caller: UserId, friend: UserId) -> Result<(), FriendshipError> {
        let pair = Pair::new(caller, friend).ok_or(FriendshipError::NotFriends)?;
        friends(self.friendships.remove(&pair, caller).await?)
    }

    /// Notes what the caller calls a friend; an empty remark takes the note back.
    ///
    /// # Errors
    /// [`FriendshipError::NotFriends`], also for oneself and for somebody who is not there.
    pub async fn set_remark(
        &self,
        caller: UserId,
        friend: UserId,
        remark: &Remark,
    ) -> Result<(), FriendshipError> {
        let pair = Pair::new(caller, friend).ok_or(FriendshipError::NotFriends)?;
        friends(self.friendships.set_remark(&pair, caller, remark).await?)
    }
}

const fn friends(found: bool) -> Result<(), FriendshipError> {
    if found { Ok(()) } else { Err(FriendshipError::NotFriends) }
}
