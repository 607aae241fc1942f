//! Every port method that changes what clients show leaves a stamp: the account's next catch-up tells something.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use domain::account::{
    ErasureRepository, ErasureStep, LifecycleRepository, PasswordHash, Uid, UidChangeRules, UserRepository,
};
use domain::admin::AdminRepository;
use domain::auth::{Caller, EndReason, PasswordChange, SessionRepository};
use domain::block::BlockRepository;
use domain::conversation::{ConversationRepository, Preferences};
use domain::friendship::{FriendshipRepository, Remark};
use domain::friendship_request::{Answer, FriendshipRequestRepository};
use domain::id::{ConversationId, UserId};
use domain::maintenance::{MaintenanceRepository, MaintenanceTask};
use domain::message::{MessageId, MessageRepository, Seq};
use infra::postgres::PgAdminRepository;

use super::client::{Device, News};
use crate::support::{Database, Pool, directed, pair};
use crate::users::renaming;

const WINDOW: Duration = Duration::from_secs(3600);

/// Port methods that change nothing that clients show, or whose accounts have no devices yet.
const NO_NEWS: &[&str] = &[
    // Reads.
    "list",
    "window",
    "summary",
    "credentials",
    "find_by_uid",
    "find_by_id",
    "is_open",
    "identify",
    "details",
    "pending",
    // A new account has no device that could have missed it.
    "register",
    // Refreshing changes `last_used_at` only. Its theft ends the session by the statement of `end`.
    "rotate",
    // As `erase`, by the same statements.
    "erase_by_operator",
    // An account that is enabled has no open session.
    "enable",
];

/// Two friends who have talked, and a third person who is a friend of neither.
struct World {
    database: Database,
    alice: UserId,
    bob: UserId,
    carol: UserId,
}

/// Who learns of it.
#[derive(Debug, PartialEq, Eq)]
enum Audience {
    Alice,
    Both,
}

impl World {
    async fn new(pool: &Pool, database: Database) -> Self {
        let (alice, bob) = (pool.person("alice_01").await, pool.person("bob_0001").await);
        let carol = pool.person("carol_01").await;
        pool.befriend(alice, bob).await;
        for text in ["one", "two", "three"] {
            pool.say(bob, alice, text).await;
            pool.say(alice, bob, text).await;
        }
        Self { database, alice, bob, carol }
    }

    fn conversation(&self) -> ConversationId {
        pair(self.alice, self.bob).conversation_id()
    }

    fn message(&self, seq: i64) -> MessageId {
        MessageId { conversation: self.conversation(), seq: Seq::new(seq) }
    }
}

/// The methods of the walk, each with those it concerns. Carol learns of none of them.
const METHODS: &[(&str, Audience)] = &[
    ("send", Audience::Both),
    ("recall", Audience::Both),
    ("delete_for", Audience::Alice),
    ("mark_read", Audience::Both),
    ("set_preferences", Audience::Alice),
    ("clear", Audience::Alice),
    ("set_remark", Audience::Alice),
    ("block", Audience::Alice),
    ("unblock", Audience::Alice),
    ("change_profile", Audience::Both),
    ("change_uid", Audience::Both),
    ("open", Audience::Alice),
    ("end", Audience::Alice),
    ("end_others", Audience::Alice),
    ("change_password", Audience::Alice),
    ("set_password", Audience::Alice),
    ("end_sessions", Audience::Alice),
    ("end_all_sessions", Audience::Both),
    ("remove", Audience::Both),
    ("ask", Audience::Both),
    ("sweep", Audience::Both),
    ("withdraw", Audience::Both),
    ("answer", Audience::Both),
    ("disable", Audience::Alice),
    ("erase", Audience::Both),
    ("step", Audience::Both),
];

async fn perform(world: &World, pool: &Pool, method: &str) {
    let (alice, bob, id) = (world.alice, world.bob, world.conversation());
    match method {
        "send" => drop(pool.say(alice, bob, "four").await),
        "recall" => drop(pool.messages.recall(world.message(2), alice, WINDOW).await.unwrap()),
        "delete_for" => assert!(pool.messages.delete_for(alice, world.message(1)).await.unwrap()),
        "mark_read" => assert!(pool.conversations.mark_read(alice, id, Seq::new(3)).await.unwrap().is_some()),
        "set_preferences" => {
            let preferences = Preferences { pinned: Some(true), muted: None };
            assert!(pool.conversations.set_preferences(alice, id, preferences).await.unwrap());
        }
        "clear" => assert!(pool.conversations.clear(alice, id).await.unwrap()),
        other => perform_on_relation(world, pool, other).await,
    }
}

async fn perform_on_relation(world: &World, pool: &Pool, method: &str) {
    let (alice, bob) = (world.alice, world.bob);
    match method {
        "set_remark" => {
            let remark = Remark::parse("Bobby").unwrap();
            assert!(pool.friendships.set_remark(directed(alice, bob), &remark).await.unwrap());
        }
        "remove" => assert!(pool.friendships.remove(directed(alice, bob)).await.unwrap()),
        "block" => assert!(pool.blocks.block(directed(alice, bob)).await.unwrap()),
        "unblock" => assert!(pool.blocks.unblock(directed(alice, bob)).await.unwrap()),
        "ask" => drop(pool.pending(alice, bob).await),
        "withdraw" => {
            let request = pool.pending(alice, bob).await;
            pool.requests.withdraw(request, alice).await.unwrap();
        }
        "answer" => {
            let request = pool.pending(alice, bob).await;
            pool.requests.answer(request, bob, Answer::Reject).await.unwrap();
        }
        "sweep" => {
            world.database.sql("UPDATE friendship_requests SET expires_at = now() - interval '1 day'");
            let task = MaintenanceTask::ExpireRequests;
            assert_eq!(pool.maintenance.sweep(task, Duration::ZERO).await.unwrap().rows, 1);
        }
        other => perform_on_account(world, pool, other).await,
    }
}

