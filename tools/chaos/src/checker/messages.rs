//! What is stored, as the witness sees it.

use std::collections::BTreeMap;

use super::Case;
use crate::history::{Outcome, Sending};
use crate::seen::{Said, Seen};
use crate::violation::{Rule, Violation};

/// A send by its author and number.
type Which = (usize, usize);

pub(super) fn check(case: &Case<'_>, found: &mut Vec<Violation>) {
    let acknowledged = acknowledged(case);
    let mut stored: BTreeMap<Which, Vec<Seen>> = BTreeMap::new();
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
        found.push(Violation::new(Rule::Doubled, format!("send {which:?} stands at {places:?}")));
    }
    for (id, which) in &acknowledged {
        let copies = stored.get(which).map(Vec::as_slice).unwrap_or_default();
        if !copies.iter().any(|copy| copy.id == *id) {
            found.push(Violation::new(
                Rule::Lost,
                format!("send {which:?} was acknowledged and is not there"),
            ));
        }
    }
    order(&in_order, found);
    apart(case, found);
}

/// The acknowledged sends by message id.
fn acknowledged(case: &Case<'_>) -> BTreeMap<u64, Which> {
    let mut by_id = BTreeMap::new();
    for member in &case.members {
        for (number, send) in member.record.sends.iter().enumerate() {
            if let (true, Outcome::Acknowledged(id)) = (send.pair == case.pair, send.outcome) {
                by_id.insert(id, (member.number, number));
            }
        }
    }
    by_id
}

/// Which send a stored message is, if it may be stored as it is.
fn identify<'a>(
    case: &Case<'a>,
    message: &Seen,
    acknowledged: &BTreeMap<u64, Which>,
) -> Result<(Which, &'a Sending), Violation> {
    let invented = |why: &str| Violation::new(Rule::Invented, format!("message {}: {why}", message.seq));
    let altered = |why: &str| Violation::new(Rule::Altered, format!("message {}: {why}", message.seq));
    let (author, number) = match message.said {
        Said::Claim { exact: false, .. } => return Err(altered("the text is not the one that was sent")),
        Said::Claim { author, number, exact: true } => (author, number),
        Said::Recalled => *acknowledged.get(&message.id).ok_or_else(|| invented("nobody recalled it"))?,
        Said::Strange => return Err(invented("nobody here writes such a text")),
    };
    if message.author != Some(author) {
        return Err(invented("it stands under another's name"));
    }
    let record = case.record(author).ok_or_else(|| invented("its author is not one of the two"))?;
    let sending = record.sends.get(number).filter(|send| send.pair == case.pair);
    let sending = sending.ok_or_else(|| invented("it was never sent here"))?;
    if sending.outcome == Outcome::Refused {
        return Err(invented("it was refused"));
    }
    let side = record.sides.get(&case.pair);
    let was_recalled = side.is_some_and(|side| side.recalled.contains(&number));
    if was_recalled != (message.said == Said::Recalled) {
        return Err(altered("recalled, or not, against its author's will"));
    }
    Ok(((author, number), sending))
}

fn gaps(case: &Case<'_>, found: &mut Vec<Violation>) {
    let view = case.witness().view;
    for (expected, message) in (1_i64..).zip(&view.messages) {
        if message.seq != expected {
            found.push(Violation::new(Rule::Gap, format!("{} stands where {expected} should", message.seq)));
            return;
        }
    }
    let count = i64::try_from(view.messages.len()).unwrap_or(i64::MAX);
    if view.last_seq != count {
        found.push(Violation::new(Rule::Gap, format!("last_seq is {} of {count} messages", view.last_seq)));
    }
}

/// A send that began after another had ended stands behind it.
fn order(in_order: &[(i64, &Sending)], found: &mut Vec<Violation>) {
    let mut latest: Option<(i64, u64)> = None;
    for (seq, sending) in in_order {
        if let Some((before, begun)) = latest
            && sending.span.ended < begun
        {
            let detail = format!("{seq} had ended before {before} began, and stands behind it");
            found.push(Violation::new(Rule::Order, detail));
        }
        if latest.is_none_or(|(_, begun)| sending.span.begun > begun) {
            latest = Some((*seq, sending.span.begun));
        }
    }
}

/// Nothing is stored that was begun and acknowledged while the two were no friends.
fn apart(case: &Case<'_>, found: &mut Vec<Violation>) {
    let times: Vec<_> = case.first().side.apart().collect();
    if times.is_empty() {
        return;
    }
    for member in case.members {
        for (number, sending) in member.record.sends.iter().enumerate() {
            let stored = sending.pair == case.pair && matches!(sending.outcome, Outcome::Acknowledged(_));
            let within = |time: &&crate::history::Span| {
                sending.span.begun > time.begun && sending.span.ended < time.ended
            };
            if stored && times.iter().any(|time| within(&time)) {
                let detail =
                    format!("send {:?} was stored between two who were no friends", (member.number, number));
                found.push(Violation::new(Rule::Friendship, detail));
            }
        }
    }
}
