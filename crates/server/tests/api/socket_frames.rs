//! What a socket tells: every change reaches every device of those it concerns, and no other.

use diesel::PgConnection;
use diesel::connection::SimpleConnection;
use local_postgres::{Cluster, ClusterOptions, Installation};
use serde_json::{Value, json};
use server::config::{Options, SignalTransport};

use crate::support::{Person, Received, Socket, World};

fn first_cursor(person: &Person) -> String {
    person.get("/api/auth/sync").ok().data()["cursor"].as_str().unwrap().to_owned()
}

fn recall(person: &Person, message: &str) {
    person.call("DELETE", "/api/auth/message/recall").json(&json!({"message_id": message})).send().ok();
}

/// Frames until one of this type, which is the last.
fn frames_until(socket: &mut Socket, kind: &str) -> Vec<Value> {
    let mut frames = vec![socket.text()];
    while frames.last().unwrap()["type"] != kind {
        frames.push(socket.text());
    }
    frames
}

#[test]
fn a_message_reaches_all_devices_of_both_with_the_key_for_the_sender_only() {
    let world = World::new();
    let (alice, bob) = world.friends();
    let mut sockets = [&alice, &alice, &bob].map(|person| Socket::live(person, None));
    let body = json!({"receiver_id": bob.id, "content": "你好", "client_message_id": "key-1"});
    let id = alice.post("/api/auth/messages", &body).ok().data().clone();
    for (number, socket) in sockets.iter_mut().enumerate() {
        let frame = socket.until("message");
        let message = &frame["message"];
        assert_eq!((&message["message_id"], &message["content"]), (&id, &json!("你好")));
        let (friend, key) = if number == 2 { (&alice.id, Value::Null) } else { (&bob.id, json!("key-1")) };
        assert_eq!((&frame["friend_id"], &message["client_message_id"]), (&json!(friend), &key));
        assert_eq!(frame["conversation_id"], json!(bob.conversation()));
    }
    let seqs = |socket: &mut Socket| socket.until("message")["message"]["seq"].clone();
    (0..5).for_each(|number| drop(bob.say(&alice, &number.to_string())));
    assert_eq!([2, 3, 4, 5, 6].map(|_| seqs(&mut sockets[0])), [2, 3, 4, 5, 6]);
}

