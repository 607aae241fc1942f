//! A pair of users, one side of it, and the state of its locked row.

use uuid::Uuid;

use crate::id::{ConversationId, UserId};
use crate::message::{MessagePosition, Seq};

/// The UUIDv5 namespace of conversation ids. It must never change.
const NAMESPACE: Uuid = Uuid::from_u128(0x6d1c_2f0e_8b5a_4c3d_9e7f_10a2_b3c4_d5e6);

/// Two different users, ordered by id so that both sides construct the same value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pair {
    lo: UserId,
    hi: UserId,
}

/// One of the two members of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The member with the smaller id.
    Low,
    /// The member with the greater id.
    High,
}

impl Side {
    /// The other side.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Low => Self::High,
            Self::High => Self::Low,
        }
    }
}

impl Pair {
    /// The pair of `one` and `other`; `None` if they are the same user.
    #[must_use]
    pub fn new(one: UserId, other: UserId) -> Option<Self> {
        match one.cmp(&other) {
            std::cmp::Ordering::Less => Some(Self { lo: one, hi: other }),
            std::cmp::Ordering::Greater => Some(Self { lo: other, hi: one }),
            std::cmp::Ordering::Equal => None,
        }
    }

    /// The member with the smaller id.
    #[must_use]
    pub const fn lo(&self) -> UserId {
        self.lo
    }

    /// The member with the greater id.
    #[must_use]
    pub const fn hi(&self) -> UserId {
        self.hi
    }

    /// The conversation's id, a UUIDv5 of the sorted user ids: no look-up is needed, and no race can create a second one.
    #[must_use]
    pub fn conversation_id(&self) -> ConversationId {
        let mut name = [0_u8; 32];
        let (lo, hi) = name.split_at_mut(16);
        lo.copy_from_slice(self.lo.as_uuid().as_bytes());
        hi.copy_from_slice(self.hi.as_uuid().as_bytes());
        ConversationId::from_uuid(Uuid::new_v5(&NAMESPACE, &name))
    }

    /// The side of `user`; `None` unless `user` is a member.
    #[must_use]
    pub fn side_of(&self, user: UserId) -> Option<Side> {
        if user == self.lo {
            Some(Side::Low)
        } else if user == self.hi {
            Some(Side::High)
        } else {
            None
        }
    }

    /// The member on `side`.
    #[must_use]
    pub const fn member(&self, side: Side) -> UserId {
        match side {
            Side::Low => self.lo,
            Side::High => self.hi,
        }
    }
}

/// A pair seen from one of its members: the `user` who acts, and the `peer`. An outsider is not representable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Directed {
    /// Both members.
    pub pair: Pair,
    /// The side of the acting member.
    pub side: Side,
}

impl Directed {
    /// The pair of `user` and `peer`, seen from `user`; `None` if they are the same user.
    #[must_use]
    pub fn new(user: UserId, peer: UserId) -> Option<Self> {
        let pair = Pair::new(user, peer)?;
        Some(Self { pair, side: pair.side_of(user)? })
    }

    /// The acting member.
    #[must_use]
    pub const fn user(&self) -> UserId {
        self.pair.member(self.side)
    }

    /// The other member.
    #[must_use]
    pub const fn peer(&self) -> UserId {
        self.pair.member(self.side.other())
    }
}

/// The locked row of a pair: the shared state that every decision between the two depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PairState {
    /// The members.
    pub pair: Pair,
    /// Whether they are friends.
    pub friends: bool,
    /// Whether [`Side::Low`] blocks the other.
    pub lo_blocks: bool,
    /// Whether [`Side::High`] blocks the other.
    pub hi_blocks: bool,
    /// The newest message's position; [`Seq::NONE`] before the first.
    pub last_seq: Seq,
    /// The number of messages that [`Side::Low`] has sent.
    pub lo_sent: i64,
    /// The number of messages that [`Side::High`] has sent.
    pub hi_sent: i64,
}

impl PairState {
    /// Whether the other member blocks the one on `side`.
    #[must_use]
    pub const fn is_blocked(&self, side: Side) -> bool {
        match side {
            Side::Low => self.hi_blocks,
            Side::High => self.lo_blocks,
        }
    }

    /// Assigns the next position to a message sent from `side`.
    pub const fn assign_position(&mut self, side: Side) -> MessagePosition {
        self.last_seq = self.last_seq.next();
        let sent = match side {
            Side::Low => &mut self.lo_sent,
            Side::High => &mut self.hi_sent,
        };
        *sent = sent.saturating_add(1);
        MessagePosition { seq: self.last_seq, sender_ordinal: *sent }
    }
}
