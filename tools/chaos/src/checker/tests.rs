//! Breaks each rule once.

use super::*;
use crate::history::{Interval, SendOperation, SendStatus};
use crate::history::{MemberActions, UserHistory};
use crate::observed::MemberView;
use crate::observed::{ObservedContent, ObservedListing, ObservedMessage};
use crate::violation::ViolatedRule;

const PAIR: usize = 7;
const FIRST: usize = 0;
const SECOND: usize = 1;

/// A conversation of four messages, two by each member, without a violation.
#[derive(Clone)]
struct Scene {
    records: [UserHistory; 2],
    views: [MemberView; 2],
}

const fn id(author: usize, number: usize) -> u64 {
    (author * 100 + number) as u64
}

fn message(seq: i64, author: usize, number: usize) -> ObservedMessage {
    let said = ObservedContent::Sent { author, number, exact: true };
    ObservedMessage { seq, id: id(author, number), author: Some(author), said }
}

fn sending(author: usize, number: usize, begun: u64) -> SendOperation {
    let outcome = SendStatus::Acknowledged(id(author, number));
    SendOperation { pair: PAIR, keyed: true, span: Interval { begun, ended: begun + 5 }, outcome }
}

impl Scene {
    fn new() -> Self {
        let record = |sends: Vec<SendOperation>, read| {
            let side = MemberActions { read, followed: 4, ..MemberActions::default() };
            UserHistory { sends, sides: [(PAIR, side)].into(), ..UserHistory::default() }
        };
        let messages =
            vec![message(1, FIRST, 0), message(2, SECOND, 0), message(3, FIRST, 1), message(4, SECOND, 1)];
        let view = |unread, read_seq, peer_read| {
            let listed = ObservedListing { unread, last_seq: 4, read_seq, preview: messages.last().copied() };
            MemberView {
                messages: messages.clone(),
                listed: Some(listed),
                is_friend: true,
                peer_read: Some(peer_read),
                last_seq: 4,
                read_seq,
                friendships: 1,
            }
        };
        Self {
            records: [
                record(vec![sending(FIRST, 0, 10), sending(FIRST, 1, 30)], 2),
                record(vec![sending(SECOND, 0, 20), sending(SECOND, 1, 40)], 0),
            ],
            views: [view(1, 2, 0), view(2, 0, 2)],
        }
    }

    fn side(&mut self, member: usize) -> &mut MemberActions {
        self.records[member].sides.get_mut(&PAIR).unwrap()
    }

    /// Changes a message for both members.
    fn at(&mut self, place: usize, change: impl Fn(&mut ObservedMessage)) {
        for view in &mut self.views {
            change(&mut view.messages[place]);
            view.listed.as_mut().unwrap().preview = view.messages.last().copied();
        }
    }

    /// The rules that the checker finds broken.
    fn broken(&self) -> Vec<ViolatedRule> {
        let member = |number: usize| CheckedMember {
            number,
            record: &self.records[number],
            side: &self.records[number].sides[&PAIR],
            view: &self.views[number],
        };
        let found = check(&CheckedConversation { pair: PAIR, members: [member(FIRST), member(SECOND)] });
        let mut rules: Vec<ViolatedRule> = found.into_iter().map(|violation| violation.rule).collect();
        rules.sort_unstable();
        rules.dedup();
        rules
    }
}

#[test]
fn a_correct_conversation_has_no_violation() {
    assert_eq!(Scene::new().broken(), []);
}

#[test]
fn a_missing_acknowledged_message_is_lost() {
    let mut scene = Scene::new();
    for view in &mut scene.views {
        view.messages.remove(1);
    }
    assert!(scene.broken().contains(&ViolatedRule::Lost));
    assert!(scene.broken().contains(&ViolatedRule::Gap));
}

#[test]
fn an_acknowledged_message_under_another_id_is_lost() {
    let mut scene = Scene::new();
    scene.at(1, |message| message.id += 50);
    assert_eq!(scene.broken(), [ViolatedRule::Lost]);
}

#[test]
fn an_unanswered_send_may_be_stored_at_most_once() {
    let mut scene = Scene::new();
    scene.records[SECOND].sends[1].outcome = SendStatus::Unknown;
    scene.records[SECOND].sends[1].span.ended = u64::MAX;
    assert_eq!(scene.broken(), [], "it may be stored");
    scene.at(2, |message| *message = ObservedMessage { seq: 3, ..self::message(3, SECOND, 1) });
    scene.records[FIRST].sends[1].outcome = SendStatus::Unknown;
    assert!(scene.broken().contains(&ViolatedRule::Doubled));
}

#[test]
fn a_message_stored_twice_is_a_duplicate() {
    let mut scene = Scene::new();
    for view in &mut scene.views {
        view.messages.push(ObservedMessage { id: 999, ..message(5, FIRST, 1) });
        view.last_seq = 5;
    }
    assert!(scene.broken().contains(&ViolatedRule::Doubled));
}

#[test]
fn a_changed_text_or_sender_is_found() {
    let mut scene = Scene::new();
    scene.at(0, |message| message.said = ObservedContent::Sent { author: FIRST, number: 0, exact: false });
    assert!(scene.broken().contains(&ViolatedRule::Altered));
    let mut scene = Scene::new();
    scene.at(0, |message| message.author = Some(SECOND));
    assert!(scene.broken().contains(&ViolatedRule::Invented));
}

