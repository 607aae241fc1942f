//! A reference client: it keeps a cursor and what it received, as the contract's rules say.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::id::{ConversationId, UserId};
use domain::realtime::{
    ChangeReader, ReadPoint, StaleList, SyncFrom, SyncPage, SyncPlace, SyncRequest, SyncedConversation,
};
use infra::postgres::PgChangeReader;

use crate::support::Pool;

/// A device of an account.
#[derive(Debug, Clone)]
pub(crate) struct Device {
    user: UserId,
    point: Option<ReadPoint>,
    pub(crate) conversations: BTreeMap<ConversationId, SyncedConversation>,
    pub(crate) unread_total: i64,
}

/// What a catch-up brought.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct News {
    pub(crate) conversations: Vec<ConversationId>,
    pub(crate) stale: Vec<StaleList>,
    pub(crate) reset: bool,
}

impl News {
    pub(crate) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

pub(crate) async fn page(pool: &Pool, user: UserId, from: SyncFrom, limit: i64) -> SyncPage {
    let limit = SyncRequest::parse_limit(Some(limit)).unwrap();
    let reader = PgChangeReader::new(Arc::clone(&pool.db));
    reader.read(user, &SyncRequest { from, limit, read_receipts: true }).await.unwrap()
}

impl Device {
    /// A device that knows nothing yet.
    pub(crate) fn new(user: UserId) -> Self {
        Self { user, point: None, conversations: BTreeMap::new(), unread_total: 0 }
    }

    /// A device that has read everything.
    pub(crate) async fn fresh(pool: &Pool, user: UserId) -> Self {
        let mut device = Self::new(user);
        let news = device.catch_up(pool, 200).await;
        assert!(!news.reset && news.stale.is_empty(), "{news:?}");
        device
    }

    /// The cursor that the device keeps.
    pub(crate) fn cursor(&self) -> ReadPoint {
        self.point.clone().unwrap()
    }

    /// Replaces the cursor.
    pub(crate) fn pretend(&mut self, point: ReadPoint) {
        self.point = Some(point);
    }

    /// Applies all pages of an answer and keeps the cursor of the first.
    pub(crate) async fn catch_up(&mut self, pool: &Pool, limit: i64) -> News {
        let mut from =
            self.point.clone().map_or(SyncFrom::Nothing, |point| SyncFrom::Place(SyncPlace::Point(point)));
        let (mut news, mut kept) = (News::default(), None);
        loop {
            let page = page(pool, self.user, from, limit).await;
            if page.reset {
                self.conversations.clear();
                news = News { reset: true, ..News::default() };
            }
            let first = kept.get_or_insert_with(|| page.point.clone());
            assert_eq!(*first, page.point, "every page repeats the first cursor");
            news.stale.extend(page.stale);
            self.unread_total = page.unread_total;
            for conversation in page.conversations {
                news.conversations.push(conversation.entry.id);
                self.conversations.insert(conversation.entry.id, conversation);
            }
            let Some(next) = page.next else { break };
            from = SyncFrom::Place(SyncPlace::Page(next));
        }
        self.point = kept;
        news.stale.sort_unstable();
        news.stale.dedup();
        news
    }

    /// What differs from a device that has read everything now. The lists of one answer are no state.
    pub(crate) async fn difference(&self, pool: &Pool) -> Option<String> {
        let fresh = Self::fresh(pool, self.user).await;
        let state = |device: &Self| {
            let mut conversations = device.conversations.clone();
            for conversation in conversations.values_mut() {
                conversation.recalled.clear();
                conversation.deleted.clear();
            }
            (conversations, device.unread_total)
        };
        (state(self) != state(&fresh))
            .then(|| format!("{:#?} differs from {:#?}", state(self), state(&fresh)))
    }
}
