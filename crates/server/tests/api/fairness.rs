//! One account with much work, and the others.

use std::sync::atomic::{AtomicBool, Ordering};

use server::config::Options;

use crate::support::{Person, Reply, World, eventually};

const SESSIONS: &str = "/api/auth/sessions";

/// What the requests that `ask` sends are answered, while `meanwhile` runs.
fn crowd(size: usize, ask: impl Fn() -> Reply + Sync, meanwhile: impl FnOnce()) -> Vec<Reply> {
    std::thread::scope(|scope| {
        let asking: Vec<_> = (0..size).map(|_| scope.spawn(&ask)).collect();
        meanwhile();
        asking.into_iter().map(|asking| asking.join().unwrap()).collect()
    })
}

#[test]
fn slow_lists_of_one_account_leave_threads_to_others() {
    let world = World::with(Options { db_pool_size: Some(4), ..Options::default() });
    let (alice, bob) = world.friends();
    let waiting = "pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%device_name%'";
    let mut answers = Vec::new();
    world.hold_lock("LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE", || {
        answers = crowd(
            80,
            || alice.get(SESSIONS),
            || {
                eventually("no list waits for the lock", || world.count(waiting) >= 1);
                for path in ["/api/auth/me", "/api/auth/conversations"].repeat(20) {
                    // On a busy machine any statement can exceed its second.
                    eventually("another account is not served", || bob.get(path).status == 200);
                }
                assert_eq!(world.count(waiting), 1, "one of four threads");
            },
        );
    });
    let refused: Vec<_> = answers.into_iter().filter(|answer| answer.status == 429).collect();
    assert!(refused.len() >= 80 - 1 - 64, "{} were refused", refused.len());
    for answer in refused {
        assert_eq!(answer.refused(429, "too_many_requests").header("Retry-After"), Some("1"));
    }
    eventually("the account is not served again", || alice.get(SESSIONS).status == 200);
}

#[test]
fn many_requests_of_one_account_are_all_answered_in_turn() {
    let world = World::new();
    let alice = world.person("alice_01");
    for answer in crowd(60, || alice.get("/api/auth/me"), || ()) {
        answer.ok();
    }
}

/// Fills a conversation with this many texts of nearly five thousand characters.
fn write_long_messages(world: &World, alice: &Person, count: u32) {
    let id = alice.conversation();
    world.sql(&format!(
        "INSERT INTO messages (conversation_id, seq, sender_id, sender_ordinal, content, created_at)
         SELECT '{id}', n, '{}', n, repeat(md5(n::text), 150), now() FROM generate_series(1, {count}) n;
         UPDATE conversations SET last_seq = {count},
                lo_sent = CASE WHEN user_lo = '{}' THEN {count} ELSE 0 END,
                hi_sent = CASE WHEN user_hi = '{}' THEN {count} ELSE 0 END",
        alice.id, alice.id, alice.id
    ));
}

#[test]
fn searches_of_one_account_do_not_fail_those_of_others() {
    let world = World::new();
    let (alice, bob) = world.friends();
    write_long_messages(&world, &alice, 10_000);
    let carol = world.person("carol_01");
    carol.befriend(&bob);
    carol.say(&bob, "the wild goose carries letters");
    let done = AtomicBool::new(false);
    let search_on = || loop {
        let answer = alice.get("/api/auth/messages/search?q=absent%20text");
        if answer.error() == "too_many_searches" || done.load(Ordering::SeqCst) {
            return answer;
        }
    };
    let answers = crowd(16, search_on, || {
        for _ in 0..34 {
            let found = carol.get("/api/auth/messages/search?q=goose").ok();
            assert_eq!(found.data().as_array().unwrap().len(), 1);
        }
        done.store(true, Ordering::SeqCst);
    });
    let refused: Vec<_> = answers.into_iter().filter(|answer| answer.status == 429).collect();
    assert!(refused.len() >= 14, "one search runs, one waits, and {} were refused", refused.len());
    for answer in refused {
        assert_eq!(answer.refused(429, "too_many_searches").header("Retry-After"), Some("1"));
    }
}