#[test]
fn a_message_that_was_never_sent_or_was_refused_is_invented() {
    for change in [
        |scene: &mut Scene| scene.at(0, |message| message.said = ObservedContent::Foreign),
        |scene: &mut Scene| {
            scene.at(0, |message| {
                message.said = ObservedContent::Sent { author: FIRST, number: 8, exact: true }
            });
        },
        |scene: &mut Scene| scene.records[FIRST].sends[0].outcome = SendStatus::Refused,
        |scene: &mut Scene| scene.records[FIRST].sends[0].pair = PAIR + 1,
        |scene: &mut Scene| {
            scene.at(0, |message| (message.said, message.id) = (ObservedContent::Recalled, 12_345));
        },
    ] {
        let mut scene = Scene::new();
        change(&mut scene);
        assert!(scene.broken().contains(&ViolatedRule::Invented));
    }
}

#[test]
fn a_text_is_missing_exactly_when_it_was_recalled() {
    let mut scene = Scene::new();
    scene.side(FIRST).recalled.insert(0);
    assert!(scene.broken().contains(&ViolatedRule::Altered), "it was recalled and is still shown");
    scene.at(0, |message| message.said = ObservedContent::Recalled);
    assert_eq!(scene.broken(), [ViolatedRule::Unread], "a recalled message is still counted");
    scene.views[SECOND].listed.as_mut().unwrap().unread = 1;
    assert_eq!(scene.broken(), []);
    scene.side(FIRST).recalled.clear();
    assert!(scene.broken().contains(&ViolatedRule::Altered), "it was not recalled");
}

#[test]
fn seqs_have_no_gap_and_end_at_last_seq() {
    let mut scene = Scene::new();
    scene.at(3, |message| message.seq = 5);
    assert!(scene.broken().contains(&ViolatedRule::Gap));
    let mut scene = Scene::new();
    scene.views.iter_mut().for_each(|view| view.last_seq = 5);
    assert!(scene.broken().contains(&ViolatedRule::Gap));
}

#[test]
fn sends_that_did_not_overlap_keep_their_order() {
    let mut scene = Scene::new();
    scene.records[SECOND].sends[0].span = Interval { begun: 50, ended: 60 };
    assert_eq!(scene.broken(), [ViolatedRule::Order]);
    scene.records[SECOND].sends[0].span = Interval { begun: 31, ended: 60 };
    assert_eq!(scene.broken(), [], "it overlaps the next one");
}

#[test]
fn nothing_is_stored_while_the_two_are_not_friends() {
    let mut scene = Scene::new();
    scene.side(FIRST).unfriendings.push(Interval { begun: 12, ended: 18 });
    scene.side(FIRST).refriendings.push(Interval { begun: 27, ended: 29 });
    scene.views[FIRST].messages.remove(0);
    assert_eq!(scene.broken(), [ViolatedRule::Friendship]);
    scene.side(FIRST).refriendings[0].begun = 24;
    assert_eq!(scene.broken(), [], "they may have been friends again by then");
}

#[test]
fn a_member_sees_everything_except_what_it_hid() {
    let mut scene = Scene::new();
    scene.views[FIRST].messages.remove(2);
    assert_eq!(scene.broken(), [ViolatedRule::Visible]);
    scene.side(FIRST).deleted.insert(3);
    assert_eq!(scene.broken(), []);
    scene.side(FIRST).deleted.insert(1);
    assert_eq!(scene.broken(), [ViolatedRule::Visible], "it was deleted and is still shown");
    let mut scene = Scene::new();
    scene.views[FIRST].messages[2].said = ObservedContent::Recalled;
    assert_eq!(scene.broken(), [ViolatedRule::Visible], "the members see different contents");
    let mut scene = Scene::new();
    scene.views[SECOND].listed = None;
    assert_eq!(scene.broken(), [ViolatedRule::Visible]);
}

#[test]
fn ending_a_friendship_hides_exactly_the_earlier_messages() {
    let mut scene = Scene::new();
    scene.side(FIRST).unfriendings.push(Interval { begun: 26, ended: 27 });
    scene.side(FIRST).refriendings.push(Interval { begun: 28, ended: 29 });
    assert_eq!(scene.broken(), [ViolatedRule::Visible], "an earlier message is still shown");
    scene.views[FIRST].messages.drain(..2);
    assert_eq!(scene.broken(), []);
    scene.views[FIRST].messages.remove(0);
    assert_eq!(scene.broken(), [ViolatedRule::Visible], "a later message is hidden");
}

#[test]
fn unread_counts_previews_and_positions_are_recomputed() {
    type Change = fn(&mut ObservedListing);
    let changes: [(Change, ViolatedRule); 4] = [
        (|listed| listed.unread += 1, ViolatedRule::Unread),
        (|listed| listed.preview = None, ViolatedRule::Preview),
        (|listed| listed.read_seq += 1, ViolatedRule::ReadPosition),
        (|listed| listed.last_seq += 1, ViolatedRule::ReadPosition),
    ];
    for (change, rule) in changes {
        let mut scene = Scene::new();
        change(scene.views[FIRST].listed.as_mut().unwrap());
        assert_eq!(scene.broken(), [rule]);
    }
    let mut scene = Scene::new();
    scene.side(SECOND).read = 1;
    assert!(scene.broken().contains(&ViolatedRule::ReadPosition));
}

#[test]
fn the_friendship_is_the_result_of_the_last_action() {
    let mut scene = Scene::new();
    scene.views[SECOND].friendships = 2;
    assert_eq!(scene.broken(), [ViolatedRule::Friendship]);
    let mut scene = Scene::new();
    scene.views[FIRST].is_friend = false;
    assert_eq!(scene.broken(), [ViolatedRule::Friendship]);
}

#[test]
fn a_polling_client_has_reached_the_end() {
    for followed in [3, 5] {
        let mut scene = Scene::new();
        scene.side(SECOND).followed = followed;
        assert_eq!(scene.broken(), [ViolatedRule::Followed]);
    }
}
