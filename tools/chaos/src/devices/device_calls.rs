//! HTTP client: the calls of a device, which get whole answers with their envelopes.

use std::time::Duration;

use serde_json::Value;
use ureq::Agent;

/// A device's HTTP client.
pub(super) struct DeviceCalls(Agent);

/// An answer; the status is 0 if there was none.
#[derive(Debug)]
pub(super) struct DeviceAnswer {
    pub(super) status: u16,
    pub(super) body: Value,
}

impl DeviceAnswer {
    /// The data of a success.
    pub(super) fn data(&self) -> Option<&Value> {
        self.body.get("data").filter(|_| self.status == 200)
    }
}

impl DeviceCalls {
    /// Longer than a long poll, and short enough to notice a connection that has fallen silent.
    const TIMEOUT: Duration = Duration::from_secs(6);

    pub(super) fn new() -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Self::TIMEOUT))
            .max_idle_age(Duration::from_secs(20))
            .build();
        Self(config.new_agent())
    }

    pub(super) fn get(&self, base: &str, path: &str, token: &str) -> DeviceAnswer {
        let request = self.0.get(format!("{base}{path}"));
        answer(request.header("Authorization", format!("Bearer {token}")).call())
    }

    pub(super) fn delete(&self, base: &str, path: &str, token: &str) -> DeviceAnswer {
        let request = self.0.delete(format!("{base}{path}"));
        answer(request.header("Authorization", format!("Bearer {token}")).call())
    }

    pub(super) fn post(&self, base: &str, path: &str, token: &str, body: &Value) -> DeviceAnswer {
        let request = self.0.post(format!("{base}{path}")).header("Authorization", format!("Bearer {token}"));
        answer(request.content_type("application/json").send(body.to_string().as_bytes()))
    }
}

fn answer(response: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> DeviceAnswer {
    let nothing = DeviceAnswer { status: 0, body: Value::Null };
    let Ok(mut response) = response else { return nothing };
    let status = response.status().as_u16();
    // A truncated answer is none.
    let Ok(bytes) = response.body_mut().read_to_vec() else { return nothing };
    DeviceAnswer { status, body: serde_json::from_slice(&bytes).unwrap_or_default() }
}
