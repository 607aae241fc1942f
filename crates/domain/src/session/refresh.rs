use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Generation, IdempotencyKey};

/// The settings that a refresh is judged by.
#[derive(Debug, Clone)]
pub struct RefreshPolicy {
    /// How long a used token may come again without being taken for theft.
    pub reuse_grace: Duration,
    /// How long a session lasts, however often it is refreshed.
    pub session_max: Duration,
    /// How long a retry under the same key gets the same tokens again.
    pub retry_window: Duration,
}

/// Where a session stands.
#[derive(Debug, Clone, Copy)]
pub struct SessionState<'a> {
    /// The present generation.
    pub generation: Generation,
    /// When the generations began, newest first, so that the token of a generation was used when the one after it began.
    /// Older ones may be missing; what came before them is past any grace.
    pub rotations: &'a [DateTime<Utc>],
    /// The key that the present generation was asked for with.
    pub refresh_key: Option<&'a IdempotencyKey>,
    /// When the session was opened.
    pub created_at: DateTime<Utc>,
}

/// What becomes of a session when a refresh token is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshDecision {
    /// The token is the present one: the session moves on to this generation.
    Rotate(Generation),
    /// The token was used a moment ago by the same try, whose answer was lost: the tokens that it got are given again.
    Repeat,
    /// The token was used a moment ago; two tabs raced. The session lives.
    Reused,
    /// The token was used long ago; somebody else has a copy. The session ends.
    Theft,
    /// The session is over, or the token is of no generation that ever was.
    Over,
}

/// Decides what the refresh token of a generation is worth, shown under a key or none.
#[must_use]
pub fn decide_refresh(
    state: &SessionState<'_>,
    (presented, key): (Generation, Option<&IdempotencyKey>),
    now: DateTime<Utc>,
    policy: &RefreshPolicy,
) -> RefreshDecision {
    let age = |since: DateTime<Utc>| now.signed_duration_since(since);
    let limit = |setting: Duration| TimeDelta::from_std(setting).unwrap_or(TimeDelta::MAX);
    // As with a token's expiry, the session is over from that very instant on.
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
