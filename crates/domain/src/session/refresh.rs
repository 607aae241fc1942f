//! Refresh token rotation with reuse detection.
//!
//! Each refresh token is valid once. Presenting a used one means that two parties hold it: within a short grace period
//! this is a benign race (two browser tabs), afterwards it is theft and ends the session.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Generation, IdempotencyKey};

/// The settings of [`decide_refresh`].
#[derive(Debug, Clone)]
pub struct RefreshPolicy {
    /// Grace period in which reuse of a token is not treated as theft.
    pub reuse_grace: Duration,
    /// Maximum lifetime of a session; refreshing does not extend it.
    pub session_max: Duration,
    /// How long a retry with the same idempotency key gets the same tokens.
    pub retry_window: Duration,
}

/// The stored state of an open session.
#[derive(Debug, Clone, Copy)]
pub struct SessionState<'a> {
    /// The current generation.
    pub generation: Generation,
    /// When each generation began, newest first. The token of a generation was used when the next one began. Old
    /// entries may be missing; their grace period counts as over.
    pub rotations: &'a [DateTime<Utc>],
    /// The idempotency key of the refresh that began the current generation.
    pub refresh_key: Option<&'a IdempotencyKey>,
    /// When the session was opened.
    pub created_at: DateTime<Utc>,
}

/// The effect of presenting a refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshDecision {
    /// The token is current: the session advances to this generation.
    Rotate(Generation),
    /// A retry whose first response was lost: the same tokens are issued again.
    Repeat,
    /// The token was used within the grace period; the session stays open.
    Reused,
    /// The token was used before the grace period, so it leaked. The session ends.
    Theft,
    /// The session is over, or the token's generation never existed.
    Over,
}

/// Decides the effect of presenting the refresh token of a generation.
#[must_use]
pub fn decide_refresh(
    state: &SessionState<'_>,
    (presented, key): (Generation, Option<&IdempotencyKey>),
    now: DateTime<Utc>,
    policy: &RefreshPolicy,
) -> RefreshDecision {
    let age = |since: DateTime<Utc>| now.signed_duration_since(since);
    let limit = |setting: Duration| TimeDelta::from_std(setting).unwrap_or(TimeDelta::MAX);
    // Inclusive, like the expiry of tokens.
    if age(state.created_at) >= limit(policy.session_max) {
        return RefreshDecision::Over;
    }
    let Some(distance) = presented.behind(state.generation) else { return RefreshDecision::Over };
    let Some(before) = distance.checked_sub(1) else {
        return RefreshDecision::Rotate(state.generation.next());
    };
    let Some(used_ago) = state.rotations.get(before).map(|used_at| age(*used_at)) else {
        return RefreshDecision::Theft;
    };
    let same_try = before == 0 && key.is_some() && key == state.refresh_key;
    if same_try && used_ago <= limit(policy.retry_window) {
        RefreshDecision::Repeat
    } else if used_ago <= limit(policy.reuse_grace) {
        RefreshDecision::Reused
    } else {
        RefreshDecision::Theft
    }
}
