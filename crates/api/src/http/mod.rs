//! HTTP concerns that belong to no single feature: middleware, content negotiation, health checks.

pub(crate) mod access_log;
pub(crate) mod body_drain;
pub(crate) mod conditional;
pub(crate) mod connection;
pub(crate) mod content_coding;
pub(crate) mod deadline;
pub(crate) mod docs_page;
pub(crate) mod error_rendering;
pub(crate) mod fallback;
pub(crate) mod head_method;
pub(crate) mod health;
pub(crate) mod i18n;
pub(crate) mod language;
pub(crate) mod long_poll;
pub(crate) mod origin;
pub(crate) mod proxies;
pub(crate) mod refusal_delay;
pub(crate) mod refusals;
pub(crate) mod security_headers;
pub(crate) mod startup;
pub(crate) mod web_page;
