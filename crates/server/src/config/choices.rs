//! Enumerations of settings: those that are chosen from a list of words.

use clap::ValueEnum;

/// The format of the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Human-readable lines.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// Who can register.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum RegistrationChoice {
    /// Every client.
    #[default]
    Open,
    /// Clients with an invite.
    Invite,
    /// No client.
    Closed,
}

/// A language of messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum MessageLanguage {
    /// Chinese.
    #[default]
    Zh,
    /// English.
    En,
}

/// Whether something is switched on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// On.
    #[default]
    On,
    /// Off.
    Off,
}

/// What carries signals between instances.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum SignalTransport {
    /// The database's notifications.
    #[default]
    Postgres,
    /// A NATS server.
    Nats,
    /// Nothing.
    Off,
}

/// Settings of the log.
#[derive(Debug, Clone)]
pub struct LogSettings {
    /// A filter of `tracing` events.
    pub filter: String,
    /// Text or JSON.
    pub format: LogFormat,
}
