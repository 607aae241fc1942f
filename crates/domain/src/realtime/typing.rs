//! Reports that a member is writing: who may see them. They change no state.

use std::sync::Arc;

use async_trait::async_trait;

use crate::conversation::{ConversationError, Directed};
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

/// Passes on to other instances that a member is writing. May lose reports.
pub trait TypingSignals: Send + Sync {
    /// Passes on that the user of the pair is writing to the peer, who may see it. MUST NOT wait.
    fn pass_on(&self, report: Directed);
}

/// Those who are connected to this instance, for reports that others pass on.
pub trait TypingAudience: Send + Sync {
    /// Shows the peer of the pair that the user is writing. MUST NOT wait. MUST keep to the rate limit of reports.
    fn show(&self, report: Directed);
}

/// The member who sees that the other is writing, if it may.
#[must_use]
pub const fn decide_typing(relation: TypingRelation) -> Option<UserId> {
    let TypingRelation { peer, friends, blocked, shared } = relation;
    if friends && !blocked && shared { Some(peer) } else { None }
}

/// The use-case of reporting that one is writing.
pub struct TypingService {
    relations: Arc<dyn TypingRelations>,
    signals: Arc<dyn TypingSignals>,
}

impl TypingService {
    /// Creates the service.
    #[must_use]
    pub fn new(relations: Arc<dyn TypingRelations>, signals: Arc<dyn TypingSignals>) -> Self {
        Self { relations, signals }
    }

    /// Passes on to other instances that the caller is writing to one who may see it.
    pub fn pass_on(&self, caller: UserId, reader: UserId) {
        if let Some(report) = Directed::new(caller, reader) {
            self.signals.pass_on(report);
        }
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
        let relation = self.relations.typing_relation(caller, conversation).await?;
        Ok(decide_typing(relation.ok_or(ConversationError::UnknownConversation)?))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use pollster::block_on;
    use uuid::Uuid;

    use super::*;
    use crate::testing::user;

    /// Keeps what is passed on.
    #[derive(Default)]
    struct Passed(Mutex<Vec<Directed>>);

    impl TypingSignals for Passed {
        fn pass_on(&self, report: Directed) {
            self.0.lock().unwrap().push(report);
        }
    }

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
        let service = TypingService::new(Arc::new(relations), Arc::<Passed>::default());
        let conversation = ConversationId::from_uuid(Uuid::from_u128(1));
        let unknown = block_on(service.audience(user(1), conversation));
        assert!(matches!(unknown, Err(ConversationError::UnknownConversation)));
        assert_eq!(block_on(service.audience(user(1), conversation)).ok(), Some(Some(user(2))));
    }

    #[test]
    fn a_report_is_passed_on_in_the_direction_of_the_writer() {
        let passed = Arc::<Passed>::default();
        let service = TypingService::new(Arc::new(MockTypingRelations::new()), Arc::<Passed>::clone(&passed));
        service.pass_on(user(2), user(1));
        service.pass_on(user(1), user(1));
        assert_eq!(*passed.0.lock().unwrap(), [Directed::new(user(2), user(1)).unwrap()]);
    }
}
