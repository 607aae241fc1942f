//! Every route that takes an id, called with another user's id: the response must be that for an unknown id.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{Person, Reply, World};

/// What an id refers to.
#[derive(Debug, Clone, Copy)]
enum Thing {
    Conversation,
    Message,
    Request,
    Session,
    User,
}

/// A route that takes an id: method, path template, the body field of the id (unless it is in the path), the rest of the
/// body, and the expected response.
struct Route {
    method: &'static str,
    template: &'static str,
    field: Option<&'static str>,
    body: Value,
    takes: Thing,
    refusal: (u16, &'static str),
}

const fn route(
    method: &'static str,
    template: &'static str,
    takes: Thing,
    refusal: (u16, &'static str),
) -> Route {
    Route { method, template, field: None, body: Value::Null, takes, refusal }
}

impl Route {
    fn body(self, body: Value) -> Self {
        Self { body, ..self }
    }

    fn field(self, field: &'static str) -> Self {
        Self { field: Some(field), ..self }
    }

    fn call(&self, caller: &Person, id: &str) -> Reply {
        let mut body = self.body.clone();
        let mut path = self.template.to_owned();
        if let (Some(from), Some(to)) = (path.find('{'), path.find('}')) {
            path.replace_range(from..=to, id);
        } else if self.method == "GET" {
            path = format!("{path}?q=secret&{}={id}", self.field.unwrap());
        } else {
            body[self.field.unwrap()] = Value::from(id);
        }
        if body.is_null() {
            caller.call(self.method, &path).send()
        } else {
            caller.with(self.method, &path, &body)
        }
    }
}

#[rustfmt::skip]
fn routes() -> Vec<Route> {
    const CONVERSATION: &str = "/api/auth/conversations/{conversation_id}";
    const REQUEST: &str = "/api/auth/friendship_requests/{request_id}";
    let conversation = (400, "unknown_conversation");
    let (request, message, no_friend) = ((400, "unknown_request"), (400, "unknown_message"), (409, "not_friends"));
    vec![
        route("GET", CONVERSATION, Thing::Conversation, conversation),
        route("PATCH", CONVERSATION, Thing::Conversation, conversation).body(json!({"pinned": true})),
        route("DELETE", CONVERSATION, Thing::Conversation, conversation),
        route("PUT", "/api/auth/conversations/{conversation_id}/read", Thing::Conversation, conversation).body(json!({"seq": 1})),
        route("POST", "/api/auth/conversations/{conversation_id}/typing", Thing::Conversation, conversation),
        route("POST", REQUEST, Thing::Request, request).body(json!({"status": "accepted"})),
        route("DELETE", REQUEST, Thing::Request, request),
        route("DELETE", "/api/auth/message/recall", Thing::Message, message).field("message_id").body(json!({})),
        route("DELETE", "/api/auth/messages/recall", Thing::Message, message).field("message_id").body(json!({})),
        route("DELETE", "/api/auth/message/delete", Thing::Message, message).field("message_id").body(json!({})),
        route("DELETE", "/api/auth/messages/delete", Thing::Message, message).field("message_id").body(json!({})),
        route("POST", "/api/auth/messages", Thing::User, no_friend).field("receiver_id").body(json!({"content": "hi"})),
        route("DELETE", "/api/auth/friendships/{friend_id}", Thing::User, no_friend),
        route("PUT", "/api/auth/friendships/{friend_id}/remark", Thing::User, no_friend).body(json!({"remark": "mine"})),
        route("GET", "/api/auth/messages/search", Thing::Conversation, conversation).field("conversation_id"),
        route("DELETE", "/api/auth/sessions/{session_id}", Thing::Session, (400, "unknown_session")),
        route("GET", "/api/auth/users/{user_id}", Thing::User, (400, "unknown_user")),
    ]
}

/// Routes that anyone may call with any id.
const FOR_STRANGERS: [(&str, &str); 3] = [
    ("POST", "/api/auth/friendship_requests"),
    ("PUT", "/api/auth/blocks/{user_id}"),
    ("DELETE", "/api/auth/blocks/{user_id}"),
];

/// Every documented route that takes an id, in its path, its query or its body.
fn routes_with_ids(world: &World) -> BTreeSet<(String, String)> {
    let document = world.call("GET", "/api/openapi.json").send().json;
    let mut found = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let reference = operation["requestBody"].to_string();
            let schema = reference.split("schemas/").nth(1).map(|rest| rest.split('"').next().unwrap());
            let body = schema.map(|name| document["components"]["schemas"][name]["properties"].to_string());
            let parameters = operation["parameters"].to_string();
            // A `client_message_id` is the caller's own choice.
            let text = format!("{parameters}{}", body.unwrap_or_default()).replace("client_message_id", "");
            if text.contains("_id\"") {
                found.insert((method.to_uppercase(), path.clone()));
            }
        }
    }
    found
}

