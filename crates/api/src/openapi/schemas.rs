//! The values of the contract as OpenAPI schemas: meaning, pattern, limits and one example each.
//!
//! The rules themselves are in the domain; `scripts/schemathesis` tests these schemas against them.

use std::borrow::Cow;

use domain::friendship::FriendCursor;
use domain::message;
use domain::page::PageKey;
use serde_json::json;
use utoipa::openapi::schema::{Components, KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::response::error_catalog::CATALOG;

/// The caller in the examples.
const ALICE: &str = "01936f5e-8a40-7c3e-9d52-6b1f0e8a4c11";
const REQUEST: &str = "01936f60-1f2b-7a95-b3c4-5d6e7f809133";
/// Another account: a friend, a sender or a receiver.
const BOB: &str = "01936f5f-0c12-7d4a-8e61-7a2c9b0d3f22";
const CONVERSATION: &str = "01936f60-4c8d-7e16-a2b3-9c8d7e6f5044";
const FRIENDSHIP: &str = "01936f60-4c8d-7e16-a2b3-9c8d7e6f5055";
const SESSION: &str = "01936f5e-8a51-7b2c-8d3e-4f5a6b7c8066";

const UID: &str = "^[A-Za-z][A-Za-z0-9_-]{5,19}$";
const UUID: &str = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$";
/// Any text without NUL, which PostgreSQL refuses.
const TEXT: &str = r"^[^\x00]*$";

fn text(example: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).examples([json!(example)])
}

fn id(example: &str) -> ObjectBuilder {
    text(example).format(Some(SchemaFormat::Custom("uuid".to_owned()))).pattern(Some(UUID))
}

fn one_of(words: &[&str]) -> ObjectBuilder {
    text(words.first().copied().unwrap_or_default()).enum_values(Some(words.iter().copied()))
}