async fn perform_on_account(world: &World, pool: &Pool, method: &str) {
    let alice = world.alice;
    match method {
        "change_profile" => drop(pool.users.change_profile(alice, &renaming("Alice II")).await.unwrap()),
        "change_uid" => {
            let uid = Uid::parse("alice_02").unwrap();
            pool.users.change_uid(alice, &uid, UidChangeRules::default()).await.unwrap();
        }
        "step" => while pool.erasures.step(alice).await.unwrap() != ErasureStep::Finished {},
        other => {
            let session = pool.log_in(alice, "no hash").await.unwrap().id;
            perform_on_sessions(pool, Caller { user_id: alice, session_id: session }, other).await;
        }
    }
}

async fn perform_on_sessions(pool: &Pool, caller: Caller, method: &str) {
    let admin = PgAdminRepository::new(pool.db.clone());
    let (alice, hash) = (caller.user_id, PasswordHash::new("no hash".to_owned()));
    match method {
        // Logging in was the change.
        "open" => {}
        "end" => assert!(pool.sessions.end(caller.session_id, alice, EndReason::Logout).await.unwrap()),
        "end_others" => assert!(!pool.sessions.end_others(caller).await.unwrap().is_empty()),
        "change_password" => {
            pool.log_in(alice, "no hash").await.unwrap();
            let change = PasswordChange { caller, verified_hash: hash.clone(), new_hash: hash };
            pool.sessions.change_password(&change).await.unwrap();
        }
        "set_password" => assert!(admin.set_password(alice, &hash).await.unwrap()),
        "end_sessions" => assert!(admin.end_sessions(alice).await.unwrap() >= 1),
        "end_all_sessions" => assert!(admin.end_all_sessions().await.unwrap() >= 1),
        "disable" => {
            drop(pool.accounts.disable(alice).await.unwrap());
            pool.accounts.enable(alice).await.unwrap();
        }
        "erase" => assert!(pool.accounts.erase(caller).await.unwrap().is_some()),
        other => panic!("{other} is not performed"),
    }
}

/// What a catch-up brings; then it has the state of a fresh one.
async fn news(pool: &Pool, device: &mut Device) -> News {
    let news = device.catch_up(pool, 200).await;
    assert!(!news.reset);
    assert_eq!(device.difference(pool).await, None);
    news
}

#[tokio::test]
async fn every_mutating_port_method_is_news_to_those_it_concerns_only() {
    let database = Database::new();
    let pool = database.pool();
    let world = World::new(&pool, database).await;
    let mut devices = Vec::new();
    for user in [world.alice, world.bob, world.carol] {
        devices.push((user, Device::fresh(&pool, user).await));
    }
    for (method, audience) in METHODS {
        perform(&world, &pool, method).await;
        for (user, device) in &mut devices {
            // An erased account has no device any more.
            if *method == "step" && *user == world.alice {
                continue;
            }
            let news = news(&pool, device).await;
            let is_concerned = *user == world.alice || (*user == world.bob && *audience == Audience::Both);
            // Ending all sessions concerns each account that has one.
            let is_for_all = *method == "end_all_sessions";
            assert_eq!(!news.is_nothing(), is_concerned || is_for_all, "{method} of {user}: {news:?}");
        }
    }
}

/// The async methods of the repositories' ports.
fn methods(source: &str) -> impl Iterator<Item = &str> {
    source.lines().filter_map(|line| line.trim().strip_prefix("async fn ")?.split(['(', '<']).next())
}

#[test]
fn the_walk_knows_every_method_of_every_repository() {
    let domain = Path::new(env!("CARGO_MANIFEST_DIR")).join("../domain/src");
    let walked: BTreeSet<&str> =
        METHODS.iter().map(|(method, _)| *method).chain(NO_NEWS.iter().copied()).collect();
    for feature in
        ["conversation", "message", "block", "friendship", "friendship_request", "admin", "maintenance"]
    {
        let source = std::fs::read_to_string(domain.join(feature).join("ports.rs")).unwrap();
        for method in methods(&source) {
            assert!(walked.contains(method), "{feature}: does {method} change what clients show?");
        }
    }
    for (feature, traits) in [
        ("account", &["UserRepository", "LifecycleRepository", "ErasureRepository"][..]),
        ("auth", &["SessionRepository"]),
    ] {
        let source = std::fs::read_to_string(domain.join(feature).join("ports.rs")).unwrap();
        for name in traits {
            let (_, body) = source.split_once(&format!("pub trait {name}")).unwrap();
            for method in methods(body.split("\n}").next().unwrap()) {
                assert!(walked.contains(method), "{name}: does {method} change what clients show?");
            }
        }
    }
}
