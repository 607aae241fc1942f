//! The change poll wakes those who wait for what they do not know of, once.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use diesel::PgConnection;
use diesel::connection::SimpleConnection;
use domain::conversation::{ConversationRepository, Preferences, WindowAnchor, WindowRequest};
use domain::id::UserId;
use domain::message::{Message, Seq};
use domain::realtime::{ChangeListener, ChangeSignals, HandOver, MessageAudience, StoredMessage};
use infra::local_signals::InstanceSignals;
use infra::postgres::ChangePoll;
use tokio::time::timeout;

use crate::group_commit::{ONE_WRITER, accepted, send, stop_the_writer};
use crate::support::{Database, Pool, pair};

/// Takes all messages.
struct Reader;

impl MessageAudience for Reader {
    fn show_message(&self, _member: UserId, _message: &Arc<StoredMessage>) -> HandOver {
        HandOver { takers: 1, is_complete: true }
    }
}

/// An instance whose poll runs, another one on the same database, and one who follows bob on the first.
struct Instances {
    database: Database,
    here: Arc<Pool>,
    elsewhere: Arc<Pool>,
    alice: UserId,
    bob: UserId,
    follower: Box<dyn ChangeListener>,
    _poll: ChangePoll,
}

impl Instances {
    async fn start() -> Self {
        let database = Database::new();
        let (here, elsewhere) = (database.pool(), database.pool());
        let (alice, bob) = (here.person("alice_01").await, here.person("bob_0001").await);
        here.befriend(alice, bob).await;
        here.db.signals().show_to(Arc::new(Reader));
        let follower = InstanceSignals::new(Arc::clone(here.db.signals())).follow(bob);
        let poll = ChangePoll::start(&here.db).unwrap();
        Self { database, here, elsewhere, alice, bob, follower, _poll: poll }
    }

    /// Whether the follower is woken before the poll has passed all that is committed.
    async fn is_woken(&mut self) -> bool {
        let last = self.database.number("SELECT pg_current_xact_id()::text::bigint");
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            if timeout(Duration::from_millis(5), self.follower.changed()).await.is_ok() {
                return true;
            }
            // None is covered while a wake-up waits.
            if self.follower.covered().is_some_and(|point| point.has_seen(last)) {
                return false;
            }
            assert!(Instant::now() < deadline, "the poll does not get to {last}");
        }
    }

    /// Lets the wake-ups for what was before pass.
    async fn settle(&mut self) {
        let mut wakes = 0;
        while self.is_woken().await {
            wakes += 1;
            assert!(wakes < 20, "it is woken again and again");
        }
    }

    /// Whether a message that is shown here wakes the follower each time. A look may come between a commit and what is known of it.
    async fn shown_messages_wake(&mut self) -> bool {
        for _ in 0..5 {
            self.here.say(self.alice, self.bob, "shown here").await;
            if !self.is_woken().await {
                return false;
            }
        }
        true
    }

    /// Changes bob's own view on the other instance.
    async fn pin(&self, pinned: bool) {
        let preferences = Preferences { pinned: Some(pinned), muted: None };
        let id = pair(self.alice, self.bob).conversation_id();
        assert!(self.elsewhere.conversations.set_preferences(self.bob, id, preferences).await.unwrap());
    }

    /// Opens a transaction that makes a change to bob's account.
    fn begin_change(&self) -> PgConnection {
        let mut open = self.database.connect();
        let change = "UPDATE users SET changed_in = pg_current_xact_id()::text::bigint WHERE id =";
        open.batch_execute(&format!("BEGIN; {change} '{}'", self.bob)).unwrap();
        open
    }
}

#[tokio::test]
async fn the_poll_wakes_for_all_but_messages_that_were_shown() {
    let mut instances = Instances::start().await;
    instances.settle().await;
    assert!(!instances.shown_messages_wake().await);
    instances.elsewhere.say(instances.alice, instances.bob, "not shown here").await;
    assert!(instances.is_woken().await);
    instances.settle().await;
    instances.pin(true).await;
    instances.here.say(instances.alice, instances.bob, "shown beside another change").await;
    assert!(instances.is_woken().await);
}