macro_rules! schemas {
    ($($name:ident: $description:literal = $schema:expr;)*) => {
        $(
            pub(crate) struct $name;

            impl PartialSchema for $name {
                fn schema() -> RefOr<Schema> {
                    $schema.description(Some($description)).into()
                }
            }

            impl ToSchema for $name {
                fn name() -> Cow<'static, str> {
                    Cow::Borrowed(stringify!($name))
                }
            }
        )*

        /// Adds all of them as components.
        pub(crate) fn add_to(components: &mut Components) {
            $(components.schemas.insert($name::name().into_owned(), $name::schema());)*
        }
    };
}
schemas! {
    UserId: "The id of an account." = id(ALICE);
    PeerId: "The id of another user's account." = id(BOB);
    ConversationId: "The id of a conversation." = id(CONVERSATION);
    FriendshipId: "The id of a friendship." = id(FRIENDSHIP);
    FriendRequestId: "The id of a friendship request." = id(REQUEST);
    SessionId: "The id of a session." = id(SESSION);
    MessageId: "The id of a message. Opaque: it is not a UUID." = text(&format!("{CONVERSATION}-42"))
        .pattern(Some("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-[1-9][0-9]{0,17}$"));
    Timestamp: "RFC 3339 in UTC, with exactly three decimals." = text("2026-11-23T08:00:00.000Z")
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
        .pattern(Some("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z$"));
    Seq: "A message's place in its conversation: 1, 2, 3… without gaps; 0 is before the first." = ObjectBuilder::new()
        .schema_type(Type::Integer).format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .minimum(Some(0)).maximum(Some(message::Seq::MAX.get())).examples([json!(42)]);
    Uid: "微信号: 6–20 of `[A-Za-z0-9_-]`, starting with a letter; shown as entered, unique case-insensitively." = text("wxid_k7m2p5xqdrvt4hb")
        .pattern(Some(UID));
    PeerUid: "微信号 of another user." = text("bob_2026").pattern(Some(UID));
    Nickname: "昵称: 1–64 characters after trimming, no control characters." = text("爱丽丝 🌸").min_length(Some(1))
        .pattern(Some(r"^\s*[^\s\x00-\x1f\x7f-\x9f]([^\x00-\x1f\x7f-\x9f]{0,62}[^\s\x00-\x1f\x7f-\x9f])?\s*$"));
    DisplayName: "The current nickname, or the name of an erased account: 已注销, Deleted account." = text("鲍勃");
    PhoneNumber: "`1` and ten more digits." = text("13800138000").pattern(Some("^1[0-9]{10}$"));
    ChosenPassword: "8–128 characters, counted after NFKC; any Unicode, none of the most common ones." = text("山高月小 水落石出")
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Password))).min_length(Some(8)).max_length(Some(128));
    AccessToken: "A JWT, sent with each call as `Authorization: Bearer …`." = text(TOKEN);
    RefreshToken: "A JWT that is valid once, for the next pair." = text(TOKEN);
    DeviceName: "From the `User-Agent` header of the login; may be empty." = text("Mozilla/5.0 (X11; Linux x86_64)");
    Remark: "备注, the caller's own name for a friend, kept exactly as sent; empty for none." = text("小鲍")
        .max_length(Some(64)).pattern(Some(TEXT));
    VerificationMessage: "The message of a friendship request; may be empty." = text("上周一起爬过山，加个好友吧")
        .max_length(Some(128)).pattern(Some(TEXT));
    FriendRequestStatus: "The state of a friendship request." =
        one_of(&["pending", "accepted", "rejected", "expired", "canceled"]);
    FriendRequestDecision: "The receiver's answer." = one_of(&["accepted", "rejected"]);
    FriendRequestDirection: "Whether the requests were received or sent." = one_of(&["received", "sent"]);
    Relation: "The relation of the account to the caller." =
        one_of(&["friend", "self", "request_sent", "request_received", "none"]);
    MessageText: "1–5000 characters, not only white space; kept and returned exactly as sent." = text("晚上一起吃火锅吗？🍲")
        .min_length(Some(1)).max_length(Some(5000)).pattern(Some(r"^[^\x00]*[^\s\x00][^\x00]*$"));
    ClientMessageId: "The client's idempotency key of a message: sending it again under the same key stores it once." =
        text("5f1c2a-17").min_length(Some(1)).max_length(Some(64)).pattern(Some(TEXT));
    SearchTerm: "A part of the text, case-insensitive. There are no wildcards." = text("火锅")
        .min_length(Some(1)).max_length(Some(200)).pattern(Some(TEXT));
    RuleName: "The name of a rule that a field can break." = one_of(&crate::response::rule::RuleItem::NAMES);
    ErrorName: "A stable name. More may be added." =
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(CATALOG.iter().map(|entry| entry.name)))
            .examples([json!("invalid_field")]);
    RegistrationMode: "Who can register." = one_of(&["open", "invite", "closed"]);
    FriendLimit: "The maximum number of rows." = ObjectBuilder::new()
        .schema_type(Type::Integer).format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .minimum(Some(1)).maximum(Some(FriendCursor::MAX_ROWS)).default(Some(json!(FriendCursor::MAX_ROWS)));
    SyncCursor: "Opaque: keep it, and send it back as `cursor`, however much later." =
        text("s1.01936f604c8d7e16a2b39c8d7e6f5044.1.5e0fc2f7a4d84a4e9d1ab1c3a7a4c0de-81240-81240-81234");
    StaleList: "A list that the client reads again." =
        one_of(&["friendships", "friendship_requests", "blocks", "me", "sessions"]);
    PageCursor: "Opaque: send it back as `cursor`." = text("0.1795420800000000.01936f604c8d7e16a2b39c8d7e6f5044");
}

/// An example token with an invalid signature.
const TOKEN: &str =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIwMTkzNmY1ZSJ9.c2lnbmVkLWJ5LW5vYm9keS1hdC1hbGw";
