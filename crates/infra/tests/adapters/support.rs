//! Test support: a database per test, and users in it.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl};
use domain::account::{NewUser, Nickname, PasswordHash, RegisterOutcome, Uid, UserRepository};
use domain::auth::{DeviceName, Session};
use domain::conversation::{ConversationRepository, Directed, Pair};
use domain::friendship_request::{AskOutcome, NewRequest, RequestRules, VerificationMessage};
use domain::id::{ConversationId, RequestId, UserId};
use domain::message::{
    ClientMessageId, Draft, MessageBody, MessageContent, MessageId, MessageRepository, SendOutcome, Seq,
};
use infra::db::{ConnectionBudget, Db, DbSettings, Patience};
use infra::postgres::{
    ExportSettings, IndexerSettings, PgBlockRepository, PgConversationRepository, PgErasureRepository,
    PgExportRepository, PgFriendshipRepository, PgFriendshipRequestRepository, PgKnownDevices,
    PgLifecycleRepository, PgLoginThrottle, PgMaintenanceRepository, PgMessageRepository, PgSearchRepository,
    PgSessionRepository, PgUserRepository, SearchIndexer, SearchSettings, SendQueueSettings,
};
use test_db::{Template, TestDatabase};

/// How long database work waits: a busy machine makes all of it slower, and no test of an adapter is about that.
pub(crate) const PATIENCE: Patience = Patience {
    thread: Duration::from_secs(60),
    connection: Duration::from_secs(60),
    result: Duration::from_secs(120),
    result_while_stalled: Duration::from_secs(120),
    // Some tests are about the limits of statements.
    stretch: 1,
};

/// Threads and connections of a pool, without its writers.
const THREADS: u32 = 4;

/// Limits for exports.
const EXPORTS: ExportSettings =
    ExportSettings { at_once: 2, slot_wait: Duration::from_millis(200), deadline: Duration::from_secs(60) };

/// One instance: all repositories on a pool of its own.
pub(crate) struct Pool {
    pub(crate) accounts: PgLifecycleRepository,
    pub(crate) erasures: PgErasureRepository,
    pub(crate) maintenance: PgMaintenanceRepository,
    pub(crate) exports: PgExportRepository,
    pub(crate) users: PgUserRepository,
    pub(crate) sessions: PgSessionRepository,
    pub(crate) throttle: PgLoginThrottle,
    pub(crate) known_devices: PgKnownDevices,
    pub(crate) db: Arc<Db>,
    pub(crate) requests: PgFriendshipRequestRepository,
    pub(crate) friendships: PgFriendshipRepository,
    pub(crate) blocks: PgBlockRepository,
    pub(crate) conversations: PgConversationRepository,
    pub(crate) messages: PgMessageRepository,
    pub(crate) search: PgSearchRepository,
}

/// A migrated database.
pub(crate) struct Database {
    database: TestDatabase,
}

impl Database {
    pub(crate) fn new() -> Self {
        let migrations = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations");
        Self { database: TestDatabase::create(&Template::of_migrations(migrations.as_ref(), migrate)) }
    }

    /// A database without a schema.
    pub(crate) fn bare() -> Self {
        Self { database: TestDatabase::create(&Template { key: "bare".to_owned(), prepare: |_| () }) }
    }

    pub(crate) fn url(&self) -> &str {
        self.database.url()
    }

    pub(crate) fn pool(&self) -> Arc<Pool> {
        let queue = SendQueueSettings { writers: 2, queue: 1024, max_wait: Duration::from_secs(60) };
        self.pool_at(self.url(), queue)
    }

