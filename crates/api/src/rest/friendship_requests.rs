//! Friendship requests.

use actix_web::{delete, get, post, web};
use domain::account::Uid;
use domain::conversation::Pair;
use domain::error::Rule;
use domain::friendship_request::{Answer, Direction, ListedRequest, RequestStatus, VerificationMessage};
use domain::id::{ConversationId, RequestId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::extract::{AuthUser, Json, PathId, Query};
use crate::http::conditional::WithEtag;
use crate::http::language::Language;
use crate::openapi::schemas;
use crate::redacted::Redacted;
use crate::response::cursor::{Cursor, PageParams};
use crate::response::envelope::{Data, Done, PageOf, display_name, envelopes};
use crate::response::error::ApiError;
use crate::response::invalid_field::{AtField, FieldRule, InvalidField};
use crate::response::timestamp::timestamp;
use crate::state::UseCases;

/// A new friendship request.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = FriendRequestCreate)]
pub(super) struct CreateRequest {
    /// Accepted for compatibility and ignored: lists show the sender's current nickname.
    #[serde(default)]
    #[schema(example = "爱丽丝 🌸")]
    #[expect(dead_code, reason = "part of the contract, deliberately ignored")]
    sender_name: Option<String>,
    /// The account that receives the request.
    #[schema(value_type = schemas::PeerId)]
    receiver_id: String,
    /// At most 128 characters.
    #[schema(value_type = Option<schemas::VerificationMessage>)]
    verification_message: Option<Redacted<String>>,
}

/// The state of the new request.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FriendRequestState)]
struct CreatedResponse {
    #[schema(value_type = schemas::FriendRequestId)]
    request_id: String,
    /// `pending`, or `accepted` when the receiver had already sent a request to the caller.
    #[schema(value_type = schemas::FriendRequestStatus)]
    status: &'static str,
    /// The conversation with the new friend; null while the request is pending.
    #[schema(value_type = Option<schemas::ConversationId>, required)]
    conversation_id: Option<String>,
}

/// Send a friendship request.
#[utoipa::path(tag = "friends", responses((status = 200, body = Data<CreatedResponse>)), security(("token" = [])),
    extensions(("x-errors" = json!(["unknown_user", "cannot_befriend_oneself", "already_friends",
        "request_already_pending", "blocked", "pending_request_limit_reached", "request_quota_used_up", "pair_request_quota_used_up",
        "friend_limit_reached", "friend_limit_of_other_reached"]))))]
#[post("/api/auth/friendship_requests")]
pub(crate) async fn send_friend_request(
    caller: AuthUser,
    Json(body): Json<CreateRequest>,
    use_cases: web::Data<UseCases>,
) -> Result<Data<CreatedResponse>, ApiError> {
    let receiver = UserId::parse(&body.receiver_id).field("receiver_id")?;
    let message = body.verification_message.as_ref().map_or("", |text| &text.0);
    let message = VerificationMessage::parse(message).field("verification_message")?;
    let asked = use_cases.friendship_requests.ask(caller.id(), receiver, message).await;
    let (request, status) = asked.map_err(|error| ApiError::from(error).about_request())?;
    let pair = Pair::new(caller.id(), receiver).filter(|_| status == RequestStatus::Accepted);
    let conversation_id = pair.map(|pair| pair.conversation_id().to_string());
    Ok(Data::new(CreatedResponse { request_id: request.to_string(), status: status.name(), conversation_id }))
}

/// The list to return.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct DirectionParams {
    #[param(value_type = Option<schemas::FriendRequestDirection>)]
    /// `sent` for the requests that the caller sent; by default those received.
    direction: Option<String>,
}

impl DirectionParams {
    fn parse(&self) -> Result<Direction, InvalidField> {
        match self.direction.as_deref() {
            None | Some("received") => Ok(Direction::Received),
            Some("sent") => Ok(Direction::Sent),
            Some(_) => {
                let rule = FieldRule::Domain(Rule::OneOf(&["received", "sent"]));
                Err(InvalidField::new("direction", rule))
            }
        }
    }
}

/// A request that the caller received.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FriendRequestReceived)]
pub(crate) struct ReceivedRequestItem {
    #[schema(value_type = schemas::FriendRequestId)]
    request_id: String,
    #[schema(value_type = schemas::PeerId)]
    sender_id: String,
    /// 微信号; null once the account is erased.
    #[schema(value_type = Option<schemas::PeerUid>, required)]
    sender_uid: Option<String>,
    #[schema(value_type = schemas::DisplayName)]
    sender_name: String,
    #[schema(value_type = schemas::VerificationMessage)]
    verification_message: Redacted<String>,
    #[schema(value_type = schemas::FriendRequestStatus)]
    status: &'static str,
    #[schema(value_type = schemas::Timestamp)]
    created_at: String,
}

