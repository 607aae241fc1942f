//! Friendships: one per pair, seen from each side by a row of its own.

mod error;
mod model;
mod ports;
mod service;
#[cfg(test)]
mod tests;

pub use error::FriendshipError;
pub use model::{Friend, FriendLimit, Remark, decide_friendship};
#[cfg(any(test, feature = "test-support"))]
pub use ports::MockFriendshipRepository;
pub use ports::{FriendCursor, FriendPage, FriendPageRequest, FriendshipRepository};
pub use service::FriendshipService;
