use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::Value;
use ureq::http::Response;
use ureq::{Agent, Body, RequestBuilder};

use super::notes;

/// A request under construction.
pub(crate) struct Call {
    address: SocketAddr,
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

/// A response.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) json: Value,
    pub(crate) text: String,
    headers: Vec<(String, String)>,
}

/// The largest response body that a test reads, in bytes.
const LARGEST_BODY: u64 = 64 << 20;

fn agent() -> &'static Agent {
    static AGENT: OnceLock<Agent> = OnceLock::new();
    AGENT.get_or_init(|| {
        Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(30)))
            .max_idle_connections(0)
            .max_redirects(0)
            .build()
            .new_agent()
    })
}

fn with_headers<B>(request: RequestBuilder<B>, headers: &[(String, String)]) -> RequestBuilder<B> {
    headers.iter().fold(request, |request, (name, value)| request.header(name, value))
}

impl Call {
    pub(crate) fn new(address: SocketAddr, method: &str, path: &str) -> Self {
        Self { address, method: method.to_owned(), path: path.to_owned(), headers: Vec::new(), body: None }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.header("Content-Type", "application/json").bytes(body.to_string().as_bytes())
    }

    pub(crate) fn bytes(mut self, body: &[u8]) -> Self {
        self.body = Some(body.to_vec());
        self
    }

    pub(crate) fn send(self) -> Reply {
        let url = format!("http://{}{}", self.address, self.path);
        let body = self.body.as_deref();
        let agent = agent();
        let bare = match self.method.as_str() {
            "POST" => {
                return self
                    .finish(with_headers(agent.post(url), &self.headers).send(body.unwrap_or_default()));
            }
            "PUT" => {
                return self
                    .finish(with_headers(agent.put(url), &self.headers).send(body.unwrap_or_default()));
            }
            "PATCH" => {
                return self
                    .finish(with_headers(agent.patch(url), &self.headers).send(body.unwrap_or_default()));
            }
            "GET" => agent.get(url),
            "HEAD" => agent.head(url),
            "DELETE" => agent.delete(url),
            "OPTIONS" => agent.options(url),
            "TRACE" => agent.trace(url),
            other => panic!("unsupported method {other}"),
        };
        let bare = with_headers(bare, &self.headers);
        match body {
            Some(body) => self.finish(bare.force_send_body().send(body)),
            None => self.finish(bare.call()),
        }
    }

    fn finish(&self, response: Result<Response<Body>, ureq::Error>) -> Reply {
        let mut response = response.unwrap_or_else(|error| panic!("{} {}: {error}", self.method, self.path));
        let headers = response.headers().iter();
        let headers =
            headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
        let bytes = response.body_mut().with_config().limit(LARGEST_BODY).read_to_vec().unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        let reply = Reply { status: response.status().as_u16(), json, text, headers };
        notes::note(&self.method, &self.path, &reply);
        reply
    }
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// All values of a header.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let values = self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        values.map(|(_, value)| value.as_str()).collect()
    }

    pub(crate) fn error(&self) -> &str {
        self.json["error"].as_str().unwrap_or_default()
    }

    /// Whether an error has the envelope of the contract, no more and no less.
    pub(crate) fn is_enveloped_error(&self) -> bool {
        let known = ["code", "message", "error", "field", "rule"];
        let is_text = |name: &str| self.json[name].as_str().is_some_and(|text| !text.is_empty());
        self.json.as_object().is_some_and(|fields| fields.keys().all(|name| known.contains(&name.as_str())))
            && self.json["code"] == self.status
            && is_text("message")
            && is_text("error")
            && self.header("Content-Type") == Some("application/json")
    }

    /// The names of the headers and their values, without those that differ from response to response.
    pub(crate) fn stable_headers(&self) -> BTreeSet<(String, String)> {
        // The last one lists the same names in an order of each worker's own.
        let own = ["date", "x-request-id", "content-length", "access-control-expose-headers"];
        self.headers.iter().filter(|(name, _)| !own.contains(&name.as_str())).cloned().collect()
    }

    /// Asserts success and returns the response.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!((self.status, &self.json["code"]), (200, &Value::from(200)), "{}", self.text);
        assert!(self.json["message"].is_string(), "{}", self.text);
        self
    }

    /// Asserts this status and error name in the contract's envelope.
    #[track_caller]
    pub(crate) fn refused(self, status: u16, error: &str) -> Self {
        assert_eq!((self.status, self.error()), (status, error), "{}", self.text);
        assert_eq!(self.json["code"], Value::from(status), "{}", self.text);
        assert!(self.json["message"].as_str().is_some_and(|message| !message.is_empty()), "{}", self.text);
        self
    }

    /// Asserts that the error names this field.
    #[track_caller]
    pub(crate) fn blames(self, error: &str, field: &str) -> Self {
        let reply = self.refused(400, error);
        assert_eq!(reply.json["field"], Value::from(field), "{}", reply.text);
        assert!(reply.json["message"].as_str().unwrap().contains(field), "{}", reply.text);
        assert!(reply.json["rule"]["rule"].is_string(), "{}", reply.text);
        reply
    }

    pub(crate) fn data(&self) -> &Value {
        &self.json["data"]
    }
}
