//! One person's way to the servers: calls that end as `ok`, `refused` or `unknown`, each noted before and after.

use std::fs::File;
use std::io::{BufWriter, ErrorKind, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use ureq::Agent;

use crate::fleet::{Address, Fleet};
use crate::history::{Clock, Tally};

/// What became of a call.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// A 200 was read to its end.
    Ok(Value),
    /// The server said no, for this reason.
    Refused { code: u16, error: String },
    /// Whether it was done is not known.
    Unknown(String),
}

impl Reply {
    pub(crate) fn is_refusal(&self, name: &str) -> bool {
        matches!(self, Self::Refused { error, .. } if error == name)
    }
}

/// A call without its address.
#[derive(Debug, Clone)]
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) token: &'a str,
    pub(crate) body: Option<Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Post,
    Put,
    Delete,
}

/// Keeps connections alive and notes every call in a file.
pub(crate) struct Client {
    agent: Agent,
    fleet: Arc<Fleet>,
    clock: Clock,
    journal: BufWriter<File>,
    pub(crate) tally: Tally,
}

impl Client {
    /// More than the server may take for anything: nothing is given up that is merely slow.
    const PATIENCE: Duration = Duration::from_secs(20);

    pub(crate) fn new(fleet: Arc<Fleet>, clock: Clock, journal: &Path) -> anyhow::Result<Self> {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Self::PATIENCE))
            .max_idle_age(Duration::from_secs(60))
            .build();
        let journal = BufWriter::new(File::create(journal)?);
        Ok(Self { agent: config.new_agent(), fleet, clock, journal, tally: Tally::default() })
    }

    pub(crate) fn call(&mut self, address: &Address, call: &Call<'_>) -> Reply {
        let begun = self.clock.now();
        // What cannot be written is missed by nobody but a reader of a failed run.
        let _ = writeln!(self.journal, "{begun} {} {:?} {}", address.instance, call.method, call.path);
        let reply = self.dispatch(address, call, begun);
        let _ = match &reply {
            Reply::Ok(_) => writeln!(self.journal, "{} ok", self.clock.now()),
            Reply::Refused { code, error } => writeln!(self.journal, "{} {code} {error}", self.clock.now()),
            Reply::Unknown(why) => writeln!(self.journal, "{} unknown: {why}", self.clock.now()),
        };
        let took = Duration::from_nanos(self.clock.now() - begun);
        self.tally.slowest = self.tally.slowest.max(took);
        match reply {
            Reply::Ok(_) => self.tally.ok += 1,
            Reply::Refused { .. } => self.tally.refused += 1,
            Reply::Unknown(_) => self.tally.unknown += 1,
        }
        reply
    }

    fn dispatch(&mut self, address: &Address, call: &Call<'_>, begun: u64) -> Reply {
        match self.send(address, call) {
            Ok((code, body)) => judge(code, &body),
            Err(ureq::Error::Timeout(which)) => {
                self.tally.timed_out += 1;
                self.fleet.note_failure(address, begun);
                Reply::Unknown(format!("no answer in time: {which}"))
            }
            // It was never sent.
            Err(ureq::Error::Io(error)) if error.kind() == ErrorKind::ConnectionRefused => {
                Reply::Unknown("connection refused".to_owned())
            }
            Err(error) => {
                self.fleet.note_failure(address, begun);
                Reply::Unknown(error.to_string())
            }
        }
    }

    fn send(&self, address: &Address, call: &Call<'_>) -> Result<(u16, Vec<u8>), ureq::Error> {
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
        }?;
        Ok((response.status().as_u16(), response.body_mut().read_to_vec()?))
    }
}

fn judge(code: u16, body: &[u8]) -> Reply {
    // An answer that is cut off or is no JSON says nothing.
    let Ok(mut value) = serde_json::from_slice::<Value>(body) else {
        return Reply::Unknown(format!("a {code} that is no JSON"));
    };
    match code {
        200 => Reply::Ok(value.get_mut("data").map(Value::take).unwrap_or_default()),
        // The server gave up waiting for a request; it may come again.
        400..=499 if code != 408 => {
            let error = value.get("error").and_then(Value::as_str).unwrap_or_default().to_owned();
            Reply::Refused { code, error }
        }
        _ => Reply::Unknown(format!("a {code}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_200_is_ok_and_only_a_4xx_is_a_refusal() {
        assert!(matches!(judge(200, br#"{"code":200,"data":"x"}"#), Reply::Ok(Value::String(_))));
        assert!(matches!(judge(200, br#"{"code":200,"da"#), Reply::Unknown(_)));
        assert!(judge(409, br#"{"code":409,"error":"not_friends"}"#).is_refusal("not_friends"));
        assert!(matches!(judge(503, b"{}"), Reply::Unknown(_)));
        assert!(matches!(judge(408, b"{}"), Reply::Unknown(_)));
    }
}
