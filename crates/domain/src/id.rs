//! Typed ids: one newtype over UUID per kind of entity.

use std::fmt;

use uuid::Uuid;

use crate::error::{InvalidValue, Rule};

/// Parses a UUID in canonical form only: lower case, with hyphens.
fn parse_canonical(text: &str) -> Result<Uuid, InvalidValue> {
    let invalid = InvalidValue::new(Rule::Id);
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
            /// Parses an id that a client sent.
            ///
            /// # Errors
            /// [`Rule::Id`] unless `text` is a UUID in canonical form.
            pub fn parse(text: &str) -> Result<Self, InvalidValue> {
                parse_canonical(text).map(Self)
            }

            /// Wraps a generated or stored UUID.
            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID as stored.
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
    /// The id of an account.
    UserId
);
id_type!(
    /// The id of a session: one login on one device, with its family of refresh tokens.
    SessionId
);
id_type!(
    /// The id of a friendship, shared by the rows of both sides.
    FriendshipId
);
id_type!(
    /// The id of a friendship request.
    RequestId
);
id_type!(
    /// The id of the conversation of two users, derived from their ids; see [`crate::conversation::Pair`].
    ConversationId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_round_trips_through_text_and_uuid() {
        let uuid = Uuid::from_u128(0x0189_0a5d_ac96_774b_bcce_b302_099a_8057);
        let text = "01890a5d-ac96-774b-bcce-b302099a8057";
        assert_eq!(SessionId::parse(text), Ok(SessionId::from_uuid(uuid)));
        assert_eq!(FriendshipId::from_uuid(uuid).as_uuid(), uuid);
        assert_eq!(RequestId::from_uuid(uuid).to_string(), text);
        assert_eq!(ConversationId::from_uuid(Uuid::nil()).to_string(), Uuid::nil().to_string());
    }

    #[test]
    fn only_the_canonical_form_of_an_id_is_accepted() {
        let canonical = "01890a5d-ac96-774b-bcce-b302099a8057";
        assert_eq!(UserId::parse(canonical).unwrap().to_string(), canonical);
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
            assert_eq!(UserId::parse(other), Err(InvalidValue::new(Rule::Id)), "{other}");
        }
    }
}
