//! The hongyan server: settings, commands, wiring, start and stop. The only crate that depends on all the others.

pub mod app;
pub mod background;
pub mod command;
pub mod config;
mod connection;
pub mod database;
mod limits;
mod listener;
pub mod observability;
mod risks;
pub mod run;
mod search;
mod secret;
mod shutdown;
pub mod startup;
pub mod version;
mod wiring;
