use std::time::Duration;

use domain::conversation::ConversationRepository;
use domain::friendship::FriendshipRepository;
use domain::message::MessageRepository;
use domain::search::SearchRepository;

use super::{request, texts};
use crate::support::{Database, directed, pair};

/// Checks before and after the indexer has run; both must agree.
const MOMENTS: [bool; 2] = [false, true];

const SAID: [&str; 15] = [
    "今天OK吗",
    "100% 打折",
    "snake_case",
    "C:\\temp",
    "it's \"fine\"",
    "👨‍👩‍👧‍👦 一家",
    "ＡＢＣ",
    "İstanbul",
    "Straße",
    "ΟΔΟΣ",
    "CAFE\u{301}",
    "a\u{1f}b",
    "line\nbreak",
    "'; DROP TABLE users; --",
    "爱❤\u{fe0f}",
];

/// A term, and the only text that contains it.
const FOUND: [(&str, &str); 19] = [
    ("天", "今天OK吗"),
    ("天ok", "今天OK吗"),
    ("0%", "100% 打折"),
    ("e_c", "snake_case"),
    ("\\T", "C:\\temp"),
    ("'S \"", "it's \"fine\""),
    ("👨‍👩‍👧‍👦", "👨‍👩‍👧‍👦 一家"),
    ("ｂｃ", "ＡＢＣ"),
    ("i\u{307}ST", "İstanbul"),
    ("STRASSE", "Straße"),
    ("οδος", "ΟΔΟΣ"),
    ("e\u{301}", "CAFE\u{301}"),
    ("A\u{1f}B", "a\u{1f}b"),
    ("E\nB", "line\nbreak"),
    ("; drop", "'; DROP TABLE users; --"),
    ("abc", "ＡＢＣ"),
    ("é", "CAFE\u{301}"),
    ("爱❤", "爱❤\u{fe0f}"),
    ("❤\u{fe0f}", "爱❤\u{fe0f}"),
];

#[tokio::test(flavor = "multi_thread")]
async fn texts_of_all_scripts_are_found_by_substring_in_any_case() {
    let database = Database::new();
    let pool = database.pool();
    let (alice, bob) = (pool.person("alice_01").await, pool.person("bob_0001").await);
    pool.befriend(alice, bob).await;
    for text in SAID {
        pool.say(alice, bob, text).await;
    }
    for indexed in MOMENTS {
        if indexed {
            let _indexer = database.fast_indexer();
            database.indexed().await;
        }
        for (term, text) in FOUND {
            assert_eq!(pool.found(bob, term).await, [text], "{term:?}, indexed: {indexed}");
        }
        for term in ["%打", "snake.case", "ê", "愛", "吗C", "a\u{1e}b", "\u{1e}", "zzz"] {
            assert_eq!(pool.found(bob, term).await, [""; 0], "{term:?}, indexed: {indexed}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn search_never_finds_foreign_or_hidden_messages() {
    let database = Database::new();
    let pool = database.pool();
    let (alice, bob, eve) =
        (pool.person("alice_01").await, pool.person("bob_0001").await, pool.person("eve_0001").await);
    pool.befriend(alice, bob).await;
    pool.befriend(eve, bob).await;
    let id = pair(alice, bob).conversation_id();
    for indexed in MOMENTS {
        let indexer = indexed.then(|| database.fast_indexer());
        let number = usize::from(indexed);
        let kept = format!("secret kept {number}");
        pool.say(alice, bob, &format!("secret cleared {number}")).await;
        assert!(pool.conversations.clear(bob, id).await.unwrap());
        let deleted = pool.say(alice, bob, &format!("secret deleted {number}")).await;
        let recalled = pool.say(alice, bob, &format!("secret recalled {number}")).await;
        pool.say(alice, bob, &kept).await;
        if indexed {
            database.indexed().await;
        }
        assert!(pool.messages.delete_for(bob, deleted).await.unwrap());
        pool.messages.recall(recalled, alice, Duration::from_secs(60)).await.unwrap();
        assert_eq!(pool.found(bob, "secret").await, std::slice::from_ref(&kept));
        assert_eq!(pool.found_in(bob, id, "SECRET").await, Some(vec![kept.clone()]));
        let alices = pool.found(alice, "secret").await;
        assert_eq!(alices.len(), 3 * (number + 1), "{alices:?}");
        assert!(!alices.iter().any(|text| text.contains("recalled")));
        assert_eq!(pool.found(eve, "secret").await, [""; 0]);
        assert_eq!(pool.found_in(eve, id, "secret").await, None, "as if the conversation did not exist");
        assert_eq!(pool.found_in(bob, pair(alice, eve).conversation_id(), "secret").await, None);
        drop(indexer);
    }
    // A conversation without visible messages exists all the same.
    pool.conversations.clear(bob, id).await.unwrap();
    assert_eq!(pool.found_in(bob, id, "secret").await, Some(vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_unfriending_only_the_other_side_finds_old_messages() {
    let database = Database::new();
    let pool = database.pool();
    let (alice, bob) = (pool.person("alice_01").await, pool.person("bob_0001").await);
    pool.befriend(alice, bob).await;
    pool.say(alice, bob, "old words").await;
    let _indexer = database.fast_indexer();
    database.indexed().await;
    assert!(pool.friendships.remove(directed(bob, alice)).await.unwrap());
    assert_eq!(pool.found(alice, "words").await, ["old words"]);
    assert_eq!(pool.found(bob, "words").await, [""; 0]);
    pool.befriend(alice, bob).await;
    pool.say(alice, bob, "new words").await;
    assert_eq!(pool.found(bob, "words").await, ["new words"]);
    assert_eq!(pool.found(alice, "words").await, ["new words", "old words"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_paging_unchanged_messages_appear_exactly_once() {
    let database = Database::new();
    let pool = database.pool();
    let alice = pool.person("alice_01").await;
    let mut peers = Vec::new();
    for number in 0..4 {
        let peer = pool.person(&format!("peer_{number:03}")).await;
        pool.befriend(alice, peer).await;
        peers.push(peer);
    }
    let mut said = Vec::new();
    for number in 0..200 {
        let text = format!("word {number}");
        pool.say(peers[number % 4], alice, &text).await;
        said.insert(0, text);
    }
    // Many at the same time, as one batch stores them.
    database.sql("UPDATE messages SET created_at = date_trunc('minute', created_at); UPDATE conversations SET last_at = (SELECT max(created_at) FROM messages WHERE conversation_id = id)");
    let _indexer = database.fast_indexer();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = pool.search.find(alice, &request("WORD", None, 7, after)).await.unwrap().unwrap();
        assert!(page.items.len() <= 7);
        seen.extend(texts(&page));
        pool.say(peers[0], alice, "word in between").await;
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let old: Vec<&String> = seen.iter().filter(|text| *text != "word in between").collect();
    assert_eq!(old.len(), 200);
    let mut sorted: Vec<&String> = old.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!(sorted.len(), 200, "none twice");
}
