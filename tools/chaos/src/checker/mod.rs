//! Compares the final state with the history. It knows nothing of servers: its input is histories and views.

mod members;
mod messages;
#[cfg(test)]
mod tests;

use crate::history::{MemberActions, UserHistory};
use crate::observed::MemberView;
use crate::violation::Violation;

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
    const fn first(&self) -> CheckedMember<'a> {
        self.members[0]
    }

    /// The member that never hides a message from itself and so sees all that is stored.
    const fn witness(&self) -> CheckedMember<'a> {
        self.members[1]
    }

    fn record(&self, author: usize) -> Option<&'a UserHistory> {
        self.members.iter().find(|member| member.number == author).map(|member| member.record)
    }
}

/// All violations in a conversation.
pub(crate) fn check(case: &CheckedConversation<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    messages::check(case, &mut found);
    members::check(case, &mut found);
    for violation in &mut found {
        violation.detail = format!("conversation {}: {}", case.pair, violation.detail);
    }
    found
}
