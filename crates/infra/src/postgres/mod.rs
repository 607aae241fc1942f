//! The adapters of the domain's repositories on PostgreSQL.
//!
//! Each port method is one transaction. Every change between two users first locks the row of their pair (`pairs/pair.rs`). To avoid
//! deadlocks, a transaction takes its locks in this order only: users, sessions, erasures, conversations by id, requests,
//! friendships, members, messages.

mod accounts;
mod change;
mod export;
mod maintenance;
mod pairs;
mod row_values;
mod search;
mod stored_rows;
mod sync;

pub(crate) use accounts::recently_ended;
pub use accounts::{
    PgAdminRepository, PgErasureRepository, PgInviteRepository, PgKnownDevices, PgLifecycleRepository,
    PgLoginThrottle, PgRegistrationQuota, PgSessionRepository, PgUserRepository,
};
pub use export::{ExportSettings, PgExportRepository};
pub use maintenance::PgMaintenanceRepository;
pub(crate) use pairs::stored_messages;
pub use pairs::{
    PgBlockRepository, PgConversationRepository, PgFriendshipRepository, PgFriendshipRequestRepository,
    PgMessageRepository, PgTypingRelations, SendQueueSettings,
};
pub use search::{IndexerSettings, PgSearchRepository, SearchIndexer, SearchSettings};
pub use stored_rows::StoredRows;
pub use sync::{ChangePoll, PgChangeReader};
