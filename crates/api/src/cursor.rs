//! Cursors: where a list goes on, opaque to clients.

use chrono::{DateTime, Utc};
use domain::block::BlockCursor;
use domain::conversation::ConversationCursor;
use domain::error::{InvalidValue, Rule};
use domain::friendship::FriendCursor;
use domain::friendship_request::RequestCursor;
use domain::id::{ConversationId, RequestId, UserId};
use domain::page::{PageLimit, PageRequest};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

/// A list's sort key that can be sent away and read back.
pub(crate) trait Cursor: Sized {
    /// The parts: a time, an id and a flag.
    fn parts(&self) -> (DateTime<Utc>, Uuid, bool);

    /// The key of these parts.
    fn from_parts(time: DateTime<Utc>, id: Uuid, flag: bool) -> Self;

    /// Spells the cursor: flag, microseconds since 1970 and id.
    fn encode(&self) -> String {
        let (time, id, flag) = self.parts();
        format!("{}.{}.{}", u8::from(flag), time.timestamp_micros(), id.as_simple())
    }

    /// Reads what [`Self::encode`] spelled.
    fn decode(text: &str) -> Option<Self> {
        let (flag, rest) = text.split_once('.')?;
        let (time, id) = rest.split_once('.')?;
        let flag = match flag {
            "0" => false,
            "1" => true,
            _ => return None,
        };
        let time = DateTime::from_timestamp_micros(time.parse().ok()?)?;
        Some(Self::from_parts(time, Uuid::try_parse(id).ok()?, flag))
    }
}

macro_rules! newest_first {
    ($($cursor:ident { $time:ident, $id:ident: $kind:ident })*) => {$(
        impl Cursor for $cursor {
            fn parts(&self) -> (DateTime<Utc>, Uuid, bool) {
                (self.$time, self.$id.as_uuid(), false)
            }

            fn from_parts($time: DateTime<Utc>, id: Uuid, _: bool) -> Self {
                Self { $time, $id: $kind::from_uuid(id) }
            }
        }
    )*};
}
newest_first! {
    FriendCursor { created_at, friend_id: UserId }
    RequestCursor { created_at, id: RequestId }
    BlockCursor { created_at, user_id: UserId }
}

impl Cursor for ConversationCursor {
    fn parts(&self) -> (DateTime<Utc>, Uuid, bool) {
        (self.updated_at, self.id.as_uuid(), self.pinned)
    }

    fn from_parts(updated_at: DateTime<Utc>, id: Uuid, pinned: bool) -> Self {
        Self { pinned, updated_at, id: ConversationId::from_uuid(id) }
    }
}

/// Which page of a list is wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// At most so many rows; by default as many as one page may have.
    #[param(value_type = Option<i64>)]
    limit: Option<String>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

impl PageQuery {
    /// Reads the page that was asked for.
    pub(crate) fn parse<K: Cursor, const MAX: i64>(&self) -> Result<PageRequest<K, MAX>, InvalidValue> {
        let limit = match &self.limit {
            Some(limit) => PageLimit::parse(limit.parse().unwrap_or(0))?,
            None => PageLimit::default(),
        };
        let after = match &self.cursor {
            Some(text) => Some(K::decode(text).ok_or(InvalidValue::new("cursor", Rule::Cursor))?),
            None => None,
        };
        Ok(PageRequest { limit, after })
    }
}

#[cfg(test)]
mod tests {
    use domain::testing::{at, user};

    use super::*;

    fn query(limit: Option<&str>, cursor: Option<&str>) -> PageQuery {
        PageQuery { limit: limit.map(str::to_owned), cursor: cursor.map(str::to_owned) }
    }

    #[test]
    fn a_cursor_comes_back_as_it_went() {
        let friend = FriendCursor { created_at: at(3), friend_id: user(7) };
        assert_eq!(FriendCursor::decode(&friend.encode()), Some(friend));
        for pinned in [true, false] {
            let id = ConversationId::from_uuid(Uuid::from_u128(9));
            let conversation = ConversationCursor { pinned, updated_at: at(5), id };
            assert_eq!(ConversationCursor::decode(&conversation.encode()), Some(conversation));
        }
    }

    #[test]
    fn a_bad_cursor_or_limit_is_named() {
        for text in [
            "",
            "x",
            "0.1",
            "2.1.01890a5dac96774bbcceb302099a8057",
            "0.x.01890a5dac96774bbcceb302099a8057",
            "0.1.x",
        ] {
            let error = query(None, Some(text)).parse::<FriendCursor, 10>().unwrap_err();
            assert_eq!(error, InvalidValue::new("cursor", Rule::Cursor), "{text}");
        }
        for limit in ["", "x", "0", "-1", "11", "1.5", "99999999999999999999"] {
            let error = query(Some(limit), None).parse::<FriendCursor, 10>().unwrap_err();
            assert_eq!(error.field, "limit", "{limit}");
        }
        assert_eq!(query(Some("7"), None).parse::<FriendCursor, 10>().unwrap().limit.get(), 7);
    }
}
