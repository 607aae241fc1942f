//! What is checked: a conversation's final state and what its members did.

use crate::history::{MemberActions, UserHistory};
use crate::observed::MemberView;

/// A conversation's final state and what its members did.
pub(crate) struct CheckedConversation<'a> {
    /// Index of the friend pair.
    pub(crate) pair: usize,
    /// First and second.
    pub(crate) members: [CheckedMember<'a>; 2],
}

/// One member's history and view.
#[derive(Clone, Copy)]
pub(crate) struct CheckedMember<'a> {
    pub(crate) number: usize,
    pub(crate) record: &'a UserHistory,
    pub(crate) side: &'a MemberActions,
    pub(crate) view: &'a MemberView,
}

impl<'a> CheckedConversation<'a> {
    pub(super) const fn first(&self) -> CheckedMember<'a> {
        self.members[0]
    }

    /// The member that never hides a message from itself and so sees all that is stored.
    pub(super) const fn witness(&self) -> CheckedMember<'a> {
        self.members[1]
    }

    pub(super) fn record(&self, author: usize) -> Option<&'a UserHistory> {
        self.members.iter().find(|member| member.number == author).map(|member| member.record)
    }
}