    /// A pool with this send queue that connects to `url`, such as that of a proxy.
    #[expect(clippy::unused_self, reason = "a pool needs its database for as long as it lives")]
    pub(crate) fn pool_at(&self, url: &str, queue: SendQueueSettings) -> Arc<Pool> {
        let writers = u32::try_from(queue.writers).unwrap();
        let budget =
            ConnectionBudget { requests: THREADS, writers, searches: 1, polls: 1, ..Default::default() };
        let settings = DbSettings {
            url: url.to_owned(),
            connections: budget.requests,
            reserved: budget.reserved(),
            queue: 1024,
            patience: PATIENCE,
        };
        let db = Arc::new(Db::new(&settings).unwrap());
        Arc::new(Pool {
            accounts: PgLifecycleRepository::new(Arc::clone(&db)),
            erasures: PgErasureRepository::new(Arc::clone(&db)),
            maintenance: PgMaintenanceRepository::new(Arc::clone(&db)),
            exports: PgExportRepository::start(&db, EXPORTS).unwrap(),
            users: PgUserRepository::new(Arc::clone(&db)),
            sessions: PgSessionRepository::new(Arc::clone(&db)),
            throttle: PgLoginThrottle::new(Arc::clone(&db)),
            known_devices: PgKnownDevices::new(Arc::clone(&db)),
            db: Arc::clone(&db),
            requests: PgFriendshipRequestRepository::new(Arc::clone(&db)),
            friendships: PgFriendshipRepository::new(Arc::clone(&db)),
            blocks: PgBlockRepository::new(Arc::clone(&db)),
            conversations: PgConversationRepository::new(Arc::clone(&db)),
            search: PgSearchRepository::start(&db, SearchSettings { threads: 1, queue: 64 }).unwrap(),
            messages: PgMessageRepository::start(db, queue).unwrap(),
        })
    }

    pub(crate) fn db(&self, connections: u32) -> Arc<Db> {
        let settings =
            DbSettings { url: self.url().to_owned(), connections, reserved: 0, queue: 1, patience: PATIENCE };
        Arc::new(Db::new(&settings).unwrap())
    }

    /// An indexer that writes search blocks of all new messages without pause, until it is dropped.
    pub(crate) fn fast_indexer(&self) -> SearchIndexer {
        let db = self.db(1);
        let (pause, quiet_after) = (Duration::from_millis(1), Duration::ZERO);
        SearchIndexer::start(&db, IndexerSettings { pause, rest: 0, quiet_after }).unwrap()
    }

    /// Waits until all messages are in search blocks.
    pub(crate) async fn indexed(&self) {
        let lagging = "SELECT count(*) FROM conversations c
             WHERE c.last_seq > coalesce((SELECT indexed_seq FROM search_progress WHERE conversation_id = c.id), 0)";
        self.wait_until(lagging, |blocks| blocks == 0).await;
    }

