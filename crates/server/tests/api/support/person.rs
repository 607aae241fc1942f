use std::net::SocketAddr;

use serde_json::{Value, json};

use super::socket::SocketUser;
use super::{Call, Reply};

/// A logged-in user.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) address: SocketAddr,
    pub(crate) id: String,
    pub(crate) uid: String,
    pub(crate) token: String,
    pub(crate) refresh_token: String,
}

impl SocketUser for Person {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn token(&self) -> &str {
        &self.token
    }
}

impl Person {
    /// Every user's password.
    pub(crate) const PASSWORD: &str = "correct horse 电池";

    pub(crate) fn register(address: SocketAddr, uid: &str) -> Self {
        let body = json!({"name": uid, "uid": uid, "password": Self::PASSWORD});
        let register = || Call::new(address, "POST", "/api/register").json(&body).send();
        // On a busy machine the first requests of a server with short time limits may find no connection yet; nothing is stored then.
        let mut replies = std::iter::repeat_with(register).take(20);
        let reply = replies.find(|reply| reply.status != 503).expect("the server never registered anyone");
        Self::from_login(address, reply.ok().data())
    }

    pub(crate) fn from_login(address: SocketAddr, data: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self {
            address,
            id: text(&data["user_info"]["user_id"]),
            uid: text(&data["user_info"]["uid"]),
            token: text(&data["token_class"]["token"]),
            refresh_token: text(&data["token_class"]["refresh_token"]),
        }
    }

    /// The same user at another server instance.
    pub(crate) fn at(&self, address: SocketAddr) -> Self {
        Self { address, ..self.clone() }
    }

    pub(crate) fn call(&self, method: &str, path: &str) -> Call {
        Call::new(self.address, method, path).bearer(&self.token)
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        self.call("GET", path).send()
    }

    pub(crate) fn delete(&self, path: &str) -> Reply {
        self.call("DELETE", path).send()
    }

    pub(crate) fn with(&self, method: &str, path: &str, body: &Value) -> Reply {
        self.call(method, path).json(body).send()
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Reply {
        self.with("POST", path, body)
    }

    pub(crate) fn ask(&self, receiver: &Self) -> Reply {
        let body =
            json!({"sender_name": "ignored", "receiver_id": receiver.id, "verification_message": "我是朋友"});
        self.post("/api/auth/friendship_requests", &body)
    }

    pub(crate) fn answer(&self, request: &str, status: &str) -> Reply {
        self.post(&format!("/api/auth/friendship_requests/{request}"), &json!({"status": status}))
    }

    pub(crate) fn befriend(&self, other: &Self) {
        let request = self.ask(other).ok();
        other.answer(request.data()["request_id"].as_str().unwrap(), "accepted").ok();
    }

    pub(crate) fn send(&self, receiver: &Self, content: &str) -> Reply {
        self.post("/api/auth/messages", &json!({"receiver_id": receiver.id, "content": content}))
    }

    /// Sends a message and returns its id.
    pub(crate) fn say(&self, receiver: &Self, content: &str) -> String {
        self.send(receiver, content).ok().data().as_str().unwrap().to_owned()
    }

    pub(crate) fn conversations(&self) -> Value {
        self.get("/api/auth/conversations").ok().data().clone()
    }

    /// The id of the user's only conversation.
    pub(crate) fn conversation(&self) -> String {
        let list = self.conversations();
        assert_eq!(list.as_array().unwrap().len(), 1, "{list}");
        list[0]["conversation_id"].as_str().unwrap().to_owned()
    }

    pub(crate) fn open(&self, conversation: &str, query: &str) -> Reply {
        self.get(&format!("/api/auth/conversations/{conversation}{query}"))
    }

    /// The texts that the user sees in the conversation, oldest first.
    pub(crate) fn texts(&self, conversation: &str) -> Vec<String> {
        let window = self.open(conversation, "?limit=200").ok();
        let messages = window.data()["messages"].as_array().unwrap().clone();
        messages
            .iter()
            .map(|message| message["content"].as_str().unwrap_or("(recalled)").to_owned())
            .collect()
    }

    pub(crate) fn unread(&self) -> i64 {
        self.conversations()[0]["unread_count"].as_i64().unwrap()
    }

    pub(crate) fn recall(&self, message: &str) -> Reply {
        self.with("DELETE", "/api/auth/message/recall", &json!({"message_id": message}))
    }

    pub(crate) fn delete_message(&self, message: &str) -> Reply {
        self.with("DELETE", "/api/auth/message/delete", &json!({"message_id": message}))
    }
}
