//! Cursors for keyset pagination: the sort key of the last row of a page, opaque to clients.

use std::ops::Range;

use chrono::{DateTime, Utc};
use domain::auth::SessionCursor;
use domain::block::BlockCursor;
use domain::conversation::ConversationCursor;
use domain::friendship::FriendCursor;
use domain::friendship_request::RequestCursor;
use domain::id::{ConversationId, RequestId, SessionId, UserId};
use domain::message::{MessageId, Seq};
use domain::page::{PageKey, PageRequest};
use domain::search::SearchCursor;
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::openapi::schemas;
use crate::response::invalid_field::{AtField, FieldRule, InvalidField};

/// The times that a cursor may have, in microseconds since 1970: the years 2000 to 2199. PostgreSQL's calendar and chrono's have
/// different ends, and a time beyond them would be an error of the database instead of an invalid cursor.
const TIMES: Range<i64> = 946_684_800_000_000..7_258_118_400_000_000;

/// A list's sort key that has a text form.
pub(crate) trait Cursor: PageKey + Sized {
    /// The key as a time, an id and a number.
    fn parts(&self) -> (DateTime<Utc>, Uuid, i64);

    /// The key with these parts; `None` if they are not valid for this list.
    fn from_parts(time: DateTime<Utc>, id: Uuid, number: i64) -> Option<Self>;

    /// The text form: number, microseconds since 1970 and id.
    fn encode(&self) -> String {
        let (time, id, number) = self.parts();
        format!("{number}.{}.{}", time.timestamp_micros(), id.as_simple())
    }

    /// Parses the text form of [`Self::encode`].
    fn decode(text: &str) -> Option<Self> {
        let (number, rest) = text.split_once('.')?;
        let (time, id) = rest.split_once('.')?;
        let time = DateTime::from_timestamp_micros(time.parse().ok().filter(|time| TIMES.contains(time))?)?;
        Self::from_parts(time, Uuid::try_parse(id).ok()?, number.parse().ok()?)
    }
}

macro_rules! newest_first {
    ($($cursor:ident { $time:ident, $id:ident: $kind:ident })*) => {$(
        impl Cursor for $cursor {
            fn parts(&self) -> (DateTime<Utc>, Uuid, i64) {
                (self.$time, self.$id.as_uuid(), 0)
            }

            fn from_parts($time: DateTime<Utc>, id: Uuid, number: i64) -> Option<Self> {
                (number == 0).then_some(Self { $time, $id: $kind::from_uuid(id) })
            }
        }
    )*};
}
newest_first! {
    FriendCursor { created_at, friend_id: UserId }
    RequestCursor { created_at, id: RequestId }
    BlockCursor { created_at, user_id: UserId }
    SessionCursor { created_at, id: SessionId }
}

impl Cursor for ConversationCursor {
    fn parts(&self) -> (DateTime<Utc>, Uuid, i64) {
        (self.updated_at, self.id.as_uuid(), i64::from(self.pinned))
    }

    fn from_parts(updated_at: DateTime<Utc>, id: Uuid, number: i64) -> Option<Self> {
        let id = ConversationId::from_uuid(id);
        (0..=1).contains(&number).then_some(Self { pinned: number == 1, updated_at, id })
    }
}

impl Cursor for SearchCursor {
    fn parts(&self) -> (DateTime<Utc>, Uuid, i64) {
        (self.created_at, self.message.conversation.as_uuid(), self.message.seq.get())
    }

    fn from_parts(created_at: DateTime<Utc>, id: Uuid, number: i64) -> Option<Self> {
        let message = MessageId { conversation: ConversationId::from_uuid(id), seq: Seq::new(number) };
        (number > 0).then_some(Self { created_at, message })
    }
}

/// The query parameters that select a page.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageParams {
    /// The maximum number of rows.
    #[param(value_type = Option<i64>, minimum = 1, maximum = 1000, default = 1000)]
    limit: Option<String>,
    /// The `next_cursor` of the previous page.
    #[param(value_type = Option<schemas::PageCursor>)]
    cursor: Option<String>,
}

impl PageParams {
    /// The requested page.
    pub(crate) fn parse<K: Cursor>(&self) -> Result<PageRequest<K>, InvalidField> {
        // A limit that is not a number is rejected like 0.
        let limit = self.limit.as_ref().map(|limit| limit.parse().unwrap_or(0));
        let mut page = PageRequest::parse(limit, None).field("limit")?;
        if let Some(text) = &self.cursor {
            page.after = Some(K::decode(text).ok_or(InvalidField::new("cursor", FieldRule::Cursor))?);
        }
        Ok(page)
    }
}

#[cfg(test)]
mod tests {
    use domain::testing::{at, user};

    use super::*;

    fn query(limit: Option<&str>, cursor: Option<&str>) -> PageParams {
        PageParams { limit: limit.map(str::to_owned), cursor: cursor.map(str::to_owned) }
    }

    #[test]
    fn a_cursor_survives_a_round_trip() {
        let friend = FriendCursor { created_at: at(3), friend_id: user(7) };
        assert_eq!(FriendCursor::decode(&friend.encode()), Some(friend));
        for pinned in [true, false] {
            let id = ConversationId::from_uuid(Uuid::from_u128(9));
            let conversation = ConversationCursor { pinned, updated_at: at(5), id };
            assert_eq!(ConversationCursor::decode(&conversation.encode()), Some(conversation));
        }
        let conversation = ConversationId::from_uuid(Uuid::from_u128(9));
        for seq in [1, i64::MAX] {
            let message = MessageId { conversation, seq: Seq::new(seq) };
            let search = SearchCursor { created_at: at(8), message };
            assert_eq!(SearchCursor::decode(&search.encode()), Some(search));
        }
    }

    #[test]
    fn an_invalid_cursor_or_limit_is_reported_by_name() {
        for text in [
            "",
            "x",
            "0.946684800000000",
            "2.946684800000000.01890a5dac96774bbcceb302099a8057",
            "x.946684800000000.01890a5dac96774bbcceb302099a8057",
            "0.x.01890a5dac96774bbcceb302099a8057",
            "0.946684800000000.x",
            "0.946684799999999.01890a5dac96774bbcceb302099a8057",
            "0.7258118400000000.01890a5dac96774bbcceb302099a8057",
            "0.-8000000000000000000.01890a5dac96774bbcceb302099a8057",
            "0.9223372036854775807.01890a5dac96774bbcceb302099a8057",
        ] {
            let error = query(None, Some(text)).parse::<FriendCursor>().unwrap_err();
            assert_eq!(error, InvalidField::new("cursor", FieldRule::Cursor), "{text}");
        }
        for seq in [0, -1, i64::MIN] {
            let text = format!("{seq}.946684800000000.01890a5dac96774bbcceb302099a8057");
            let error = query(None, Some(&text)).parse::<SearchCursor>().unwrap_err();
            assert_eq!(error, InvalidField::new("cursor", FieldRule::Cursor), "{text}");
        }
        let first = "0.946684800000000.01890a5dac96774bbcceb302099a8057";
        assert!(query(None, Some(first)).parse::<FriendCursor>().is_ok());
        for limit in ["", "x", "0", "-1", "10001", "1.5", "99999999999999999999"] {
            let error = query(Some(limit), None).parse::<FriendCursor>().unwrap_err();
            assert_eq!(error.field, "limit", "{limit}");
        }
        assert_eq!(query(Some("7"), None).parse::<FriendCursor>().unwrap().limit.get(), 7);
    }
}
