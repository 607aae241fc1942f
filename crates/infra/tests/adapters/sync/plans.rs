//! A sync is one statement, reads the account's own rows by their indexes, and shares the statement with others.

use domain::realtime::{SyncFrom, SyncPlace};

use super::client::page;
use crate::bulk_data::{conversation, person};
use crate::explain::{ExplainingPool, assert_plan};
use crate::query_plans::{FREQUENT_PEER, FRIENDS, HUB, shared_database};

#[tokio::test]
async fn a_sync_reads_the_accounts_own_pairs_by_their_indexes() {
    let database = shared_database();
    let explained = ExplainingPool::pool(database);
    // The first one begins the lineage.
    let first = page(&explained.pool, person(HUB), SyncFrom::Nothing, 200).await;
    let nothing_new = SyncFrom::Place(SyncPlace::Point(first.point));
    for (from, entries) in [(SyncFrom::Nothing, 201.0), (nothing_new.clone(), 0.0)] {
        let (news, plan) = explained.plan(page(&explained.pool, person(HUB), from, 200)).await;
        assert!(news.conversations.len() <= 200);
        #[expect(clippy::cast_precision_loss, reason = "the number is small")]
        let friends = FRIENDS as f64;
        // Requests have pairs too.
        let pairs = friends + 400.0;
        assert!(plan.rows_read("conversations") <= pairs + entries, "{plan:?}");
        assert!(plan.rows_read("conversation_members") <= 2.0 * (pairs + entries), "{plan:?}");
        assert!(plan.rows_read("messages") <= entries, "{plan:?}");
        assert!(plan.rows_read("sessions") <= 1.0, "{plan:?}");
        assert_plan(
            "a sync",
            &[plan],
            &[
                "conversation_members_pkey",
                "conversations_of_hi",
                "conversations_of_lo",
                "conversations_pkey",
                "deletions_by_change_pkey",
                "message_deletions_by_end",
                "messages_pkey",
                "recalls_by_change_pkey",
                "sessions_by_change",
                "users_pkey",
            ],
        );
    }
    // One change is news without reading the other entries.
    let id = conversation(HUB, FREQUENT_PEER);
    database.sql(&format!(
        "UPDATE conversations SET changed_in = pg_current_xact_id()::text::bigint WHERE id = '{id}'"
    ));
    let (news, plan) = explained.plan(page(&explained.pool, person(HUB), nothing_new, 200)).await;
    assert_eq!(news.conversations.iter().map(|news| news.entry.id).collect::<Vec<_>>(), [id]);
    assert!(plan.rows_read("messages") <= 1.0, "{plan:?}");
}
