//! The hongyan server: settings, wiring, start and stop. The only crate that sees all the others.

pub mod app;
pub mod command;
pub mod config;
pub mod database;
pub mod logging;
pub mod run;
mod search;
mod secret;
mod tuning;
pub mod version;
