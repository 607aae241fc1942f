//! What crosses from one instance to the sockets of another ahead of the change poll, and what the signals between them survive.

use std::ops::RangeInclusive;
use std::sync::mpsc::{self, TryRecvError};
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};
use server::config::{Options, SignalTransport};

use crate::support::{Person, Socket, World, eventually};

/// A report can be repeated after this time.
const PAUSE: Duration = Duration::from_millis(3100);

fn observed() -> World {
    World::with(Options { admin_bind: Some("127.0.0.1:0".parse().unwrap()), ..Options::default() })
}

fn types(writer: &Person) {
    let path = format!("/api/auth/conversations/{}/typing", writer.conversation());
    // The database may be away.
    eventually("typing is refused", || writer.post(&path, &json!({})).status == 200);
}

/// Reports typing again and again until a frame has come; a first report may be too early.
fn types_until_seen(writer: &Person, reader: &mut Socket) -> Value {
    std::thread::scope(|scope| {
        let (seen, waits) = mpsc::channel::<()>();
        scope.spawn(move || {
            while waits.try_recv() == Err(TryRecvError::Empty) {
                types(writer);
                sleep(PAUSE);
            }
        });
        let frame = reader.until("typing");
        seen.send(()).unwrap();
        frame
    })
}

fn signal_connections(world: &World) -> i64 {
    world
        .count("pg_stat_activity WHERE datname = current_database() AND application_name = 'hongyan signals'")
}

#[test]
fn typing_crosses_to_another_instance_and_no_refused_report_does() {
    let world = World::new();
    let other = world.second_instance();
    let (alice, bob) = world.friends();
    let [blocked, silent, marker] = ["blocked1", "silent_1", "marker_1"].map(|uid| world.person(uid));
    for friend in [&blocked, &silent, &marker] {
        friend.befriend(&bob);
    }
    bob.with("PUT", &format!("/api/auth/blocks/{}", blocked.id), &json!({})).ok();
    silent.with("PATCH", "/api/auth/me", &json!({"share_typing": false})).ok();
    let mut bobs = Socket::live(&bob.at(other.address), None);
    let report = types_until_seen(&alice, &mut bobs);
    let conversation = alice.conversation();
    assert_eq!(
        report,
        json!({"type": "typing", "conversation_id": conversation, "user_id": alice.id, "seconds": 6})
    );
    for writer in [&blocked, &silent, &alice] {
        types(writer);
    }
    let path = format!("/api/auth/conversations/{conversation}/typing");
    marker.post(&path, &json!({})).refused(400, "unknown_conversation");
    types(&marker);
    let next = bobs.until("typing");
    assert!([&marker.id, &alice.id].contains(&&next["user_id"].as_str().unwrap().to_owned()), "{next}");
}

#[test]
fn one_who_writes_on_two_instances_is_shown_once() {
    let world = World::new();
    let other = world.second_instance();
    let (alice, bob) = world.friends();
    let marker = world.person("marker_1");
    marker.befriend(&bob);
    let mut bobs = Socket::live(&bob.at(other.address), None);
    types_until_seen(&marker, &mut bobs);
    types(&alice);
    assert_eq!(bobs.until("typing")["user_id"], json!(alice.id));
    types(&alice.at(other.address));
    sleep(PAUSE);
    types(&marker);
    assert_eq!(bobs.until("typing")["user_id"], json!(marker.id));
}

#[test]
fn a_message_stored_elsewhere_is_shown_to_a_socket_by_a_signal() {
    let world = observed();
    let other = world.second_instance();
    let (alice, bob) = world.friends();
    let (mut alices, mut bobs) = (Socket::live(&alice, None), Socket::live(&bob, None));
    let elsewhere = alice.at(other.address);
    let newest =
        |person: &Person| person.open(&person.conversation(), "?limit=1").data()["messages"][0].clone();
    let shown = |source: &str| world.counter(&format!("hongyan_messages_shown_total{{source=\"{source}\"}}"));
    let mut number = 0;
    eventually("no signal arrives", || {
        number += 1;
        let (content, key) = (format!("from afar {number}"), format!("key-{number}"));
        let body = json!({"receiver_id": bob.id, "content": content, "client_message_id": key});
        elsewhere.post("/api/auth/messages", &body).ok();
        for (person, socket) in [(&alice, &mut alices), (&bob, &mut bobs)] {
            assert_eq!(socket.until("message")["message"], newest(person));
        }
        shown("signal") > 1
    });
    assert!(world.counter("hongyan_signals_received_total{kind=\"message\"}") > 0);
    // A message of this instance needs no signal.
    let before = shown("commit");
    alice.say(&bob, "from here");
    bobs.until("message");
    assert_eq!(shown("commit"), before + 2);
}

#[test]
fn a_change_elsewhere_wakes_a_socket_by_a_signal() {
    let world = observed();
    let other = world.second_instance();
    let (_alice, bob) = world.friends();
    let path = format!("/api/auth/conversations/{}", bob.conversation());
    let mut bobs = Socket::live(&bob, None);
    let elsewhere = bob.at(other.address);
    eventually("no signal arrives", || {
        for pinned in [true, false] {
            elsewhere.with("PATCH", &path, &json!({"pinned": pinned})).ok();
            bobs.until("conversation");
        }
        world.counter("hongyan_wakeups_total{source=\"signal\"}") > 0
    });
    assert!(world.counter("hongyan_signals_received_total{kind=\"change\"}") > 0);
}