    /// Asks for a number until it meets a condition.
    pub(crate) async fn wait_until(&self, query: &str, is_met: impl Fn(i64) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !is_met(self.number(query)) {
            assert!(Instant::now() < deadline, "{query} is still {}", self.number(query));
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    pub(crate) fn connect(&self) -> PgConnection {
        PgConnection::establish(self.url()).unwrap()
    }

    /// Leaves one thread of a pool to reads until the returned connection is dropped, within the lock timeout.
    pub(crate) async fn block_writing_threads(
        &self,
        pool: &Arc<Pool>,
        member: UserId,
        conversation: ConversationId,
    ) -> PgConnection {
        let mut holder = self.connect();
        let lock = format!(
            "BEGIN; SELECT 1 FROM conversation_members
             WHERE user_id = '{member}' AND conversation_id = '{conversation}' FOR UPDATE"
        );
        holder.batch_execute(&lock).unwrap();
        for _ in 1..THREADS {
            let pool = Arc::clone(pool);
            let read = async move { pool.conversations.mark_read(member, conversation, Seq::new(1)).await };
            tokio::spawn(read);
        }
        let waiting = "SELECT count(*) FROM pg_stat_activity
                        WHERE wait_event_type = 'Lock' AND datname = current_database()";
        self.wait_until(waiting, |threads| threads >= i64::from(THREADS - 1)).await;
        holder
    }

    pub(crate) fn sql(&self, sql: &str) {
        self.connect().batch_execute(sql).unwrap();
    }

    pub(crate) fn number(&self, sql: &str) -> i64 {
        #[derive(QueryableByName)]
        struct Number {
            #[diesel(sql_type = diesel::sql_types::BigInt)]
            number: i64,
        }
        #[expect(clippy::disallowed_methods, reason = "a test asks once")]
        let query = diesel::sql_query(format!("SELECT ({sql})::bigint AS number"));
        query.get_result::<Number>(&mut self.connect()).unwrap().number
    }
}

fn migrate(url: &str) {
    infra::migrations::run(url, Duration::from_secs(60)).unwrap();
}

pub(crate) fn new_user(uid: &str) -> NewUser {
    NewUser {
        uid: Uid::parse(uid).unwrap(),
        name: Nickname::parse(uid).unwrap(),
        phone_number: None,
        password_hash: PasswordHash::new("no hash".to_owned()),
        invite: None,
    }
}

impl Pool {
    pub(crate) async fn register(&self, uid: &str) -> (UserId, Session) {
        match self.users.register(&new_user(uid), &DeviceName::default()).await.unwrap() {
            RegisterOutcome::Registered(user, session) => (user.id, session),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn person(&self, uid: &str) -> UserId {
        self.register(uid).await.0
    }

    pub(crate) async fn ask(&self, sender: UserId, receiver: UserId) -> AskOutcome {
        let (from, time_to_live) = (directed(sender, receiver), Duration::from_secs(3600));
        let rules = RequestRules { time_to_live, per_day: None, per_pair_and_day: None };
        self.ask_with(&NewRequest { from, message: VerificationMessage::default(), rules }).await
    }

    pub(crate) async fn pending(&self, sender: UserId, receiver: UserId) -> RequestId {
        match self.ask(sender, receiver).await {
            AskOutcome::Created(id) => id,
            other => panic!("{other:?}"),
        }
    }

    /// Makes two users friends by requests in both directions.
    pub(crate) async fn befriend(&self, one: UserId, other: UserId) {
        self.pending(one, other).await;
        assert!(matches!(self.ask(other, one).await, AskOutcome::Accepted(_)));
    }

    /// Sends drafts so that they can share a batch: all are queued, in order, before the first outcome is awaited.
    pub(crate) async fn send_all(&self, drafts: Vec<Draft>) -> Vec<SendOutcome> {
        let mut sends: Vec<_> = drafts.into_iter().map(|draft| self.messages.send(draft)).collect();
        let mut outcomes = vec![None; sends.len()];
        poll_fn(|context| {
            for (send, outcome) in
                sends.iter_mut().zip(&mut outcomes).filter(|(_, outcome)| outcome.is_none())
            {
                if let Poll::Ready(result) = send.as_mut().poll(context) {
                    *outcome = Some(result.unwrap());
                }
            }
            if outcomes.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        outcomes.into_iter().flatten().collect()
    }

    /// The value of a sample of the send queue's metrics, for example `hongyan_send_accepted_total`.
    pub(crate) fn send_metric(&self, sample: &str) -> u64 {
        let collectors = self.messages.collectors().unwrap();
        let families: Vec<_> = collectors.iter().flat_map(|collector| collector.collect()).collect();
        let text = prometheus::TextEncoder::new().encode_to_string(&families).unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("{sample} is missing: {text}")).parse().unwrap()
    }

    /// The number of batches of the send queue.
    pub(crate) fn send_batches(&self) -> u64 {
        self.send_metric("hongyan_send_batch_messages_count")
    }

    /// The number of drafts in the batches of the send queue.
    pub(crate) fn batched_drafts(&self) -> u64 {
        self.send_metric("hongyan_send_batch_messages_sum")
    }

    pub(crate) async fn say(&self, sender: UserId, receiver: UserId, text: &str) -> MessageId {
        match self.messages.send(draft(sender, receiver, text, None)).await.unwrap() {
            SendOutcome::Sent(message) => message.id,
            SendOutcome::Refused(refusal) => panic!("{refusal:?}"),
        }
    }
}

/// The pair of two users, seen from the first.
pub(crate) fn directed(user: UserId, peer: UserId) -> Directed {
    Directed::new(user, peer).unwrap()
}

pub(crate) fn pair(one: UserId, other: UserId) -> Pair {
    Pair::new(one, other).unwrap()
}

pub(crate) fn draft(sender: UserId, receiver: UserId, text: &str, key: Option<&str>) -> Draft {
    Draft {
        from: directed(sender, receiver),
        body: MessageBody::Text(MessageContent::parse(text.to_owned()).unwrap()),
        client_message_id: key.map(|key| ClientMessageId::parse(key.to_owned()).unwrap()),
        over_quota: None,
    }
}
