//! The adapters of the domain's repositories on PostgreSQL.
//!
//! Each port method is one transaction. Every change between two users first locks the row of their pair (`pair`). To avoid
//! deadlocks, a transaction takes its locks in this order only: users, sessions, erasures, conversations by id, requests,
//! friendships, members, messages.

mod accounts;
mod admin;
mod block;
mod conversation;
mod export;
mod friendship;
mod friendship_request;
mod maintenance;
mod message;
mod pair;
mod row_values;
mod search;

pub(crate) use accounts::recently_ended;
pub use accounts::{
    PgErasureRepository, PgLifecycleRepository, PgLoginThrottle, PgSessionRepository, PgUserRepository,
};
pub use admin::PgAdminRepository;
pub use block::PgBlockRepository;
pub use conversation::PgConversationRepository;
pub use export::{ExportSettings, PgExportRepository};
pub use friendship::PgFriendshipRepository;
pub use friendship_request::PgFriendshipRequestRepository;
pub use maintenance::PgMaintenanceRepository;
pub use message::{PgMessageRepository, SendQueueSettings};
pub use search::{IndexerSettings, PgSearchRepository, SearchIndexer, SearchSettings};
