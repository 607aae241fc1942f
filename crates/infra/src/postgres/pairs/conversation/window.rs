//! Conversation windows: a conversation with a slice of its history, several members' requests in one statement.

use diesel::PgConnection;
use domain::answer_size::fitting;
use domain::conversation::{ConversationWindow, WindowAnchor, WindowRequest};
use domain::error::PortError;
use domain::message::{Message, Seq};
use domain::number::saturating;

use super::view::{Viewpoint, batch_entry};
use super::window_page::{WindowQuery, WindowRow, pages, pages_among_deletions};
use crate::db::DbError;

/// Restores the order, oldest first, and finds out whether more follow: the statement fetches one more than the limit. A window that
/// would become too large for an answer ends earlier, at its far end.
fn trim(mut messages: Vec<Message>, request: WindowRequest) -> (Vec<Message>, bool) {
    let limit: usize = saturating(request.limit.get());
    let kept = fitting(messages.iter().take(limit));
    let has_more = messages.len() > kept;
    messages.truncate(kept);
    if !matches!(request.anchor, WindowAnchor::After(_)) {
        messages.reverse();
    }
    (messages, has_more)
}

fn window(query: WindowQuery, row: WindowRow) -> Result<ConversationWindow, DbError> {
    let WindowQuery { member, conversation: id, request } = query;
    let WindowRow { peer, state, messages, .. } = row;
    let viewpoint = Viewpoint { conversation: id, member, peer: peer.id() };
    let (messages, has_more) = trim(messages.into_messages(viewpoint)?, request);
    Ok(ConversationWindow {
        id,
        friend_id: peer.id(),
        friend_name: peer.display_name()?,
        remark: peer.remark()?,
        is_friend: state.is_friend,
        read_seq: Seq::new(state.read_seq),
        peer_read_seq: state.peer_read_seq.map(Seq::new),
        last_seq: Seq::new(state.last_seq),
        has_more,
        messages,
    })
}

/// The response to one [`WindowQuery`]; `None` if the conversation does not exist for that member.
pub(super) type WindowResult = Result<Option<ConversationWindow>, PortError>;

/// Responds to each query, in the same order. An invalid row fails its own request only. Pages that may contain deleted messages
/// are read again, as a whole, by a statement that passes over those.
pub(super) fn windows(
    connection: &mut PgConnection,
    queries: &[WindowQuery],
) -> Result<Vec<WindowResult>, DbError> {
    let mut responses: Vec<(WindowQuery, WindowResult)> =
        queries.iter().map(|query| (*query, Ok(None))).collect();
    let mut again: Vec<(i64, WindowQuery)> = Vec::new();
    for row in pages(connection, queries)? {
        let (query, response) = batch_entry(&mut responses, row.number)?;
        if row.is_among_deletions() {
            again.push((row.number, *query));
        } else {
            *response = window(*query, row).map(Some).map_err(PortError::internal);
        }
    }
    if !again.is_empty() {
        let queries: Vec<WindowQuery> = again.iter().map(|(_, query)| *query).collect();
        for row in pages_among_deletions(connection, &queries)? {
            let (number, query) = *batch_entry(&mut again, row.number)?;
            let (_, response) = batch_entry(&mut responses, number)?;
            *response = window(query, row).map(Some).map_err(PortError::internal);
        }
    }
    Ok(responses.into_iter().map(|(_, response)| response).collect())
}
