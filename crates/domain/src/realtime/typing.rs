//! Reports that a member is writing: who may see them. They change no state.

use std::sync::Arc;

use async_trait::async_trait;

use crate::conversation::ConversationError;
use crate::error::PortError;
use crate::id::{ConversationId, UserId};

/// What stands between a member who is writing and the other one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TypingRelation {
    /// The other member.
    pub peer: UserId,
    /// Whether the two are friends.
    pub friends: bool,
    /// Whether one of them blocks the other.
    pub blocked: bool,
    /// Whether both let friends see that they are writing.
    pub shared: bool,
}

/// Reads what decides who sees that a member is writing.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
#[async_trait]
pub trait TypingRelations: Send + Sync {
    /// The relation of a member to the other one; `None` if the conversation does not exist for it.
    ///
    /// # Errors
    /// Any `PortError` from the adapter.
    async fn typing_relation(
        &self,
        writer: UserId,
        conversation: ConversationId,
    ) -> Result<Option<TypingRelation>, PortError>;
}

/// The member who sees that the other is writing, if it may.
#[must_use]
pub const fn decide_typing(relation: TypingRelation) -> Option<UserId> {
    let TypingRelation { peer, friends, blocked, shared } = relation;
    if friends && !blocked && shared { Some(peer) } else { None }
}

/// The use-case of reporting that one is writing.
pub struct TypingService(Arc<dyn TypingRelations>);

impl TypingService {
    /// Creates the service.
    #[must_use]
    pub fn new(relations: Arc<dyn TypingRelations>) -> Self {
        Self(relations)
    }

    /// Who sees that the caller is writing: the other member, or none. The caller cannot tell which.
    ///
    /// # Errors
    /// [`ConversationError::UnknownConversation`].
    pub async fn audience(
        &self,
        caller: UserId,
        conversation: ConversationId,
    ) -> Result<Option<UserId>, ConversationError> {
        let relation = self.0.typing_relation(caller, conversation).await?;
        Ok(decide_typing(relation.ok_or(ConversationError::UnknownConversation)?))
    }
}

#[cfg(test)]
mod tests {
    use pollster::block_on;
    use uuid::Uuid;

    use super::*;
    use crate::testing::user;

    const fn relation(friends: bool, blocked: bool, shared: bool) -> TypingRelation {
        TypingRelation { peer: user(2), friends, blocked, shared }
    }

    #[test]
    fn friends_who_share_it_see_each_other_writing_unless_one_blocks() {
        assert_eq!(decide_typing(relation(true, false, true)), Some(user(2)));
        for (friends, blocked, shared) in [(false, false, true), (true, true, true), (true, false, false)] {
            assert_eq!(decide_typing(relation(friends, blocked, shared)), None);
        }
    }

    #[test]
    fn a_conversation_of_others_is_unknown() {
        let mut relations = MockTypingRelations::new();
        relations.expect_typing_relation().times(1).returning(|_, _| Ok(None));
        relations.expect_typing_relation().returning(|_, _| Ok(Some(relation(true, false, true))));
        let service = TypingService::new(Arc::new(relations));
        let conversation = ConversationId::from_uuid(Uuid::from_u128(1));
        let unknown = block_on(service.audience(user(1), conversation));
        assert!(matches!(unknown, Err(ConversationError::UnknownConversation)));
        assert_eq!(block_on(service.audience(user(1), conversation)).ok(), Some(Some(user(2))));
    }
}
