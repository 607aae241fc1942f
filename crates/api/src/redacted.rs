//! Redaction of private values in `Debug` output, so that a logged request or response leaks nothing.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A private value, such as a message text or a token. It is read and written as the value itself; its `Debug` output is `…`.
#[derive(Clone, Deserialize, Serialize)]
#[serde(transparent)]
pub(crate) struct Redacted<T>(pub(crate) T);

impl<T> fmt::Debug for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}
