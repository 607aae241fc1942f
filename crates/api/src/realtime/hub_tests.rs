use domain::auth::EndAudience;
use domain::conversation::Directed;
use domain::message::{MessageBody, MessageContent, Seq};
use domain::realtime::{HandOver, MessageAudience, MessageMark, TypingAudience};
use domain::testing::{at, user};
use uuid::Uuid;

use super::*;

fn hub(most: usize, per_account: usize) -> Arc<SocketHub> {
    Arc::new(SocketHub::new(SocketLimits { most, per_account, ..SocketLimits::default() }))
}

fn caller(account: u128, of_session: u128) -> Caller {
    Caller { user_id: user(account), session_id: SessionId::from_uuid(Uuid::from_u128(of_session)) }
}

#[test]
fn a_full_hub_admits_none_and_a_place_is_given_back() {
    let hub = hub(1, 16);
    let first = hub.admit(None);
    assert!(first.is_some() && hub.admit(None).is_none());
    drop(first);
    assert_eq!(hub.open(), 0);
    assert!(hub.admit(None).is_some());
}

#[test]
fn strangers_of_one_address_are_limited_until_they_authenticate() {
    let hub = hub(1000, 16);
    let address = ClientAddress::new("192.0.2.7".parse().unwrap());
    let mut places: Vec<_> = (0..SocketHub::STRANGERS).map(|_| hub.admit(address).unwrap()).collect();
    assert!(hub.admit(address).is_none());
    assert!(hub.admit(ClientAddress::new("192.0.2.8".parse().unwrap())).is_some());
    let _notes = places[0].join(caller(1, 1));
    assert!(hub.admit(address).is_some());
    drop(places);
    assert!(hub.registry.lock().strangers.is_empty() && hub.registry.lock().accounts.is_empty());
    assert_eq!(hub.open(), 0);
}

#[test]
fn of_too_many_sockets_the_oldest_of_the_session_leaves_else_the_oldest() {
    let hub = hub(1000, 2);
    let join = |of_session| {
        let mut place = hub.admit(None).unwrap();
        let notes = place.join(caller(1, of_session));
        (place, notes)
    };
    let (mut first, mut second) = (join(1), join(2));
    let mut third = join(2);
    assert!(first.1.try_recv().is_err());
    assert_eq!(second.1.try_recv(), Ok(HubNote::Replaced));
    let _fourth = join(3);
    assert_eq!(first.1.try_recv(), Ok(HubNote::Replaced));
    assert!(third.1.try_recv().is_err());
}

#[test]
fn typing_reaches_the_readers_sockets_and_is_limited() {
    let hub = hub(10, 16);
    let conversation = ConversationId::from_uuid(Uuid::from_u128(7));
    let mut place = hub.admit(None).unwrap();
    let mut notes = place.join(caller(2, 1));
    hub.tell_typing(user(3), conversation, user(1));
    assert!(notes.try_recv().is_err());
    for _ in 0..100 {
        hub.tell_typing(user(2), conversation, user(1));
    }
    assert_eq!(notes.try_recv(), Ok(HubNote::Typing { conversation, writer: user(1) }));
    assert!(hub.may_type(user(1), conversation) && !hub.may_type(user(1), conversation));
    assert!(hub.may_type(user(2), conversation));
}

#[test]
fn a_report_of_another_instance_is_limited_with_those_of_this_one() {
    let hub = hub(10, 16);
    let report = Directed::new(user(1), user(2)).unwrap();
    let conversation = report.pair.conversation_id();
    hub.show(report);
    assert!(hub.registry.lock().typing.is_empty(), "the reader is elsewhere");
    let mut place = hub.admit(None).unwrap();
    let mut notes = place.join(caller(2, 1));
    hub.show(report);
    hub.show(report);
    assert_eq!(notes.try_recv(), Ok(HubNote::Typing { conversation, writer: user(1) }));
    assert!(notes.try_recv().is_err() && !hub.may_type(user(1), conversation));
}

#[test]
fn a_stored_message_is_handed_to_all_sockets_that_have_room() {
    let hub = Arc::new(SocketHub::default());
    let (mut first, mut second) = (hub.admit(None).unwrap(), hub.admit(None).unwrap());
    let (mut one, _other) = (first.join(caller(1, 1)), second.join(caller(1, 2)));
    let from = Directed::new(user(2), user(1)).unwrap();
    let message = Arc::new(StoredMessage {
        from,
        body: MessageBody::Text(MessageContent::from_stored("hello".to_owned())),
        client_message_id: None,
        created_at: at(1),
        mark: MessageMark { pair: from.pair, seq: Seq::new(1), stamp: 9, follows: 0 },
    });
    let reached = |takers, is_complete| HandOver { takers, is_complete };
    assert_eq!(hub.show_message(user(3), &message), reached(0, true), "it has no socket");
    assert_eq!(hub.show_message(user(1), &message), reached(2, true));
    assert_eq!(one.try_recv(), Ok(HubNote::Stored(Arc::clone(&message))));
    // The other socket takes nothing.
    let taken = (1..NOTES).filter(|_| hub.show_message(user(1), &message).is_complete).count();
    assert_eq!(taken, NOTES - 1);
    assert_eq!(hub.show_message(user(1), &message), reached(1, false), "one of them has to read");
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_session_ends_its_sockets_only() {
    let hub = Arc::new(SocketHub::default());
    let (mut first, mut second) = (hub.admit(None).unwrap(), hub.admit(None).unwrap());
    let _notes = (first.join(caller(1, 1)), second.join(caller(1, 2)));
    let [ended, other] = [&first, &second].map(SocketPlace::session_end);
    hub.ended(&[caller(1, 1).session_id, caller(7, 7).session_id]);
    let second = Duration::from_secs(1);
    assert!(tokio::time::timeout(second, ended.notified()).await.is_ok());
    assert!(tokio::time::timeout(second, other.notified()).await.is_err());
}
