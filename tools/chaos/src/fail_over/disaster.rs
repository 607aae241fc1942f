//! What can happen to a primary and its standbys.

use std::time::Duration;

use clap::ValueEnum;

/// One kind of disaster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Disaster {
    /// The primary is lost; its standby is promoted after a second
    Promote,
    /// One of two standbys is lost, and four seconds later the primary
    TwoStandbys,
    /// The only standby is lost while COMMITs wait for it; the primary is stopped fast, restarted and lost
    StandbyLost,
    /// The primary freezes; its standby is promoted after two seconds
    Freeze,
    /// The address of the database leads to a standby for four seconds
    AddressToStandby,
    /// COMMIT is answered by an error, though it is carried out, twenty times
    CommitError,
    /// Negative control: without synchronous replication, a lost primary loses messages
    Asynchronous,
    /// A given command does it to a given database
    #[value(skip)]
    Outside,
}

impl Disaster {
    /// Those that the harness brings about by itself.
    pub(crate) const ALL: [Self; 6] = [
        Self::Promote,
        Self::TwoStandbys,
        Self::StandbyLost,
        Self::Freeze,
        Self::AddressToStandby,
        Self::CommitError,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Promote => "primary lost, standby promoted after 1 s",
            Self::TwoStandbys => "two standbys (ANY 1): one lost, 4 s later the primary",
            Self::StandbyLost => "standby lost, primary stopped fast, restarted, lost; standby promoted",
            Self::Freeze => "primary frozen, standby promoted after 2 s",
            Self::AddressToStandby => "address leads to a standby for 4 s",
            Self::CommitError => "COMMIT answered by an error, 20 times",
            Self::Asynchronous => "negative control: primary lost, no synchronous standby",
            Self::Outside => "switch-over or fail-over by a command",
        }
    }

    pub(super) const fn standbys(self) -> usize {
        if matches!(self, Self::TwoStandbys) { 2 } else { 1 }
    }

    /// Whether the servers reach the primary through the harness's proxy, and not by a URL with several hosts.
    pub(super) const fn is_proxied(self) -> bool {
        matches!(self, Self::AddressToStandby | Self::CommitError)
    }

    /// The longest time without an acknowledged message that is accepted: what the disaster itself takes, and five seconds. A frozen
    /// primary may cost twelve.
    pub(super) const fn longest_silence(self) -> Duration {
        Duration::from_secs(match self {
            Self::CommitError => 5,
            Self::Promote | Self::TwoStandbys => 6,
            Self::AddressToStandby => 9,
            Self::Freeze => 14,
            Self::StandbyLost | Self::Asynchronous => 20,
            Self::Outside => 60,
        })
    }
}
