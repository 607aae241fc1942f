//! Deduplication of wake-ups: the messages that those who wait here know already, so that the change poll does not wake them again.

use std::collections::HashSet;

use domain::id::ConversationId;
use domain::realtime::MessageMark;
use parking_lot::Mutex;

/// The stamps of messages that were shown here, until the poll has passed them.
#[derive(Debug, Default)]
pub(crate) struct DeliveredStamps(Mutex<HashSet<(ConversationId, i64)>>);

impl DeliveredStamps {
    /// More are forgotten, which costs wake-ups for nothing.
    const MOST: usize = 200_000;

    /// All who wait for the members know of these messages.
    pub(crate) fn note(&self, marks: impl IntoIterator<Item = MessageMark>) {
        let mut delivered = self.0.lock();
        if delivered.len() >= Self::MOST {
            delivered.clear();
        }
        delivered.extend(marks.into_iter().map(|mark| (mark.pair.conversation_id(), mark.stamp)));
    }

    /// Whether the change with this stamp is a message that they know of. A conversation shows only its last stamp; one who is shown a
    /// message knows by the stamp before it whether another change lies in between.
    pub(crate) fn contains(&self, conversation: ConversationId, stamp: i64) -> bool {
        self.0.lock().contains(&(conversation, stamp))
    }

    /// The poll looks at no earlier stamps any more.
    pub(crate) fn forget_before(&self, stamp: i64) {
        let mut delivered = self.0.lock();
        if !delivered.is_empty() {
            delivered.retain(|(_, known)| *known >= stamp);
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::conversation::Pair;
    use domain::message::Seq;
    use domain::testing::user;

    use super::*;

    #[test]
    fn what_was_delivered_is_known_until_the_poll_has_passed_it() {
        let delivered = DeliveredStamps::default();
        let pair = Pair::new(user(1), user(2)).unwrap();
        let mark = |stamp| MessageMark { pair, seq: Seq::new(stamp), stamp, follows: 0 };
        delivered.note([mark(7), mark(9)]);
        let id = pair.conversation_id();
        let known = |stamps: [i64; 3]| stamps.map(|stamp| delivered.contains(id, stamp));
        assert_eq!(known([7, 8, 9]), [true, false, true]);
        delivered.forget_before(8);
        assert_eq!(known([7, 8, 9]), [false, false, true]);
    }
}
