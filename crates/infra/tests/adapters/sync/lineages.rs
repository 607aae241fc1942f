//! Cursors of another life of the database are of no use, unless it has everything that they have seen.

use domain::realtime::{ReadPoint, StaleList};
use infra::postgres::ChangePoll;
use uuid::Uuid;

use super::client::Device;
use crate::support::{Database, Pool, pair};

/// Notes that the transactions below `id` are finished, as the poll does once no older one is open in the whole cluster.
fn cover(database: &Database, id: i64) {
    database.sql(&format!("UPDATE lineages SET covered = {id}"));
}

/// Makes the present lineage an earlier one, as a restart of PostgreSQL does.
fn restart(database: &Database) {
    database.sql("UPDATE lineages SET started_at = started_at - interval '1 hour'");
}

async fn friends(pool: &Pool) -> (domain::id::UserId, domain::id::UserId) {
    let (alice, bob) = (pool.person("alice_01").await, pool.person("bob_0001").await);
    pool.befriend(alice, bob).await;
    (alice, bob)
}

#[tokio::test]
async fn a_cursor_survives_a_restart_that_lost_nothing() {
    let database = Database::new();
    let pool = database.pool();
    let (alice, bob) = friends(&pool).await;
    let mut device = Device::fresh(&pool, alice).await;
    cover(&database, device.cursor().seen);
    restart(&database);
    pool.say(bob, alice, "after").await;
    let news = device.catch_up(&pool, 200).await;
    assert!(!news.reset, "{news:?}");
    assert_eq!(news.conversations, [pair(alice, bob).conversation_id()]);
    assert_eq!(database.number("SELECT count(*) FROM lineages"), 2);
    assert!(device.catch_up(&pool, 200).await.is_nothing(), "it goes on in the new lineage");
}

#[tokio::test]
async fn a_cursor_that_has_seen_more_than_the_lineage_covers_is_reset() {
    let database = Database::new();
    let pool = database.pool();
    let (alice, bob) = friends(&pool).await;
    let mut device = Device::fresh(&pool, alice).await;
    cover(&database, device.cursor().seen);
    // What the copy does not have.
    pool.say(bob, alice, "in the lost future").await;
    device.catch_up(&pool, 200).await;
    restart(&database);
    let news = device.catch_up(&pool, 200).await;
    assert!(news.reset && news.stale == StaleList::ALL, "{news:?}");
    assert!(device.catch_up(&pool, 200).await.is_nothing());
    assert_eq!(device.difference(&pool).await, None);
}

#[tokio::test]
async fn a_cursor_of_another_cluster_or_an_unknown_lineage_is_reset() {
    let database = Database::new();
    let pool = database.pool();
    let (alice, _) = friends(&pool).await;
    let mut device = Device::fresh(&pool, alice).await;
    let unknown = ReadPoint { lineage: Uuid::from_u128(7), ..device.cursor() };
    device.pretend(unknown);
    assert!(device.catch_up(&pool, 200).await.reset);
    database.sql(
        "UPDATE lineages SET covered = 1000000000, cluster = cluster + 1, started_at = started_at - interval '1 hour'",
    );
    assert!(device.catch_up(&pool, 200).await.reset, "a restored dump");
}

#[tokio::test]
async fn an_open_transaction_keeps_later_ones_from_being_covered() {
    let database = Database::new();
    let pool = database.pool();
    let (alice, bob) = friends(&pool).await;
    let mut open = database.connect();
    diesel::connection::SimpleConnection::batch_execute(&mut open, "BEGIN; SELECT pg_current_xact_id()")
        .unwrap();
    let first_open = database.number(
        "SELECT backend_xid::text::bigint FROM pg_stat_activity
          WHERE datname = current_database() AND state = 'idle in transaction'",
    );
    let poll = ChangePoll::start(&pool.db).unwrap();
    pool.say(bob, alice, "later").await;
    // It looks once more.
    poll.finish();
    let covered = database.number("SELECT max(covered) FROM lineages");
    assert!(covered <= first_open, "{covered} of {first_open}");
}
