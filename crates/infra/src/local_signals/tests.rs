use std::time::Duration;

use chrono::DateTime;
use domain::conversation::{Directed, Pair};
use domain::message::{MessageBody, MessageContent, Seq};
use domain::realtime::ChangeListener;
use domain::testing::user;
use parking_lot::Mutex;

use super::*;

/// Keeps what is shown, as the two sockets of each account; a full one has one that takes nothing.
#[derive(Default)]
pub(crate) struct Gallery {
    pub(crate) shown: Mutex<Vec<(UserId, MessageMark)>>,
    is_full: bool,
}

impl MessageAudience for Gallery {
    fn show_message(&self, member: UserId, message: &Arc<StoredMessage>) -> HandOver {
        self.shown.lock().push((member, message.mark));
        HandOver { takers: if self.is_full { 1 } else { 2 }, is_complete: !self.is_full }
    }
}

/// A message between two users.
pub(crate) fn mark(one: u128, other: u128, seq: i64) -> MessageMark {
    let pair = Pair::new(user(one), user(other)).unwrap();
    MessageMark { pair, seq: Seq::new(seq), stamp: 100 + seq, follows: 0 }
}

/// The message at a place, with a text.
pub(crate) fn message(mark: MessageMark, text: &str) -> StoredMessage {
    StoredMessage {
        from: Directed::new(mark.pair.lo(), mark.pair.hi()).unwrap(),
        body: MessageBody::Text(MessageContent::from_stored(text.to_owned())),
        client_message_id: None,
        created_at: DateTime::UNIX_EPOCH,
        mark,
    }
}

fn signals(is_full: bool) -> (LocalSignals, Arc<Gallery>) {
    let (signals, gallery) =
        (LocalSignals::new().unwrap(), Arc::new(Gallery { is_full, ..Gallery::default() }));
    signals.show_to(Arc::<Gallery>::clone(&gallery));
    (signals, gallery)
}

async fn wakes(listener: &mut LocalListener) -> bool {
    tokio::time::timeout(Duration::from_secs(1), listener.changed()).await.is_ok()
}

#[tokio::test(start_paused = true)]
async fn a_stored_message_is_delivered_to_followers_and_wakes_readers_only() {
    let (signals, gallery) = signals(false);
    let (mut follower, mut reader) = (signals.follow_here(user(1)), signals.listen_here(user(2)));
    let marks = [mark(1, 2, 1), mark(3, 4, 1), mark(2, 1, 2)];
    signals.stored(&marks, |number| Some(message(marks[number], "hello")));
    assert_eq!(*gallery.shown.lock(), [(user(1), marks[0]), (user(1), marks[2])]);
    assert!(!wakes(&mut follower).await && wakes(&mut reader).await);
    let id = marks[0].pair.conversation_id();
    assert!(signals.delivered().contains(id, 101) && signals.delivered().contains(id, 102));
    signals.committed([user(1)]);
    assert!(wakes(&mut follower).await, "any other change wakes it");
}

#[tokio::test(start_paused = true)]
async fn a_message_that_cannot_be_shown_wakes_the_follower() {
    let long = "x".repeat(MOST_SHOWN + 1);
    for (is_full, text, expected) in [(true, "hello", 1), (false, long.as_str(), 0)] {
        let (signals, gallery) = signals(is_full);
        let mut follower = signals.follow_here(user(1));
        let mark = mark(1, 2, 1);
        signals.stored(&[mark], |_| Some(message(mark, text)));
        assert_eq!(gallery.shown.lock().len(), expected);
        assert!(wakes(&mut follower).await);
    }
    let (signals, _gallery) = signals(false);
    let mut follower = signals.follow_here(user(1));
    signals.read(&[mark(1, 2, 1)], |_| None);
    assert!(wakes(&mut follower).await, "it was recalled before it was read");
}

#[tokio::test(start_paused = true)]
async fn a_foreign_message_is_shown_to_followers_and_counted_by_socket() {
    for (is_full, handed_over) in [(false, 2), (true, 1)] {
        let (signals, gallery) = signals(is_full);
        let (_follower, mut reader) = (signals.follow_here(user(1)), signals.listen_here(user(1)));
        let mark = mark(1, 2, 1);
        signals.read(&[mark], |_| Some(message(mark, "hello")));
        assert_eq!(*gallery.shown.lock(), [(user(1), mark)], "the other member has no socket here");
        assert_eq!(signals.handed_over(WakeSource::Signal), handed_over);
        assert_eq!(wakes(&mut reader).await, is_full, "it was woken by the signal");
        assert!(signals.delivered().contains(mark.pair.conversation_id(), mark.stamp));
    }
}

#[test]
fn no_message_is_made_while_no_one_follows_its_members() {
    let (signals, _gallery) = signals(false);
    let none = |_| panic!("a message is made for no one");
    signals.stored(&[mark(1, 2, 1)], none);
    let _reader = signals.listen_here(user(1));
    signals.stored(&[mark(1, 2, 2)], none);
    let _follower = signals.follow_here(user(3));
    signals.stored(&[mark(1, 2, 3)], none);
    assert_eq!(signals.woken(WakeSource::Commit), 2);
    assert!(signals.stored_elsewhere(&[mark(1, 2, 4)]).is_empty());
    let _other_follower = signals.follow_here(user(1));
    let read = signals.stored_elsewhere(&[mark(2, 4, 5), mark(1, 3, 1), mark(1, 2, 5)]);
    assert_eq!(read, [mark(1, 3, 1), mark(1, 2, 5)], "each once, however many follow it");
}
