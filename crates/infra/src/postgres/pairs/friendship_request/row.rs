//! A friendship request as a row, and the change of its status.

use chrono::{DateTime, Utc};
use diesel::PgConnection;
use diesel::prelude::*;
use domain::friendship_request::{FriendshipRequest, RequestStatus};
use domain::id::{ConversationId, RequestId, UserId};
use uuid::Uuid;

use crate::db::{self, DbError};
use crate::schema::friendship_requests;

pub(super) fn status_from_row(request: Uuid, name: &str) -> Result<RequestStatus, DbError> {
    RequestStatus::from_name(name).ok_or_else(|| DbError::UnknownWord {
        table: "friendship_requests",
        key: request.to_string(),
        column: "status",
        word: name.to_owned(),
    })
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = friendship_requests)]
pub(super) struct RequestRow {
    id: Uuid,
    sender_id: Uuid,
    receiver_id: Uuid,
    status: String,
    expires_at: DateTime<Utc>,
}

impl TryFrom<RequestRow> for FriendshipRequest {
    type Error = DbError;

    fn try_from(row: RequestRow) -> Result<Self, DbError> {
        Ok(Self {
            id: RequestId::from_uuid(row.id),
            sender: UserId::from_uuid(row.sender_id),
            receiver: UserId::from_uuid(row.receiver_id),
            status: status_from_row(row.id, &row.status)?,
            expires_at: row.expires_at,
        })
    }
}

/// Sets the status of a request whose pair is locked.
pub(super) fn set_status(
    connection: &mut PgConnection,
    conversation: ConversationId,
    request: RequestId,
    status: RequestStatus,
) -> Result<(), DbError> {
    diesel::update(friendship_requests::table.find((conversation.as_uuid(), request.as_uuid())))
        .set((
            friendship_requests::status.eq(status.name()),
            friendship_requests::answered_at.eq(db::clock_timestamp().nullable()),
        ))
        .execute(connection)?;
    Ok(())
}
