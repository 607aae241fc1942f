//! A COMMIT that is answered by an error although it was carried out, in transactions other than sends.

use domain::conversation::ConversationRepository;
use domain::error::{DomainError, ErrorKind};
use domain::message::Seq;
use socket_proxy::{CommitProxy, Cut};

use crate::support::{Database, pair};

#[tokio::test(flavor = "multi_thread")]
async fn an_unclear_answer_to_commit_asks_for_a_retry() {
    let database = Database::new();
    let proxy = CommitProxy::start(database.url()).unwrap();
    let pool = database.pool();
    let (alice, bob) = (pool.person("alice_01").await, pool.person("bob_0001").await);
    pool.befriend(alice, bob).await;
    pool.say(alice, bob, "x").await;
    let through = database.pool_at(
        proxy.url(),
        infra::postgres::SendQueueSettings {
            writers: 1,
            queue: 16,
            max_wait: std::time::Duration::from_secs(60),
        },
    );
    let id = pair(alice, bob).conversation_id();
    proxy.arm(Cut::AnsweredByError);
    let error = through.conversations.mark_read(bob, id, Seq::new(1)).await.unwrap_err();
    assert!(proxy.has_cut());
    assert!(matches!(error.kind(), ErrorKind::Unavailable { .. }), "{error:?}");
    let again = through.conversations.mark_read(bob, id, Seq::new(1)).await.unwrap();
    assert!(again.is_some(), "a retry works on a new connection");
}