#[test]
fn no_message_is_sent_twice_while_many_transactions_are_open() {
    // A cluster of its own: other tests' cursors would have to name the transactions, too.
    let folder = std::env::temp_dir().join(format!("hongyan-open-{}", std::process::id()));
    let options = ClusterOptions { data_dir: folder.clone(), durable: false, settings: Vec::new() };
    let cluster = Cluster::start(&Installation::find().unwrap(), options).unwrap();
    cluster.ensure_database("hongyan").unwrap();
    let world = World::on(Options::default(), &cluster.url("hongyan"));
    let (alice, bob) = world.friends();
    // More than a cursor can name, each with an id.
    let open: Vec<PgConnection> = (0..30)
        .map(|_| {
            let mut connection = world.connection();
            connection.batch_execute("BEGIN; SELECT pg_current_xact_id()").unwrap();
            connection
        })
        .collect();
    let mut socket = Socket::live(&alice, None);
    let mut seqs = Vec::new();
    for number in 1..=4 {
        bob.say(&alice, &number.to_string());
        seqs.push(socket.until("message")["message"]["seq"].clone());
    }
    assert_eq!(seqs, [1, 2, 3, 4]);
    drop(open);
    bob.say(&alice, "five");
    assert_eq!(socket.until("message")["message"]["seq"], 5);
    drop((socket, world));
    cluster.stop().unwrap();
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn reads_recalls_and_deletions_reach_those_they_concern() {
    let world = World::new();
    let (alice, bob) = world.friends();
    let (first, second) = (alice.say(&bob, "一"), alice.say(&bob, "二"));
    let conversation = bob.conversation();
    let (mut alices, mut bobs) = (Socket::live(&alice, None), Socket::live(&bob, None));
    bob.with("PUT", &format!("/api/auth/conversations/{conversation}/read"), &json!({"seq": 1})).ok();
    let read = bobs.until("read");
    assert_eq!((&read["user_id"], &read["read_seq"]), (&json!(bob.id), &json!(1)));
    assert_eq!(read["unread_count"], 1);
    let read = alices.until("read");
    assert_eq!((&read["user_id"], &read["read_seq"]), (&json!(bob.id), &json!(1)));
    assert_eq!(read.get("unread_count"), None);
    recall(&alice, &second);
    for (socket, unread) in [(&mut alices, 0), (&mut bobs, 0)] {
        let frames = frames_until(socket, "recall");
        let frame = frames.last().unwrap();
        assert_eq!((&frame["seq"], &frame["unread_count"]), (&json!(2), &json!(unread)));
        assert!(frames.iter().all(|frame| frame["type"] != "message"), "{frames:?}");
        // It was the newest, so its entry follows.
        assert_eq!(socket.text()["conversation"]["last_message"]["recalled"], true);
    }
    bob.call("DELETE", "/api/auth/message/delete").json(&json!({"message_id": first})).send().ok();
    assert_eq!(bobs.until("delete")["seq"], 1);
    let preferences = json!({"pinned": true});
    bob.with("PATCH", &format!("/api/auth/conversations/{conversation}"), &preferences).ok();
    while bobs.until("conversation")["conversation"]["pinned"] != true {}
    alice.say(&bob, "三");
    // What was bob's own reached alice's devices not.
    assert_eq!(alices.text()["type"], "message");
}

#[test]
fn friends_and_requests_come_as_stale_lists_and_entries() {
    let world = World::new();
    let (alice, bob) = (world.person("alice_01"), world.person("bob_0001"));
    let mut socket = Socket::live(&bob, None);
    let request = alice.ask(&bob).ok();
    assert!(socket.until("stale")["what"].as_array().unwrap().contains(&json!("friendship_requests")));
    bob.answer(request.data()["request_id"].as_str().unwrap(), "accepted").ok();
    let entry = socket.until("conversation")["conversation"].clone();
    assert_eq!((&entry["friend_id"], &entry["is_friend"]), (&json!(alice.id), &json!(true)));
    assert!(socket.until("stale")["what"].as_array().unwrap().contains(&json!("friendships")));
}

#[test]
fn a_block_shows_in_nothing_that_the_blocked_one_receives() {
    let world = World::new();
    let (alice, bob) = world.friends();
    let (mut alices, mut bobs) = (Socket::live(&alice, None), Socket::live(&bob, None));
    bob.with("PUT", &format!("/api/auth/blocks/{}", alice.id), &json!({})).ok();
    assert!(bobs.until("stale")["what"].as_array().unwrap().contains(&json!("blocks")));
    bob.call("DELETE", &format!("/api/auth/blocks/{}", alice.id)).send().ok();
    bob.say(&alice, "again");
    assert_eq!(alices.text()["type"], "message");
}

#[test]
fn a_socket_with_a_cursor_tells_what_was_missed_and_then_cursors() {
    let world = World::with(Options { socket_ping_seconds: Some(1), ..Options::default() });
    let (alice, bob) = world.friends();
    let cursor = first_cursor(&bob);
    alice.say(&bob, "你好");
    let mut socket = Socket::greeted(bob.address);
    socket.authenticate(&bob, Some(&cursor));
    let sync = socket.text();
    assert_eq!((&sync["type"], &sync["more"]), (&json!("sync"), &json!(false)));
    assert_eq!(sync["data"]["conversations"][0]["last_seq"], 1);
    assert_eq!(socket.text(), json!({"type": "live"}));
    alice.say(&bob, "second");
    assert_eq!(socket.until("message")["message"]["seq"], 2);
    let shown = socket.tick()["cursor"].as_str().unwrap().to_owned();
    let news = bob.get(&format!("/api/auth/sync?cursor={shown}")).ok();
    assert_eq!(news.data()["conversations"], json!([]));
    drop(socket);
    // A cursor of another account begins again.
    let mut socket = Socket::greeted(bob.address);
    socket.authenticate(&bob, Some(&first_cursor(&alice)));
    assert_eq!(socket.text()["data"]["reset"], true);
    let mut without = Socket::live(&bob, None);
    assert_eq!(without.tick(), json!({"type": "tick"}));
}

#[test]
fn more_than_fifty_messages_that_wait_come_as_one_change() {
    let world = World::new();
    let (alice, bob) = world.friends();
    let mut socket = Socket::live(&bob, None);
    // The socket's reads wait while the pair is busy elsewhere: all messages are committed at once.
    let conversation = bob.conversation();
    world.sql(&format!(
        "INSERT INTO messages (conversation_id, seq, sender_id, sender_ordinal, content, created_at)
         SELECT '{conversation}', n, '{0}', n, 'text', now() FROM generate_series(1, 60) n;
         UPDATE conversations SET last_seq = 60, last_at = now(), changed_in = pg_current_xact_id()::text::bigint,
                lo_sent = CASE WHEN user_lo = '{0}' THEN 60 ELSE 0 END, hi_sent = CASE WHEN user_hi = '{0}' THEN 60 ELSE 0 END
          WHERE id = '{conversation}';",
        alice.id
    ));
    let changed = socket.until("changed");
    assert_eq!((&changed["conversation_id"], &changed["last_seq"]), (&json!(conversation), &json!(60)));
    // The badge and the preview come with the entry.
    let entry = &socket.text()["conversation"];
    assert_eq!((&entry["unread_count"], &entry["last_message"]["seq"]), (&json!(60), &json!(60)));
    alice.say(&bob, "one more");
    assert_eq!(socket.until("message")["message"]["seq"], 61);
}

#[test]
fn a_message_that_is_recalled_at_once_is_known_to_every_device() {
    let world = World::new();
    let (alice, bob) = world.friends();
    let read = format!("/api/auth/conversations/{}/read", bob.conversation());
    // Without signals the changes of another instance are read a few times a second: some messages are recalled before they are sent.
    let without_signals = Options { signals: Some(SignalTransport::Off), ..Options::default() };
    let other = world.second_instance_with(without_signals);
    let mut socket = Socket::live(&bob.at(other.address), None);
    for seq in 1..=10 {
        recall(&alice, &alice.say(&bob, "a slip"));
        let mut frames = frames_until(&mut socket, "recall");
        bob.with("PUT", &read, &json!({"seq": seq})).ok();
        frames.extend(frames_until(&mut socket, "read"));
        let last =
            |frame: &Value| frame["message"]["seq"].as_i64().max(frame["conversation"]["last_seq"].as_i64());
        assert_eq!(frames.iter().filter_map(last).max(), Some(seq), "{frames:?}");
    }
}

#[test]
fn a_message_reaches_a_socket_of_another_instance() {
    let world = World::new();
    let (alice, bob) = world.friends();
    let other = world.second_instance();
    let mut socket = Socket::live(&bob.at(other.address), None);
    alice.say(&bob, "over there");
    assert_eq!(socket.until("message")["message"]["content"], "over there");
}

#[test]
fn pings_are_answered_and_unknown_types_refused_without_an_end() {
    let world = World::new();
    let alice = world.person("alice_01");
    let mut socket = Socket::live(&alice, None);
    socket.send(&json!({"type": "ping", "id": 7}));
    assert_eq!(socket.text(), json!({"type": "pong", "id": 7}));
    socket.send(&json!({"type": "dance"}));
    assert_eq!(socket.text(), json!({"type": "error", "error": "unknown_type"}));
    socket.send_raw(0x89, b"");
    assert_eq!(socket.next(), Received::Pong);
}

#[test]
fn typing_reaches_friends_who_share_it_and_refusals_are_alike() {
    let world = World::new();
    let (alice, bob) = world.friends();
    let carol = world.person("carol_01");
    let conversation = bob.conversation();
    let path = format!("/api/auth/conversations/{conversation}/typing");
    let (mut alices, mut bobs) = (Socket::live(&alice, None), Socket::live(&bob, None));
    let typing = |id: &str| json!({"type": "typing", "conversation_id": id});
    let nothing_more = |socket: &mut Socket| {
        socket.send(&json!({"type": "ping", "id": 1}));
        assert_eq!(socket.text()["type"], "pong");
    };
    alices.send(&typing(&conversation));
    let report =
        json!({"type": "typing", "conversation_id": conversation, "user_id": alice.id, "seconds": 6});
    assert_eq!(bobs.text(), report);
    // Too soon, and of none.
    alices.send(&typing(&conversation));
    alices.send(&typing("nonsense"));
    nothing_more(&mut alices);
    alice.post(&path, &json!({})).ok();
    carol.post(&path, &json!({})).refused(400, "unknown_conversation");
    carol.post("/api/auth/conversations/nonsense/typing", &json!({})).refused(400, "invalid_field");
    nothing_more(&mut bobs);
    bob.post(&path, &json!({})).ok();
    assert_eq!(alices.text()["user_id"], json!(bob.id));
    bob.with("PATCH", "/api/auth/me", &json!({"share_typing": false})).ok();
    bobs.until("stale");
    std::thread::sleep(std::time::Duration::from_secs(3));
    alice.post(&path, &json!({})).ok();
    bob.post(&path, &json!({})).ok();
    nothing_more(&mut bobs);
    nothing_more(&mut alices);
}

#[test]
fn the_document_of_the_socket_is_served() {
    let world = World::new();
    let mut answer = ureq::get(format!("http://{}/api/asyncapi.json", world.address())).call().unwrap();
    let document: Value = serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap();
    assert_eq!(document["asyncapi"], "3.0.0");
}
