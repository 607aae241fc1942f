//! Hongyan's domain: entities, rules and use-cases of a one-to-one chat, without I/O.
//!
//! Each folder is a feature with the same modules:
//!
//! | module | content |
//! |---|---|
//! | `model` | entities and value objects that are valid by construction, and pure decisions on them; some features keep these in `decisions` |
//! | `ports` | the traits that the adapters implement, with their MUSTs |
//! | `service` | the use-cases, one method each |
//! | `error` | the errors of the use-cases |
//!
//! This crate must not know of serde, tokio, Diesel, actix, the system clock or randomness.

pub mod account;
pub mod admin;
pub mod answer_size;
pub mod audit;
pub mod auth;
pub mod block;
pub mod clock;
pub mod conversation;
pub mod error;
pub mod export;
pub mod friendship;
pub mod friendship_request;
pub mod id;
pub mod invite;
pub mod known_device;
pub mod login_throttle;
pub mod maintenance;
pub mod message;
pub mod number;
pub mod page;
pub mod quota;
pub mod realtime;
pub mod search;
#[cfg(any(test, feature = "test-support"))]
pub mod testing;