#[test]
fn the_table_contains_every_route_that_takes_an_id() {
    let world = World::new();
    let known = routes().into_iter().map(|route| (route.method, route.template)).chain(FOR_STRANGERS);
    let known: BTreeSet<_> = known.map(|(method, path)| (method.to_owned(), path.to_owned())).collect();
    assert_eq!(known, routes_with_ids(&world));
}

/// What Alice and Bob see.
fn seen(people: [&Person; 2]) -> Vec<String> {
    let lists = [
        "conversations",
        "friendships",
        "friendship_requests",
        "friendship_requests?direction=sent",
        "blocks",
        "sessions",
    ];
    let mut seen = Vec::new();
    for person in people {
        seen.extend(lists.map(|list| person.get(&format!("/api/auth/{list}")).ok().text));
        let conversations = person.conversations();
        for conversation in conversations.as_array().unwrap() {
            seen.push(person.open(conversation["conversation_id"].as_str().unwrap(), "").ok().text);
        }
    }
    seen
}

#[test]
fn foreign_ids_are_answered_like_unknown_ones_and_change_nothing() {
    let world = World::new();
    let (alice, bob) = world.friends();
    let [carol, dave, eve, zoe] =
        ["carol_01", "dave_001", "eve_0001", "zoe_0001"].map(|uid| world.person(uid));
    let message = alice.say(&bob, "a secret");
    let conversation = alice.conversation();
    for friend in [&carol, &dave] {
        friend.befriend(&alice);
        friend.say(&alice, "hello");
    }
    dave.delete(&format!("/api/auth/friendships/{}", alice.id)).ok();
    let request = alice.ask(&zoe).ok().data()["request_id"].as_str().unwrap().to_owned();
    let sessions = alice.get("/api/auth/sessions").ok();
    let session = sessions.data()[0]["session_id"].as_str().unwrap();
    let before = seen([&alice, &bob]);
    // A friend of one of the two, a former friend, and an unrelated user.
    for caller in [&carol, &dave, &eve] {
        for route in routes() {
            let missing = "01890a5d-ac96-774b-bcce-b302099a8057";
            let missing_message = format!("{missing}-1");
            let (own, unknown) = match route.takes {
                Thing::Conversation => (conversation.as_str(), missing),
                Thing::Message => (message.as_str(), missing_message.as_str()),
                Thing::Request => (request.as_str(), missing),
                Thing::Session => (session, missing),
                Thing::User => (bob.id.as_str(), missing),
            };
            let (status, error) = route.refusal;
            let foreign = route.call(caller, own).refused(status, error);
            let unknown = route.call(caller, unknown).refused(status, error);
            assert_eq!(foreign.text, unknown.text, "{} {}", route.method, route.template);
        }
    }
    assert_eq!(seen([&alice, &bob]), before);
}

#[test]
fn an_erased_account_can_call_no_route() {
    let world = World::new();
    let (alice, gone) = (world.person("alice_01"), world.person("gone_001"));
    gone.befriend(&alice);
    let message = gone.say(&alice, "soon gone");
    let conversation = gone.conversation();
    gone.with("DELETE", "/api/auth/me", &json!({"password": Person::PASSWORD})).ok();
    for route in routes() {
        let own = match route.takes {
            Thing::Conversation => &conversation,
            Thing::Message => &message,
            Thing::Request | Thing::Session | Thing::User => &alice.id,
        };
        route.call(&gone, own).refused(401, "session_ended");
    }
    assert_eq!(alice.texts(&conversation), ["soon gone"]);
}
