//! What responses are made of: the JSON envelope, errors, invalid fields and cursors.

pub(crate) mod cursor;
pub(crate) mod envelope;
pub(crate) mod error;
pub(crate) mod error_catalog;
pub(crate) mod invalid_field;
pub(crate) mod rule;
pub(crate) mod sync_cursor;
pub(crate) mod timestamp;
