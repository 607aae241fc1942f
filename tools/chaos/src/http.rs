//! One user's API client. Each call ends as `ok`, `refused` or `unknown` and is journalled before and after.

use std::fs::File;
use std::io::{BufWriter, ErrorKind, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use ureq::Agent;

use crate::fleet::{Fleet, ServerAddress};
use crate::history::{CallCounts, RunClock};
use crate::slow_calls::{CallPurpose, SlowCall};

/// How a call ended.
#[derive(Debug, Clone)]
pub(crate) enum CallResult {
    /// A complete 200.
    Ok(Value),
    /// A 4xx with this error name.
    Refused { code: u16, error: String },
    /// Whether the server executed it is not known.
    Unknown(String),
}

impl CallResult {
    pub(crate) fn is_refusal(&self, name: &str) -> bool {
        matches!(self, Self::Refused { error, .. } if error == name)
    }
}

/// A request without the server's address.
#[derive(Debug, Clone)]
pub(crate) struct ApiCall<'a> {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) token: &'a str,
    pub(crate) body: Option<Value>,
}

impl ApiCall<'_> {
    fn purpose(&self) -> CallPurpose {
        match self.method {
            Method::Get => CallPurpose::Read,
            Method::Post if self.path == "/api/auth/messages" => CallPurpose::Send,
            _ => CallPurpose::Change,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

/// Keeps connections alive and writes every call to a journal file.
pub(crate) struct ApiClient {
    agent: Agent,
    fleet: Arc<Fleet>,
    clock: RunClock,
    journal: BufWriter<File>,
    pub(crate) tally: CallCounts,
    pub(crate) slow_calls: Vec<SlowCall>,
}

impl ApiClient {
    /// Longer than the server may take for anything, so that a slow response is not taken for a lost one.
    const TIMEOUT: Duration = Duration::from_secs(20);

    pub(crate) fn new(fleet: Arc<Fleet>, clock: RunClock, journal: &Path) -> anyhow::Result<Self> {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Self::TIMEOUT))
            .max_idle_age(Duration::from_secs(60))
            .build();
        let journal = BufWriter::new(File::create(journal)?);
        let (tally, slow_calls) = Default::default();
        Ok(Self { agent: config.new_agent(), fleet, clock, journal, tally, slow_calls })
    }

    pub(crate) fn call(&mut self, address: &ServerAddress, call: &ApiCall<'_>) -> CallResult {
        let begun = self.clock.now();
        // The journal only helps to read a failed run, so a failed write is ignored.
        let _ = writeln!(self.journal, "{begun} {} {:?} {}", address.instance, call.method, call.path);
        let reply = self.dispatch(address, call, begun);
        let _ = match &reply {
            CallResult::Ok(_) => writeln!(self.journal, "{} ok", self.clock.now()),
            CallResult::Refused { code, error } => {
                writeln!(self.journal, "{} {code} {error}", self.clock.now())
            }
            CallResult::Unknown(why) => writeln!(self.journal, "{} unknown: {why}", self.clock.now()),
        };
        let took = Duration::from_nanos(self.clock.now() - begun);
        self.tally.slowest = self.tally.slowest.max(took);
        if took >= SlowCall::AT_LEAST {
            self.slow_calls.push(SlowCall { purpose: call.purpose(), begun, took });
        }
        match reply {
            CallResult::Ok(_) => self.tally.ok += 1,
            CallResult::Refused { .. } => self.tally.refused += 1,
            CallResult::Unknown(_) => self.tally.unknown += 1,
        }
        reply
    }

    fn dispatch(&mut self, address: &ServerAddress, call: &ApiCall<'_>, begun: u64) -> CallResult {
        match self.send(address, call) {
            Ok((code, retry_after, body)) => {
                self.tally.server_errors += u64::from(code >= 500 && !(code == 503 && retry_after));
                judge(code, &body)
            }
            Err(ureq::Error::Timeout(which)) => {
                self.tally.timed_out += 1;
                self.fleet.note_unanswered(address, begun);
                CallResult::Unknown(format!("timed out: {which}"))
            }
            // The request was never sent.
            Err(ureq::Error::Io(error)) if error.kind() == ErrorKind::ConnectionRefused => {
                CallResult::Unknown("connection refused".to_owned())
            }
            Err(error) => {
                self.fleet.note_unanswered(address, begun);
                CallResult::Unknown(error.to_string())
            }
        }
    }

    /// Returns the status, whether the answer says when to retry, and the body.
    fn send(&self, address: &ServerAddress, call: &ApiCall<'_>) -> Result<(u16, bool, Vec<u8>), ureq::Error> {
        let url = format!("{}{}", address.base, call.path);
        let bearer = format!("Bearer {}", call.token);
        let body = call.body.as_ref().map(Value::to_string).unwrap_or_default();
        let json = "application/json";
        let mut response = match call.method {
            Method::Get => self.agent.get(url).header("Authorization", bearer).call(),
            Method::Delete => self.agent.delete(url).header("Authorization", bearer).call(),
            Method::Post => {
                self.agent.post(url).header("Authorization", bearer).content_type(json).send(body.as_bytes())
            }
            Method::Put => {
                self.agent.put(url).header("Authorization", bearer).content_type(json).send(body.as_bytes())
            }
            Method::Patch => {
                self.agent.patch(url).header("Authorization", bearer).content_type(json).send(body.as_bytes())
            }
        }?;
        let retry_after = response.headers().contains_key("Retry-After");
        Ok((response.status().as_u16(), retry_after, response.body_mut().read_to_vec()?))
    }
}

fn judge(code: u16, body: &[u8]) -> CallResult {
    // A truncated response or one that is not JSON proves nothing.
    let Ok(mut value) = serde_json::from_slice::<Value>(body) else {
        return CallResult::Unknown(format!("a {code} that is not JSON"));
    };
    match code {
        200 => CallResult::Ok(value.get_mut("data").map(Value::take).unwrap_or_default()),
        // A 408 means that the server gave up waiting for the request; the call may be retried.
        400..=499 if code != 408 => {
            let error = value.get("error").and_then(Value::as_str).unwrap_or_default().to_owned();
            // A user acts for its friend, too, when it restores a friendship. While a database stands still, one of the two waits.
            let waited = error == "too_many_requests";
            if waited { CallResult::Unknown(error) } else { CallResult::Refused { code, error } }
        }
        _ => CallResult::Unknown(format!("a {code}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_200_is_ok_and_only_a_4xx_is_a_refusal() {
        assert!(matches!(judge(200, br#"{"code":200,"data":"x"}"#), CallResult::Ok(Value::String(_))));
        assert!(matches!(judge(200, br#"{"code":200,"da"#), CallResult::Unknown(_)));
        assert!(judge(409, br#"{"code":409,"error":"not_friends"}"#).is_refusal("not_friends"));
        assert!(matches!(judge(503, b"{}"), CallResult::Unknown(_)));
        assert!(matches!(judge(408, b"{}"), CallResult::Unknown(_)));
        let waited = br#"{"code":429,"error":"too_many_requests"}"#;
        assert!(matches!(judge(429, waited), CallResult::Unknown(_)));
    }
}
