//! Blocks.

use actix_web::{delete, get, put, web};
use domain::account::Uid;
use domain::block::BlockedUser;
use domain::id::UserId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::extract::{AuthUser, PathId, Query};
use crate::http::conditional::WithEtag;
use crate::http::language::Language;
use crate::openapi::schemas;
use crate::response::cursor::{Cursor, PageParams};
use crate::response::envelope::{Done, PageOf, display_name};
use crate::response::error::ApiError;
use crate::response::invalid_field::AtField;
use crate::response::timestamp::timestamp;
use crate::state::UseCases;

/// A user that the caller blocks.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BlockedUser)]
pub(crate) struct BlockItem {
    #[schema(value_type = schemas::PeerId)]
    user_id: String,
    /// 微信号; null once the account is erased.
    #[schema(value_type = Option<schemas::PeerUid>, required)]
    uid: Option<String>,
    #[schema(value_type = schemas::DisplayName)]
    name: String,
    #[schema(value_type = schemas::Timestamp)]
    created_at: String,
}

impl BlockItem {
    pub(crate) fn new(user: &BlockedUser, language: Language) -> Self {
        Self {
            user_id: user.user_id.to_string(),
            uid: user.uid.as_ref().map(Uid::as_str).map(str::to_owned),
            name: display_name(&user.name, language),
            created_at: timestamp(user.created_at),
        }
    }
}

/// List blocked users.
#[utoipa::path(tag = "friends", params(PageParams), responses((status = 200, body = PageOf<BlockItem>), (status = 304)),
    security(("token" = [])))]
#[get("/api/auth/blocks")]
pub(crate) async fn list_blocks(
    caller: AuthUser,
    Query(page): Query<PageParams>,
    use_cases: web::Data<UseCases>,
    language: Language,
) -> Result<WithEtag<PageOf<BlockItem>>, ApiError> {
    let page = use_cases.blocks.list(caller.id(), &page.parse()?).await?;
    let items = page.items.iter().map(|user| BlockItem::new(user, language)).collect();
    Ok(WithEtag(PageOf::new(items, page.next.map(|next| next.encode()))))
}

/// Block a user.
#[utoipa::path(tag = "friends", params(("user_id" = schemas::PeerId, Path)), responses((status = 200, body = Done)),
    security(("token" = [])), extensions(("x-errors" = json!(["unknown_user", "cannot_block_oneself"]))))]
#[put("/api/auth/blocks/{user_id}")]
pub(crate) async fn block_user(
    caller: AuthUser,
    PathId(user): PathId,
    use_cases: web::Data<UseCases>,
) -> Result<Done, ApiError> {
    use_cases.blocks.block(caller.id(), UserId::parse(&user).field("user_id")?).await?;
    Ok(Done::new())
}

/// Unblock a user.
#[utoipa::path(tag = "friends", params(("user_id" = schemas::PeerId, Path)), responses((status = 200, body = Done)),
    security(("token" = [])), extensions(("x-errors" = json!(["unknown_user", "cannot_block_oneself"]))))]
#[delete("/api/auth/blocks/{user_id}")]
pub(crate) async fn unblock_user(
    caller: AuthUser,
    PathId(user): PathId,
    use_cases: web::Data<UseCases>,
) -> Result<Done, ApiError> {
    use_cases.blocks.unblock(caller.id(), UserId::parse(&user).field("user_id")?).await?;
    Ok(Done::new())
}
