//! Full-text search: finds the caller's messages by a substring of their text.

mod error;
mod fold;
mod model;
mod ports;
mod service;
#[cfg(test)]
mod tests;

pub use error::SearchError;
pub use fold::fold;
pub use model::{SearchCursor, SearchPage, SearchPageRequest, SearchRequest, SearchTerm};
#[cfg(any(test, feature = "test-support"))]
pub use ports::MockSearchRepository;
pub use ports::SearchRepository;
pub use service::SearchService;
