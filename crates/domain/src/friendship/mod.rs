//! Friendships and remarks. A friendship is one id shared by two rows, one per side.

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
