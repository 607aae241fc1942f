//! Databases that stand still: a frozen primary, with and without a standby, and a primary whose only synchronous standby is gone.

use std::time::Duration;

use serde_json::{Value, json};

use crate::replicas::Replica;
use crate::support::{Person, Server, eventually, get, query};

/// No call takes as long as the database stands still. The limits are 3 and 5 seconds; a busy machine needs more.
const CEILING: Duration = Duration::from_secs(20);

/// One call of a client.
#[derive(Clone)]
struct Call {
    method: &'static str,
    path: String,
    body: Value,
    token: String,
}

impl Call {
    fn list(person: &Person) -> Self {
        let (path, token) = ("/api/auth/conversations".to_owned(), person.token.clone());
        Self { method: "GET", path, body: Value::Null, token }
    }

    fn send(from: &Person, to: &Person, key: &str) -> Self {
        let body = json!({"receiver_id": to.id, "content": key, "client_message_id": key});
        Self { method: "POST", path: "/api/auth/messages".to_owned(), body, token: from.token.clone() }
    }

    fn rename(person: &Person, name: &str) -> Self {
        let (path, token) = ("/api/auth/me".to_owned(), person.token.clone());
        Self { method: "PATCH", path, body: json!({"name": name}), token }
    }

    /// The answer, within the ceiling.
    fn answer(&self, base: &str) -> Value {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(CEILING));
        let agent = agent.build().new_agent();
        let request = ureq::http::Request::builder()
            .method(self.method)
            .uri(format!("{base}{}", self.path))
            .header("Authorization", format!("Bearer {}", self.token))
            .header("Content-Type", "application/json");
        let body = if self.body.is_null() { Vec::new() } else { self.body.to_string().into_bytes() };
        let mut answer = agent.run(request.body(body).unwrap()).unwrap_or_else(|error| {
            panic!("{} {} has no answer within {CEILING:?}: {error}", self.method, self.path)
        });
        let retry_after = answer.headers().contains_key("retry-after");
        let value: Value = serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap();
        assert_eq!(value["code"] == 503, retry_after, "{value}");
        value
    }
}

/// The codes of concurrent calls, in their order. A second call of an account waits for its first one.
fn codes(server: &Server, calls: &[Call]) -> Vec<i64> {
    let ask = |call: &Call| {
        let (call, base) = (call.clone(), server.base.clone());
        std::thread::spawn(move || call.answer(&base)["code"].as_i64().unwrap())
    };
    let asked: Vec<_> = calls.iter().map(ask).collect();
    asked.into_iter().map(|thread| thread.join().unwrap()).collect()
}

/// Alice and her friends.
fn circle(server: &Server, friends: usize) -> (Person, Vec<Person>) {
    let alice = server.person("alice_01");
    let friends: Vec<Person> = (0..friends).map(|n| server.person(&format!("friend_{n}"))).collect();
    for friend in &friends {
        server.befriend(&alice, friend);
    }
    (alice, friends)
}

/// The sum of a metric over its labels.
fn metric(server: &Server, name: &str) -> f64 {
    let text = get(&format!("{}/metrics", server.admin), &[]).2;
    let values = text.lines().filter_map(|line| line.strip_prefix(name)?.rsplit_once(' '));
    values.filter(|(labels, _)| labels.starts_with('{')).map(|(_, value)| value.parse::<f64>().unwrap()).sum()
}

fn assert_stored_once(url: &str, keys: &[String]) {
    for key in keys {
        let count = format!("SELECT count(*) FROM messages WHERE client_message_id = '{key}'");
        assert_eq!(query(url, &count), "1", "{key}");
    }
}

#[test]
fn a_frozen_database_causes_503_and_heals_when_it_thaws() {
    let primary = Replica::primary("frozen");
    let server = primary.serve(&primary.url());
    let (alice, friends) = circle(&server, 6);
    let (senders, readers) = friends.split_at(3);
    let keys: Vec<String> = (0..4).flat_map(|n| (0..3).map(move |from| format!("{n}-{from}"))).collect();
    let sends: Vec<Call> =
        keys.iter().zip(senders.iter().cycle()).map(|(key, from)| Call::send(from, &alice, key)).collect();
    assert_eq!(codes(&server, &sends[..1]), [200]);
    let frozen = primary.freeze();
    for round in sends.chunks(3) {
        let mut calls = round.to_vec();
        calls.extend(readers.iter().map(Call::list));
        // More than an account has in flight: the others do not wait for those first.
        calls.extend(vec![Call::rename(&alice, "Alice"); 24]);
        assert!(codes(&server, &calls).iter().all(|code| *code == 503), "an answer without a database");
        assert_eq!(server.get("/readyz", "")["code"], 503);
    }
    eventually("signals seem to be exchanged", || metric(&server, "hongyan_signals_connected") < 0.5);
    let stalled = metric(&server, "hongyan_stalled_threads");
    assert!(stalled > 0.0 && stalled <= metric(&server, "hongyan_stalled_threads_limit"), "{stalled}");
    drop(frozen);
    eventually("the server does not become ready", || server.get("/readyz", "")["code"] == 200);
    eventually("reads do not heal", || codes(&server, &[Call::list(&friends[0])]) == [200]);
    for send in &sends {
        eventually("sends do not heal", || codes(&server, std::slice::from_ref(send)) == [200]);
    }
    assert_stored_once(&primary.url(), &keys);
    eventually("threads stay given up", || metric(&server, "hongyan_stalled_threads") < 0.5);
    eventually("signals stay lost", || metric(&server, "hongyan_signals_connected") > 0.5);
    assert!(server.stop().success());
}

