//! What a frontend needs to know about this server before a user logs in.

use actix_web::{get, web};
use domain::account::Nickname;
use domain::conversation::WindowRequest;
use domain::friendship_request::VerificationMessage;
use domain::message::MessageContent;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::language::Language;
use crate::openapi::schemas;
use crate::response::envelope::Data;
use crate::response::timestamp::timestamp;
use crate::settings::ApiSettings;
use crate::state::UseCases;

/// The server and its limits.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ServerInfo {
    /// The name of the software.
    #[schema(example = "Hongyan")]
    name: &'static str,
    /// The version of the software.
    #[schema(example = "0.1.0")]
    version: &'static str,
    /// The languages of messages.
    #[schema(example = json!(["zh", "en"]))]
    languages: [&'static str; 2],
    /// The language of messages for clients that ask for none of them.
    #[schema(example = "zh")]
    default_language: &'static str,
    /// Who can register.
    #[schema(value_type = schemas::RegistrationMode)]
    registration: &'static str,
    /// How long a message can be recalled, in seconds.
    #[schema(example = 120)]
    recall_seconds: u64,
    /// The longest message, in characters.
    #[schema(example = 5000)]
    message_characters: usize,
    /// The longest nickname, in characters.
    #[schema(example = 64)]
    name_characters: usize,
    /// The longest message of a friendship request, in characters.
    #[schema(example = 128)]
    request_characters: usize,
    /// The largest number of messages of one window of a history.
    #[schema(example = 200)]
    page_messages: i64,
    /// Seconds between two signs of life on a socket.
    #[schema(example = 25)]
    heartbeat_seconds: u64,
    /// The server's time, by which messages are dated.
    #[schema(value_type = schemas::Timestamp)]
    time: String,
}

/// Describe the server.
#[utoipa::path(tag = "operation", responses((status = 200, body = Data<ServerInfo>)))]
#[get("/api/info")]
pub(crate) async fn get_info(
    settings: web::Data<ApiSettings>,
    language: web::Data<Language>,
    use_cases: web::Data<UseCases>,
) -> Data<ServerInfo> {
    let facts = &settings.facts;
    Data::new(ServerInfo {
        name: "Hongyan",
        version: facts.version,
        languages: Language::ALL.map(Language::code),
        default_language: language.code(),
        registration: facts.registration,
        recall_seconds: facts.recall_window.as_secs(),
        message_characters: MessageContent::MAX,
        name_characters: Nickname::MAX,
        request_characters: VerificationMessage::MAX,
        page_messages: WindowRequest::MAX_MESSAGES,
        heartbeat_seconds: settings.sockets.limits().heartbeat.as_secs(),
        time: timestamp(use_cases.sessions.now()),
    })
}