/// A request that the caller sent.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FriendRequestSent)]
pub(crate) struct SentRequestItem {
    #[schema(value_type = schemas::FriendRequestId)]
    request_id: String,
    #[schema(value_type = schemas::PeerId)]
    receiver_id: String,
    /// 微信号; null once the account is erased.
    #[schema(value_type = Option<schemas::PeerUid>, required)]
    receiver_uid: Option<String>,
    #[schema(value_type = schemas::DisplayName)]
    receiver_name: String,
    #[schema(value_type = schemas::VerificationMessage)]
    verification_message: Redacted<String>,
    #[schema(value_type = schemas::FriendRequestStatus)]
    status: &'static str,
    #[schema(value_type = schemas::Timestamp)]
    created_at: String,
}

/// A request as `direction` asks for: one that the caller received, or one that the caller sent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = FriendRequest)]
pub(crate) enum RequestItem {
    Received(ReceivedRequestItem),
    Sent(SentRequestItem),
}

impl RequestItem {
    pub(crate) fn new(request: &ListedRequest, direction: Direction, language: Language) -> Self {
        let request_id = request.id.to_string();
        let (peer_id, peer_name) = (request.peer.to_string(), display_name(&request.peer_name, language));
        let peer_uid = request.peer_uid.as_ref().map(Uid::as_str).map(str::to_owned);
        let verification_message = Redacted(request.verification_message.as_str().to_owned());
        let (status, created_at) = (request.status.name(), timestamp(request.created_at));
        match direction {
            Direction::Received => Self::Received(ReceivedRequestItem {
                request_id,
                sender_id: peer_id,
                sender_uid: peer_uid,
                sender_name: peer_name,
                verification_message,
                status,
                created_at,
            }),
            Direction::Sent => Self::Sent(SentRequestItem {
                request_id,
                receiver_id: peer_id,
                receiver_uid: peer_uid,
                receiver_name: peer_name,
                verification_message,
                status,
                created_at,
            }),
        }
    }
}

/// List friendship requests.
#[utoipa::path(tag = "friends", params(DirectionParams, PageParams),
    responses((status = 200, body = PageOf<RequestItem>), (status = 304)), security(("token" = [])))]
#[get("/api/auth/friendship_requests")]
pub(crate) async fn list_friend_requests(
    caller: AuthUser,
    Query(direction): Query<DirectionParams>,
    Query(page): Query<PageParams>,
    use_cases: web::Data<UseCases>,
    language: Language,
) -> Result<WithEtag<PageOf<RequestItem>>, ApiError> {
    let direction = direction.parse()?;
    let page = use_cases.friendship_requests.list(caller.id(), direction, &page.parse()?).await?;
    let items = page.items.iter().map(|request| RequestItem::new(request, direction, language)).collect();
    Ok(WithEtag(PageOf::new(items, page.next.map(|next| next.encode()))))
}

/// Where the new friends talk.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NewFriendship)]
struct NewFriendshipItem {
    #[schema(value_type = schemas::ConversationId)]
    conversation_id: String,
}

/// Success of an answer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FriendRequestAnswered)]
pub(crate) struct AnswerResponse {
    /// 200.
    #[schema(example = 200)]
    code: u16,
    /// For users, in their language.
    #[schema(example = "成功")]
    message: &'static str,
    /// Only if the request was accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = NewFriendshipItem, required = false)]
    data: Option<NewFriendshipItem>,
}
envelopes!(AnswerResponse);

impl AnswerResponse {
    fn new(conversation: Option<ConversationId>) -> Self {
        let Done { code, message } = Done::new();
        let data = conversation.map(|id| NewFriendshipItem { conversation_id: id.to_string() });
        Self { code, message, data }
    }
}

/// The receiver's answer.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = FriendRequestAnswer)]
struct AnswerBody {
    #[schema(value_type = schemas::FriendRequestDecision, inline)]
    status: String,
}

/// Answer a friendship request.
#[utoipa::path(tag = "friends", params(("request_id" = schemas::FriendRequestId, Path)),
    responses((status = 200, body = AnswerResponse)), security(("token" = [])),
    extensions(("x-errors" = json!(["unknown_request", "request_already_answered", "request_expired",
        "friend_limit_reached", "friend_limit_of_other_reached"]))))]
#[post("/api/auth/friendship_requests/{request_id}")]
pub(crate) async fn answer_friend_request(
    caller: AuthUser,
    PathId(request): PathId,
    Json(body): Json<AnswerBody>,
    use_cases: web::Data<UseCases>,
) -> Result<AnswerResponse, ApiError> {
    let request = RequestId::parse(&request).field("request_id")?;
    let answer = Answer::parse(&body.status).field("status")?;
    Ok(AnswerResponse::new(use_cases.friendship_requests.answer(caller.id(), request, answer).await?))
}

/// Withdraw a friendship request.
#[utoipa::path(tag = "friends", params(("request_id" = schemas::FriendRequestId, Path)), responses((status = 200, body = Done)),
    security(("token" = [])),
    extensions(("x-errors" = json!(["unknown_request", "request_already_answered", "request_expired"]))))]
#[delete("/api/auth/friendship_requests/{request_id}")]
pub(crate) async fn withdraw_friend_request(
    caller: AuthUser,
    PathId(request): PathId,
    use_cases: web::Data<UseCases>,
) -> Result<Done, ApiError> {
    let request = RequestId::parse(&request).field("request_id")?;
    use_cases.friendship_requests.withdraw(caller.id(), request).await?;
    Ok(Done::new())
}