#[test]
fn a_frozen_primary_is_left_for_its_promoted_standby() {
    let primary = Replica::primary("left");
    let standby = primary.standby("promoted");
    primary.set("synchronous_standby_names", "*");
    let server = primary.serve(&primary.url_with(&standby));
    let (alice, friends) = circle(&server, 12);
    let keys: Vec<String> = (0..24).map(|n| n.to_string()).collect();
    let sends: Vec<Call> =
        keys.iter().zip(friends.iter().cycle()).map(|(key, from)| Call::send(from, &alice, key)).collect();
    let (before, meanwhile) = sends.split_at(12);
    assert!(codes(&server, before).iter().all(|code| *code == 200));
    let frozen = primary.freeze();
    let meanwhile = [meanwhile, &[Call::list(&alice)]].concat();
    assert!(codes(&server, &meanwhile).iter().all(|code| *code == 503));
    standby.promote();
    for call in &meanwhile {
        eventually("the server does not reach the new primary", || {
            codes(&server, std::slice::from_ref(call)) == [200]
        });
    }
    eventually("the server does not become ready", || server.get("/readyz", "")["code"] == 200);
    assert_stored_once(&standby.url(), &keys);
    eventually("signals stay lost", || metric(&server, "hongyan_signals_connected") > 0.5);
    assert!(server.stop().success(), "a thread that stands still keeps the server from stopping");
    drop(frozen);
}

#[test]
fn without_the_only_synchronous_standby_reads_go_on_and_writes_get_503() {
    let primary = Replica::primary("alone");
    let server = primary.serve(&primary.url());
    let (alice, friends) = circle(&server, 12);
    let (senders, others) = friends.split_at(6);
    let (renamed, readers) = others.split_at(3);
    primary.set("synchronous_standby_names", "*");
    let keys: Vec<String> = (0..24).map(|n| n.to_string()).collect();
    let sends: Vec<Call> =
        keys.iter().zip(senders.iter().cycle()).map(|(key, from)| Call::send(from, &alice, key)).collect();
    let renames: Vec<Call> = renamed.iter().map(|friend| Call::rename(friend, "Friend")).collect();
    let reads: Vec<Call> = readers.iter().map(Call::list).collect();
    for round in sends.chunks(6) {
        let mut writes = round.to_vec();
        writes.extend(renames.clone());
        let (answers, read) = std::thread::scope(|scope| {
            let writing = scope.spawn(|| codes(&server, &writes));
            let read: Vec<i64> = (0..10).flat_map(|_| codes(&server, &reads)).collect();
            (writing.join().unwrap(), read)
        });
        assert!(answers.iter().all(|code| *code == 503), "{answers:?}");
        assert!(read.iter().all(|code| *code == 200), "reads stop: {read:?}");
    }
    let reasons: Value = serde_json::from_str(&get(&format!("{}/readyz", server.admin), &[]).2).unwrap();
    assert_eq!((&reasons["commits_return"], &reasons["database_answers"]), (&json!(false), &json!(true)));
    assert_eq!(server.get("/readyz", "")["code"], 503);
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
    let (waiting, limit) = (query(&primary.url(), waiting), metric(&server, "hongyan_stalled_threads_limit"));
    assert!((1.0..=limit).contains(&waiting.parse().unwrap()), "{waiting} COMMITs wait");
    primary.set("synchronous_standby_names", "");
    eventually("the server does not become ready", || server.get("/readyz", "")["code"] == 200);
    for call in sends.iter().chain(&renames) {
        eventually("writes do not heal", || codes(&server, std::slice::from_ref(call)) == [200]);
    }
    assert_stored_once(&primary.url(), &keys);
    eventually("threads stay given up", || metric(&server, "hongyan_stalled_threads") < 0.5);
    assert!(server.stop().success());
}