#[test]
fn messages_of_two_instances_arrive_in_order_without_signals() {
    let off = || Options { signals: Some(SignalTransport::Off), ..Options::default() };
    let world = World::with(off());
    let other = world.second_instance_with(off());
    let (alice, bob) = world.friends();
    let mut sockets = [Socket::live(&bob, None), Socket::live(&alice.at(other.address), None)];
    let elsewhere = alice.at(other.address);
    for round in 0..15 {
        // One that is stored here follows one of the other instance, which this one does not know of.
        elsewhere.say(&bob, "from afar");
        alice.say(&bob, "from here");
        if round % 3 == 0 {
            alice.say(&bob, "from here again");
        }
    }
    let mut expect = |seqs: RangeInclusive<i64>| {
        for socket in &mut sockets {
            for seq in seqs.clone() {
                assert_eq!(socket.until("message")["message"]["seq"], seq);
            }
        }
    };
    expect(1..=35);
    // Nothing but what it follows says that one of the other instance lies before it.
    for seq in [36, 38, 40, 42] {
        elsewhere.say(&bob, "from afar");
        alice.say(&bob, "from here");
        expect(seq..=seq + 1);
    }
}

#[test]
fn foreign_notifications_are_ignored_and_a_lost_connection_comes_back() {
    let world = observed();
    let other = world.second_instance();
    let (alice, bob) = world.friends();
    let mut bobs = Socket::live(&bob.at(other.address), None);
    types_until_seen(&alice, &mut bobs);
    let line = "2 AAAAAAAAAAAAAAAAAAAAAA 1  ";
    for garbage in ["", "garbage", line, "1 AAAAAAAAAAAAAAAAAAAAAA 1 AAAA AAAA", &"9".repeat(7999)] {
        world.sql(&format!("SELECT pg_notify('hongyan_signals', '{garbage}')"));
    }
    types_until_seen(&alice, &mut bobs);
    assert_eq!(signal_connections(&world), 2);
    world.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE datname = current_database() AND application_name = 'hongyan signals'",
    );
    types_until_seen(&alice, &mut bobs);
    eventually("a connection stays lost", || signal_connections(&world) == 2);
    let connected = "hongyan_signals_connected{transport=\"postgres\"}";
    eventually("the metric says that it is lost", || world.counter(connected) == 1);
    drop(other);
    types_until_seen(&alice, &mut Socket::live(&bob, None));
}

#[test]
fn without_signals_changes_still_cross_and_no_connection_is_held() {
    let options = Options { signals: Some(SignalTransport::Off), ..Options::default() };
    let world = World::with(Options { admin_bind: Some("127.0.0.1:0".parse().unwrap()), ..options.clone() });
    let other = world.second_instance_with(options);
    let (alice, bob) = world.friends();
    let mut bobs = Socket::live(&bob, None);
    alice.at(other.address).say(&bob, "by the poll");
    assert_eq!(bobs.until("message")["message"]["content"], "by the poll");
    assert!(world.counter("hongyan_wakeups_total{source=\"poll\"}") > 0);
    assert_eq!(world.counter("hongyan_wakeups_total{source=\"signal\"}"), 0);
    assert_eq!(signal_connections(&world), 0);
}

#[test]
fn a_socket_that_only_receives_messages_reads_nothing() {
    let world = World::with(Options {
        admin_bind: Some("127.0.0.1:0".parse().unwrap()),
        socket_ping_seconds: Some(1),
        ..Options::default()
    });
    let (alice, bob) = world.friends();
    let cursor = bob.get("/api/auth/sync").ok().data()["cursor"].as_str().unwrap().to_owned();
    let mut bobs = Socket::live(&bob, Some(&cursor));
    let reads = || world.counter("hongyan_syncs_total{source=\"socket\"}");
    // The poll may look between a commit and what is known of it, and wakes it at first for what was before.
    let mut is_free = || {
        let before = reads();
        alice.say(&bob, "pushed");
        bobs.until("message");
        let mut covers_all = || {
            let cursor = bobs.tick()["cursor"].as_str().unwrap().to_owned();
            bob.get(&format!("/api/auth/sync?cursor={cursor}")).ok().data()["conversations"] == json!([])
        };
        assert!((0..30).any(|_| covers_all()), "the cursor stays where it was");
        reads() == before
    };
    assert!((0..8).any(|_| is_free()), "each message costs a read");
}

#[test]
fn reads_are_counted_by_source_and_messages_by_their_lag() {
    let world = observed();
    let (alice, bob) = world.friends();
    let mut bobs = Socket::live(&bob, None);
    let of = |source: &str| world.counter(&format!("hongyan_syncs_total{{source=\"{source}\"}}"));
    let frames = || world.counter("hongyan_frame_lag_seconds_count");
    assert_eq!((of("plain"), of("long_poll"), frames()), (0, 0, 0));
    // The poll may have woken it for what was before.
    assert!(of("socket") >= 1);
    let cursor = bob.get("/api/auth/sync").ok().data()["cursor"].as_str().unwrap().to_owned();
    let counted = alice.say(&bob, "counted");
    bobs.until("message");
    assert_eq!(world.counter("hongyan_messages_shown_total{source=\"commit\"}"), 1);
    alice.recall(&counted).ok();
    bobs.until("recall");
    assert!(of("socket") >= 2);
    eventually("the message is not counted", || frames() == 1);
    bob.get(&format!("/api/auth/sync?wait=5&cursor={cursor}")).ok();
    assert_eq!((of("plain"), of("long_poll")), (1, 1));
    // A message that is caught up with is not late.
    Socket::live(&bob, Some(&cursor));
    assert_eq!(frames(), 1);
}
