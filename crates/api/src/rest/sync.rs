//! Catching up: what has changed since a cursor.

use std::time::Duration;

use actix_web::{get, web};
use domain::error::Rule;
use domain::id::UserId;
use domain::message::Seq;
use domain::page::PageLimit;
use domain::realtime::{
    StaleList, SyncFrom, SyncPage, SyncPlace, SyncRequest, SyncService, SyncedConversation,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::extract::{Query, UncountedCaller};
use crate::http::language::Language;
use crate::http::long_poll::LongPoll;
use crate::openapi::schemas;
use crate::response::envelope::PartOf;
use crate::response::error::{ApiError, not_a_number};
use crate::response::invalid_field::{AtField, FieldRule, InvalidField};
use crate::response::sync_cursor::{self, SentCursor};
use crate::rest::conversations::ConversationItem;
use crate::state::UseCases;

/// The longest wait, in seconds.
const MAX_WAIT: u64 = 25;

/// Where the answer begins, and how long it may wait.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct SyncParams {
    /// The `cursor` of an earlier answer, or the `next_cursor` of the page before; without it, the answer has everything.
    cursor: Option<String>,
    /// The maximum number of conversations.
    #[param(value_type = Option<i64>, minimum = 1, maximum = 200, default = 200)]
    limit: Option<String>,
    /// Seconds: answers as soon as something changes, at the latest after this time.
    #[param(value_type = Option<i64>, minimum = 0, maximum = 25, default = 0)]
    wait: Option<String>,
}

impl SyncParams {
    fn from(&self, sync: &SyncService, caller: &UncountedCaller) -> Result<SyncFrom, InvalidField> {
        let Some(text) = &self.cursor else { return Ok(SyncFrom::Nothing) };
        match sync_cursor::decode(text) {
            Some(SentCursor::Known(cursor)) => Ok(sync.from(caller.id(), &cursor)),
            Some(SentCursor::OtherVersion) => Ok(SyncFrom::Lost),
            None => Err(InvalidField::new("cursor", FieldRule::Cursor)),
        }
    }

    fn limit(&self) -> Result<PageLimit, InvalidField> {
        // A limit that is not a number is rejected like 0.
        let limit = self.limit.as_ref().map(|limit| limit.parse().unwrap_or(0));
        SyncRequest::parse_limit(limit).field("limit")
    }

    fn wait(&self) -> Result<Duration, InvalidField> {
        let range = Rule::Range { min: 0, max: 25 };
        let wait: u64 = match &self.wait {
            Some(text) => text.parse().map_err(|_| not_a_number("wait", 0, 25))?,
            None => 0,
        };
        let is_allowed = wait <= MAX_WAIT;
        let seconds =
            is_allowed.then_some(wait).ok_or(InvalidField::new("wait", FieldRule::Domain(range)))?;
        Ok(Duration::from_secs(seconds))
    }
}

/// A conversation that has changed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChangedConversation {
    #[serde(flatten)]
    entry: ConversationItem,
    /// Messages at or below it are not shown to the caller.
    #[schema(value_type = schemas::Seq)]
    cleared_seq: i64,
    /// Whether the list leaves it out, until the next message.
    #[schema(example = false)]
    hidden: bool,
    /// The messages that were recalled since the cursor.
    #[schema(value_type = Vec<schemas::Seq>)]
    recalled: Vec<i64>,
    /// The messages that the caller deleted since the cursor.
    #[schema(value_type = Vec<schemas::Seq>)]
    deleted: Vec<i64>,
}

impl ChangedConversation {
    pub(crate) fn new(conversation: SyncedConversation, language: Language) -> Self {
        let seqs = |seqs: Vec<Seq>| seqs.into_iter().map(Seq::get).collect();
        Self {
            entry: ConversationItem::new(conversation.entry, language),
            cleared_seq: conversation.cleared_seq.get(),
            hidden: conversation.hidden,
            recalled: seqs(conversation.recalled),
            deleted: seqs(conversation.deleted),
        }
    }
}

/// What has changed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChangeSet {
    /// The cursor to keep once all pages are applied.
    #[schema(value_type = schemas::SyncCursor)]
    cursor: String,
    /// Whether the client drops what it has before it applies this.
    #[schema(example = false)]
    reset: bool,
    /// The conversations that have changed, hidden ones too. Each replaces what the client has of it.
    conversations: Vec<ChangedConversation>,
    /// The lists to read again.
    #[schema(value_type = Vec<schemas::StaleList>)]
    stale: Vec<&'static str>,
    /// The sum of `unread_count` over all conversations of the list.
    #[schema(minimum = 0, example = 1)]
    unread_total: i64,
}

impl ChangeSet {
    /// The form of a page for an account, and the cursor of the next page.
    pub(crate) fn of(
        page: SyncPage,
        sync: &SyncService,
        account: UserId,
        language: Language,
    ) -> (Self, Option<String>) {
        let cursor = |place| sync_cursor::encode(&sync.cursor(account, place));
        let next = page.next.map(|next| cursor(SyncPlace::Page(next)));
        let conversations = page.conversations.into_iter();
        let changes = Self {
            cursor: cursor(SyncPlace::Point(page.point)),
            reset: page.reset,
            conversations: conversations.map(|changed| ChangedConversation::new(changed, language)).collect(),
            stale: page.stale.into_iter().map(StaleList::name).collect(),
            unread_total: page.unread_total,
        };
        (changes, next)
    }
}

/// Catch up.
#[utoipa::path(tag = "conversations", params(SyncParams), responses((status = 200, body = PartOf<ChangeSet>)),
    security(("token" = [])))]
#[get("/api/auth/sync")]
pub(crate) async fn sync_changes(
    caller: UncountedCaller,
    Query(query): Query<SyncParams>,
    poll: LongPoll,
    use_cases: web::Data<UseCases>,
    language: Language,
) -> Result<PartOf<ChangeSet>, ApiError> {
    let (limit, wait) = (query.limit()?, query.wait()?);
    let from = query.from(&use_cases.sync, &caller)?;
    // A client without a usable cursor has something to apply at once.
    let wait = if matches!(from, SyncFrom::Place(_)) { wait } else { Duration::ZERO };
    let page = poll
        .read(&use_cases, caller.0, wait, || use_cases.sync.read(caller.id(), from.clone(), limit))
        .await?;
    let (changes, next) = ChangeSet::of(page, &use_cases.sync, caller.id(), language);
    Ok(PartOf::new(changes, next))
}
