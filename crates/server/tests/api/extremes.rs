//! The extremes of every number and time that a query or a body can carry: answered or refused, never a server error.

use serde_json::json;

use crate::support::{Person, Reply, World};

const LISTS: [&str; 7] = [
    "/api/auth/conversations?",
    "/api/auth/friendships?",
    "/api/auth/friendship_requests?",
    "/api/auth/friendship_requests?direction=sent&",
    "/api/auth/blocks?",
    "/api/auth/sessions?",
    "/api/auth/messages/search?q=a&",
];

/// Numbers at the ends of the types that parsers, Rust and PostgreSQL use.
const NUMBERS: [&str; 16] = [
    "-170141183460469231731687303715884105728",
    "-9223372036854775809",
    "-9223372036854775808",
    "-8000000000000000000",
    "-2147483649",
    "-1",
    "0",
    "1",
    "2",
    "2147483648",
    "9007199254740993",
    "253402300800000000",
    "9223371331200000000",
    "9223372036854775806",
    "9223372036854775807",
    "18446744073709551616",
];

/// Asserts that the request was answered or refused as malformed.
fn assert_judged(reply: &Reply, request: &str) {
    assert!(matches!(reply.status, 200 | 400), "{request}: {} {}", reply.status, reply.text);
}

fn friends(world: &World) -> (Person, String) {
    let (alice, bob) = world.friends();
    alice.say(&bob, "a");
    let conversation = alice.conversation();
    (alice, conversation)
}

#[test]
fn no_cursor_of_any_list_is_a_server_error() {
    let world = World::new();
    let (alice, _) = friends(&world);
    for list in LISTS {
        for time in NUMBERS {
            for number in ["-1", "0", "1", "9223372036854775807"] {
                for id in ["00000000000000000000000000000000", "ffffffffffffffffffffffffffffffff"] {
                    let path = format!("{list}cursor={number}.{time}.{id}");
                    assert_judged(&alice.get(&path), &path);
                }
            }
        }
    }
}

#[test]
fn no_number_of_a_query_or_a_body_is_a_server_error() {
    let world = World::new();
    let (alice, conversation) = friends(&world);
    for number in NUMBERS {
        for name in ["before", "after", "limit"] {
            let query = format!("?{name}={number}");
            assert_judged(&alice.open(&conversation, &query), &query);
        }
        for list in LISTS {
            let path = format!("{list}limit={number}");
            assert_judged(&alice.get(&path), &path);
        }
        let read = format!("/api/auth/conversations/{conversation}/read");
        let body = format!("{{\"seq\": {number}}}");
        assert_judged(&alice.call("PUT", &read).bytes(body.as_bytes()).send(), &body);
        let message = format!("{conversation}-{number}");
        assert_judged(&alice.recall(&message), &message);
        assert_judged(&alice.delete_message(&message), &message);
    }
    alice.with("PUT", &format!("/api/auth/conversations/{conversation}/read"), &json!({"seq": 1})).ok();
}