#[tokio::test]
async fn a_change_wakes_once_however_long_another_transaction_is_open() {
    let mut instances = Instances::start().await;
    let mut open = instances.begin_change();
    instances.settle().await;
    instances.pin(true).await;
    assert!(instances.is_woken().await);
    instances.settle().await;
    instances.here.person("carol_01").await;
    assert!(!instances.is_woken().await, "it knows of the change");
    open.batch_execute("COMMIT").unwrap();
    assert!(instances.is_woken().await, "the change had an earlier stamp");
    instances.settle().await;
}

#[tokio::test]
async fn stamps_of_a_restored_dump_wake_no_one() {
    let mut instances = Instances::start().await;
    instances.settle().await;
    instances.database.sql(
        "UPDATE conversations SET changed_in = 1000000000000000, related_in = 1000000000000000;
         UPDATE conversation_members SET changed_in = 1000000000000000, shown_in = 1000000000000000;
         UPDATE users SET changed_in = 1000000000000000, shown_in = 1000000000000000, sharing_in = 1000000000000000;
         UPDATE sessions SET changed_in = 1000000000000000;",
    );
    assert!(!instances.is_woken().await);
    assert!(!instances.shown_messages_wake().await);
    instances.elsewhere.say(instances.alice, instances.bob, "not shown here").await;
    assert!(instances.is_woken().await);
    instances.settle().await;
    instances.pin(true).await;
    assert!(instances.is_woken().await);
}

/// Keeps the messages that it takes.
#[derive(Default)]
struct Keeper(Mutex<Vec<Arc<StoredMessage>>>);

impl MessageAudience for Keeper {
    fn show_message(&self, _member: UserId, message: &Arc<StoredMessage>) -> HandOver {
        self.0.lock().unwrap().push(Arc::clone(message));
        HandOver { takers: 1, is_complete: true }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_one_batch_are_shown_as_they_are_stored() {
    let database = Database::new();
    let pool = database.pool_at(database.url(), ONE_WRITER);
    let (alice, bob) = (pool.person("alice_01").await, pool.person("bob_0001").await);
    let carol = pool.person("carol_01").await;
    pool.befriend(alice, bob).await;
    pool.befriend(carol, bob).await;
    let keeper = Arc::<Keeper>::default();
    pool.db.signals().show_to(Arc::<Keeper>::clone(&keeper));
    let _follower = InstanceSignals::new(Arc::clone(pool.db.signals())).follow(bob);
    let (holder, zeroth) =
        stop_the_writer(&database, &pool, || send(&pool, alice, bob, "zeroth", None)).await;
    let mut sends = vec![zeroth];
    // One that is refused and one that is repeated are not shown.
    for (from, to, text, key) in [
        (alice, carol, "to a stranger", None),
        (alice, bob, "first", Some("key")),
        (alice, bob, "first", Some("key")),
        (carol, bob, "of another", None),
        (bob, alice, "second", Some("key")),
    ] {
        sends.push(send(&pool, from, to, text, key));
        accepted(&pool, u64::try_from(sends.len()).unwrap()).await;
    }
    drop(holder);
    for send in sends {
        send.await.unwrap().unwrap();
    }
    let shown = std::mem::take(&mut *keeper.0.lock().unwrap());
    assert_eq!(shown.len(), 4);
    for message in &shown {
        for reader in [message.from.user(), message.from.peer()] {
            assert_eq!(message.seen_by(reader), stored(&pool, reader, message).await);
        }
    }
    let marks = shown.iter().map(|message| message.mark).filter(|mark| mark.pair == pair(alice, bob));
    let [zeroth, first, second] = marks.collect::<Vec<_>>()[..] else { panic!("{shown:?}") };
    assert_eq!((first.stamp, first.follows), (second.stamp, zeroth.stamp));
    assert_eq!(second.follows, first.stamp);
}

/// The message as the reader's history has it.
async fn stored(pool: &Pool, reader: UserId, message: &StoredMessage) -> Message {
    let before = WindowAnchor::After(Seq::new(message.mark.seq.get() - 1));
    let request = WindowRequest::from_anchor(before);
    let window = pool.conversations.window(reader, message.conversation(), &request).await.unwrap();
    window.unwrap().messages.remove(0)
}
