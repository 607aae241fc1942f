//! Compares what is stored with what was done. It knows nothing of servers: it is given the history and the views.

mod members;
mod messages;
#[cfg(test)]
mod tests;

use crate::history::{Record, Side};
use crate::seen::View;
use crate::violation::Violation;

/// A conversation at rest, and what its two did.
pub(crate) struct Case<'a> {
    /// The pair's number.
    pub(crate) pair: usize,
    /// First and second.
    pub(crate) members: [Member<'a>; 2],
}

/// One of the two.
#[derive(Clone, Copy)]
pub(crate) struct Member<'a> {
    pub(crate) number: usize,
    pub(crate) record: &'a Record,
    pub(crate) side: &'a Side,
    pub(crate) view: &'a View,
}

impl<'a> Case<'a> {
    const fn first(&self) -> Member<'a> {
        self.members[0]
    }

    /// The one who never hides anything from itself, and so sees all that is stored.
    const fn witness(&self) -> Member<'a> {
        self.members[1]
    }

    fn record(&self, author: usize) -> Option<&'a Record> {
        self.members.iter().find(|member| member.number == author).map(|member| member.record)
    }
}

/// All that is wrong with a conversation.
pub(crate) fn check(case: &Case<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    messages::check(case, &mut found);
    members::check(case, &mut found);
    for violation in &mut found {
        violation.detail = format!("conversation {}: {}", case.pair, violation.detail);
    }
    found
}
