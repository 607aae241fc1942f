//! Tables that an operator has partitioned: a row's place on the disk (`ctid`) then names a row in each partition.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use domain::id::UserId;
use domain::maintenance::{MaintenanceRepository, MaintenanceTask};

use crate::erasure::{erase, finish};
use crate::support::Database;

/// Spreads the rows of the tables that erasures empty over five partitions, by conversation.
const PARTITION: &str = "
    DO $$
    DECLARE name text;
    BEGIN
        FOREACH name IN ARRAY ARRAY['messages', 'friendship_requests'] LOOP
            EXECUTE format('ALTER TABLE %1$I RENAME TO old_%1$s', name);
            EXECUTE format('CREATE TABLE %1$I (LIKE old_%1$s INCLUDING DEFAULTS INCLUDING INDEXES)
                            PARTITION BY HASH (conversation_id)', name);
            FOR remainder IN 0..4 LOOP
                EXECUTE format('CREATE TABLE %1$s_%2$s PARTITION OF %1$I FOR VALUES WITH (MODULUS 5, REMAINDER %2$s)',
                               name, remainder);
            END LOOP;
        END LOOP;
    END $$";

#[tokio::test]
async fn erasures_in_partitioned_tables_leave_other_conversations_alone() {
    let database = Database::new();
    database.connect().batch_execute(PARTITION).unwrap();
    let pool = database.pool();
    let mut people = Vec::new();
    for number in 0..30 {
        people.push(pool.register(&format!("person_{number:04}")).await);
    }
    for [(one, _), (other, _)] in people.as_chunks::<2>().0 {
        pool.befriend(*one, *other).await;
        pool.say(*one, *other, "one").await;
        pool.say(*other, *one, "two").await;
    }
    for (_, session) in &people[..2] {
        erase(&pool, session).await;
    }
    for (person, _) in &people[..2] {
        finish(&pool, *person).await;
    }
    let of = |table: &str, user: UserId| {
        database.number(&format!("SELECT count(*) FROM {table} WHERE sender_id = '{user}'"))
    };
    for (place, (person, _)) in people.iter().enumerate() {
        let expected = if place < 2 { [0, 0] } else { [1, i64::from(place % 2 == 0)] };
        assert_eq!([of("messages", *person), of("friendship_requests", *person)], expected, "{place}");
    }
}

#[tokio::test]
async fn a_sweep_of_a_partitioned_table_leaves_recent_rows_alone() {
    let database = Database::new();
    database.connect().batch_execute(PARTITION).unwrap();
    let pool = database.pool();
    let mut people = Vec::new();
    for number in 0..60 {
        people.push(pool.person(&format!("person_{number:04}")).await);
    }
    for [one, other] in people.as_chunks::<2>().0 {
        pool.befriend(*one, *other).await;
    }
    // Every second request was answered long ago.
    database.sql(
        "UPDATE friendship_requests r
            SET answered_at = answered_at - CASE WHEN old.n % 2 = 0 THEN interval '2 hours' ELSE interval '0' END
           FROM (SELECT id, row_number() OVER (ORDER BY created_at, id) AS n FROM friendship_requests) old
          WHERE old.id = r.id",
    );
    let hour = Duration::from_secs(3600);
    pool.maintenance.sweep(MaintenanceTask::PurgeRequests, hour).await.unwrap();
    assert_eq!(database.number("SELECT count(*) FROM friendship_requests"), 15);
}
