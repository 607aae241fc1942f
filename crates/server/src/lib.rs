//! The hongyan server: settings, wiring, start and stop. The only crate that sees all the others.

mod admin;
pub mod app;
pub mod background;
pub mod command;
pub mod config;
pub mod database;
mod departure;
mod entrance;
mod limits;
pub mod logging;
mod metrics;
mod readiness;
pub mod run;
mod search;
mod secret;
mod tuning;
pub mod version;
pub mod waiting;
