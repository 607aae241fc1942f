//! Catching up by one cursor, and long polls.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use server::config::{Options, Switch};

use crate::support::{Person, Reply, World};

const ALL: [&str; 5] = ["friendships", "friendship_requests", "blocks", "me", "sessions"];

fn cursor(reply: &Reply) -> String {
    reply.data()["cursor"].as_str().unwrap().to_owned()
}

fn first(person: &Person) -> String {
    cursor(&person.get("/api/auth/sync").ok())
}

fn since(person: &Person, cursor: &str, more: &str) -> Reply {
    person.get(&format!("/api/auth/sync?cursor={cursor}{more}"))
}

/// Whether an answer tells nothing.
fn is_empty(reply: &Reply) -> bool {
    let data = reply.data();
    data["reset"] == false && data["conversations"] == json!([]) && data["stale"] == json!([])
}

#[test]
fn the_first_answer_has_everything_and_later_ones_what_has_changed() {
    let world = World::new();
    let (alice, bob) = world.friends();
    alice.say(&bob, "你好");
    let all = bob.get("/api/auth/sync").ok();
    let data = all.data();
    assert_eq!(
        (&data["reset"], &data["stale"], &data["unread_total"]),
        (&json!(false), &json!([]), &json!(1))
    );
    let entry = &data["conversations"][0];
    let listed = bob.conversations()[0].clone();
    for (name, value) in listed.as_object().unwrap() {
        assert_eq!(&entry[name], value, "{name}");
    }
    assert_eq!((&entry["is_friend"], &entry["peer_read_seq"]), (&json!(true), &json!(0)));
    assert_eq!((&entry["cleared_seq"], &entry["hidden"]), (&json!(0), &json!(false)));
    assert_eq!((&entry["recalled"], &entry["deleted"]), (&json!([]), &json!([])));
    assert_eq!(all.json["next_cursor"], Value::Null);
    assert!(is_empty(&since(&bob, &cursor(&all), "").ok()));
    let message = alice.say(&bob, "第二条");
    alice.call("DELETE", "/api/auth/message/recall").json(&json!({"message_id": message})).send().ok();
    let news = since(&bob, &cursor(&all), "").ok();
    let entry = &news.data()["conversations"][0];
    assert_eq!((&entry["last_seq"], &entry["recalled"]), (&json!(2), &json!([2])));
    assert!(is_empty(&since(&bob, &cursor(&news), "").ok()));
    assert!(!is_empty(&since(&bob, &cursor(&all), "").ok()), "an old cursor is as good");
}

#[test]
fn pages_are_followed_by_next_cursor_and_repeat_the_first_cursor() {
    let world = World::new();
    let alice = world.person("alice_01");
    for number in 0..3 {
        alice.befriend(&world.person(&format!("friend_{number}")));
    }
    let page = alice.get("/api/auth/sync?limit=2").ok();
    let next = page.json["next_cursor"].as_str().unwrap();
    let rest = since(&alice, next, "&limit=2").ok();
    let ids = |reply: &Reply| reply.data()["conversations"].as_array().unwrap().len();
    assert_eq!((ids(&page), ids(&rest), &rest.json["next_cursor"]), (2, 1, &Value::Null));
    assert_eq!(cursor(&page), cursor(&rest));
    assert!(is_empty(&since(&alice, &cursor(&page), "").ok()));
}

#[test]
fn a_malformed_cursor_is_refused_and_one_of_no_use_begins_again() {
    let world = World::new();
    let (alice, bob) = world.friends();
    let alices = first(&alice);
    for malformed in
        ["", "x", "s1", "s1.", &alices[1..], &alices[..alices.len() - 1].replace('.', "-"), "%00"]
    {
        since(&alice, malformed, "").blames("invalid_field", "cursor");
    }
    for (name, value) in
        [("limit", "0"), ("limit", "201"), ("limit", "x"), ("wait", "26"), ("wait", "-1"), ("wait", "x")]
    {
        alice.get(&format!("/api/auth/sync?{name}={value}")).blames("invalid_field", name);
    }
    let parts: Vec<&str> = alices.split('.').collect();
    let unknown = alices.replace(&parts[3][..32], "00000000000000000000000000000007");
    for useless in [first(&bob), alices.replacen("s1", "s9", 1), unknown] {
        let again = since(&alice, &useless, "&wait=25").ok();
        assert_eq!(again.data()["reset"], true, "{useless}");
        assert_eq!(again.data()["stale"], json!(ALL));
        assert_eq!(again.data()["conversations"].as_array().unwrap().len(), 1);
        assert!(is_empty(&since(&alice, &cursor(&again), "").ok()));
    }
}

#[test]
fn a_cursor_of_a_server_with_other_read_receipts_begins_again() {
    let world = World::new();
    let (alice, bob) = world.friends();
    bob.say(&alice, "hello");
    let receipts = Options { read_receipts: Some(Switch::Off), ..Options::default() };
    let without = world.second_instance_with(receipts);
    let there = alice.at(without.address);
    let again = since(&there, &first(&alice), "").ok();
    assert_eq!(again.data()["reset"], true);
    assert_eq!(again.data()["conversations"][0]["peer_read_seq"], Value::Null);
    let window = there.open(&alice.conversation(), "").ok();
    assert_eq!(window.data()["peer_read_seq"], Value::Null);
}

/// Starts a long poll, which has not ended after a while.
fn waiting(person: &Person) -> thread::JoinHandle<Reply> {
    let (person, known) = (person.clone(), first(person));
    let poll = thread::spawn(move || since(&person, &known, "&wait=25"));
    thread::sleep(Duration::from_millis(700));
    assert!(!poll.is_finished(), "it does not wait");
    poll
}

