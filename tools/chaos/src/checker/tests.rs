//! Each rule broken once.

use super::*;
use crate::history::{Outcome, Sending, Span};
use crate::seen::{Listed, Said, Seen};
use crate::violation::Rule;

const PAIR: usize = 7;
const FIRST: usize = 0;
const SECOND: usize = 1;

/// A conversation of four messages, two of each, in which nothing is wrong.
#[derive(Clone)]
struct Scene {
    records: [Record; 2],
    views: [View; 2],
}

const fn id(author: usize, number: usize) -> u64 {
    (author * 100 + number) as u64
}

fn message(seq: i64, author: usize, number: usize) -> Seen {
    let said = Said::Claim { author, number, exact: true };
    Seen { seq, id: id(author, number), author: Some(author), said }
}

fn sending(author: usize, number: usize, begun: u64) -> Sending {
    let outcome = Outcome::Acknowledged(id(author, number));
    Sending { pair: PAIR, keyed: true, span: Span { begun, ended: begun + 5 }, outcome }
}

impl Scene {
    fn new() -> Self {
        let record = |sends: Vec<Sending>, read| {
            let side = Side { read, followed: 4, ..Side::default() };
            Record { sends, sides: [(PAIR, side)].into(), ..Record::default() }
        };
        let messages =
            vec![message(1, FIRST, 0), message(2, SECOND, 0), message(3, FIRST, 1), message(4, SECOND, 1)];
        let view = |unread, read_seq, peer_read| {
            let listed = Listed { unread, last_seq: 4, read_seq, preview: messages.last().copied() };
            View {
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

    fn side(&mut self, member: usize) -> &mut Side {
        self.records[member].sides.get_mut(&PAIR).unwrap()
    }

    /// Changes a message for both.
    fn at(&mut self, place: usize, change: impl Fn(&mut Seen)) {
        for view in &mut self.views {
            change(&mut view.messages[place]);
            view.listed.as_mut().unwrap().preview = view.messages.last().copied();
        }
    }

    /// The rules that are broken.
    fn broken(&self) -> Vec<Rule> {
        let member = |number: usize| Member {
            number,
            record: &self.records[number],
            side: &self.records[number].sides[&PAIR],
            view: &self.views[number],
        };
        let found = check(&Case { pair: PAIR, members: [member(FIRST), member(SECOND)] });
        let mut rules: Vec<Rule> = found.into_iter().map(|violation| violation.rule).collect();
        rules.sort_unstable();
        rules.dedup();
        rules
    }
}

#[test]
fn where_nothing_is_wrong_nothing_is_found() {
    assert_eq!(Scene::new().broken(), []);
}

#[test]
fn an_acknowledged_message_that_is_not_there_is_lost() {
    let mut scene = Scene::new();
    for view in &mut scene.views {
        view.messages.remove(1);
    }
    assert!(scene.broken().contains(&Rule::Lost));
    assert!(scene.broken().contains(&Rule::Gap));
}

#[test]
fn an_acknowledged_message_under_another_id_is_lost() {
    let mut scene = Scene::new();
    scene.at(1, |message| message.id += 50);
    assert_eq!(scene.broken(), [Rule::Lost]);
}

#[test]
fn a_message_of_which_nobody_knows_may_be_there_or_not_but_once() {
    let mut scene = Scene::new();
    scene.records[SECOND].sends[1].outcome = Outcome::Unknown;
    scene.records[SECOND].sends[1].span.ended = u64::MAX;
    assert_eq!(scene.broken(), [], "it is there");
    scene.at(2, |message| *message = Seen { seq: 3, ..self::message(3, SECOND, 1) });
    scene.records[FIRST].sends[1].outcome = Outcome::Unknown;
    assert!(scene.broken().contains(&Rule::Doubled));
}

#[test]
fn a_message_that_is_there_twice_is_doubled() {
    let mut scene = Scene::new();
    for view in &mut scene.views {
        view.messages.push(Seen { id: 999, ..message(5, FIRST, 1) });
        view.last_seq = 5;
    }
    assert!(scene.broken().contains(&Rule::Doubled));
}

#[test]
fn every_byte_and_every_name_counts() {
    let mut scene = Scene::new();
    scene.at(0, |message| message.said = Said::Claim { author: FIRST, number: 0, exact: false });
    assert!(scene.broken().contains(&Rule::Altered));
    let mut scene = Scene::new();
    scene.at(0, |message| message.author = Some(SECOND));
    assert!(scene.broken().contains(&Rule::Invented));
}

#[test]
fn what_was_never_sent_or_was_refused_is_invented() {
    for change in [
        |scene: &mut Scene| scene.at(0, |message| message.said = Said::Strange),
        |scene: &mut Scene| {
            scene.at(0, |message| message.said = Said::Claim { author: FIRST, number: 8, exact: true });
        },
        |scene: &mut Scene| scene.records[FIRST].sends[0].outcome = Outcome::Refused,
        |scene: &mut Scene| scene.records[FIRST].sends[0].pair = PAIR + 1,
        |scene: &mut Scene| {
            scene.at(0, |message| (message.said, message.id) = (Said::Recalled, 12_345));
        },
    ] {
        let mut scene = Scene::new();
        change(&mut scene);
        assert!(scene.broken().contains(&Rule::Invented));
    }
}

#[test]
fn a_text_is_gone_if_and_only_if_it_was_recalled() {
    let mut scene = Scene::new();
    scene.side(FIRST).recalled.insert(0);
    assert!(scene.broken().contains(&Rule::Altered), "it was recalled and is still there");
    scene.at(0, |message| message.said = Said::Recalled);
    assert_eq!(scene.broken(), [Rule::Unread], "what was recalled is still counted");
    scene.views[SECOND].listed.as_mut().unwrap().unread = 1;
    assert_eq!(scene.broken(), []);
    scene.side(FIRST).recalled.clear();
    assert!(scene.broken().contains(&Rule::Altered), "nobody recalled it");
}

#[test]
fn places_have_no_gap_and_end_at_last_seq() {
    let mut scene = Scene::new();
    scene.at(3, |message| message.seq = 5);
    assert!(scene.broken().contains(&Rule::Gap));
    let mut scene = Scene::new();
    scene.views.iter_mut().for_each(|view| view.last_seq = 5);
    assert!(scene.broken().contains(&Rule::Gap));
}

#[test]
fn sends_that_did_not_overlap_stand_in_their_order() {
    let mut scene = Scene::new();
    scene.records[SECOND].sends[0].span = Span { begun: 50, ended: 60 };
    assert_eq!(scene.broken(), [Rule::Order]);
    scene.records[SECOND].sends[0].span = Span { begun: 31, ended: 60 };
    assert_eq!(scene.broken(), [], "it overlaps the one before which it stands");
}

#[test]
fn nothing_is_stored_between_two_who_are_no_friends() {
    let mut scene = Scene::new();
    scene.side(FIRST).partings.push(Span { begun: 12, ended: 18 });
    scene.side(FIRST).reunions.push(Span { begun: 27, ended: 29 });
    scene.views[FIRST].messages.remove(0);
    assert_eq!(scene.broken(), [Rule::Friendship]);
    scene.side(FIRST).reunions[0].begun = 24;
    assert_eq!(scene.broken(), [], "they may have been friends again by then");
}

#[test]
fn a_member_sees_all_but_what_it_hid() {
    let mut scene = Scene::new();
    scene.views[FIRST].messages.remove(2);
    assert_eq!(scene.broken(), [Rule::Visible]);
    scene.side(FIRST).deleted.insert(3);
    assert_eq!(scene.broken(), []);
    scene.side(FIRST).deleted.insert(1);
    assert_eq!(scene.broken(), [Rule::Visible], "it was deleted and is still shown");
    let mut scene = Scene::new();
    scene.views[FIRST].messages[2].said = Said::Recalled;
    assert_eq!(scene.broken(), [Rule::Visible], "the two see different things");
    let mut scene = Scene::new();
    scene.views[SECOND].listed = None;
    assert_eq!(scene.broken(), [Rule::Visible]);
}

#[test]
fn a_parting_hides_what_was_before_it_and_nothing_else() {
    let mut scene = Scene::new();
    scene.side(FIRST).partings.push(Span { begun: 26, ended: 27 });
    scene.side(FIRST).reunions.push(Span { begun: 28, ended: 29 });
    assert_eq!(scene.broken(), [Rule::Visible], "what was before is still shown");
    scene.views[FIRST].messages.drain(..2);
    assert_eq!(scene.broken(), []);
    scene.views[FIRST].messages.remove(0);
    assert_eq!(scene.broken(), [Rule::Visible], "something was hidden that came after");
}

#[test]
fn unread_counts_previews_and_positions_are_recomputed() {
    type Change = fn(&mut Listed);
    let changes: [(Change, Rule); 4] = [
        (|listed| listed.unread += 1, Rule::Unread),
        (|listed| listed.preview = None, Rule::Preview),
        (|listed| listed.read_seq += 1, Rule::ReadPosition),
        (|listed| listed.last_seq += 1, Rule::ReadPosition),
    ];
    for (change, rule) in changes {
        let mut scene = Scene::new();
        change(scene.views[FIRST].listed.as_mut().unwrap());
        assert_eq!(scene.broken(), [rule]);
    }
    let mut scene = Scene::new();
    scene.side(SECOND).read = 1;
    assert!(scene.broken().contains(&Rule::ReadPosition));
}

#[test]
fn friendships_are_what_was_last_done() {
    let mut scene = Scene::new();
    scene.views[SECOND].friendships = 2;
    assert_eq!(scene.broken(), [Rule::Friendship]);
    let mut scene = Scene::new();
    scene.views[FIRST].is_friend = false;
    assert_eq!(scene.broken(), [Rule::Friendship]);
}

#[test]
fn who_followed_came_to_the_end() {
    for followed in [3, 5] {
        let mut scene = Scene::new();
        scene.side(SECOND).followed = followed;
        assert_eq!(scene.broken(), [Rule::Followed]);
    }
}
