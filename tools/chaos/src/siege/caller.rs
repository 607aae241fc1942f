//! An HTTP client with a network address of its own, as the server sees it through a trusted proxy.

use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};
use ureq::Agent;

/// The password of all accounts.
pub(super) const PASSWORD: &str = "飞鸿踏雪泥 1061";

/// Who calls from where.
#[derive(Clone)]
pub(super) struct SiegeCaller {
    agent: Agent,
    pub(super) base: String,
    /// The address in `X-Forwarded-For`.
    pub(super) address: String,
    pub(super) token: String,
}

/// An answer; the status is 0 if there was none.
#[derive(Debug)]
pub(super) struct SiegeAnswer {
    pub(super) status: u16,
    pub(super) body: Value,
}

impl SiegeCaller {
    /// Longer than the server may take for anything.
    const TIMEOUT: Duration = Duration::from_secs(25);

    pub(super) fn new(base: &str, address: String) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Self::TIMEOUT))
            .max_idle_age(Duration::from_secs(60))
            .build();
        Self { agent: config.new_agent(), base: base.to_owned(), address, token: String::new() }
    }

    /// The same caller on connections of its own.
    pub(super) fn again(&self) -> Self {
        Self { token: self.token.clone(), ..Self::new(&self.base, self.address.clone()) }
    }

    pub(super) fn get(&self, path: &str) -> SiegeAnswer {
        let request = self.agent.get(format!("{}{path}", self.base)).header("X-Forwarded-For", &self.address);
        answer(request.header("Authorization", format!("Bearer {}", self.token)).call())
    }

    pub(super) fn delete(&self, path: &str) -> SiegeAnswer {
        let request = self.agent.delete(format!("{}{path}", self.base));
        let request = request.header("X-Forwarded-For", &self.address);
        answer(request.header("Authorization", format!("Bearer {}", self.token)).call())
    }

    pub(super) fn post(&self, path: &str, body: &Value) -> SiegeAnswer {
        self.with_body(self.agent.post(format!("{}{path}", self.base)), body)
    }

    pub(super) fn put(&self, path: &str, body: &Value) -> SiegeAnswer {
        self.with_body(self.agent.put(format!("{}{path}", self.base)), body)
    }

    pub(super) fn patch(&self, path: &str, body: &Value) -> SiegeAnswer {
        self.with_body(self.agent.patch(format!("{}{path}", self.base)), body)
    }

    fn with_body(
        &self,
        request: ureq::RequestBuilder<ureq::typestate::WithBody>,
        body: &Value,
    ) -> SiegeAnswer {
        let request = request.header("X-Forwarded-For", &self.address);
        let request = request.header("Authorization", format!("Bearer {}", self.token));
        answer(request.content_type("application/json").send(body.to_string().as_bytes()))
    }

    pub(super) fn login(&self, uid: &str, password: &str) -> SiegeAnswer {
        self.post("/api/login/uid", &json!({"uid": uid, "password": password}))
    }

    pub(super) fn register(&self, uid: &str) -> SiegeAnswer {
        self.post("/api/register", &json!({"name": uid, "uid": uid, "password": PASSWORD}))
    }
}

fn answer(response: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> SiegeAnswer {
    let Ok(mut response) = response else { return SiegeAnswer { status: 0, body: Value::Null } };
    let status = response.status().as_u16();
    match response.body_mut().with_config().limit(256 << 20).read_to_vec() {
        Ok(bytes) => SiegeAnswer { status, body: serde_json::from_slice(&bytes).unwrap_or_default() },
        // A truncated answer is none.
        Err(_) => SiegeAnswer { status: 0, body: Value::Null },
    }
}

impl SiegeAnswer {
    pub(super) const fn is_ok(&self) -> bool {
        self.status == 200
    }

    /// The data of a success.
    ///
    /// # Errors
    /// When it is none.
    pub(super) fn data(self) -> anyhow::Result<Value> {
        anyhow::ensure!(self.is_ok(), "{}: {}", self.status, self.body);
        self.body.get("data").cloned().context("an answer without data")
    }

    /// The error's name, or the status.
    pub(super) fn shown(&self) -> String {
        let error = self.body.get("error").and_then(Value::as_str);
        error.map_or_else(|| self.status.to_string(), |error| format!("{} {error}", self.status))
    }
}

/// A text in an answer.
pub(super) fn text(value: &Value, pointer: &str) -> anyhow::Result<String> {
    let found = value.pointer(pointer).and_then(Value::as_str);
    Ok(found.with_context(|| format!("{pointer} is missing in {value}"))?.to_owned())
}