#[test]
fn a_long_poll_ends_with_a_change_on_this_or_another_instance() {
    let world = World::new();
    let (alice, bob) = world.friends();
    let other = world.second_instance();
    for sender in [alice.clone(), alice.at(other.address)] {
        let poll = waiting(&bob);
        sender.say(&bob, "hello");
        let news = poll.join().unwrap().ok();
        assert_eq!(news.data()["conversations"][0]["last_message"]["content"], "hello");
    }
    let poll = waiting(&bob);
    alice.with("PATCH", "/api/auth/me", &json!({"name": "Alice II"})).ok();
    assert_eq!(poll.join().unwrap().ok().data()["stale"], json!(["friendships"]));
}

#[test]
fn a_long_poll_ends_with_an_empty_change_after_its_time() {
    let world = World::new();
    let (alice, _) = world.friends();
    assert!(is_empty(&since(&alice, &first(&alice), "&wait=1").ok()));
    // A client that has nothing gets an answer at once, however empty.
    let carol = world.person("carol_01");
    assert_eq!(carol.get("/api/auth/sync?wait=25").ok().data()["conversations"], json!([]));
}

#[test]
fn a_session_that_ends_gets_nothing_more_and_the_others_learn_of_it() {
    let world = World::new();
    let (alice, _) = world.friends();
    let login = json!({"uid": alice.uid, "password": Person::PASSWORD});
    let second = Person::from_login(
        alice.address,
        world.call("POST", "/api/login/uid").json(&login).send().ok().data(),
    );
    let (ended, news) = (waiting(&second), waiting(&alice));
    alice.delete("/api/auth/sessions").ok();
    ended.join().unwrap().refused(401, "session_ended");
    assert_eq!(news.join().unwrap().ok().data()["stale"], json!(["sessions"]));
}

#[test]
fn long_polls_are_bounded_by_account_and_hold_neither_thread_nor_place() {
    let world = World::with(Options { db_pool_size: Some(1), ..Options::default() });
    let (alice, bob) = world.friends();
    let known = first(&bob);
    // One that finds the seventeenth in its place tries again.
    let poll = || {
        let (bob, known) = (bob.clone(), known.clone());
        let refused = |reply: &Reply| reply.status == 429;
        thread::spawn(move || {
            loop {
                let reply = since(&bob, &known, "&wait=25");
                if !refused(&reply) {
                    return reply;
                }
            }
        })
    };
    let polls: Vec<_> = (0..16).map(|_| poll()).collect();
    let deadline = Instant::now() + Duration::from_secs(20);
    // The seventeenth is refused once the others wait.
    loop {
        let more = since(&bob, &known, "&wait=1");
        if more.status == 429 {
            assert!(more.refused(429, "too_many_requests").header("Retry-After").is_some());
            break;
        }
        assert!(Instant::now() < deadline, "a seventeenth poll is admitted");
    }
    assert_eq!(bob.conversations().as_array().unwrap().len(), 1, "other requests have their places");
    alice.say(&bob, "hello");
    for poll in polls {
        assert!(!is_empty(&poll.join().unwrap().ok()));
    }
}

#[test]
fn a_long_poll_ends_when_the_client_closes_its_side() {
    let world = World::new();
    let (alice, _) = world.friends();
    let mut stream = TcpStream::connect(world.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let request = format!(
        "GET /api/auth/sync?wait=25&cursor={} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n",
        first(&alice),
        alice.token
    );
    stream.write_all(request.as_bytes()).unwrap();
    thread::sleep(Duration::from_millis(300));
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the server goes on waiting");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[test]
fn a_long_poll_is_answered_when_the_instance_stops() {
    let world = World::new();
    let (alice, _) = world.friends();
    let instance = world.second_instance();
    let poll = waiting(&alice.at(instance.address));
    drop(instance);
    let answered = poll.join().unwrap().ok();
    assert!(is_empty(&answered));
    assert_eq!(answered.header("Connection"), Some("close"));
}

#[test]
fn either_of_two_friends_can_keep_how_far_they_read_to_themselves() {
    let world = World::new();
    let (alice, bob) = world.friends();
    alice.say(&bob, "hello");
    let id = bob.conversation();
    bob.with("PUT", &format!("/api/auth/conversations/{id}/read"), &json!({"seq": 1})).ok();
    let seen = |viewer: &Person| {
        let window = viewer.open(&id, "").ok().data()["peer_read_seq"].clone();
        let news = viewer.get("/api/auth/sync").ok().data()["conversations"][0]["peer_read_seq"].clone();
        assert_eq!(window, news);
        window
    };
    let share =
        |person: &Person, on: bool| person.with("PATCH", "/api/auth/me", &json!({"share_read": on})).ok();
    assert_eq!((seen(&alice), seen(&bob)), (json!(1), json!(0)));
    for person in [&alice, &bob] {
        let known = first(&alice);
        let off = share(person, false);
        assert_eq!((&off.data()["share_read"], &off.data()["share_typing"]), (&json!(false), &json!(true)));
        assert_eq!((seen(&alice), seen(&bob)), (Value::Null, Value::Null));
        assert_eq!(since(&alice, &known, "").ok().data()["conversations"][0]["peer_read_seq"], Value::Null);
        share(person, true);
        assert_eq!((seen(&alice), seen(&bob)), (json!(1), json!(0)));
    }
    let typing = alice.with("PATCH", "/api/auth/me", &json!({"share_typing": false})).ok();
    assert_eq!(typing.data()["share_typing"], false);
    alice.with("PATCH", "/api/auth/me", &json!({"share_read": "no"})).blames("invalid_field", "share_read");
}
