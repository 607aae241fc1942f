//! Deduplication of wake-ups: the messages that those who wait here know already, so that the change poll does not wake them again.

use std::collections::BTreeSet;

use domain::id::ConversationId;
use domain::realtime::MessageMark;
use parking_lot::Mutex;

/// The stamps of messages that were shown here, until the poll has passed them; in their order, so that forgetting costs only what is
/// forgotten.
#[derive(Debug, Default)]
pub(crate) struct DeliveredStamps(Mutex<BTreeSet<(i64, ConversationId)>>);

impl DeliveredStamps {
    /// Of more the oldest are forgotten, which costs wake-ups for nothing.
    const MOST: usize = 200_000;
    /// So many are forgotten before those who send may come in between.
    const STEP: usize = 256;

    /// All who wait for the members know of these messages.
    pub(crate) fn note(&self, marks: impl IntoIterator<Item = MessageMark>) {
        let mut delivered = self.0.lock();
        for mark in marks {
            delivered.insert((mark.stamp, mark.pair.conversation_id()));
            if delivered.len() > Self::MOST {
                delivered.pop_first();
            }
        }
    }

    /// Whether the change with this stamp is a message that they know of. A conversation shows only its last stamp; one who is shown a
    /// message knows by the stamp before it whether another change lies in between.
    pub(crate) fn contains(&self, conversation: ConversationId, stamp: i64) -> bool {
        self.0.lock().contains(&(stamp, conversation))
    }

    /// The poll looks at no earlier stamps any more.
    pub(crate) fn forget_before(&self, stamp: i64) {
        while self.forget_some_before(stamp) == Self::STEP {}
    }

    /// One step, with the lock held. Returns how many were forgotten.
    fn forget_some_before(&self, stamp: i64) -> usize {
        let mut delivered = self.0.lock();
        let is_before =
            |delivered: &BTreeSet<(i64, _)>| delivered.first().is_some_and(|(first, _)| *first < stamp);
        let mut forgotten = 0;
        while forgotten < Self::STEP && is_before(&delivered) {
            delivered.pop_first();
            forgotten += 1;
        }
        forgotten
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
    #[test]
    fn forgetting_takes_steps_and_costs_only_what_it_forgets() {
        let delivered = DeliveredStamps::default();
        let pair = Pair::new(user(1), user(2)).unwrap();
        let all = i64::try_from(DeliveredStamps::MOST).unwrap();
        let mark = |stamp| MessageMark { pair, seq: Seq::new(stamp), stamp, follows: 0 };
        delivered.note((1..=all + 3).rev().map(mark));
        let known = |stamp| delivered.contains(pair.conversation_id(), stamp);
        assert_eq!([3, 4, all + 3].map(known), [false, true, true], "of too many the oldest are forgotten");
        let step = i64::try_from(DeliveredStamps::STEP).unwrap();
        let begin = 4 + 3 * step;
        let steps: Vec<usize> = (0..5).map(|_| delivered.forget_some_before(begin - 1)).collect();
        assert_eq!(steps, [DeliveredStamps::STEP, DeliveredStamps::STEP, DeliveredStamps::STEP - 1, 0, 0]);
        delivered.forget_before(begin + 2 * step);
        assert_eq!([begin + 2 * step - 1, begin + 2 * step].map(known), [false, true]);
    }
}
