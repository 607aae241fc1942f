//! A cursor of changes, and what has changed since.

use uuid::Uuid;

use crate::answer_size::AnswerItem;
use crate::conversation::ConversationSummary;
use crate::error::InvalidValue;
use crate::id::{ConversationId, UserId};
use crate::message::Seq;
use crate::page::PageLimit;

/// How far the database was read: a snapshot, as transaction ids of one lineage of the database. What it did not see is at or above
/// `xmax` or in `open`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadPoint {
    /// The lineage whose transaction ids these are.
    pub lineage: Uuid,
    /// Whatever it saw has an earlier id. At least `xmax`.
    pub seen: i64,
    /// The snapshot saw all transactions below this id that are not open.
    pub xmax: i64,
    /// The transactions below `xmax` that were open, in ascending order.
    pub open: Vec<i64>,
}

impl ReadPoint {
    /// The maximum number of open transactions that a point names.
    pub const MAX_OPEN: usize = 24;

    /// The point of a snapshot. If more transactions are open than a point can name, it ends before the next one: then some changes
    /// are reported twice.
    #[must_use]
    pub fn of_snapshot(lineage: Uuid, xmax: i64, mut open: Vec<i64>) -> Self {
        open.sort_unstable();
        let end = open.get(Self::MAX_OPEN).copied().unwrap_or(xmax);
        open.truncate(Self::MAX_OPEN);
        Self { lineage, seen: xmax, xmax: end, open }
    }

    /// Whatever the snapshot did not see has this id or a later one.
    #[must_use]
    pub fn xmin(&self) -> i64 {
        self.open.first().copied().unwrap_or(self.xmax)
    }

    /// Whether the snapshot saw all that another one of the same lineage saw.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.xmax >= other.xmax && self.open.iter().all(|open| !other.has_seen(*open))
    }

    /// Whether the snapshot saw the transaction with this id.
    #[must_use]
    pub fn has_seen(&self, stamp: i64) -> bool {
        stamp < self.xmax && self.open.binary_search(&stamp).is_err()
    }
}

/// A place between two pages of one answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncPosition {
    /// The cursor of the first page, which all pages repeat.
    pub point: ReadPoint,
    /// Where the answer begins; `None` for everything.
    pub since: Option<ReadPoint>,
    /// The last conversation of the page before.
    pub after: ConversationId,
}

/// What a cursor names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SyncPlace {
    /// The end of a whole answer.
    Point(ReadPoint),
    /// A place between two of its pages.
    Page(SyncPosition),
}

/// A cursor as its account keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncCursor {
    /// The account that it was given to.
    pub user: UserId,
    /// Whether the server showed how far friends have read. Another setting shows other entries.
    pub read_receipts: bool,
    /// What it names.
    pub place: SyncPlace,
}

/// Where an answer begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SyncFrom {
    /// With everything, because the client has nothing.
    Nothing,
    /// With everything, because what the client has is of no use.
    Lost,
    /// At a place, if the database has everything that was read there, else with everything.
    Place(SyncPlace),
}

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncRequest {
    /// Where the answer begins.
    pub from: SyncFrom,
    /// The maximum number of conversations.
    pub limit: PageLimit,
    /// Whether the server shows how far friends have read.
    pub read_receipts: bool,
}

impl SyncRequest {
    /// The maximum number of conversations of a page.
    pub const MAX_CONVERSATIONS: i64 = 200;
    /// The limit for one who only wants the point from which to go on.
    pub const POINT_ONLY: PageLimit = PageLimit::new(1);
    /// The limit for one who is sent each change.
    pub const OF_SOCKET: PageLimit = PageLimit::new(50);

    /// Checks the limit that a client sent, if any: 1 to 200 conversations, by default 200.
    ///
    /// # Errors
    /// [`Rule::Range`](crate::error::Rule::Range).
    pub fn parse_limit(limit: Option<i64>) -> Result<PageLimit, InvalidValue> {
        PageLimit::parse(limit.unwrap_or(Self::MAX_CONVERSATIONS), Self::MAX_CONVERSATIONS)
    }
}

/// A list that a client reads again because something in it has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StaleList {
    /// The friends.
    Friendships,
    /// The received and sent requests.
    FriendshipRequests,
    /// The blocks.
    Blocks,
    /// The own account.
    Me,
    /// The open sessions.
    Sessions,
}

impl StaleList {
    /// All lists.
    pub const ALL: [Self; 5] =
        [Self::Friendships, Self::FriendshipRequests, Self::Blocks, Self::Me, Self::Sessions];

    /// The name that clients know it by.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Friendships => "friendships",
            Self::FriendshipRequests => "friendship_requests",
            Self::Blocks => "blocks",
            Self::Me => "me",
            Self::Sessions => "sessions",
        }
    }
}

/// A conversation that has changed, as a whole: it replaces what the client has of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncedConversation {
    /// The entry of the list.
    pub entry: ConversationSummary,
    /// The cleared position: messages at or below it are invisible to the member.
    pub cleared_seq: Seq,
    /// Whether the list leaves it out.
    pub hidden: bool,
    /// The messages that were recalled since the cursor.
    pub recalled: Vec<Seq>,
    /// The messages that the member deleted since the cursor.
    pub deleted: Vec<Seq>,
}

impl AnswerItem for SyncedConversation {
    const OTHER_BYTES: usize = 200 + ConversationSummary::OTHER_BYTES;

    fn visit_texts(&self, visit: &mut dyn FnMut(&str)) {
        self.entry.visit_texts(visit);
    }
}

/// Which parts of a conversation have changed since a point; each may be reported again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChangedParts {
    /// A message, a recall or the friendship.
    pub pair: bool,
    /// The member's own view: what it read, pinned, muted, cleared or deleted.
    pub own: bool,
    /// How far the peer has read, where both share it.
    pub peer_read: bool,
    /// The friendship, or what the peer shows of its account.
    pub relation: bool,
    /// The first message since that was not recalled; of more than [`ChangedParts::MOST_MESSAGES`] a later one.
    pub first_message: Option<Seq>,
}

impl ChangedParts {
    /// The maximum number of messages that are looked through.
    pub const MOST_MESSAGES: i64 = 51;
}

/// One page of what has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncPage {
    /// Where the next answer begins, once all pages of this one are applied.
    pub point: ReadPoint,
    /// Whether the client drops what it has: the cursor was of no use.
    pub reset: bool,
    /// The conversations, in the order of their ids, hidden ones too.
    pub conversations: Vec<SyncedConversation>,
    /// The lists to read again, in the order of [`StaleList`].
    pub stale: Vec<StaleList>,
    /// The unread messages of all listed conversations.
    pub unread_total: i64,
    /// Where the next page begins; `None` at the end.
    pub next: Option<SyncPosition>,
}

impl SyncPage {
    /// Whether nothing has changed.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        !self.reset && self.conversations.is_empty() && self.stale.is_empty()
    }
}
