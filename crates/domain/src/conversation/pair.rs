use uuid::Uuid;

use crate::id::{ConversationId, UserId};
use crate::message::Seq;

/// The namespace that the ids of conversations are derived in; it must never change.
const NAMESPACE: Uuid = Uuid::from_u128(0x6d1c_2f0e_8b5a_4c3d_9e7f_10a2_b3c4_d5e6);

/// Two different people, in the one order that both sides agree on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pair {
    lo: UserId,
    hi: UserId,
}

/// Which of the two of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The one with the smaller id.
    Low,
    /// The one with the greater id.
    High,
}

impl Pair {
    /// The pair of `one` and `other`; none when they are the same.
    #[must_use]
    pub fn new(one: UserId, other: UserId) -> Option<Self> {
        match one.cmp(&other) {
            std::cmp::Ordering::Less => Some(Self { lo: one, hi: other }),
            std::cmp::Ordering::Greater => Some(Self { lo: other, hi: one }),
            std::cmp::Ordering::Equal => None,
        }
    }

    /// The one with the smaller id.
    #[must_use]
    pub const fn lo(&self) -> UserId {
        self.lo
    }

    /// The one with the greater id.
    #[must_use]
    pub const fn hi(&self) -> UserId {
        self.hi
    }

    /// The conversation's id, derived from the two (UUIDv5 of the sorted ids): it needs no look-up, and no race can make
    /// two of them.
    #[must_use]
    pub fn conversation_id(&self) -> ConversationId {
        let mut name = [0_u8; 32];
        let (lo, hi) = name.split_at_mut(16);
        lo.copy_from_slice(self.lo.as_uuid().as_bytes());
        hi.copy_from_slice(self.hi.as_uuid().as_bytes());
        ConversationId::from_uuid(Uuid::new_v5(&NAMESPACE, &name))
    }

    /// Which side `user` is on; none for a stranger to the pair.
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

    /// The one who is not `user`.
    #[must_use]
    pub fn peer_of(&self, user: UserId) -> UserId {
        if user == self.lo { self.hi } else { self.lo }
    }
}

/// The row of a pair, locked: everything that decides what may happen between the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PairState {
    /// The two.
    pub pair: Pair,
    /// Whether they are friends.
    pub friends: bool,
    /// Whether [`Side::Low`] blocks the other.
    pub lo_blocks: bool,
    /// Whether [`Side::High`] blocks the other.
    pub hi_blocks: bool,
    /// The newest message's place; [`Seq::NONE`] before the first.
    pub last_seq: Seq,
    /// How many messages [`Side::Low`] has sent.
    pub lo_sent: i64,
    /// How many messages [`Side::High`] has sent.
    pub hi_sent: i64,
}

impl PairState {
    /// Whether the other one blocks `user`.
    #[must_use]
    pub fn is_blocked(&self, user: UserId) -> bool {
        match self.pair.side_of(user) {
            Some(Side::Low) => self.hi_blocks,
            Some(Side::High) => self.lo_blocks,
            None => true,
        }
    }

    /// Takes the next place for a message of `sender`: its `seq`, and that it is the sender's n-th in this conversation.
    pub fn take_place(&mut self, sender: UserId) -> (Seq, i64) {
        self.last_seq = self.last_seq.next();
        let sent = match self.pair.side_of(sender) {
            Some(Side::Low) => &mut self.lo_sent,
            Some(Side::High) | None => &mut self.hi_sent,
        };
        *sent = sent.saturating_add(1);
        (self.last_seq, *sent)
    }
}
