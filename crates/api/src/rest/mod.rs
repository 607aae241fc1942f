//! The REST endpoints: request and response bodies and handlers, one module per feature.

pub(crate) mod auth;
pub(crate) mod blocks;
pub(crate) mod conversations;
pub(crate) mod export;
pub(crate) mod friendship_requests;
pub(crate) mod friendships;
pub(crate) mod info;
mod message_json;
pub(crate) mod messages;
pub(crate) mod search;
pub(crate) mod sessions;
pub(crate) mod sync;
pub(crate) mod typing;
pub(crate) mod users;
mod window_params;

#[cfg(test)]
mod tests;
