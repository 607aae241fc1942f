//! Compares what is stored, as the witness sees it, with what was sent.

use std::collections::BTreeMap;

use super::CheckedConversation;
use crate::history::{SendOperation, SendStatus};
use crate::observed::{ObservedContent, ObservedMessage};
use crate::violation::{ViolatedRule, Violation};

/// Author and number of a send.
type Which = (usize, usize);

pub(super) fn check(case: &CheckedConversation<'_>, found: &mut Vec<Violation>) {
    let acknowledged = acknowledged(case);
    let mut stored: BTreeMap<Which, Vec<ObservedMessage>> = BTreeMap::new();
    let mut in_order = Vec::new();
    for message in &case.witness().view.messages {
        match identify(case, message, &acknowledged) {
            Ok((which, sending)) => {
                stored.entry(which).or_default().push(*message);
                in_order.push((message.seq, sending));
            }
            Err(violation) => found.push(violation),
        }
    }
    gaps(case, found);
    for (which, copies) in stored.iter().filter(|(_, copies)| copies.len() > 1) {
        let places: Vec<i64> = copies.iter().map(|copy| copy.seq).collect();
        found.push(Violation::new(ViolatedRule::Doubled, format!("send {which:?} stands at {places:?}")));
    }
    for (id, which) in &acknowledged {
        let copies = stored.get(which).map(Vec::as_slice).unwrap_or_default();
        if !copies.iter().any(|copy| copy.id == *id) {
            found.push(Violation::new(
                ViolatedRule::Lost,
                format!("send {which:?} was acknowledged and is missing"),
            ));
        }
    }
    order(&in_order, found);
    apart(case, found);
}

/// The acknowledged sends by message id.
fn acknowledged(case: &CheckedConversation<'_>) -> BTreeMap<u64, Which> {
    let mut by_id = BTreeMap::new();
    for member in &case.members {
        for (number, send) in member.record.sends.iter().enumerate() {
            if let (true, SendStatus::Acknowledged(id)) = (send.pair == case.pair, send.outcome) {
                by_id.insert(id, (member.number, number));
            }
        }
    }
    by_id
}

/// The send that a stored message belongs to, or why the message must not be stored as it is.
fn identify<'a>(
    case: &CheckedConversation<'a>,
    message: &ObservedMessage,
    acknowledged: &BTreeMap<u64, Which>,
) -> Result<(Which, &'a SendOperation), Violation> {
    let invented =
        |why: &str| Violation::new(ViolatedRule::Invented, format!("message {}: {why}", message.seq));
    let altered =
        |why: &str| Violation::new(ViolatedRule::Altered, format!("message {}: {why}", message.seq));
    let (author, number) = match message.said {
        ObservedContent::Sent { exact: false, .. } => {
            return Err(altered("the text is not the one that was sent"));
        }
        ObservedContent::Sent { author, number, exact: true } => (author, number),
        ObservedContent::Recalled => {
            *acknowledged.get(&message.id).ok_or_else(|| invented("it was not recalled"))?
        }
        ObservedContent::Foreign => return Err(invented("no user writes such a text")),
    };
    if message.author != Some(author) {
        return Err(invented("it is stored under another sender"));
    }
    let record = case.record(author).ok_or_else(|| invented("its author is not a member"))?;
    let sending = record.sends.get(number).filter(|send| send.pair == case.pair);
    let sending = sending.ok_or_else(|| invented("it was not sent in this conversation"))?;
    if sending.outcome == SendStatus::Refused {
        return Err(invented("it was refused"));
    }
    let side = record.sides.get(&case.pair);
    let was_recalled = side.is_some_and(|side| side.recalled.contains(&number));
    if was_recalled != (message.said == ObservedContent::Recalled) {
        return Err(altered("its recall state differs from what its author did"));
    }
    Ok(((author, number), sending))
}

fn gaps(case: &CheckedConversation<'_>, found: &mut Vec<Violation>) {
    let view = case.witness().view;
    for (expected, message) in (1_i64..).zip(&view.messages) {
        if message.seq != expected {
            found.push(Violation::new(
                ViolatedRule::Gap,
                format!("{} stands where {expected} should", message.seq),
            ));
            return;
        }
    }
    let count = i64::try_from(view.messages.len()).unwrap_or(i64::MAX);
    if view.last_seq != count {
        found.push(Violation::new(
            ViolatedRule::Gap,
            format!("last_seq is {} of {count} messages", view.last_seq),
        ));
    }
}

/// A send that began after another had ended has the greater `seq`.
fn order(in_order: &[(i64, &SendOperation)], found: &mut Vec<Violation>) {
    let mut latest: Option<(i64, u64)> = None;
    for (seq, sending) in in_order {
        if let Some((before, begun)) = latest
            && sending.span.ended < begun
        {
            let detail = format!("{seq} had ended before {before} began and is stored after it");
            found.push(Violation::new(ViolatedRule::Order, detail));
        }
        if latest.is_none_or(|(_, begun)| sending.span.begun > begun) {
            latest = Some((*seq, sending.span.begun));
        }
    }
}

/// Nothing is stored that began and was acknowledged while the two were not friends.
fn apart(case: &CheckedConversation<'_>, found: &mut Vec<Violation>) {
    let times: Vec<_> = case.first().side.apart().collect();
    if times.is_empty() {
        return;
    }
    for member in case.members {
        for (number, sending) in member.record.sends.iter().enumerate() {
            let stored = sending.pair == case.pair && matches!(sending.outcome, SendStatus::Acknowledged(_));
            let within = |time: &&crate::history::Interval| {
                sending.span.begun > time.begun && sending.span.ended < time.ended
            };
            if stored && times.iter().any(|time| within(&time)) {
                let detail =
                    format!("send {:?} was stored while the two were not friends", (member.number, number));
                found.push(Violation::new(ViolatedRule::Friendship, detail));
            }
        }
    }
}
