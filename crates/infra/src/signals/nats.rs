//! Transport of signals by a NATS server, whose client connects again by itself.
//!
//! All instances use one subject. It names the deployment by a keyed digest, so that deployments can share a server without the
//! signals of each other.

use std::io;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::{Client, ConnectOptions, ServerAddr};
use futures_util::StreamExt;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::link::LinkState;
use crate::runtime::worker::StopSignal;

/// Time between two batches.
const PACE: Duration = Duration::from_millis(20);
/// Longest time to connect.
const CONNECT: Duration = Duration::from_secs(5);
/// Time between two signs of life; without an answer to two of them the connection counts as lost.
const PING: Duration = Duration::from_secs(5);
/// Pause before another attempt to connect.
const RETRY: Duration = Duration::from_millis(500);
/// Received batches that may wait; more are dropped.
const RECEIVED: usize = 256;
/// Bytes of a name in a subject.
const NAME: usize = 8;

/// Where the NATS server is, and by which subject the instances of this deployment find each other.
pub struct NatsAccess {
    servers: Vec<ServerAddr>,
    /// Of the first address that has some; the client does not take them from addresses.
    credentials: Option<(String, SecretString)>,
    subject: String,
}

impl NatsAccess {
    /// Parses the addresses, separated by commas. `secret` is what all instances share.
    ///
    /// # Errors
    /// When an address is malformed.
    pub fn parse(url: &SecretString, secret: &SecretString) -> io::Result<Self> {
        let servers = url.expose_secret().split(',').map(str::parse).collect::<io::Result<Vec<_>>>()?;
        let credentials = servers.iter().find_map(|server: &ServerAddr| {
            Some((decoded(server.username()?)?, SecretString::from(decoded(server.password()?)?)))
        });
        let mut digest =
            Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).map_err(io::Error::other)?;
        digest.update(b"signals");
        let digest = digest.finalize().into_bytes();
        let name: String = digest.iter().take(NAME).map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { servers, credentials, subject: format!("hongyan.signals.{name}") })
    }
}

/// A part of an address without its percent-encoding.
fn decoded(part: &str) -> Option<String> {
    Some(percent_encoding::percent_decode_str(part).decode_utf8().ok()?.into_owned())
}

/// Why signals cannot be exchanged. The text of an address, which may hold a password, is in none.
#[derive(Debug, thiserror::Error)]
pub(super) enum NatsError {
    #[error("no runtime: {0}")]
    Runtime(#[from] io::Error),
    #[error("no NATS server is reached: {0}")]
    Connect(async_nats::ConnectErrorKind),
    #[error("the subscription failed: {0}")]
    Subscribe(#[from] async_nats::client::SubscribeError),
    #[error("the connection to the NATS server is lost")]
    Lost,
}

/// Connects, and exchanges signals until the worker is stopped or the client gives up.
pub(super) fn serve(link: &LinkState, access: &NatsAccess, stop: &StopSignal) -> Result<(), NatsError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let options = ConnectOptions::new()
            .name("hongyan")
            .connection_timeout(CONNECT)
            .ping_interval(PING)
            .subscription_capacity(RECEIVED)
            .reconnect_delay_callback(|_| RETRY);
        let options = match &access.credentials {
            Some((user, password)) => {
                options.user_and_password(user.clone(), password.expose_secret().to_owned())
            }
            None => options,
        };
        let connected = options.connect(access.servers.clone()).await;
        let client = connected.map_err(|error| NatsError::Connect(error.kind()))?;
        exchange(link, &access.subject, &client, stop).await
    })
}

async fn exchange(
    link: &LinkState,
    subject: &str,
    client: &Client,
    stop: &StopSignal,
) -> Result<(), NatsError> {
    let mut received = client.subscribe(subject.to_owned()).await?;
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            message = received.next() => {
                let Some(message) = message else { return Err(NatsError::Lost) };
                if let Ok(line) = std::str::from_utf8(&message.payload) {
                    link.exchange.receive(line);
                }
            }
            _ = pace.tick() => {
                if stop.is_stopped() {
                    return Ok(());
                }
                if client.connection_state() != State::Connected {
                    link.down(Some(NatsError::Lost));
                    sleep(PACE).await;
                    continue;
                }
                link.up();
                for line in link.exchange.due() {
                    // What cannot be sent is lost, as all signals may be.
                    let _ = client.publish(subject.to_owned(), line.into()).await;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_deployment_has_a_subject_of_its_own_that_tells_no_secret() {
        let access = |url: &str, secret: &str| NatsAccess::parse(&url.into(), &secret.into());
        let one = access("nats://a:4222,nats://user:p%40ssword@b", "a secret").unwrap();
        let (user, password) = one.credentials.unwrap();
        assert_eq!((one.servers.len(), &*user, password.expose_secret()), (2, "user", "p@ssword"));
        assert_eq!(one.subject, access("nats://c", "a secret").unwrap().subject);
        assert_ne!(one.subject, access("nats://c", "another secret").unwrap().subject);
        assert!(one.subject.len() == "hongyan.signals.".len() + 16 && !one.subject.contains("secret"));
        assert!(access("nats://a b", "a secret").is_err());
    }
}
