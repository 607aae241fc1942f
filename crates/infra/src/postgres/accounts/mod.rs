//! Accounts on PostgreSQL: users, sessions, the login throttle, and the lifecycle up to erasure.

mod erasure;
mod lifecycle;
mod login_throttle;
pub(super) mod session;
mod user;

pub use erasure::PgErasureRepository;
pub use lifecycle::PgLifecycleRepository;
pub use login_throttle::PgLoginThrottle;
pub use session::PgSessionRepository;
pub(crate) use session::recently_ended;
pub use user::PgUserRepository;
pub(super) use user::summary;
