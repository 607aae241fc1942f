//! Users and profiles: what an account shows to its owner and to others; and the decision on uid changes.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::identity::{Nickname, PhoneNumber, Uid};
use crate::id::UserId;

/// An account, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The id, which never changes.
    pub id: UserId,
    /// 微信号.
    pub uid: Uid,
    /// 昵称.
    pub name: Nickname,
    /// Set at registration or never.
    pub phone_number: Option<PhoneNumber>,
    /// When the account was registered.
    pub created_at: DateTime<Utc>,
}

/// What an account lets its friends see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sharing {
    /// How far it has read, where the friend shares that too.
    pub read: bool,
    /// That it is writing, where the friend shares that too.
    pub typing: bool,
}

/// Changes to an account's own profile; `None` leaves a value unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProfileChange {
    /// A new nickname.
    pub name: Option<Nickname>,
    /// Whether friends see how far it has read.
    pub share_read: Option<bool>,
    /// Whether friends see that it is writing.
    pub share_typing: Option<bool>,
}

/// An account with the counters for its owner's start page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountSummary {
    /// The account.
    pub user: User,
    /// The unread messages of all conversations in its list, muted ones included.
    pub unread_total: i64,
    /// Received friendship requests that can still be answered.
    pub pending_requests: i64,
    /// What its friends see.
    pub sharing: Sharing,
}

/// An account, as another user sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The account's id.
    pub user_id: UserId,
    /// 微信号.
    pub uid: Uid,
    /// 昵称.
    pub name: Nickname,
    /// Its relation to the viewer.
    pub relation: Relation,
}

/// The relation of an account to its viewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// The viewer's own account.
    Own,
    /// A friend.
    Friend,
    /// The viewer's friendship request is pending.
    RequestSent,
    /// The account's friendship request to the viewer is pending.
    RequestReceived,
    /// None of the above.
    None,
}

/// The input of [`decide_uid_change`].
#[derive(Debug, Clone)]
pub struct UidChange<'a> {
    /// The current uid.
    pub current: &'a Uid,
    /// The wanted uid.
    pub wanted: &'a Uid,
    /// The time of the last change, if any.
    pub changed_at: Option<DateTime<Utc>>,
    /// The current time of the database's clock.
    pub now: DateTime<Utc>,
    /// The least time between two changes; zero for no limit.
    pub interval: Duration,
}

/// Refusals of a uid change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UidChangeRefusal {
    /// The wanted uid equals the current one, including case.
    Unchanged,
    /// The wanted uid is reserved for operators.
    Reserved,
    /// The interval since the last change has not passed.
    TooRecent,
}

/// Decides whether a uid may be changed now. Only the database can decide whether it is free.
///
/// # Errors
/// The refusal.
pub fn decide_uid_change(change: &UidChange<'_>) -> Result<(), UidChangeRefusal> {
    if change.current == change.wanted {
        return Err(UidChangeRefusal::Unchanged);
    }
    if change.wanted.is_reserved() && !change.wanted.is_same_handle(change.current) {
        return Err(UidChangeRefusal::Reserved);
    }
    let interval = TimeDelta::from_std(change.interval).unwrap_or(TimeDelta::MAX);
    match change.changed_at {
        Some(changed_at) if change.now.signed_duration_since(changed_at) < interval => {
            Err(UidChangeRefusal::TooRecent)
        }
        _ => Ok(()),
    }
}
