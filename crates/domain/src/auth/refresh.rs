//! Refresh token rotation with reuse detection.
//!
//! Each refresh token is valid once. Presenting a used one means that two parties hold it: within a short grace period
//! this is a benign race (two browser tabs), afterwards it is theft and ends the session.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Generation, IdempotencyKey, RefreshClaims};

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

/// A presented refresh token and the policy to judge it by.
#[derive(Debug, Clone)]
pub struct RefreshAttempt {
    /// The claims of the token.
    pub claims: RefreshClaims,
    /// The client's idempotency key, if any.
    pub key: Option<IdempotencyKey>,
    /// The policy.
    pub policy: RefreshPolicy,
}

/// The stored state of an open session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionState {
    /// The current generation.
    pub generation: Generation,
    /// When the latest generations began, newest first. The token of a generation was used when the next one began.
    pub rotations: Vec<DateTime<Utc>>,
    /// The idempotency key of the refresh that began the current generation.
    pub refresh_key: Option<IdempotencyKey>,
    /// When the session was opened.
    pub created_at: DateTime<Utc>,
}

impl SessionState {
    /// Length limit of `rotations`. A token that is older counts as stolen: no client refreshes this often within the
    /// grace period.
    const REMEMBERED_ROTATIONS: usize = 16;

    /// The state after advancing by one generation at `now`, by a refresh with this idempotency key.
    #[must_use]
    pub fn advance(&self, refresh_key: Option<IdempotencyKey>, now: DateTime<Utc>) -> Self {
        let older = self.rotations.iter().copied();
        Self {
            generation: self.generation.next(),
            rotations: std::iter::once(now).chain(older).take(Self::REMEMBERED_ROTATIONS).collect(),
            refresh_key,
            created_at: self.created_at,
        }
    }
}

/// The effect of presenting a refresh token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefreshDecision {
    /// The token is current: the session advances to this state.
    Rotate(SessionState),
    /// A retry whose first response was lost: the same tokens are issued again.
    Replay,
    /// The token was used within the grace period; the session stays open.
    Reused,
    /// The token was used before the grace period, so it leaked. The session ends.
    Theft,
    /// The session is over, or the token's generation never existed.
    Over,
}

/// Decides the effect of a refresh attempt on an open session.
#[must_use]
pub fn decide_refresh(state: &SessionState, attempt: &RefreshAttempt, now: DateTime<Utc>) -> RefreshDecision {
    let policy = &attempt.policy;
    let age = |since: DateTime<Utc>| now.signed_duration_since(since);
    let limit = |setting: Duration| TimeDelta::from_std(setting).unwrap_or(TimeDelta::MAX);
    // Inclusive, like the expiry of tokens.
    if age(state.created_at) >= limit(policy.session_max) {
        return RefreshDecision::Over;
    }
    let Some(distance) = attempt.claims.generation.behind(state.generation) else {
        return RefreshDecision::Over;
    };
    let Some(newer) = distance.checked_sub(1) else {
        return RefreshDecision::Rotate(state.advance(attempt.key.clone(), now));
    };
    let Some(used_ago) = state.rotations.get(newer).map(|used_at| age(*used_at)) else {
        return RefreshDecision::Theft;
    };
    let is_retry = newer == 0 && attempt.key.is_some() && attempt.key == state.refresh_key;
    if is_retry && used_ago <= limit(policy.retry_window) {
        RefreshDecision::Replay
    } else if used_ago <= limit(policy.reuse_grace) {
        RefreshDecision::Reused
    } else {
        RefreshDecision::Theft
    }
}
