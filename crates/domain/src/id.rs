//! Ids: one type per kind, so that none is mistaken for another.

use std::fmt;

use uuid::Uuid;

use crate::error::{InvalidValue, Rule};

/// Reads a UUID in its one canonical spelling: lower case, with hyphens.
fn parse_canonical(field: &'static str, text: &str) -> Result<Uuid, InvalidValue> {
    let invalid = InvalidValue::new(field, Rule::Id);
    if text.len() != uuid::fmt::Hyphenated::LENGTH || text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(invalid);
    }
    Uuid::try_parse(text).map_err(|_| invalid)
}

macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// Reads an id that a caller sent in `field`.
            ///
            /// # Errors
            /// [`Rule::Id`] unless it is a UUID in canonical spelling.
            pub fn parse(field: &'static str, text: &str) -> Result<Self, InvalidValue> {
                parse_canonical(field, text).map(Self)
            }

            /// Takes an id from where ids are made or kept.
            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The id as it is kept.
            #[must_use]
            pub const fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }
    };
}

id_type!(
    /// An account.
    UserId
);
id_type!(
    /// One login on one device: a family of refresh tokens.
    SessionId
);
id_type!(
    /// A friendship; both sides' rows share it.
    FriendshipId
);
id_type!(
    /// A friendship request.
    RequestId
);
id_type!(
    /// What two people write to each other; derived from the two, see [`crate::conversation::Pair`].
    ConversationId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_shown_as_it_is_read_and_kept_as_it_was_made() {
        let uuid = Uuid::from_u128(0x0189_0a5d_ac96_774b_bcce_b302_099a_8057);
        let text = "01890a5d-ac96-774b-bcce-b302099a8057";
        assert_eq!(SessionId::parse("session_id", text), Ok(SessionId::from_uuid(uuid)));
        assert_eq!(FriendshipId::from_uuid(uuid).as_uuid(), uuid);
        assert_eq!(RequestId::from_uuid(uuid).to_string(), text);
        assert_eq!(ConversationId::from_uuid(Uuid::nil()).to_string(), Uuid::nil().to_string());
    }

    #[test]
    fn an_id_is_read_in_its_canonical_spelling_only() {
        let canonical = "01890a5d-ac96-774b-bcce-b302099a8057";
        assert_eq!(UserId::parse("receiver_id", canonical).unwrap().to_string(), canonical);
        for other in [
            "",
            "1",
            "01890A5D-ac96-774b-bcce-b302099a8057",
            "01890a5dac96774bbcceb302099a8057",
            "{01890a5d-ac96-774b-bcce-b302099a8057}",
            "urn:uuid:01890a5d-ac96-774b-bcce-b302099a8057",
            "01890a5d-ac96-774b-bcce-b302099a805g",
            " 01890a5d-ac96-774b-bcce-b302099a8057",
        ] {
            assert_eq!(
                UserId::parse("receiver_id", other),
                Err(InvalidValue::new("receiver_id", Rule::Id)),
                "{other}"
            );
        }
    }
}
