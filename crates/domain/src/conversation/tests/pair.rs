use crate::conversation::{Directed, Pair, PairState, Side};
use crate::id::UserId;
use crate::message::{MessagePosition, Seq};
use crate::testing::user;

const LO: UserId = user(1);
const HI: UserId = user(2);
const OUTSIDER: UserId = user(3);

fn pair() -> Pair {
    Pair::new(LO, HI).unwrap()
}

const fn position(seq: i64, sender_ordinal: i64) -> MessagePosition {
    MessagePosition { seq: Seq::new(seq), sender_ordinal }
}

fn state() -> PairState {
    PairState {
        pair: pair(),
        friends: true,
        lo_blocks: false,
        hi_blocks: false,
        last_seq: Seq::new(5),
        lo_sent: 2,
        hi_sent: 3,
    }
}

#[test]
fn both_sides_construct_the_same_pair() {
    let (one, other) = (Pair::new(LO, HI).unwrap(), Pair::new(HI, LO).unwrap());
    assert_eq!(one, other);
    assert_eq!((one.lo(), one.hi()), (LO, HI));
    assert_eq!(one.conversation_id(), other.conversation_id());
}

#[test]
fn a_user_is_no_pair_with_itself() {
    assert_eq!(Pair::new(LO, LO), None);
}

#[test]
fn different_pairs_have_different_conversations() {
    let others = [Pair::new(LO, OUTSIDER), Pair::new(HI, OUTSIDER)].map(Option::unwrap);
    for other in others {
        assert_ne!(pair().conversation_id(), other.conversation_id());
    }
}

#[test]
fn a_conversations_id_never_changes() {
    // Computed independently from the namespace and the two ids. Stored conversations are found by this id.
    assert_eq!(pair().conversation_id().to_string(), "5ea445a9-ffa4-5463-a9f1-e3b313b8b643");
}

#[test]
fn a_member_is_on_one_side_and_an_outsider_on_none() {
    assert_eq!(pair().side_of(LO), Some(Side::Low));
    assert_eq!(pair().side_of(HI), Some(Side::High));
    assert_eq!(pair().side_of(OUTSIDER), None);
}

#[test]
fn a_directed_pair_has_its_user_on_its_side() {
    let (low, high) = (Directed::new(LO, HI).unwrap(), Directed::new(HI, LO).unwrap());
    assert_eq!((low.pair, low.side), (pair(), Side::Low));
    assert_eq!((high.pair, high.side), (pair(), Side::High));
    assert_eq!((low.user(), low.peer()), (LO, HI));
    assert_eq!((high.user(), high.peer()), (HI, LO));
    assert_eq!(Directed::new(LO, LO), None);
}

#[test]
fn a_block_applies_to_the_other_member_only() {
    for (lo_blocks, hi_blocks) in [(false, false), (true, false), (false, true), (true, true)] {
        let state = PairState { lo_blocks, hi_blocks, ..state() };
        assert_eq!(state.is_blocked(Side::High), lo_blocks, "{state:?}");
        assert_eq!(state.is_blocked(Side::Low), hi_blocks, "{state:?}");
    }
}

#[test]
fn positions_have_no_gaps_and_are_counted_per_sender() {
    let mut state = PairState { last_seq: Seq::NONE, lo_sent: 0, hi_sent: 0, ..state() };
    let taken = [Side::Low, Side::High, Side::High, Side::Low].map(|side| state.assign_position(side));
    assert_eq!(
        taken,
        [(1, 1), (2, 1), (3, 2), (4, 2)].map(|(seq, sender_ordinal)| position(seq, sender_ordinal))
    );
    assert_eq!((state.last_seq, state.lo_sent, state.hi_sent), (Seq::new(4), 2, 2));
}

#[test]
fn the_next_position_follows_the_newest_of_either_sender() {
    let mut state = state();
    assert_eq!(state.assign_position(Side::Low), position(6, 3));
    assert_eq!(state, PairState { last_seq: Seq::new(6), lo_sent: 3, ..self::state() });
}
