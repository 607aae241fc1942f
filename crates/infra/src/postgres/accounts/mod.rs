//! Accounts on PostgreSQL: users, sessions, the login throttle, known devices, the lifecycle up to erasure, and the commands of operators.

mod admin;
mod erasure;
mod invite;
mod known_devices;
mod lifecycle;
mod login_throttle;
mod quota;
mod session;
mod user;

pub use admin::PgAdminRepository;
pub use erasure::PgErasureRepository;
pub use invite::PgInviteRepository;
pub use known_devices::PgKnownDevices;
pub use lifecycle::PgLifecycleRepository;
pub use login_throttle::PgLoginThrottle;
pub use quota::PgRegistrationQuota;
pub use session::PgSessionRepository;
pub(crate) use session::recently_ended;
pub use user::PgUserRepository;
pub(super) use user::summary;
