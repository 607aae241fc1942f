use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::Generation;

/// The settings that a refresh is judged by.
#[derive(Debug, Clone)]
pub struct RefreshPolicy {
    /// How long a used token may come again without being taken for theft.
    pub reuse_grace: Duration,
    /// How long a session lasts, however often it is refreshed.
    pub session_max: Duration,
}

/// What becomes of a session when a refresh token is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshDecision {
    /// The token is the present one: the session moves on to this generation.
    Rotate(Generation),
    /// The token was used a moment ago; two tabs raced. The session lives.
    Reused,
    /// The token was used long ago; somebody else has a copy. The session ends.
    Theft,
    /// The session is over, or the token is of no generation that ever was.
    Over,
}

/// Decides what a refresh token is worth.
///
/// `rotations` are the times at which the session's generations began, newest first, so that the token of a generation
/// was used when the one after it began. Older ones may be missing; what came before them is past any grace.
#[must_use]
pub fn decide_refresh(
    (current, rotations): (Generation, &[DateTime<Utc>]),
    created_at: DateTime<Utc>,
    presented: Generation,
    now: DateTime<Utc>,
    policy: &RefreshPolicy,
) -> RefreshDecision {
    let age = |since: DateTime<Utc>| now.signed_duration_since(since);
    let limit = |setting: Duration| TimeDelta::from_std(setting).unwrap_or(TimeDelta::MAX);
    // As with a token's expiry, the session is over from that very instant on.
    if age(created_at) >= limit(policy.session_max) {
        return RefreshDecision::Over;
    }
    match presented.behind(current) {
        None => RefreshDecision::Over,
        Some(0) => RefreshDecision::Rotate(current.next()),
        Some(distance) => match rotations.get(distance - 1) {
            Some(used_at) if age(*used_at) <= limit(policy.reuse_grace) => RefreshDecision::Reused,
            _ => RefreshDecision::Theft,
        },
    }
}
