//! Hongyan's rules: who may do what, decided without any I/O.
//!
//! Each folder is a feature and has the same rooms:
//!
//! | room | what is in it |
//! |---|---|
//! | `model` | entities, values that cannot be illegal, and the pure functions that decide |
//! | `ports` | what the feature needs from the outside, as traits with their MUSTs |
//! | `service` | the use-cases, one method each |
//! | `error` | why a use-case may refuse |
//!
//! This crate must not know of serde, tokio, Diesel, actix, the system clock or randomness.

pub mod account;
pub mod admin;
pub mod auth;
pub mod block;
pub mod clock;
pub mod conversation;
pub mod error;
pub mod export;
pub mod friendship;
pub mod friendship_request;
pub mod id;
pub mod login_throttle;
pub mod maintenance;
pub mod message;
pub mod page;
pub mod search;
#[cfg(any(test, feature = "test-support"))]
pub mod testing;
