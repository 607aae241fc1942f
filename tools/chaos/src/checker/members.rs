//! Compares what each member sees with a recomputation from the history.

use super::{CheckedConversation, CheckedMember};
use crate::observed::{ObservedContent, ObservedMessage};
use crate::violation::{ViolatedRule, Violation};

pub(super) fn check(case: &CheckedConversation<'_>, found: &mut Vec<Violation>) {
    visible(case, found);
    let friends = case.first().side.are_friends();
    let [first, second] = case.members;
    for (member, other) in [(first, second), (second, first)] {
        let mut member_found = Vec::new();
        numbers(member, other, &mut member_found);
        friendship(member, other, friends, &mut member_found);
        listed(member, other, &mut member_found);
        if member.view.listed.is_none() && (friends || member.number == second.number) {
            member_found.push(Violation::new(ViolatedRule::Visible, "the conversation is not in the list"));
        }
        found.extend(member_found.into_iter().map(|violation| {
            Violation::new(violation.rule, format!("person {}: {}", member.number, violation.detail))
        }));
    }
}

/// The first member sees what the witness sees, except what it deleted or hid by ending the friendship.
fn visible(case: &CheckedConversation<'_>, found: &mut Vec<Violation>) {
    let (first, witness) = (case.first(), case.witness());
    let mut report_violation = |detail: String| found.push(Violation::new(ViolatedRule::Visible, detail));
    let mut shown = first.view.messages.iter().peekable();
    let mut gone = Vec::new();
    for message in &witness.view.messages {
        if shown.next_if(|one| one.seq == message.seq).is_none() {
            gone.push(message.seq);
        } else if first
            .view
            .messages
            .binary_search_by_key(&message.seq, |one| one.seq)
            .ok()
            .and_then(|place| first.view.messages.get(place))
            != Some(message)
        {
            report_violation(format!("the members see different messages at {}", message.seq));
        }
    }
    if let Some(extra) = shown.next() {
        report_violation(format!("the first member sees {} twice, or alone", extra.seq));
    }
    gone.retain(|seq| !first.side.deleted.contains(seq));
    for seq in first.view.messages.iter().map(|one| one.seq).filter(|seq| first.side.deleted.contains(seq)) {
        report_violation(format!("the first member deleted {seq} and still sees it"));
    }
    let floor = gone.last().copied().unwrap_or_default();
    let lowest = first.view.messages.first().map_or(i64::MAX, |one| one.seq);
    if floor > 0 && (first.side.unfriendings.is_empty() || lowest < floor) {
        report_violation(format!("the first member does not see {floor} and did not hide it"));
    }
    cleared_in_time(case, floor, found);
}

/// Ending a friendship hides what was stored before it and nothing that was sent after it.
fn cleared_in_time(case: &CheckedConversation<'_>, floor: i64, found: &mut Vec<Violation>) {
    let Some(unfriending) = case.first().side.unfriendings.last() else { return };
    for message in &case.witness().view.messages {
        let ObservedContent::Sent { author, number, .. } = message.said else { continue };
        let Some(sending) = case.record(author).and_then(|record| record.sends.get(number)) else { continue };
        let hidden = message.seq <= floor;
        let shown = case.first().view.messages.binary_search_by_key(&message.seq, |one| one.seq).is_ok();
        if (hidden && sending.span.begun > unfriending.ended)
            || (shown && sending.span.ended < unfriending.begun)
        {
            let detail =
                format!("message {} is hidden or shown contrary to the time of the unfriending", message.seq);
            found.push(Violation::new(ViolatedRule::Visible, detail));
        }
    }
}

/// The read position, the last `seq`, and how far the member has polled.
fn numbers(member: CheckedMember<'_>, other: CheckedMember<'_>, found: &mut Vec<Violation>) {
    let (view, side) = (member.view, member.side);
    if view.read_seq != side.read {
        let detail = format!("read_seq is {} and was set to {}", view.read_seq, side.read);
        found.push(Violation::new(ViolatedRule::ReadPosition, detail));
    }
    if view.last_seq != other.view.last_seq {
        let detail =
            format!("last_seq is {} for one and {} for the other", view.last_seq, other.view.last_seq);
        found.push(Violation::new(ViolatedRule::Gap, detail));
    }
    let newest = view.messages.last().map_or(0, |message| message.seq);
    if side.followed < newest || side.followed > view.last_seq {
        let detail = format!("followed to {} of {newest}", side.followed);
        found.push(Violation::new(ViolatedRule::Followed, detail));
    }
}

fn friendship(
    member: CheckedMember<'_>,
    other: CheckedMember<'_>,
    friends: bool,
    found: &mut Vec<Violation>,
) {
    let view = member.view;
    if view.is_friend != friends || view.friendships != usize::from(friends) {
        let detail = format!(
            "friends: {friends}; the window says {}, the list has {}",
            view.is_friend, view.friendships
        );
        found.push(Violation::new(ViolatedRule::Friendship, detail));
    }
    let expected = friends.then_some(other.side.read);
    if view.peer_read != expected {
        let detail = format!("peer_read_seq is {:?} instead of {expected:?}", view.peer_read);
        found.push(Violation::new(ViolatedRule::ReadPosition, detail));
    }
}

/// The conversation's entry in the list.
fn listed(member: CheckedMember<'_>, other: CheckedMember<'_>, found: &mut Vec<Violation>) {
    let Some(listed) = member.view.listed else { return };
    let messages = &member.view.messages;
    let is_unread = |message: &&ObservedMessage| {
        message.author == Some(other.number)
            && message.seq > member.side.read
            && message.said != ObservedContent::Recalled
    };
    let unread = i64::try_from(messages.iter().filter(is_unread).count()).unwrap_or(i64::MAX);
    if listed.unread != unread {
        let detail = format!("unread_count is {} instead of {unread}", listed.unread);
        found.push(Violation::new(ViolatedRule::Unread, detail));
    }
    if listed.preview.as_ref() != messages.last() {
        let detail = format!("the preview is {:?} instead of {:?}", listed.preview, messages.last());
        found.push(Violation::new(ViolatedRule::Preview, detail));
    }
    if (listed.read_seq, listed.last_seq) != (member.view.read_seq, member.view.last_seq) {
        found.push(Violation::new(ViolatedRule::ReadPosition, "the list and the window differ"));
    }
}
