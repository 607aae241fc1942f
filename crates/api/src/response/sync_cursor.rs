//! The text form of cursors of changes, opaque to clients.
//!
//! `s1`, the account, whether read receipts are shown, and the read point: its lineage and a snapshot. Between two pages also where the
//! answer begins and the last conversation. A snapshot is written as `seen-xmax-open-open…`. The number after `s` is the version of the
//! form.

use domain::id::{ConversationId, UserId};
use domain::realtime::{ReadPoint, SyncCursor, SyncPlace, SyncPosition};
use uuid::Uuid;

const VERSION: &str = "s1";

/// A cursor that a client sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SentCursor {
    /// One of this version.
    Known(SyncCursor),
    /// One of another version of the server.
    OtherVersion,
}

/// The text of a cursor.
pub(crate) fn encode(cursor: &SyncCursor) -> String {
    let (point, page) = match &cursor.place {
        SyncPlace::Point(point) => (point, String::new()),
        SyncPlace::Page(SyncPosition { point, since, after }) => {
            let since = since.as_ref().map_or_else(|| "all".to_owned(), point_to_text);
            (point, format!(".{since}.{}", after.as_uuid().as_simple()))
        }
    };
    let (user, receipts) = (cursor.user.as_uuid(), u8::from(cursor.read_receipts));
    format!("{VERSION}.{}.{receipts}.{}{page}", user.as_simple(), point_to_text(point))
}

fn point_to_text(point: &ReadPoint) -> String {
    let open: String = point.open.iter().map(|id| format!("-{id}")).collect();
    format!("{}-{}-{}{open}", point.lineage.as_simple(), point.seen, point.xmax)
}

/// Parses what [`encode`] writes; `None` for a malformed cursor.
pub(crate) fn decode(text: &str) -> Option<SentCursor> {
    const LONGEST: usize = 2048;
    let (version, rest) = text.split_once('.').filter(|_| text.len() <= LONGEST)?;
    let number = version.strip_prefix('s')?;
    if number.is_empty() || number.len() > 4 || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if version != VERSION {
        return Some(SentCursor::OtherVersion);
    }
    let parts: Vec<&str> = rest.split('.').collect();
    let (place, page) = parts.split_at_checked(3)?;
    let [user, receipts, point] = place else { return None };
    let point = point_from_text(point)?;
    let place = match page {
        [] => SyncPlace::Point(point),
        [since, after] => {
            let since = if *since == "all" { None } else { Some(point_from_text(since)?) };
            SyncPlace::Page(SyncPosition { point, since, after: ConversationId::from_uuid(id(after)?) })
        }
        _ => return None,
    };
    let read_receipts = match *receipts {
        "0" => false,
        "1" => true,
        _ => return None,
    };
    Some(SentCursor::Known(SyncCursor { user: UserId::from_uuid(id(user)?), read_receipts, place }))
}

/// A point whose ids are in order.
fn point_from_text(text: &str) -> Option<ReadPoint> {
    let (lineage, ids) = text.split_once('-')?;
    let ids: Vec<i64> = ids.split('-').map(transaction).collect::<Option<_>>()?;
    let (bounds, open) = ids.split_at_checked(2)?;
    let [seen, xmax] = *bounds else { return None };
    let is_ordered =
        xmax <= seen && open.iter().chain([&xmax]).is_sorted() && open.len() <= ReadPoint::MAX_OPEN;
    is_ordered.then_some(ReadPoint { lineage: id(lineage)?, seen, xmax, open: open.to_vec() })
}

fn id(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text).ok().filter(|_| text.len() == uuid::fmt::Simple::LENGTH)
}

/// The id of a transaction: a number without a sign.
fn transaction(text: &str) -> Option<i64> {
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use domain::testing::user;

    use super::*;

    fn cursors() -> [SyncCursor; 3] {
        let lineage = Uuid::from_u128(u128::MAX);
        let point = ReadPoint { lineage, seen: i64::MAX, xmax: i64::MAX, open: vec![0, 7] };
        let after = ConversationId::from_uuid(Uuid::from_u128(9));
        let since = ReadPoint::of_snapshot(lineage, 17, Vec::new());
        let page = |since| SyncPlace::Page(SyncPosition { point: point.clone(), since, after });
        [
            SyncCursor { user: user(7), read_receipts: true, place: SyncPlace::Point(point.clone()) },
            SyncCursor { user: user(7), read_receipts: false, place: page(None) },
            SyncCursor { user: user(7), read_receipts: true, place: page(Some(since)) },
        ]
    }

    #[test]
    fn a_cursor_survives_a_round_trip() {
        for cursor in cursors() {
            let text = encode(&cursor);
            assert_eq!(decode(&text), Some(SentCursor::Known(cursor)), "{text}");
        }
    }

    #[test]
    fn the_longest_cursor_is_accepted() {
        let all: Vec<i64> = (0..30).map(|number| i64::MAX - 100 + number).collect();
        let point = ReadPoint::of_snapshot(Uuid::from_u128(u128::MAX), i64::MAX, all);
        let after = ConversationId::from_uuid(Uuid::from_u128(9));
        let place = SyncPlace::Page(SyncPosition { since: Some(point.clone()), point, after });
        let cursor = SyncCursor { user: user(7), read_receipts: true, place };
        assert_eq!(decode(&encode(&cursor)), Some(SentCursor::Known(cursor)));
    }

    #[test]
    fn a_cut_or_changed_form_is_malformed_and_another_version_is_not() {
        for text in cursors().iter().map(encode) {
            assert_eq!(decode(&text.replacen("s1", "s2", 1)), Some(SentCursor::OtherVersion));
            for (at, _) in text.match_indices('.') {
                assert!(decode(&text[..=at]).is_none(), "{}", &text[..=at]);
            }
            for wrong in [
                text.replacen("s1", "1", 1),
                text.replacen("s1", "s", 1),
                text.replacen("s1", "s12345", 1),
                text.replacen(".0.", ".-1.", 1).replacen(".1.", ".2.", 1),
                text.replace("ffffffffffffffffffffffffffffffff", "f"),
                text.replace("-0-7", "-7-0"),
                text.replace("-0-7", "-0-+7"),
                format!("{text}.0"),
                format!("{text} "),
                "x".repeat(3000),
                String::new(),
            ] {
                assert!(decode(&wrong).is_none(), "{wrong}");
            }
        }
    }

    #[test]
    fn the_transaction_ids_of_a_cursor_are_ordered() {
        let text = |ids: &str| format!("s1.{0}.1.{0}{ids}", Uuid::nil().as_simple());
        for good in ["-9-9", "-9-8", "-9-8-1-2-8"] {
            assert!(decode(&text(good)).is_some(), "{good}");
        }
        let many = format!("-99-99{}", "-1".repeat(25));
        for bad in ["", "-", "-9", "-8-9", "-9-9-2-1", "-9-9-10", "-9--9", &many] {
            assert!(decode(&text(bad)).is_none(), "{bad}");
        }
    }
}
