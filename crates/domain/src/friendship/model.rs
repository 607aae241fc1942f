use chrono::{DateTime, Utc};

use crate::account::{DisplayName, Uid};
use crate::error::{InvalidValue, Rule};
use crate::id::{FriendshipId, UserId};

/// 备注, what the owner calls a friend: at most 64 characters, empty for none, kept and returned exactly as sent. Nobody
/// else sees it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Remark(String);

impl Remark {
    const MAX: usize = 64;

    /// Checks a remark that a caller sent in `remark`.
    ///
    /// # Errors
    /// [`Rule::Length`], or [`Rule::Characters`] for a NUL.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        if text.chars().count() > Self::MAX {
            return Err(InvalidValue::new("remark", Rule::Length { min: 0, max: Self::MAX }));
        }
        if text.contains('\0') {
            return Err(InvalidValue::new("remark", Rule::Characters));
        }
        Ok(Self(text.to_owned()))
    }

    /// The remark.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whose friends are too many already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FriendLimit {
    /// The caller's.
    Own,
    /// Those of the other one.
    Peer,
}

impl FriendLimit {
    /// The most friends of one account. One page of the list holds them all.
    pub const MAX: i64 = 10_000;
}

/// Decides whether two who have so many friends may become friends as well. The caller is told about oneself first.
///
/// # Errors
/// Who has too many.
pub const fn decide_friendship(own: i64, others: i64) -> Result<(), FriendLimit> {
    if own >= FriendLimit::MAX {
        Err(FriendLimit::Own)
    } else if others >= FriendLimit::MAX {
        Err(FriendLimit::Peer)
    } else {
        Ok(())
    }
}

/// A friend in somebody's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Friend {
    /// Both sides see the same id.
    pub friendship_id: FriendshipId,
    /// The friend's account.
    pub friend_id: UserId,
    /// What the friend is called now.
    pub friend_name: DisplayName,
    /// 微信号; none once the account is erased.
    pub friend_uid: Option<Uid>,
    /// What the owner of the list calls the friend.
    pub remark: Remark,
    /// When the two became friends.
    pub created_at: DateTime<Utc>,
}
