//! A property test: random searches over random messages, compared with a plain scan.

use std::cell::Cell;

use domain::id::UserId;
use domain::search::{SearchRepository, fold};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use test_db::cases;
use tokio::runtime::Runtime;

use super::{request, texts};
use crate::support::{Database, Pool, draft, pair};
use domain::message::MessageRepository;

const PEERS: usize = 3;

#[derive(Debug, Clone)]
struct SearchScenario {
    /// Receiver and text.
    sent: Vec<(usize, String)>,
    /// Term, peer and page size.
    searches: Vec<(String, Option<usize>, i64)>,
}

fn any_scenario() -> impl Strategy<Value = SearchScenario> {
    let letters = "[aAßςΣİ的好ｂＢ%_\\\\👍 \u{1f}]";
    let text = proptest::string::string_regex(&format!("{letters}{{1,6}}")).unwrap();
    let text = text.prop_filter("not only white space", |text| !text.trim().is_empty());
    let term = proptest::string::string_regex(&format!("{letters}{{1,2}}")).unwrap();
    let sent = prop::collection::vec((0..PEERS, text), 1..150);
    let searches = prop::collection::vec((term, prop::option::of(0..PEERS), 1..40_i64), 8);
    (sent, searches).prop_map(|(sent, searches)| SearchScenario { sent, searches })
}

#[test]
fn search_agrees_with_a_plain_scan() {
    let (database, runtime) = (Database::new(), Runtime::new().unwrap());
    let pool = database.pool();
    let _indexer = runtime.block_on(async { database.fast_indexer() });
    let number = Cell::new(0);
    let config = Config { cases: cases(15, 40), failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(&any_scenario(), |scenario| {
        number.set(number.get() + 1);
        runtime.block_on(check(&pool, number.get(), &scenario)).map_err(TestCaseError::fail)
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}

async fn check(pool: &Pool, number: u32, scenario: &SearchScenario) -> Result<(), String> {
    let me = pool.person(&format!("me_{number:05}")).await;
    let mut peers = Vec::new();
    for peer in 0..PEERS {
        peers.push(pool.person(&format!("peer{peer}_{number:05}")).await);
        pool.befriend(me, peers[peer]).await;
    }
    for (peer, text) in &scenario.sent {
        // One by one, so that the order of sending is the order of storing.
        pool.messages.send(draft(peers[*peer], me, text, None)).await.unwrap();
    }
    for (term, peer, limit) in &scenario.searches {
        let scanned: Vec<String> = scenario
            .sent
            .iter()
            .rev()
            .filter(|(with, text)| peer.is_none_or(|peer| peer == *with) && fold(text).contains(&fold(term)))
            .map(|(_, text)| text.clone())
            .collect();
        let found = all_pages(pool, me, term, peer.map(|peer| peers[peer]), *limit).await;
        if found != scanned {
            return Err(format!("{term:?} finds {found:?}, a scan {scanned:?}"));
        }
    }
    Ok(())
}

async fn all_pages(pool: &Pool, me: UserId, term: &str, peer: Option<UserId>, limit: i64) -> Vec<String> {
    let conversation = peer.map(|peer| pair(me, peer).conversation_id());
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let search = request(term, conversation, limit, after);
        let page = pool.search.find(me, &search).await.unwrap().unwrap();
        found.extend(texts(&page));
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}
