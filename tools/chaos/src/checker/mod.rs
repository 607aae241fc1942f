//! Compares the final state with the history. It knows nothing of servers: its input is histories and views.

mod conversation;
mod members;
mod messages;
#[cfg(test)]
mod tests;

pub(crate) use conversation::{CheckedConversation, CheckedMember};

use crate::violation::Violation;

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
