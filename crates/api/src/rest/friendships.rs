//! Friendships.

use actix_web::{delete, get, put, web};
use domain::account::Uid;
use domain::friendship::{Friend, Remark};
use domain::id::UserId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::extract::{AuthUser, Json, PathId, Query};
use crate::http::conditional::WithEtag;
use crate::http::language::Language;
use crate::openapi::schemas;
use crate::redacted::Redacted;
use crate::response::cursor::{Cursor, PageParams};
use crate::response::envelope::{Done, PageOf, display_name};
use crate::response::error::ApiError;
use crate::response::invalid_field::AtField;
use crate::response::timestamp::timestamp;
use crate::state::UseCases;

/// A friend.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Friend)]
pub(crate) struct FriendItem {
    #[schema(value_type = schemas::FriendshipId)]
    friendship_id: String,
    /// The friend's current nickname.
    #[schema(value_type = schemas::DisplayName)]
    friend_name: String,
    #[schema(value_type = schemas::PeerId)]
    friend_id: String,
    /// 微信号; null once the account is erased.
    #[schema(value_type = Option<schemas::PeerUid>, required)]
    friend_uid: Option<String>,
    /// The conversation with the friend, also while it is hidden.
    #[schema(value_type = schemas::ConversationId)]
    conversation_id: String,
    /// 备注, the caller's own name for the friend; may be empty.
    #[schema(value_type = schemas::Remark)]
    remark: Redacted<String>,
    #[schema(value_type = schemas::Timestamp)]
    created_at: String,
}

impl FriendItem {
    pub(crate) fn new(friend: &Friend, language: Language) -> Self {
        Self {
            friendship_id: friend.friendship_id.to_string(),
            friend_name: display_name(&friend.friend_name, language),
            friend_id: friend.friend_id.to_string(),
            friend_uid: friend.friend_uid.as_ref().map(Uid::as_str).map(str::to_owned),
            conversation_id: friend.conversation_id.to_string(),
            remark: Redacted(friend.remark.as_str().to_owned()),
            created_at: timestamp(friend.created_at),
        }
    }
}

/// List friends.
#[utoipa::path(tag = "friends", params(
        ("limit" = Option<schemas::FriendLimit>, Query),
        ("cursor" = Option<schemas::PageCursor>, Query, description = "The `next_cursor` of the previous page.")), responses((status = 200, body = PageOf<FriendItem>), (status = 304)),
    security(("token" = [])))]
#[get("/api/auth/friendships")]
pub(crate) async fn list_friends(
    caller: AuthUser,
    Query(page): Query<PageParams>,
    use_cases: web::Data<UseCases>,
    language: Language,
) -> Result<WithEtag<PageOf<FriendItem>>, ApiError> {
    let page = use_cases.friendships.list(caller.id(), &page.parse()?).await?;
    let items = page.items.iter().map(|friend| FriendItem::new(friend, language)).collect();
    Ok(WithEtag(PageOf::new(items, page.next.map(|next| next.encode()))))
}

/// Remove a friend.
#[utoipa::path(tag = "friends", params(("friend_id" = schemas::PeerId, Path, description = "The friend's user id")),
    responses((status = 200, body = Done)), security(("token" = [])),
    extensions(("x-errors" = json!(["not_friends"]))))]
#[delete("/api/auth/friendships/{friend_id}")]
pub(crate) async fn remove_friend(
    caller: AuthUser,
    PathId(friend): PathId,
    use_cases: web::Data<UseCases>,
) -> Result<Done, ApiError> {
    let friend = UserId::parse(&friend).field("friend_id")?;
    use_cases.friendships.remove(caller.id(), friend).await?;
    Ok(Done::new())
}

/// A new remark.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = RemarkChange)]
pub(super) struct RemarkRequest {
    /// At most 64 characters, kept exactly as sent; empty to remove it.
    #[schema(value_type = schemas::Remark)]
    remark: Redacted<String>,
}

/// Set a remark.
#[utoipa::path(tag = "friends", params(("friend_id" = schemas::PeerId, Path, description = "The friend's user id")),
    responses((status = 200, body = Done)), security(("token" = [])),
    extensions(("x-errors" = json!(["not_friends"]))))]
#[put("/api/auth/friendships/{friend_id}/remark")]
pub(crate) async fn set_remark(
    caller: AuthUser,
    PathId(friend): PathId,
    Json(body): Json<RemarkRequest>,
    use_cases: web::Data<UseCases>,
) -> Result<Done, ApiError> {
    let friend = UserId::parse(&friend).field("friend_id")?;
    let remark = Remark::parse(&body.remark.0).field("remark")?;
    use_cases.friendships.set_remark(caller.id(), friend, &remark).await?;
    Ok(Done::new())
}
