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
    /// The only standby is lost, and comes back after ten seconds
    StandbyAway,
    /// The primary freezes; its standby is promoted after two seconds
    Freeze,
    /// The primary freezes for ten seconds, and goes on
    Thaw,
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
    pub(crate) const ALL: [Self; 8] = [
        Self::Promote,
        Self::TwoStandbys,
        Self::StandbyLost,
        Self::StandbyAway,
        Self::Freeze,
        Self::Thaw,
        Self::AddressToStandby,
        Self::CommitError,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Promote => "primary lost, standby promoted after 1 s",
            Self::TwoStandbys => "two standbys (ANY 1): one lost, 4 s later the primary",
            Self::StandbyLost => "standby lost, primary stopped fast, restarted, lost; standby promoted",
            Self::StandbyAway => "only standby lost, back after 10 s",
            Self::Freeze => "primary frozen, standby promoted after 2 s",
            Self::Thaw => "primary frozen for 10 s",
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

    /// The longest time without an acknowledged message that is accepted for a disaster that took `struck`: until its end, and five
    /// seconds. On a busy machine the disaster itself takes longer.
    pub(super) fn longest_silence(self, struck: Duration) -> Duration {
        let healing = Duration::from_secs(5);
        match self {
            Self::CommitError => healing,
            // Until the primary is lost, messages flow.
            Self::TwoStandbys => (struck + healing).saturating_sub(Duration::from_secs(4)),
            // The frozen primary is killed at the end, twelve seconds after the promotion; messages must flow two seconds before that.
            Self::Freeze => struck.saturating_sub(Duration::from_secs(2)),
            _ => struck + healing,
        }
    }
}
