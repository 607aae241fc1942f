//! A friend, the remark on them, and the limit on their number.

use std::fmt;

use chrono::{DateTime, Utc};

use crate::account::{DisplayName, Uid};
use crate::answer_size::AnswerItem;
use crate::error::{InvalidValue, Rule};
use crate::id::{ConversationId, FriendshipId, UserId};

/// 备注, the owner's private name for a friend: at most 64 characters, empty for none, stored and returned exactly as sent.
/// Only the owner sees it.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Remark(String);

impl Remark {
    const MAX: usize = 64;

    /// Checks a remark that a client sent.
    ///
    /// # Errors
    /// [`Rule::Length`], or [`Rule::Characters`] for a NUL.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        if text.chars().count() > Self::MAX {
            return Err(InvalidValue::new(Rule::Length { min: 0, max: Self::MAX }));
        }
        if text.contains('\0') {
            return Err(InvalidValue::new(Rule::Characters));
        }
        Ok(Self(text.to_owned()))
    }

    /// The text, possibly empty.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Remark(…)")
    }
}

/// The user who has reached the friend limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FriendLimit {
    /// The caller.
    Own,
    /// The other user.
    Peer,
}

impl FriendLimit {
    /// The maximum number of friends of one account. A page of the list can have as many rows.
    pub const MAX: i64 = 10_000;
}

/// Decides whether two users may become friends, given the number of friends of each. The caller's limit is reported first.
///
/// # Errors
/// The limit that is reached.
pub const fn decide_friendship(own: i64, others: i64) -> Result<(), FriendLimit> {
    if own >= FriendLimit::MAX {
        Err(FriendLimit::Own)
    } else if others >= FriendLimit::MAX {
        Err(FriendLimit::Peer)
    } else {
        Ok(())
    }
}

/// A friend in the list of its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Friend {
    /// The same id on both sides.
    pub friendship_id: FriendshipId,
    /// The friend's account.
    pub friend_id: UserId,
    /// The conversation of the two.
    pub conversation_id: ConversationId,
    /// The friend's current name.
    pub friend_name: DisplayName,
    /// 微信号; `None` once the account is erased.
    pub friend_uid: Option<Uid>,
    /// The owner's name for the friend.
    pub remark: Remark,
    /// When the friendship began.
    pub created_at: DateTime<Utc>,
}

impl AnswerItem for Friend {
    const OTHER_BYTES: usize = 420;

    fn visit_texts(&self, visit: &mut dyn FnMut(&str)) {
        self.friend_name.visit_text(visit);
        visit(self.remark.as_str());
    }
}
